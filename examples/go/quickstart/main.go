// A tour of one sandbox: a command, a terminal, a large file there and back.
//
// It runs against whatever DAYTONA_API_URL and DAYTONA_API_KEY name: `make demo-go` starts a server on this machine;
// with only DAYTONA_API_KEY set it is Daytona's hosted service. Whatever happens, the sandbox is deleted at the end.
package main

import (
	"bufio"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/signal"
	"path/filepath"
	"regexp"
	"strings"
	"time"

	"github.com/libdaytona/libdaytona/bindings/go/api"
	"github.com/libdaytona/libdaytona/bindings/go/daytona"
	"github.com/libdaytona/libdaytona/bindings/go/options"
	"github.com/libdaytona/libdaytona/bindings/go/types"
)

const fileMiB = 64

func main() {
	// Ctrl-C cancels what runs; the sandbox is deleted all the same.
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := tour(ctx); err != nil {
		fmt.Fprintln(os.Stderr, "\n"+err.Error())
		stop()
		os.Exit(1)
	}
	fmt.Println("\nThat was one real sandbox.")
}

func tour(ctx context.Context) (err error) {
	fmt.Printf("libdaytona %s\n\n1. A sandbox\n", daytona.Version)
	client, err := daytona.NewClient()
	if err != nil {
		return err
	}
	// Closing waits until what is done in the background has reached the server.
	defer func() { err = errors.Join(err, client.Close(context.Background())) }()

	start := time.Now()
	minutes := 5
	sandbox, err := client.Create(ctx, types.SnapshotParams{SandboxBaseParams: types.SandboxBaseParams{
		Language: types.CodeLanguagePython,
		// Should this program be killed, the sandbox stops after five idle minutes and is deleted then.
		Ephemeral: true, AutoStopInterval: &minutes,
	}})
	if err != nil {
		return err
	}
	fmt.Printf("  id         %s\n  state      %s\n  took       %.2f s\n", sandbox.ID, sandbox.State, time.Since(start).Seconds())
	defer func() {
		fmt.Println("\n5. The sandbox deleted")
		deleted := sandbox.DeleteAndWait(context.WithoutCancel(ctx), time.Minute)
		if deleted == nil {
			fmt.Println("  it is gone, with everything that ran in it")
		}
		err = errors.Join(err, deleted)
	}()

	fmt.Println("\n2. A command, its stdout and stderr apart while it runs")
	if err := run(ctx, sandbox); err != nil {
		return err
	}
	fmt.Println("\n3. A terminal of 120x40, typed into, resized to 100x30, left with `exit 7`")
	if err := terminal(ctx, sandbox); err != nil {
		return err
	}
	fmt.Printf("\n4. A file of %d MiB up and down\n", fileMiB)
	return files(ctx, sandbox)
}

func run(ctx context.Context, sandbox *daytona.Sandbox) error {
	command := "for i in 1 2 3; do echo step $i; sleep 0.4; echo careful $i >&2; sleep 0.4; done; exit 3"
	start := time.Now()
	stream, err := sandbox.API.Process.RunStream(ctx, command, nil)
	if err != nil {
		return err
	}
	defer stream.Close()
	for chunk, err := range stream.All(ctx) {
		if err != nil {
			return err
		}
		channel := "stdout"
		if chunk.Channel == api.ChannelStderr {
			channel = "stderr"
		}
		for line := range strings.Lines(string(chunk.Bytes)) {
			fmt.Printf("  %4.1f s  %s  %s\n", time.Since(start).Seconds(), channel, strings.TrimRight(line, "\n"))
		}
	}
	ended, err := stream.Wait(ctx)
	if err != nil {
		return err
	}
	fmt.Printf("  exit code  %d\n", ended.ExitCode)
	if ended.ExitCode != 3 {
		return errors.New("the command ends with `exit 3`, yet that is not what came back")
	}
	return nil
}

func terminal(ctx context.Context, sandbox *daytona.Sandbox) error {
	pty, err := sandbox.Process.CreatePty(ctx, "tour", options.WithCreatePtySize(types.PtySize{Cols: 120, Rows: 40}))
	if err != nil {
		return err
	}
	defer pty.Disconnect()
	screen := bufio.NewReader(pty)
	if err := typed(pty, screen, "stty size\n", "40 120"); err != nil {
		return err
	}
	if _, err := pty.Resize(ctx, 100, 30); err != nil {
		return err
	}
	if err := typed(pty, screen, "stty size\n", "30 100"); err != nil {
		return err
	}
	if err := pty.SendInput([]byte("exit 7\n")); err != nil {
		return err
	}
	if _, err := io.Copy(io.Discard, screen); err != nil {
		return err
	}
	result, err := pty.Wait(ctx)
	if err != nil {
		return err
	}
	if result.ExitCode == nil || *result.ExitCode != 7 {
		return errors.New("the shell was left with `exit 7`, yet that is not what came back")
	}
	fmt.Printf("  exit code  %d\n", *result.ExitCode)
	return nil
}

var control = regexp.MustCompile(`\x1b(\[[0-9;?]*[ -/]*[@-~]|\][^\a]*\a|.)|[\x00-\x08\x0e-\x1f]|\r`)

// typed types a line and shows the terminal until a line with a text came.
func typed(pty *daytona.PtyHandle, screen *bufio.Reader, input, wanted string) error {
	if err := pty.SendInput([]byte(input)); err != nil {
		return err
	}
	for {
		line, err := screen.ReadString('\n')
		if err != nil {
			return fmt.Errorf("the terminal ended before it showed %q: %w", wanted, err)
		}
		line = control.ReplaceAllString(strings.TrimRight(line, "\r\n"), "")
		fmt.Println("  |", line)
		if strings.Contains(line, wanted) {
			return nil
		}
	}
}

func files(ctx context.Context, sandbox *daytona.Sandbox) error {
	directory, err := os.MkdirTemp("", "daytona-tour-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(directory)
	up, down := filepath.Join(directory, "up"), filepath.Join(directory, "down")
	if err := makeFile(up); err != nil {
		return err
	}
	reports := 0
	show := func(label string) func(api.Progress) {
		return func(progress api.Progress) {
			reports++
			if info, err := os.Stdout.Stat(); err == nil && info.Mode()&os.ModeCharDevice != 0 {
				fmt.Printf("\r  %-10s %2d of %d MiB", label, progress.Bytes>>20, fileMiB)
			}
		}
	}
	for _, transfer := range []struct {
		label string
		run   func() error
	}{
		{"up", func() error {
			_, err := sandbox.API.Files.Upload(ctx, up, "tour.bin", &api.FilesUploadOptions{Progress: show("up")})
			return err
		}},
		{"down", func() error {
			_, err := sandbox.API.Files.Download(ctx, "tour.bin", down, &api.FilesDownloadOptions{Progress: show("down")})
			return err
		}},
	} {
		start := time.Now()
		reports = 0
		if err := transfer.run(); err != nil {
			return err
		}
		fmt.Printf("\r  %-10s %d MiB in %.2f s, %d reports of progress\n", transfer.label, fileMiB, time.Since(start).Seconds(), reports)
	}
	there, err := sandbox.Process.ExecuteCommand(ctx, "sha256sum tour.bin")
	if err != nil {
		return err
	}
	here, err := hash(up)
	if err != nil {
		return err
	}
	back, err := hash(down)
	if err != nil {
		return err
	}
	fmt.Printf("  sha256     here   %s\n             there  %.64s\n             back   %s\n", here, there.Result, back)
	if here != back || !strings.HasPrefix(there.Result, here) {
		return errors.New("the hashes differ: the file changed on its way")
	}
	return nil
}

func makeFile(path string) error {
	file, err := os.Create(path)
	if err != nil {
		return err
	}
	defer file.Close()
	_, err = io.CopyN(file, rand.NewChaCha8([32]byte{}), fileMiB<<20)
	return err
}

func hash(path string) (string, error) {
	file, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer file.Close()
	sum := sha256.New()
	_, err = io.Copy(sum, file)
	return fmt.Sprintf("%x", sum.Sum(nil)), err
}
