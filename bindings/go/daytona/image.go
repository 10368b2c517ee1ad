package daytona

import (
	"context"
	"encoding/json"
	"path"
	"strings"

	"github.com/libdaytona/libdaytona/bindings/go/api"
)

// DockerImage describes an image; the methods add steps to it and give it back. The library renders it.
type DockerImage struct {
	begin string
	with  any
	steps []map[string]any
}

// MarshalJSON writes the image object of the library, in the Go SDK's style.
func (img *DockerImage) MarshalJSON() ([]byte, error) {
	return json.Marshal(map[string]any{"style": "go", img.begin: img.with, "steps": append([]map[string]any{}, img.steps...)})
}

func (img *DockerImage) step(name string, value any) *DockerImage {
	img.steps = append(img.steps, map[string]any{name: value})
	return img
}

// Dockerfile is the image's Dockerfile; empty where it cannot be rendered, which Render explains.
func (img *DockerImage) Dockerfile() string {
	text, _ := img.Render()
	return text
}

// Render is the image's Dockerfile.
func (img *DockerImage) Render() (string, error) {
	// The library renders it without a request, so any key will do.
	client, err := api.OpenWith(map[string]string{"apiKey": "none"})
	if err != nil {
		return "", err
	}
	defer client.Close(context.Background())
	text, err := api.CallBytes(context.Background(), client, "image.dockerfile", api.Value("image", img))
	return string(text), err
}

// Contexts are the local files and directories that the image contains.
func (img *DockerImage) Contexts() (contexts []DockerImageContext) {
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
