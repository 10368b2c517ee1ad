// The driver of tests/conformance: it reads the cases and goes through the package api, by a generated table from
// operation to typed call. Usage: daytona-dev run -- conformance DIRECTORY [TEXT...]
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/libdaytona/libdaytona/bindings/go/api"
)

// skipped are the cases that Go cannot express, with the reason.
var skipped = map[string]string{
	"echo.error: the largest number of 64 bits":          "a whole number is an int64, which ends at 2^63",
	"echo.delay: a whole number written with a fraction": "a whole number is an int64, which has no fraction",
}

type suite struct {
	Cases []testCase `json:"cases"`
}

type testCase struct {
	Name    string `json:"name"`
	On      string `json:"on"`
	Create  any    `json:"create"`
	Faults  any    `json:"faults"`
	Dynamic bool   `json:"dynamic"`
	Steps   []any  `json:"steps"`
}

func main() {
	files, err := filepath.Glob(filepath.Join(os.Args[1], "*.json"))
	if err != nil || len(files) == 0 {
		fatal("there are no cases in %s", os.Args[1])
	}
	slices.Sort(files)
	client, err := api.Open(nil)
	if err != nil {
		fatal("%v", err)
	}
	names := map[string]bool{}
	var passed, failed, left int
	for _, file := range files {
		for _, one := range read(file).Cases {
			if names[one.Name] {
				fatal("there are two cases %s", one.Name)
			}
			names[one.Name] = true
			if len(os.Args) > 2 && !slices.ContainsFunc(os.Args[2:], func(text string) bool { return strings.Contains(one.Name, text) }) {
				continue
			}
			if reason, ok := skipped[one.Name]; ok {
				left++
				fmt.Printf("skipped %s: %s\n", one.Name, reason)
			} else if err := run(client, one); err != nil {
				failed++
				fmt.Printf("FAILED %s: %v\n", one.Name, err)
			} else {
				passed++
				fmt.Printf("ok %s\n", one.Name)
			}
		}
	}
	for name := range skipped {
		if !names[name] {
			fatal("there is no case %s, which is skipped", name)
		}
	}
	if err := client.Close(context.Background()); err != nil {
		fatal("%v", err)
	}
	fmt.Printf("%d passed, %d failed, %d skipped\n", passed, failed, left)
	if failed > 0 {
		os.Exit(1)
	}
}

func read(file string) (cases suite) {
	text, err := os.ReadFile(file)
	if err == nil {
		decoder := json.NewDecoder(strings.NewReader(string(text)))
		decoder.UseNumber()
		err = decoder.Decode(&cases)
	}
	if err != nil {
		fatal("%s: %v", file, err)
	}
	return cases
}

func fatal(format string, values ...any) {
	fmt.Fprintf(os.Stderr, format+"\n", values...)
	os.Exit(1)
}
