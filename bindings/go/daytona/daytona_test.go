package daytona_test

import (
	"bytes"
	"context"
	"crypto/sha1"
	"encoding/base64"
	stderrors "errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/libdaytona/libdaytona/bindings/go/api"
	"github.com/libdaytona/libdaytona/bindings/go/daytona"
	"github.com/libdaytona/libdaytona/bindings/go/errors"
	"github.com/libdaytona/libdaytona/bindings/go/options"
	"github.com/libdaytona/libdaytona/bindings/go/types"
)

var ctx = context.Background()

// sandbox makes a client and a sandbox of the server that the environment names.
func sandbox(t *testing.T) (*daytona.Client, *daytona.Sandbox) {
	t.Helper()
	if os.Getenv("DAYTONA_API_URL") == "" {
		t.Skip("no server: run it as `daytona-dev run -- go test ./daytona`")
	}
	client := given(daytona.NewClient())(t)
	box := given(client.Create(ctx, types.SnapshotParams{SandboxBaseParams: types.SandboxBaseParams{
		Language: types.CodeLanguagePython, EnvVars: map[string]string{"GREETING": "grüße"}, Labels: map[string]string{"test": t.Name()},
	}}))(t)
	t.Cleanup(func() {
		if err := box.Delete(ctx); err != nil {
			t.Error(err)
		}
		if err := client.Close(ctx); err != nil {
			t.Error(err)
		}
	})
	return client, box
}

func given[T any](value T, err error) func(t testing.TB) T {
	return func(t testing.TB) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return value
	}
}

func TestCommandsGiveTheirOutputAndExitCode(t *testing.T) {
	_, box := sandbox(t)
	result := given(box.Process.ExecuteCommand(ctx, "echo $GREETING $NAME; pwd; exit 3", options.WithCwd("/"),
		options.WithCommandEnv(map[string]string{"NAME": "\"x'"})))(t)
	if result.ExitCode != 3 || result.Result != "grüße \"x'\n/\n" {
		t.Errorf("%+v", result)
	}
	_, err := box.Process.ExecuteCommand(ctx, "sleep 600", options.WithExecuteTimeout(500*time.Millisecond))
	if !stderrors.Is(err, errors.ErrProcessExecutionTimeout) || !stderrors.Is(err, errors.ErrTimeout) {
		t.Error(err)
	}
	short, cancel := context.WithTimeout(ctx, 50*time.Millisecond)
	defer cancel()
	if _, err := box.Process.ExecuteCommand(short, "sleep 600"); !stderrors.Is(err, context.DeadlineExceeded) || !stderrors.Is(err, errors.ErrTimeout) {
		t.Error(err)
	}
}

func TestARunsOutputIsFollowedAndACancelEndsIt(t *testing.T) {
	_, box := sandbox(t)
	until, cancel := context.WithCancel(ctx)
	defer cancel()
	stream := given(box.API.Process.RunStream(until, "echo out; echo err >&2; sleep 600", nil))(t)
	defer stream.Close()
	seen := map[api.Channel]string{}
	var last error
	for chunk, err := range stream.All(until) {
		if last = err; err != nil {
			break
		}
		seen[chunk.Channel] += string(chunk.Bytes)
		if seen[api.ChannelStdout] == "out\n" && seen[api.ChannelStderr] == "err\n" {
			cancel()
		}
	}
	if !stderrors.Is(last, context.Canceled) {
		t.Error(last)
	}
}

func TestASessionsLogsAreStreamed(t *testing.T) {
	_, box := sandbox(t)
	if err := box.Process.CreateSession(ctx, "s"); err != nil {
		t.Fatal(err)
	}
	command := given(box.Process.ExecuteSessionCommand(ctx, "s", "echo é; echo err >&2; sh -c 'exit 4'", true, false))(t)
	id := command["id"].(string)
	stdout, stderr := make(chan string, 100), make(chan string, 100)
	if err := box.Process.GetSessionCommandLogsStream(ctx, "s", id, stdout, stderr); err != nil {
		t.Fatal(err)
	}
	if out, fault := joined(stdout), joined(stderr); out != "é\n" || fault != "err\n" {
		t.Errorf("%q %q", out, fault)
	}
	if status := given(box.Process.GetSessionCommand(ctx, "s", id))(t); status["exitCode"] != int32(4) {
		t.Errorf("%v", status)
	}
	if logs := given(box.Process.GetSessionCommandLogs(ctx, "s", id))(t); logs.GetStdout() != "é\n" {
		t.Errorf("%+v", logs)
	}
}

func TestLogsEndWithoutTheirReaders(t *testing.T) {
	_, box := sandbox(t)
	if err := box.Process.CreateSession(ctx, "s"); err != nil {
		t.Fatal(err)
	}
	command := given(box.Process.ExecuteSessionCommand(ctx, "s", "echo out; echo err >&2", true, false))(t)
	stderr := make(chan string, 100)
	if err := box.Process.GetSessionCommandLogsStream(ctx, "s", command["id"].(string), nil, stderr); err != nil {
		t.Fatal(err)
	}
	if fault := joined(stderr); fault != "err\n" {
		t.Errorf("%q", fault)
	}
	ctx, cancel := context.WithCancel(ctx)
	unread := make(chan string)
	go func() {
		<-unread
		cancel()
	}()
	command = given(box.Process.ExecuteSessionCommand(ctx, "s", "echo one; sleep 0.2; echo two; sleep 1000", true, false))(t)
	err := box.Process.GetSessionCommandLogsStream(ctx, "s", command["id"].(string), unread, make(chan string))
	if !stderrors.Is(err, context.Canceled) || !stderrors.Is(err, errors.ErrCancelled) {
		t.Errorf("%T %v", err, err)
	}
}

func TestOneChannelCanTakeBothOutputs(t *testing.T) {
	_, box := sandbox(t)
	if err := box.Process.CreateSession(ctx, "s"); err != nil {
		t.Fatal(err)
	}
	command := given(box.Process.ExecuteSessionCommand(ctx, "s", "echo out; echo err >&2", true, false))(t)
	both := make(chan string, 100)
	if err := box.Process.GetSessionCommandLogsStream(ctx, "s", command["id"].(string), both, both); err != nil {
		t.Fatal(err)
	}
	if all := joined(both); len(all) != len("out\nerr\n") {
		t.Errorf("%q", all)
	}
}

func TestACreateEndsWithoutTheReaderOfItsLog(t *testing.T) {
	client, _ := sandbox(t)
	// The next limit is for a machine so busy that the server did not answer within this one.
	for limit := time.Second; ; limit *= 4 {
		_, err := client.Create(ctx, types.ImageParams{Image: "debian"}, options.WithLogChannel(make(chan string)), options.WithTimeout(limit))
		var failure *errors.DaytonaError
		if !stderrors.As(err, &failure) || !stderrors.Is(err, errors.ErrTimeout) || failure.SandboxID == "" && limit > time.Minute {
			t.Fatalf("%#v", err)
		}
		if failure.SandboxID != "" {
			given(client.Get(ctx, failure.SandboxID))(t).Delete(ctx)
			return
		}
	}
}

// odd is a sandbox of a server that answers everything else in its own way.
func odd(t *testing.T, answer http.HandlerFunc) *daytona.Sandbox {
	server := httptest.NewUnstartedServer(nil)
	server.Config.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/sandbox/odd" {
			answer(w, r)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		fmt.Fprintf(w, `{"id": "odd", "name": "odd", "state": "started", "toolboxProxyUrl": %q}`, server.URL)
	})
	server.Start()
	t.Cleanup(server.Close)
	client := given(daytona.NewClientWithConfig(&types.DaytonaConfig{APIKey: "k", APIUrl: server.URL}))(t)
	t.Cleanup(func() { client.Close(ctx) })
	return given(client.Get(ctx, "odd"))(t)
}

func TestAnAnswerOfAnotherShapeIsAnErrorOfItsOperation(t *testing.T) {
	box := odd(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		if strings.HasSuffix(r.URL.Path, "/logs") {
			fmt.Fprint(w, "null")
			return
		}
		fmt.Fprint(w, `{"dir": 5, "branches": "main"}`)
	})
	_, logs := box.Process.GetSessionCommandLogs(ctx, "s", "c")
	_, home := box.GetUserHomeDir(ctx)
	_, branches := box.Git.Branches(ctx, "/")
	for _, err := range []error{logs, home, branches} {
		var failure *errors.DaytonaError
		if !stderrors.As(err, &failure) || !stderrors.Is(err, errors.ErrProtocol) || failure.Operation == "" {
			t.Errorf("%#v", err)
		}
	}
}

func TestARunsResultComesHoweverManyErrorsItHas(t *testing.T) {
	box := odd(t, func(w http.ResponseWriter, r *http.Request) {
		accept := sha1.Sum([]byte(r.Header.Get("Sec-WebSocket-Key") + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"))
		connection, _, err := w.(http.Hijacker).Hijack()
		if err != nil {
			t.Error(err)
			return
		}
		defer connection.Close()
		fmt.Fprintf(connection, "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: %s\r\n\r\n",
			base64.StdEncoding.EncodeToString(accept[:]))
		frame := `{"type":"error","name":"E","value":"v"}`
		io.WriteString(connection, strings.Repeat("\x81"+string(rune(len(frame)))+frame, 10)+"\x88\x02\x03\xe8")
		io.Copy(io.Discard, connection)
	})
	channels := given(box.CodeInterpreter.RunCode(ctx, "x"))(t)
	if result := <-channels.Done; result.Error == nil || result.Error.Name != "E" {
		t.Errorf("%+v", result)
	}
	for fault := range channels.Errors {
		if fault.Value != "v" {
			t.Errorf("%+v", fault)
		}
	}
}

func TestAMissingArgumentIsInvalid(t *testing.T) {
	client := given(daytona.NewClientWithConfig(&types.DaytonaConfig{APIKey: "k", APIUrl: "http://127.0.0.1:1"}))(t)
	defer client.Close(ctx)
	if _, err := client.Create(ctx, (*types.SnapshotParams)(nil), nil); !stderrors.Is(err, errors.ErrConnection) {
		t.Errorf("%T %v", err, err)
	}
	log := make(chan string)
	if _, err := client.Create(ctx, 1, options.WithLogChannel(log)); !stderrors.Is(err, errors.ErrInvalidArgument) {
		t.Errorf("%T %v", err, err)
	}
	<-log // It is closed.
	_, _, create := client.Snapshot.Create(ctx, nil)
	_, wait := client.Volume.WaitForReady(ctx, nil, time.Second)
	_, none := client.Create(ctx, types.ImageParams{})
	_, null := client.Create(ctx, &types.ImageParams{Image: (*daytona.DockerImage)(nil)})
	_, empty := client.Create(ctx, &types.ImageParams{Image: ""})
	for _, err := range []error{create, wait, none, null, empty, client.Snapshot.Delete(ctx, nil), client.Volume.Delete(ctx, nil)} {
		if !stderrors.Is(err, errors.ErrInvalidArgument) {
			t.Errorf("%T %v", err, err)
		}
	}
}

func joined(from <-chan string) string {
	all := ""
	for text := range from {
		all += text
	}
	return all
}

func TestATerminalIsReadAndWritten(t *testing.T) {
	_, box := sandbox(t)
	connecting, cancel := context.WithTimeout(ctx, time.Minute)
	pty := given(box.Process.CreatePty(connecting, "p", options.WithCreatePtySize(types.PtySize{Rows: 24, Cols: 80})))(t)
	cancel() // It bounds the connecting alone.
	var _ io.ReadWriteCloser = pty
	if err := pty.SendInput([]byte("echo $((40+2)); exit 5\n")); err != nil {
		t.Fatal(err)
	}
	var seen bytes.Buffer
	small := make([]byte, 3)
	if _, err := io.CopyBuffer(struct{ io.Writer }{&seen}, struct{ io.Reader }{pty}, small); err != nil {
		t.Fatal(err)
	}
	result := given(pty.Wait(ctx))(t)
	if !strings.Contains(seen.String(), "42\r\n") || result.ExitCode == nil || *result.ExitCode != 5 || *pty.ExitCode() != 5 || pty.IsConnected() {
		t.Errorf("%q %+v", seen.String(), result)
	}
	if err := pty.Close(); err != nil {
		t.Error(err)
	}
	unread := given(box.Process.CreatePty(ctx, "unread"))(t)
	defer unread.Disconnect()
	if _, err := unread.Write([]byte("seq 100000; exit\n")); err != nil {
		t.Fatal(err)
	}
	if result := given(unread.Wait(ctx))(t); result.ExitCode == nil || *result.ExitCode != 0 {
		t.Errorf("%+v", result)
	}
}

func TestATerminalsOutputIsThereForWhoReadsAfterWaiting(t *testing.T) {
	_, box := sandbox(t)
	for name, read := range map[string]func(pty *daytona.PtyHandle) string{
		"channel": func(pty *daytona.PtyHandle) (all string) {
			for piece := range pty.DataChan() {
				all += string(piece)
			}
			return all
		},
		"reader": func(pty *daytona.PtyHandle) string { return string(given(io.ReadAll(pty))(t)) },
	} {
		pty := given(box.Process.CreatePty(ctx, name))(t)
		defer pty.Disconnect()
		if err := pty.SendInput([]byte("echo $((40+2)); exit\n")); err != nil {
			t.Fatal(err)
		}
		given(pty.Wait(ctx))(t)
		if all := read(pty); !strings.Contains(all, "42\r\n") {
			t.Errorf("%s: %q", name, all)
		}
	}
}

func TestATerminalThatWasReadALittleIsWaitedFor(t *testing.T) {
	_, box := sandbox(t)
	pty := given(box.Process.CreatePty(ctx, "p"))(t)
	defer pty.Disconnect()
	given(pty.Write([]byte("seq 20000; exit 4\n")))(t)
	given(pty.Read(make([]byte, 1)))(t)
	short, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	if result := given(pty.Wait(short))(t); result.ExitCode == nil || *result.ExitCode != 4 {
		t.Errorf("%+v", result)
	}
	if rest := given(io.ReadAll(pty))(t); !bytes.Contains(rest, []byte("1\r\n2\r\n")) || !bytes.Contains(rest, []byte("19999\r\n20000\r\n")) {
		t.Errorf("%d bytes are left", len(rest))
	}
}

func TestATerminalIsReadWhileItIsWaitedFor(t *testing.T) {
	_, box := sandbox(t)
	pty := given(box.Process.CreatePty(ctx, "p"))(t)
	defer pty.Disconnect()
	var want, got strings.Builder
	for i := range 20_000 {
		fmt.Fprintf(&want, "%d\r\n", i+1)
	}
	ended := make(chan error)
	go func() {
		_, err := io.CopyBuffer(struct{ io.Writer }{&got}, struct{ io.Reader }{pty}, make([]byte, 100))
		ended <- err
	}()
	given(pty.Write([]byte("seq 20000; exit\n")))(t)
	given(pty.Wait(ctx))(t)
	if err := <-ended; err != nil || !strings.Contains(got.String(), want.String()) {
		t.Errorf("%d bytes of %d, %v", got.Len(), want.Len(), err)
	}
}

func TestADisconnectedTerminalGoesOn(t *testing.T) {
	_, box := sandbox(t)
	if err := given(box.Process.CreatePty(ctx, "p"))(t).Disconnect(); err != nil {
		t.Fatal(err)
	}
	pty := given(box.Process.ConnectPty(ctx, "p"))(t)
	defer pty.Disconnect()
	if err := pty.SendInput([]byte("exit 4\n")); err != nil {
		t.Fatal(err)
	}
	if result := given(pty.Wait(ctx))(t); result.ExitCode == nil || *result.ExitCode != 4 {
		t.Errorf("%+v", result)
	}
}

func TestATerminalIsNotConnectedAfterItsClient(t *testing.T) {
	_, box := sandbox(t)
	client := given(daytona.NewClient())(t)
	pty := given(given(client.Get(ctx, box.ID))(t).Process.CreatePty(ctx, "p"))(t)
	connected := pty.IsConnected()
	if err := client.Close(ctx); err != nil || !connected || pty.IsConnected() {
		t.Error(connected, pty.IsConnected(), err)
	}
}

func TestADownloadsContextIsItsError(t *testing.T) {
	_, box := sandbox(t)
	given(box.Process.ExecuteCommand(ctx, "truncate -s 64M /tmp/large"))(t)
	until, cancel := context.WithCancel(ctx)
	content := given(box.FileSystem.DownloadFileStream(until, "/tmp/large"))(t)
	defer content.Close()
	cancel()
	if _, err := io.Copy(io.Discard, content); !stderrors.Is(err, context.Canceled) || !stderrors.Is(err, errors.ErrCancelled) {
		t.Error(err)
	}
}

func TestTheInterpretersResultComesWhetherOrNotItsOutputIsRead(t *testing.T) {
	_, box := sandbox(t)
	channels := given(box.CodeInterpreter.RunCode(ctx, "import sys\nfor i in range(3000): print(i, flush=True)\nprint('é', file=sys.stderr)\nraise ValueError('no')"))(t)
	result := <-channels.Done
	if strings.Count(result.Stdout, "\n") != 3000 || result.Stderr != "é\n" || result.Error == nil || result.Error.Name != "ValueError" {
		t.Errorf("%d lines, %q, %+v", strings.Count(result.Stdout, "\n"), result.Stderr, result.Error)
	}
	all := ""
	for message := range channels.Stdout {
		all += message.Text
	}
	if all != result.Stdout {
		t.Errorf("%d bytes of %d came through the channel", len(all), len(result.Stdout))
	}
	if fault := <-channels.Errors; fault == nil || fault.Value != "no" {
		t.Errorf("%+v", fault)
	}
}

func TestARunsOutputIsHeldOnce(t *testing.T) {
	_, box := sandbox(t)
	held := func() uint64 {
		runtime.GC()
		var is runtime.MemStats
		runtime.ReadMemStats(&is)
		return is.HeapAlloc
	}
	before := held()
	channels := given(box.CodeInterpreter.RunCode(ctx, "for i in range(4096): print('x' * 4095)"))(t)
	result := <-channels.Done
	size := uint64(len(result.Stdout))
	if grown := held() - before; size != 16<<20 || grown > size*7/4 {
		t.Errorf("%d bytes are held for %d", grown, size)
	}
	runtime.KeepAlive(channels)
	runtime.KeepAlive(result)
}

func TestFilesGoThereAndBack(t *testing.T) {
	_, box := sandbox(t)
	content := bytes.Repeat([]byte("0123456789\x00\xff"), 300_000)
	local := filepath.Join(t.TempDir(), "local")
	if err := os.WriteFile(local, content, 0o600); err != nil {
		t.Fatal(err)
	}
	sent := int64(0)
	for name, upload := range map[string]func(path string) error{
		"bytes":  func(path string) error { return box.FileSystem.UploadFile(ctx, content, path) },
		"path":   func(path string) error { return box.FileSystem.UploadFile(ctx, local, path) },
		"reader": func(path string) error { return box.FileSystem.UploadFile(ctx, bytes.NewReader(content), path) },
		"stream": func(path string) error {
			return box.FileSystem.UploadFileStream(ctx, bytes.NewReader(content), path,
				daytona.WithUploadProgress(func(progress daytona.UploadProgress) { sent = progress.BytesSent }))
		},
	} {
		if err := upload(name); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if data := given(box.FileSystem.DownloadFile(ctx, name, nil))(t); !bytes.Equal(data, content) {
			t.Errorf("%s: %d bytes of %d", name, len(data), len(content))
		}
	}
	if sent != int64(len(content)) {
		t.Errorf("the progress ended with %d", sent)
	}
	reader := given(box.FileSystem.DownloadFileStream(ctx, "stream"))(t)
	if data := given(io.ReadAll(reader))(t); !bytes.Equal(data, content) {
		t.Errorf("%d bytes of %d", len(data), len(content))
	}
	reader.Close()
	for _, err := range []error{box.FileSystem.UploadFile(ctx, 1, "x"), box.FileSystem.UploadFileStream(ctx, nil, "x")} {
		if !stderrors.Is(err, errors.ErrBadRequest) {
			t.Error(err)
		}
	}
	_, err := box.FileSystem.DownloadFile(ctx, "missing", nil)
	var notFound *errors.DaytonaNotFoundError
	if !stderrors.Is(err, errors.ErrNotFound) || !stderrors.As(err, &notFound) {
		t.Error(err)
	}
}

func TestACallAfterAProgressThatPanickedHasItsOwnResult(t *testing.T) {
	_, box := sandbox(t)
	local := filepath.Join(t.TempDir(), "local")
	if err := os.WriteFile(local, make([]byte, 1<<20), 0o600); err != nil {
		t.Fatal(err)
	}
	until, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	for range 5 {
		panicked := false
		func() {
			defer func() { panicked = recover() != nil }()
			box.API.Files.Upload(until, local, "x", &api.FilesUploadOptions{Progress: func(api.Progress) { panic("no") }})
		}()
		if result := given(box.Process.ExecuteCommand(until, "sleep 0.1; echo done"))(t); !panicked || result.Result != "done\n" {
			t.Errorf("%v %+v", panicked, result)
		}
	}
}

func TestAProgressMayCloseItsClient(t *testing.T) {
	_, box := sandbox(t)
	client := given(api.Open(nil))(t)
	same := given(client.Sandbox.Get(ctx, box.ID, nil))(t)
	local := filepath.Join(t.TempDir(), "local")
	if err := stderrors.Join(os.WriteFile(local, nil, 0o600), os.Truncate(local, 1<<30)); err != nil {
		t.Fatal(err)
	}
	_, err := same.Files.Upload(ctx, local, "x", &api.FilesUploadOptions{Progress: func(api.Progress) { client.Close(ctx) }})
	if !stderrors.Is(err, errors.ErrClosed) {
		t.Error(err)
	}
}

func TestCloseEndsAtItsDeadlineAlthoughTheServerKeepsSilent(t *testing.T) {
	over, begun := make(chan struct{}), make(chan struct{}, 100)
	server := httptest.NewServer(http.HandlerFunc(func(answer http.ResponseWriter, request *http.Request) {
		if request.URL.Path != "/api/box/process/session" {
			begun <- struct{}{}
			<-over
		}
	}))
	defer server.Close()
	address, key := server.URL+"/api", "key"
	open := func() *api.Client { return given(api.Open(&api.ClientConfig{APIURL: &address, APIKey: &key}))(t) }
	client := open()
	box := client.Attach(api.Sandbox{ID: "box", Name: "box", ToolboxProxyURL: address})
	running, leave := context.WithCancel(ctx)
	go func() {
		<-begun
		leave()
	}()
	box.Process.RunStream(running, "true", nil) // Its session is deleted in the background.
	short, cancel := context.WithTimeout(ctx, 500*time.Millisecond)
	defer cancel()
	if err := client.Close(short); !stderrors.Is(err, errors.ErrTimeout) || !strings.Contains(err.Error(), "in the background") {
		t.Error(err)
	}
	close(over)
	if err := open().Close(ctx); err != nil {
		t.Error(err)
	}
}

func TestASandboxOfAStreamIsHeldByEachWhoWaitedForIt(t *testing.T) {
	client, _ := sandbox(t)
	stream := given(client.API.Sandbox.CreateStream(ctx, nil))(t)
	defer stream.Close()
	given(stream.WaitSandbox(ctx))(t)
	other := given(stream.WaitSandbox(ctx))(t)
	defer other.Delete(ctx, nil)
	for range 2 { // The first one is collected, then what it held is closed.
		runtime.GC()
		time.Sleep(10 * time.Millisecond)
	}
	if _, err := other.HomeDir(ctx, nil); err != nil {
		t.Error(err)
	}
}

func TestAnUploadEndsAlthoughItsReaderWaits(t *testing.T) {
	_, box := sandbox(t)
	waiting, _ := io.Pipe()
	short, cancel := context.WithTimeout(ctx, 50*time.Millisecond)
	defer cancel()
	if err := box.FileSystem.UploadFileStream(short, waiting, "x"); !stderrors.Is(err, context.DeadlineExceeded) {
		t.Error(err)
	}
	broken := stderrors.New("broken")
	failing, source := io.Pipe()
	source.CloseWithError(broken)
	if err := box.FileSystem.UploadFileStream(ctx, failing, "x"); err != broken {
		t.Error(err)
	}
	if _, err := box.FileSystem.GetFileInfo(ctx, "x"); !stderrors.Is(err, errors.ErrNotFound) {
		t.Error(err)
	}
}

func TestAWaitThatEndsBeforeItsDeadlineEndedForIt(t *testing.T) {
	client, box := sandbox(t)
	short, cancel := context.WithTimeout(ctx, 250*time.Millisecond)
	defer cancel()
	if _, err := box.API.WaitForStop(short, nil); !stderrors.Is(err, context.DeadlineExceeded) || !stderrors.Is(err, errors.ErrTimeout) {
		t.Error(err)
	}
	handle := client.API.Attach(box.API.Data)
	handle.Close()
	_, err := handle.HomeDir(ctx, nil)
	var failure *errors.DaytonaError
	if !stderrors.As(err, &failure) || !stderrors.Is(err, errors.ErrClosed) || failure.Operation != "sandbox.home_dir" {
		t.Errorf("%#v", err)
	}
}

func TestASandboxLastsUntilItsCallIsSent(t *testing.T) {
	client, box := sandbox(t)
	data := box.API.Data
	if _, err := client.API.Attach(data).HomeDir(collecting{ctx}, nil); err != nil {
		t.Error(err)
	}
	stream, err := client.API.Attach(data).Process.RunStream(collecting{ctx}, "true", nil)
	if err != nil {
		t.Fatal(err)
	}
	given(stream.Wait(ctx))(t)
}

// collecting collects what nobody holds, when a call's time limit is asked for.
type collecting struct{ context.Context }

func (c collecting) Deadline() (time.Time, bool) {
	runtime.GC()
	time.Sleep(10 * time.Millisecond)
	return c.Context.Deadline()
}

func TestSandboxesAreFoundAndListed(t *testing.T) {
	client, box := sandbox(t)
	labels := map[string]string{"test": t.Name()}
	if found := given(client.FindOne(ctx, &box.Name, nil))(t); found.ID != box.ID {
		t.Error(found.ID)
	}
	if found := given(client.FindOne(ctx, nil, labels))(t); found.ID != box.ID {
		t.Error(found.ID)
	}
	page, limit := 1, 10
	if list := given(client.List(ctx, labels, &page, &limit))(t); len(list.Items) != 1 || list.Items[0].ID != box.ID {
		t.Errorf("%+v", list)
	} else if result := given(list.Items[0].Process.ExecuteCommand(ctx, "echo attached"))(t); result.Result != "attached\n" {
		t.Errorf("%+v", result)
	}
	count := 0
	for found, err := range client.ListSeq(ctx, &daytona.ListSandboxesQuery{Labels: labels}) {
		if err != nil || found.ID != box.ID {
			t.Fatal(found, err)
		}
		count++
	}
	if count != 1 {
		t.Error(count)
	}
	if _, err := client.Get(ctx, "nobody"); !stderrors.Is(err, errors.ErrNotFound) {
		t.Error(err)
	}
	if _, err := client.Create(ctx, "nothing"); !stderrors.Is(err, errors.ErrInvalidArgument) {
		t.Error(err)
	}
}

// The race detector has it.
func TestASandboxIsReadBySeveralGoroutines(t *testing.T) {
	_, box := sandbox(t)
	over, cancel := context.WithCancel(ctx)
	cancel()
	var all sync.WaitGroup
	all.Go(func() {
		for range 20_000 {
			box.GetMetrics(over, nil, nil)
		}
	})
	for range 8 {
		all.Go(func() {
			if err := stderrors.Join(box.RefreshData(ctx), box.SetLabels(ctx, map[string]string{"test": t.Name()})); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
}

func TestMetricsOfATimeComeInItsOrder(t *testing.T) {
	_, box := sandbox(t)
	latest := given(box.GetMetricsLatest(ctx))(t)
	if latest.MemTotal == 0 || latest.Timestamp.IsZero() {
		t.Errorf("%+v", latest)
	}
	end := time.Now().Add(time.Minute)
	for _, samples := range [][]daytona.SandboxMetrics{given(box.GetMetrics(ctx, nil, nil))(t), given(box.GetMetrics(ctx, &latest.Timestamp, &end))(t)} {
		for i, sample := range samples {
			if sample.Timestamp.IsZero() || i > 0 && sample.Timestamp.Before(samples[i-1].Timestamp) {
				t.Errorf("%+v", samples)
			}
		}
	}
}

func TestSecretsAreGivenAndTakenByTheNamesOfVariables(t *testing.T) {
	client, box := sandbox(t)
	secret := given(client.Secret.Create(ctx, &types.CreateSecretParams{Name: "of-" + box.ID, Value: "hidden"}))(t)
	other := given(client.Create(ctx, &types.SnapshotParams{SandboxBaseParams: types.SandboxBaseParams{
		Secrets: map[string]string{"FIRST": secret.Name, "SECOND": secret.Name},
	}}))(t)
	shown := func() string {
		return given(other.Process.ExecuteCommand(ctx, "echo ${FIRST:-none} ${SECOND:-none}"))(t).Result
	}
	if text := shown(); strings.Count(text, secret.Placeholder) != 2 {
		t.Errorf("%q", text)
	}
	for _, secrets := range []map[string]string{{"SECOND": secret.Name}, {}} {
		if err := other.UpdateSecrets(ctx, secrets); err != nil {
			t.Fatal(err)
		}
		if text := shown(); strings.Count(text, secret.Placeholder) != len(secrets) {
			t.Errorf("%q with %v", text, secrets)
		}
	}
	if err := other.UpdateSecrets(ctx, nil); !stderrors.Is(err, errors.ErrInvalidArgument) {
		t.Error(err)
	}
	if err := stderrors.Join(other.Delete(ctx), client.Secret.Delete(ctx, secret.ID)); err != nil {
		t.Error(err)
	}
}

func TestImagesAreRenderedAsTheOfficialPackageDoes(t *testing.T) {
	version := "3.10"
	image := daytona.Base("python:3.11-slim").AptGet([]string{"git", "curl"}).PipInstall([]string{"numpy"}, options.WithPre(), options.WithFindLinks("a", "b")).
		Workdir("/app").Env("A", "1").Expose([]int{80, 443}).Entrypoint([]string{"python"}).Cmd([]string{"--help"})
	want := "FROM python:3.11-slim\nRUN apt-get update && apt-get install -y git curl && rm -rf /var/lib/apt/lists/*\n" +
		"RUN pip install --find-links a --find-links b --pre numpy\nWORKDIR /app\nENV A=1\nEXPOSE 80 443\nENTRYPOINT [\"python\"]\nCMD [\"--help\"]"
	if text := given(image.Render())(t); text != want {
		t.Errorf("%s", text)
	}
	if text := daytona.DebianSlim(&version).Dockerfile(); !strings.HasPrefix(text, "FROM python:3.10-slim") {
		t.Error(text)
	}
	if text := daytona.FromDockerfile("FROM x\nRUN y").Dockerfile(); text != "FROM x\nRUN y" {
		t.Errorf("%q", text)
	}
}

func TestAServiceOfAClientIsTheOneInItsField(t *testing.T) {
	client, _ := sandbox(t)
	if daytona.NewVolumeService(client) != client.Volume || daytona.NewSnapshotService(client) != client.Snapshot ||
		daytona.NewSecretService(client) != client.Secret || daytona.NewWarmPoolService(client) != client.WarmPool {
		t.Error("another service")
	}
}

func TestAnErrorThatIsMadeIsOfItsClass(t *testing.T) {
	var server *errors.DaytonaServerError
	if err := error(errors.NewDaytonaServerError("down", 503, nil)); !stderrors.As(err, &server) || !stderrors.Is(err, errors.ErrServiceUnavailable) {
		t.Errorf("%v", err)
	}
	if err := error(errors.NewDaytonaNotFoundError("gone", nil)); !stderrors.Is(err, errors.ErrNotFound) || stderrors.Is(err, errors.ErrConflict) {
		t.Errorf("%v", err)
	}
}

// generated is an error as the generated clients of the API make it.
type generated struct{ body string }

func (e *generated) Error() string { return "404 Not Found" }

func (e *generated) Body() []byte { return []byte(e.body) }

func TestAnAnswerIsMadeAnError(t *testing.T) {
	response := &http.Response{StatusCode: 404, Header: http.Header{"X-Request-Id": {"r"}}}
	var failure *errors.DaytonaError
	err := errors.ConvertToolboxError(&generated{`{"message": "no such file", "code": "FILE_NOT_FOUND", "source": "DAYTONA_DAEMON"}`}, response)
	if !stderrors.As(err, &failure) || !stderrors.Is(err, errors.ErrFileNotFound) || failure.Message != "no such file" || failure.Headers.Get("X-Request-Id") != "r" {
		t.Errorf("%+v", err)
	}
	for body, message := range map[string]string{"gone": "gone", `{"error": "gone"}`: "gone", "": "404 Not Found"} {
		if err := errors.ConvertAPIError(&generated{body}, response); !stderrors.As(err, &failure) || failure.Message != message || failure.StatusCode != 404 {
			t.Errorf("%q: %+v", body, err)
		}
	}
	if err := errors.NewDaytonaErrorFromBody([]byte(`{"statusCode": 409, "error_code": "C"}`), 400, nil); err.StatusCode != 409 || err.Code != "C" || err.Message != "Request failed" {
		t.Errorf("%+v", err)
	}
	if err := stderrors.Join(errors.ConvertAPIError(nil, nil), errors.ConvertToolboxError(nil, response)); err != nil {
		t.Error(err)
	}
}
