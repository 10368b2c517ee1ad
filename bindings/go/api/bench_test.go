package api_test

import (
	"context"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/libdaytona/libdaytona/bindings/go/api"
)

// These say what a call costs beside the library's own work: CPU of the whole process, its threads included.

func cpu() time.Duration {
	var usage syscall.Rusage
	syscall.Getrusage(syscall.RUSAGE_SELF, &usage)
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}

func inFlight(b *testing.B, goroutines int, call func() error) {
	b.ReportAllocs()
	var group sync.WaitGroup
	var left atomic.Int64
	left.Store(int64(b.N))
	began := cpu()
	b.ResetTimer()
	for range goroutines {
		group.Add(1)
		go func() {
			defer group.Done()
			for left.Add(-1) >= 0 {
				if err := call(); err != nil {
					b.Error(err)
					return
				}
			}
		}()
	}
	group.Wait()
	b.ReportMetric(float64((cpu()-began).Nanoseconds())/float64(b.N), "cpu-ns/op")
}

func BenchmarkEchoBytes64InFlight(b *testing.B) {
	client := echo(b)
	body := []byte("0123456789")
	inFlight(b, 64, func() error { _, err := client.Echo.Bytes(context.Background(), body, nil); return err })
}

func BenchmarkEchoValue64InFlight(b *testing.B) {
	client := echo(b)
	inFlight(b, 64, func() error {
		_, err := api.Call[api.ExecuteResult](context.Background(), client, "echo.value", api.Text("result", "hello"), api.Integer("exitCode", 0))
		return err
	})
}

func BenchmarkEchoValueAlone(b *testing.B) {
	client := echo(b)
	inFlight(b, 1, func() error {
		_, err := api.Call[api.ExecuteResult](context.Background(), client, "echo.value", api.Text("result", "hello"), api.Integer("exitCode", 0))
		return err
	})
}

func BenchmarkEchoStream(b *testing.B) {
	client := echo(b)
	chunks, size := int64(b.N), int64(64<<10)
	b.SetBytes(size)
	began := cpu()
	stream, err := client.Echo.Stream(context.Background(), &api.EchoStreamOptions{Chunks: &chunks, Size: &size})
	if err != nil {
		b.Fatal(err)
	}
	for _, err := range stream.All(context.Background()) {
		if err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64((cpu()-began).Nanoseconds())/float64(b.N), "cpu-ns/op")
}
