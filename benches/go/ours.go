//go:build !official

package main

import (
	"os"

	"github.com/libdaytona/libdaytona/bindings/go/api"
	"github.com/libdaytona/libdaytona/bindings/go/daytona"
)

// echoTarget is what a call costs without a server.
func echoTarget(width, calls, warm int) {
	client, err := api.OpenEcho()
	check(err)
	inFlight(width, calls, warm, func() error {
		_, err := api.Call[api.ExecuteResult](ctx, client, "echo.value", api.Text("result", "hello"), api.Integer("exitCode", 0))
		return err
	})
	check(client.Close(ctx))
}

func download(sandbox *daytona.Sandbox, path string) {
	from := begin()
	_, err := sandbox.API.Files.Download(ctx, "/tmp/download", path, nil)
	check(err)
	info, err := os.Stat(path)
	check(err)
	from.report(int(info.Size() / mib))
}

func log(sandbox *daytona.Sandbox, size int) {
	from, count := begin(), 0
	stream, err := sandbox.API.Session.Follow(ctx, "s", logCommand(size), nil)
	check(err)
	for chunk, err := range stream.All(ctx) {
		check(err)
		count += len(chunk.Bytes)
	}
	expect(count > size*mib*9/10)
	from.report(size)
}
