//go:build official

package main

import (
	"io"
	"os"

	"github.com/libdaytona/libdaytona/bindings/go/daytona"
)

func echoTarget(int, int, int) { expect(false) }

func download(sandbox *daytona.Sandbox, path string) {
	from := begin()
	file, err := os.Create(path)
	check(err)
	body, err := sandbox.FileSystem.DownloadFileStream(ctx, "/tmp/download")
	check(err)
	count, err := io.Copy(file, body)
	check(err)
	check(file.Close())
	from.report(int(count / mib))
}

func log(sandbox *daytona.Sandbox, size int) {
	from, count := begin(), 0
	stdout, stderr := make(chan string, 16), make(chan string, 16)
	failed := make(chan error, 1)
	go func() {
		failed <- sandbox.Process.GetSessionCommandLogsStream(ctx, "s", logCommand(size), stdout, stderr)
	}()
	go func() {
		for range stderr {
		}
	}()
	for text := range stdout {
		count += len(text)
	}
	check(<-failed)
	expect(count > size*mib*9/10)
	from.report(size)
}
