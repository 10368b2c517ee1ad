package daytona

import (
	"context"
	"encoding/json"
	"path"
	"strings"

	"github.com/libdaytona/libdaytona/bindings/go/api"
	"github.com/libdaytona/libdaytona/bindings/go/options"
)

// DockerImage describes an image; the methods add steps to it and give it back. The library renders it.
type DockerImage struct {
	base, debianSlim, dockerfile *string
	steps                        []map[string]any
}

// DockerImageContext is a local file or directory that an image contains.
type DockerImageContext struct {
	SourcePath  string
	ArchivePath string
}

// Base is an image on top of another.
func Base(baseImage string) *DockerImage { return &DockerImage{base: &baseImage} }

// DebianSlim is Python's slim image; nil is version 3.12.
func DebianSlim(pythonVersion *string) *DockerImage {
	version := "3.12"
	if pythonVersion != nil {
		version = *pythonVersion
	}
	return &DockerImage{debianSlim: &version}
}

// FromDockerfile is the image of a Dockerfile's text.
func FromDockerfile(dockerfile string) *DockerImage { return &DockerImage{dockerfile: &dockerfile} }

// MarshalJSON writes the image object of the library, in the Go SDK's style.
func (img *DockerImage) MarshalJSON() ([]byte, error) {
	object := map[string]any{"style": "go"}
	for name, value := range map[string]*string{"base": img.base, "debianSlim": img.debianSlim, "dockerfile": img.dockerfile} {
		if value != nil {
			object[name] = *value
		}
	}
	if len(img.steps) > 0 {
		object["steps"] = img.steps
	}
	return json.Marshal(object)
}

func (img *DockerImage) step(name string, value any) *DockerImage {
	img.steps = append(img.steps, map[string]any{name: value})
	return img
}

func list[T any](values []T) []T {
	if values == nil {
		return []T{}
	}
	return values
}

// PipInstall installs Python packages.
func (img *DockerImage) PipInstall(packages []string, opts ...func(*options.PipInstall)) *DockerImage {
	o := options.Apply(opts...)
	with := map[string]any{"packages": list(packages)}
	if len(o.FindLinks) > 0 {
		with["findLinks"] = o.FindLinks
	}
	if o.IndexURL != "" {
		with["indexUrl"] = o.IndexURL
	}
	if len(o.ExtraIndexURLs) > 0 {
		with["extraIndexUrls"] = o.ExtraIndexURLs
	}
	if o.Pre {
		with["pre"] = true
	}
	if o.ExtraOptions != "" {
		with["extraOptions"] = o.ExtraOptions
	}
	return img.step("pipInstall", with)
}

// AptGet installs Debian packages.
func (img *DockerImage) AptGet(packages []string) *DockerImage {
	return img.step("aptGet", list(packages))
}

// Run runs a shell command.
func (img *DockerImage) Run(command string) *DockerImage { return img.step("run", command) }

// Env sets an environment variable.
func (img *DockerImage) Env(key, value string) *DockerImage {
	return img.step("env", map[string]string{key: value})
}

// Workdir sets the working directory.
func (img *DockerImage) Workdir(path string) *DockerImage { return img.step("workdir", path) }

// Entrypoint sets the entrypoint.
func (img *DockerImage) Entrypoint(cmd []string) *DockerImage {
	return img.step("entrypoint", list(cmd))
}

// Cmd sets the default command.
func (img *DockerImage) Cmd(cmd []string) *DockerImage { return img.step("cmd", list(cmd)) }

// User sets the user.
func (img *DockerImage) User(username string) *DockerImage { return img.step("user", username) }

// Copy copies within the build.
func (img *DockerImage) Copy(source, destination string) *DockerImage {
	return img.step("copy", map[string]string{"source": source, "destination": destination})
}

// Add adds a file or URL.
func (img *DockerImage) Add(source, destination string) *DockerImage {
	return img.step("add", map[string]string{"source": source, "destination": destination})
}

// Expose names ports.
func (img *DockerImage) Expose(ports []int) *DockerImage { return img.step("expose", list(ports)) }

// Label sets a label.
func (img *DockerImage) Label(key, value string) *DockerImage {
	return img.step("label", map[string]string{key: value})
}

// Volume names mount points.
func (img *DockerImage) Volume(paths []string) *DockerImage { return img.step("volume", list(paths)) }

// AddLocalFile copies a local file into the image.
func (img *DockerImage) AddLocalFile(localPath, remotePath string) *DockerImage {
	return img.step("addLocalFile", map[string]string{"localPath": localPath, "remotePath": remotePath})
}

// AddLocalDir copies a local directory into the image.
func (img *DockerImage) AddLocalDir(localPath, remotePath string) *DockerImage {
	return img.step("addLocalDir", map[string]string{"localPath": localPath, "remotePath": remotePath})
}

// Dockerfile is the image's Dockerfile; empty where it cannot be rendered, which Render explains.
func (img *DockerImage) Dockerfile() string {
	text, _ := img.Render()
	return text
}

// Render is the image's Dockerfile.
func (img *DockerImage) Render() (string, error) {
	// The library renders it without a request, so any key will do.
	key := "none"
	client, err := api.Open(&api.ClientConfig{APIKey: &key})
	if err != nil {
		return "", err
	}
	defer client.Close(context.Background())
	text, err := api.CallBytes(context.Background(), client, "image.dockerfile", api.Value("image", img))
	return string(text), err
}

// Contexts are the local files and directories that the image contains.
func (img *DockerImage) Contexts() []DockerImageContext {
	var contexts []DockerImageContext
	for _, step := range img.steps {
		for _, name := range []string{"addLocalFile", "addLocalDir"} {
			if local, ok := step[name].(map[string]string); ok {
				archive := strings.TrimLeft(path.Clean(local["localPath"]), "/")
				contexts = append(contexts, DockerImageContext{local["localPath"], archive})
			}
		}
	}
	return contexts
}
