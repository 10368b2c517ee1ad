package api_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/libdaytona/libdaytona/bindings/go/api"
)

// TestMain is also the program that only tries to load the library, and the one that ends with work pending.
func TestMain(m *testing.M) {
	switch os.Getenv("GO_TEST_PROGRAM") {
	case "load":
		_, err := api.OpenEcho()
		fmt.Print(err)
	case "leave":
		leave()
	default:
		os.Exit(m.Run())
	}
}

func program(t *testing.T, name string, environment ...string) string {
	t.Helper()
	run := exec.Command(os.Args[0])
	run.Env = append(os.Environ(), append(environment, "GO_TEST_PROGRAM="+name)...)
	output, err := run.CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %s", err, output)
	}
	return string(output)
}

func TestAMissingLibraryIsNamedWithThePlacesThatWereLookedAt(t *testing.T) {
	nowhere := t.TempDir()
	if output := program(t, "load", "LIBDAYTONA_PATH="+nowhere); !strings.Contains(output, filepath.Join(nowhere, "libdaytona.so")+" (LIBDAYTONA_PATH)") {
		t.Error(output)
	}
	output := program(t, "load", "LIBDAYTONA_PATH=")
	for _, place := range []string{filepath.Dir(os.Args[0]), "lib/linux-amd64/libdaytona.so", "libdaytona.so.0", "LIBDAYTONA_PATH"} {
		// A machine that has the library installed loads it.
		if output != "<nil>" && !strings.Contains(output, place) {
			t.Errorf("%s is not among %s", place, output)
		}
	}
}

func TestALibraryTooOldOrTooNewIsRefusedByNameAndNumber(t *testing.T) {
	compiler, err := exec.LookPath("cc")
	if err != nil {
		t.Skip("there is no C compiler here")
	}
	for source, wanted := range map[string]string{
		"int daytona_abi_version(void) { return 0; }":       "too old: its interface is 0.0, this package needs 0.",
		"int daytona_abi_version(void) { return 1 << 16; }": "too new: its interface is 1.0, this package needs 0.",
		"int other(void) { return 0; }":                     "is no libdaytona",
		"int daytona_abi_version(void) { return 1; }":       "is no libdaytona: it has no daytona_",
	} {
		path := filepath.Join(t.TempDir(), "libdaytona.so")
		build := exec.Command(compiler, "-shared", "-fPIC", "-x", "c", "-", "-o", path)
		build.Stdin = strings.NewReader(source)
		if output, err := build.CombinedOutput(); err != nil {
			t.Fatalf("%v: %s", err, output)
		}
		if output := program(t, "load", "LIBDAYTONA_PATH="+path); !strings.Contains(output, path) || !strings.Contains(output, wanted) {
			t.Errorf("%s: %s", source, output)
		}
	}
}

// leave ends the process while calls and streams are under way.
func leave() {
	client, err := api.OpenEcho()
	if err != nil {
		fmt.Print(err)
		return
	}
	for range 64 {
		go client.Echo.Delay(background, 3_600_000, nil)
		if _, err := client.Echo.Stream(background, &api.EchoStreamOptions{Echo: ptr(true)}); err != nil {
			fmt.Print(err)
		}
	}
}

func TestAProcessEndsWithWorkPending(t *testing.T) {
	if output := program(t, "leave"); output != "" {
		t.Error(output)
	}
}
