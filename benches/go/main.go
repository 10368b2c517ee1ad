// The measures in Go, with the names that the official SDK has as well: benches/languages compiles this with either.
//
//	bench-go PORT MEASURE [ARGUMENT...]
package main

import (
	"context"
	"os"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/libdaytona/libdaytona/bindings/go/daytona"
	"github.com/libdaytona/libdaytona/bindings/go/types"
)

const (
	mib        = 1 << 20
	listLength = 10_000
	readMiB    = 256
	trips      = 3_000
)

var ctx = context.Background()

func main() {
	port, name, arguments := os.Args[1], os.Args[2], os.Args[3:]
	number := func(i int) int {
		value, err := strconv.Atoi(arguments[i])
		check(err)
		return value
	}
	if name == "echo-target" {
		echoTarget(number(0), number(1), number(2))
		return
	}
	client, err := daytona.NewClientWithConfig(&types.DaytonaConfig{APIKey: "bench", APIUrl: "http://127.0.0.1:" + port + "/api"})
	check(err)
	began := begin()
	sandbox, err := client.Get(ctx, "sandbox")
	check(err)
	call := func() error {
		_, err := sandbox.Process.ExecuteCommand(ctx, "echo hello")
		return err
	}
	check(call())
	switch name {
	case "first":
		began.report(1)
	case "execute":
		inFlight(1, number(0), number(1), call)
	case "in-flight":
		inFlight(number(0), number(1), number(2), call)
	case "upload":
		upload(sandbox, arguments[0])
	case "download":
		download(sandbox, arguments[0])
	case "read":
		from := begin()
		data, err := sandbox.FileSystem.DownloadFile(ctx, "/tmp/read", nil)
		check(err)
		expect(len(data) == readMiB*mib)
		from.report(readMiB)
	case "list":
		list(client)
	case "log":
		log(sandbox, number(0))
	case "echo":
		echo(sandbox)
	default:
		expect(false)
	}
	check(client.Close(ctx))
}

func expect(good bool) {
	if !good {
		panic("the measure failed")
	}
}

// inFlight runs calls by so many goroutines at once, some beforehand.
func inFlight(width, calls, warm int, call func() error) {
	run := func(calls int) {
		var group sync.WaitGroup
		var left atomic.Int64
		left.Store(int64(calls))
		for range width {
			group.Go(func() {
				for left.Add(-1) >= 0 {
					check(call())
				}
			})
		}
		group.Wait()
	}
	run(warm)
	from := begin()
	run(calls)
	from.report(calls)
}

func upload(sandbox *daytona.Sandbox, path string) {
	info, err := os.Stat(path)
	check(err)
	from := begin()
	check(sandbox.FileSystem.UploadFile(ctx, path, "/tmp/upload"))
	from.report(int(info.Size() / mib))
}

func list(client *daytona.Client) {
	from, count := begin(), 0
	limit := 200
	for _, err := range client.ListSeq(ctx, &daytona.ListSandboxesQuery{Limit: &limit}) {
		check(err)
		count++
	}
	expect(count == listLength)
	from.report(1)
}

func echo(sandbox *daytona.Sandbox) {
	pty, err := sandbox.Process.CreatePty(ctx, "echo")
	check(err)
	check(pty.WaitForConnection(ctx))
	one, times := []byte("x"), make([]time.Duration, 0, trips)
	var from measure
	for i := range 2 * trips {
		if i == trips {
			from = begin()
		}
		at := time.Now()
		check(pty.SendInput(one))
		_, err := pty.Read(one)
		check(err)
		if i >= trips {
			times = append(times, time.Since(at))
		}
	}
	from.report(trips, times...)
}
