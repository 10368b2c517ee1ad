package api_test

import (
	"bytes"
	"context"
	"encoding/json"
	stderrors "errors"
	"fmt"
	"io"
	"math"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/libdaytona/libdaytona/bindings/go/api"
	"github.com/libdaytona/libdaytona/bindings/go/errors"
)

// These tests need no server: the echo target gives back what it is given.

func echo(t testing.TB) *api.Client {
	t.Helper()
	client, err := api.OpenEcho()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { client.Close(context.Background()) })
	return client
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

func TestTextsArriveAsTheyAre(t *testing.T) {
	client := echo(t)
	for _, text := range []string{
		"", "plain", "quote \" backslash \\ slash /", "tab\tnewline\nreturn\r", "\x00 in \x00 the \x00 middle",
		"\x01\x1f\x7f", "grüße 你好 🦀 \u2028\u2029", "<script>&amp;", strings.Repeat("é", 100_000), "\ufeff\ufffd",
	} {
		got := given(client.Echo.Value(context.Background(), map[string]any{"text": text, text: 1}, nil))(t)
		var back string
		if err := json.Unmarshal(got["text"], &back); err != nil || back != text {
			t.Errorf("%q came back as %q (%v)", text, back, err)
		}
		if _, ok := got[text]; !ok {
			t.Errorf("the name %q did not come back", text)
		}
	}
}

func TestNumbersKeepEveryDigit(t *testing.T) {
	client := echo(t)
	values := map[string]any{
		"max": int64(math.MaxInt64), "min": int64(math.MinInt64), "beyond": json.Number("18446744073709551615"),
		"double": int64(1<<53 + 1), "fraction": 0.1, "tiny": 5e-324, "huge": 1.7976931348623157e308,
	}
	got := given(client.Echo.Value(context.Background(), values, nil))(t)
	for name, value := range values {
		want, _ := json.Marshal(value)
		var number json.Number
		if json.Unmarshal(got[name], &number) != nil || number.String() != string(want) {
			t.Errorf("%s: %s came back as %s", name, want, got[name])
		}
	}
}

func TestBytesArriveAsTheyAre(t *testing.T) {
	client := echo(t)
	all := make([]byte, 256)
	for i := range all {
		all[i] = byte(i)
	}
	for _, body := range [][]byte{nil, {}, {0}, all, bytes.Repeat(all, 40_000)} {
		got := given(client.Echo.Bytes(context.Background(), body, nil))(t)
		named := given(api.CallBytes(context.Background(), client, "echo.bytes", api.Body(body)))(t)
		if !bytes.Equal(got, body) || !bytes.Equal(named, body) {
			t.Errorf("%d bytes came back as %d and %d", len(body), len(got), len(named))
		}
	}
}

func TestAHundredThousandCalls(t *testing.T) {
	client := echo(t)
	soak(t, func(calls int) {
		const goroutines = 64
		var group sync.WaitGroup
		for g := range goroutines {
			group.Add(1)
			go func() {
				defer group.Done()
				for i := g; i < calls; i += goroutines {
					got, err := client.Echo.Value(context.Background(), map[string]any{"n": i}, nil)
					if err != nil || string(got["n"]) != fmt.Sprint(i) {
						t.Errorf("call %d: %s %v", i, got["n"], err)
						return
					}
				}
			}()
		}
		group.Wait()
	})
}

func TestErrorsSayEverything(t *testing.T) {
	client := echo(t)
	headers := map[string]string{"retry-after": "3"}
	err := client.Echo.Error(context.Background(), 404, &api.EchoErrorOptions{
		Message: ptr("no such file: \x00 ü"), Code: ptr("FILE_NOT_FOUND"), Source: ptr("DAYTONA_DAEMON"), Retryable: ptr(true),
		RetryAfterMs: ptr(int64(3000)), RequestID: ptr("r-1"), Attempts: ptr(int64(2)), SandboxID: ptr("s-1"), Headers: headers,
	})
	var failure *errors.DaytonaError
	if !stderrors.As(err, &failure) {
		t.Fatalf("%T %v", err, err)
	}
	if failure.Message != "no such file: \x00 ü" || failure.Code != "FILE_NOT_FOUND" || failure.Operation != "echo.error" ||
		failure.Status != 404 || failure.StatusCode != 404 || !failure.Retryable || failure.RetryAfter != 3*time.Second ||
		failure.RequestID != "r-1" || failure.Attempts != 2 || failure.SandboxID != "s-1" || failure.Headers.Get("Retry-After") != "3" {
		t.Errorf("%+v", failure)
	}
	if !stderrors.Is(err, errors.ErrFileNotFound) || !stderrors.Is(err, errors.ErrNotFound) || stderrors.Is(err, errors.ErrConflict) {
		t.Error("errors.Is does not follow the classes")
	}
	var notFound *errors.DaytonaNotFoundError
	var file *errors.DaytonaFileNotFoundError
	var server *errors.DaytonaServerError
	if !stderrors.As(err, &notFound) || !stderrors.As(err, &file) || stderrors.As(err, &server) {
		t.Error("errors.As does not follow the classes")
	}
}

func TestEveryStatusHasItsClass(t *testing.T) {
	client := echo(t)
	for status, sentinel := range map[int64]error{
		400: errors.ErrBadRequest, 401: errors.ErrAuthentication, 403: errors.ErrForbidden, 404: errors.ErrNotFound,
		408: errors.ErrTimeout, 409: errors.ErrConflict, 410: errors.ErrGone, 422: errors.ErrUnprocessableEntity,
		429: errors.ErrRateLimit, 500: errors.ErrInternalServer, 502: errors.ErrBadGateway, 503: errors.ErrServiceUnavailable,
		504: errors.ErrGatewayTimeout, 4: errors.ErrTimeout, 6: errors.ErrConnection, 7: errors.ErrTls, 8: errors.ErrProtocol,
		14: errors.ErrUnsupported, 19: errors.ErrNoMatch, 20: errors.ErrSandboxFailed, 21: errors.ErrConfiguration,
	} {
		if err := client.Echo.Error(context.Background(), status, nil); !stderrors.Is(err, sentinel) {
			t.Errorf("status %d: %v is no %v", status, err, sentinel)
		}
	}
}

func TestAPanicOfTheLibraryIsAnError(t *testing.T) {
	client := echo(t)
	if err := client.Echo.Panic(context.Background(), nil); !stderrors.Is(err, errors.ErrPanic) {
		t.Error(err)
	}
}

func TestACancelledCallEndsWithTheContextsError(t *testing.T) {
	client := echo(t)
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error)
	go func() { ended <- client.Echo.Delay(ctx, 3_600_000, nil) }()
	cancel()
	err := <-ended
	if !stderrors.Is(err, context.Canceled) || !stderrors.Is(err, errors.ErrCancelled) {
		t.Error(err)
	}
	if err := client.Echo.Delay(ctx, 1, nil); !stderrors.Is(err, context.Canceled) {
		t.Error(err)
	}
}

func TestADeadlineIsTheTimeout(t *testing.T) {
	client := echo(t)
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Millisecond)
	defer cancel()
	err := client.Echo.Delay(ctx, 3_600_000, nil)
	if !stderrors.Is(err, context.DeadlineExceeded) || !stderrors.Is(err, errors.ErrTimeout) {
		t.Error(err)
	}
	err = client.Echo.Delay(context.Background(), 3_600_000, &api.CallOptions{TimeoutMs: ptr(int64(20))})
	if !stderrors.Is(err, errors.ErrTimeout) || stderrors.Is(err, context.DeadlineExceeded) {
		t.Error(err)
	}
	short, cancel := context.WithTimeout(context.Background(), 20*time.Millisecond)
	defer cancel()
	err = client.Echo.Delay(short, 3_600_000, &api.CallOptions{TimeoutMs: ptr(int64(3_600_000))})
	if !stderrors.Is(err, context.DeadlineExceeded) || !stderrors.Is(err, errors.ErrTimeout) || !strings.Contains(err.Error(), "deadline") {
		t.Error(err)
	}
}

func TestADeadlineFarAwayIsNoLimit(t *testing.T) {
	client := echo(t)
	ctx, cancel := context.WithTimeout(context.Background(), math.MaxInt64)
	defer cancel()
	if err := client.Echo.Delay(ctx, 50, nil); err != nil {
		t.Error(err)
	}
}

func TestStreamsDeliverEveryByte(t *testing.T) {
	client := echo(t)
	for _, size := range []int64{1, 16, 70_000} {
		stream := given(client.Echo.Stream(context.Background(), &api.EchoStreamOptions{Chunks: ptr(int64(300)), Size: &size, Channel: ptr(int64(2))}))(t)
		got := int64(0)
		for chunk, err := range stream.All(context.Background()) {
			if err != nil {
				t.Fatal(err)
			}
			if chunk.Channel != api.ChannelStderr {
				t.Fatalf("channel %d", chunk.Channel)
			}
			got += int64(len(chunk.Bytes))
		}
		ended := given(stream.Wait(context.Background()))(t)
		if got != 300*size || ended.Bytes != got || ended.Chunks != 300 {
			t.Errorf("%d bytes of %d, ended with %+v", got, 300*size, ended)
		}
		stream.Close()
	}
}

func TestSmallReadsLoseNothing(t *testing.T) {
	client := echo(t)
	stream := given(client.Echo.Stream(context.Background(), &api.EchoStreamOptions{Echo: ptr(true)}))(t)
	defer stream.Close()
	sent := bytes.Repeat([]byte("0123456789"), 100_000)
	go func() {
		if n, err := stream.Write(sent); n != len(sent) || err != nil {
			t.Error(n, err)
		}
		if err := stream.Finish(); err != nil {
			t.Error(err)
		}
	}()
	got := make([]byte, 0, len(sent))
	for buffer := make([]byte, 7); ; {
		n, err := stream.Read(buffer)
		got = append(got, buffer[:n]...)
		if err == io.EOF {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if !bytes.Equal(got, sent) {
		t.Errorf("%d bytes of %d", len(got), len(sent))
	}
}

func TestAWaitWithoutReadingDropsTheData(t *testing.T) {
	client := echo(t)
	stream := given(client.Echo.Stream(context.Background(), &api.EchoStreamOptions{Chunks: ptr(int64(2000)), Size: ptr(int64(10_000))}))(t)
	for range 2 {
		if ended := given(stream.Wait(context.Background()))(t); ended.Bytes != 20_000_000 {
			t.Errorf("%+v", ended)
		}
	}
	stream.Close()
}

func TestAStreamsEndReleasesWhatItHolds(t *testing.T) {
	client := echo(t)
	all := func() {
		stream := given(client.Echo.Stream(context.Background(), &api.EchoStreamOptions{Chunks: ptr(int64(3)), Size: ptr(int64(10))}))(t)
		if data := given(io.ReadAll(stream))(t); len(data) != 30 {
			t.Fatalf("%d bytes", len(data))
		}
		given(stream.Wait(context.Background()))(t)
		if _, err := stream.Write([]byte("x")); !stderrors.Is(err, errors.ErrClosed) {
			t.Fatal(err)
		}
	}
	all()
	_, before := held(t)
	for range 50 {
		all()
	}
	if _, after := held(t); after > before {
		t.Errorf("%d descriptors, then %d", before, after)
	}
}

func TestWhatReadLeftOfAPieceIsTheNextOne(t *testing.T) {
	client := echo(t)
	stream := given(client.Echo.Stream(context.Background(), &api.EchoStreamOptions{Chunks: ptr(int64(2)), Size: ptr(int64(10))}))(t)
	given(stream.Read(make([]byte, 3)))(t)
	sizes := []int{}
	for chunk, err := range stream.All(context.Background()) {
		if err != nil {
			t.Fatal(err)
		}
		sizes = append(sizes, len(chunk.Bytes))
	}
	if fmt.Sprint(sizes) != "[7 10]" {
		t.Error(sizes)
	}
}

func TestADeadlineIsATimeoutOfAStream(t *testing.T) {
	client := echo(t)
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
	stream, err := client.Echo.Stream(ctx, &api.EchoStreamOptions{Echo: ptr(true)})
	other, failed := client.Echo.Stream(ctx, &api.EchoStreamOptions{Echo: ptr(true)})
	if stderrors.Join(err, failed) != nil { // A busy machine opens them in a longer time.
		cancel()
		ctx, cancel = context.WithTimeout(context.Background(), 40*time.Second)
		stream = given(client.Echo.Stream(ctx, &api.EchoStreamOptions{Echo: ptr(true)}))(t)
		other = given(client.Echo.Stream(ctx, &api.EchoStreamOptions{Echo: ptr(true)}))(t)
	}
	defer cancel()
	_, read := other.Read(make([]byte, 1))
	_, next := stream.Next(ctx)
	_, wait := stream.Wait(ctx)
	<-ctx.Done() // The library's time limit may have ended before it.
	_, open := client.Echo.Stream(ctx, nil)
	for _, err := range []error{read, next, wait, open, client.Echo.Delay(ctx, 1, nil)} {
		var failure *errors.DaytonaError
		if !stderrors.Is(err, context.DeadlineExceeded) || !stderrors.Is(err, errors.ErrTimeout) || !stderrors.As(err, &failure) || failure.Operation == "" {
			t.Errorf("%#v", err)
		}
	}
}

func TestAWaitGoesOnWhereAnotherGaveUp(t *testing.T) {
	client := echo(t)
	stream := given(client.Echo.Stream(context.Background(), &api.EchoStreamOptions{Echo: ptr(true)}))(t)
	defer stream.Close()
	first, cancel := context.WithCancel(context.Background())
	ended := make(chan error)
	wait := func(ctx context.Context) { _, err := stream.Wait(ctx); ended <- err }
	go wait(first)
	time.Sleep(10 * time.Millisecond)
	go wait(context.Background())
	time.Sleep(10 * time.Millisecond)
	cancel()
	if err := <-ended; !stderrors.Is(err, context.Canceled) {
		t.Error(err)
	}
	if err := stream.Finish(); err != nil {
		t.Error(err)
	}
	if err := <-ended; err != nil {
		t.Error(err)
	}
}

func TestAReadingEndsWithItsContextAndCanGoOn(t *testing.T) {
	client := echo(t)
	stream := given(client.Echo.Stream(context.Background(), &api.EchoStreamOptions{Echo: ptr(true)}))(t)
	defer stream.Close()
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error)
	go func() { _, err := stream.Next(ctx); ended <- err }()
	cancel()
	if err := <-ended; !stderrors.Is(err, context.Canceled) {
		t.Fatal(err)
	}
	if _, err := stream.Write([]byte("later")); err != nil {
		t.Fatal(err)
	}
	if chunk := given(stream.Next(context.Background()))(t); string(chunk.Bytes) != "later" {
		t.Errorf("%q", chunk.Bytes)
	}
}

func TestAPieceLastsUntilTheNextReading(t *testing.T) {
	client := echo(t)
	runtime.LockOSThread() // The library frees what a thread was given by a stream that is closed when that reads another.
	defer runtime.UnlockOSThread()
	piece := func(text string) (*api.Stream[api.Nothing, api.EchoEnded], []byte) {
		stream := given(client.Echo.Stream(context.Background(), &api.EchoStreamOptions{Echo: ptr(true)}))(t)
		given(stream.Write([]byte(text)))(t)
		return stream, given(stream.Next(context.Background()))(t).Bytes
	}
	for range 10 {
		stream, first := piece(strings.Repeat("a", 20_000))
		stream.Close()
		other, _ := piece(strings.Repeat("b", 20_000))
		other.Close()
		if len(bytes.Trim(first, "a")) > 0 {
			t.Fatalf("%.20q", first)
		}
		if n, err := stream.Read(make([]byte, 1)); n > 0 || !stderrors.Is(err, errors.ErrClosed) {
			t.Fatal(n, err)
		}
	}
}

func TestClosingAStreamEndsWhoeverWaits(t *testing.T) {
	client := echo(t)
	stream := given(client.Echo.Stream(context.Background(), &api.EchoStreamOptions{Echo: ptr(true)}))(t)
	ended := make(chan error)
	go func() { _, err := stream.Read(make([]byte, 1)); ended <- err }()
	go func() { _, err := stream.Wait(context.Background()); ended <- err }()
	runtime.Gosched()
	stream.Close()
	for range 2 {
		if err := <-ended; !stderrors.Is(err, errors.ErrClosed) {
			t.Error(err)
		}
	}
	stream.Close()
}

func TestACloseWaitsForCallsAndStreams(t *testing.T) {
	client := given(api.OpenEcho())(t)
	var ended sync.WaitGroup
	var mu sync.Mutex
	errs := map[string]int{}
	count := func(err error) {
		mu.Lock()
		defer mu.Unlock()
		if stderrors.Is(err, errors.ErrClosed) {
			errs["closed"]++
		} else {
			errs[fmt.Sprint(err)]++
		}
	}
	begun := make(chan struct{}, 64)
	for range 32 {
		ended.Add(2)
		go func() {
			defer ended.Done()
			begun <- struct{}{}
			count(client.Echo.Delay(context.Background(), 3_600_000, nil))
		}()
		stream := given(client.Echo.Stream(context.Background(), &api.EchoStreamOptions{Echo: ptr(true)}))(t)
		go func() {
			defer ended.Done()
			begun <- struct{}{}
			_, err := stream.Read(make([]byte, 1))
			count(err)
		}()
	}
	for range 64 {
		<-begun
	}
	if err := client.Close(context.Background()); err != nil {
		t.Error(err)
	}
	ended.Wait()
	if errs["closed"] != 64 {
		t.Error(errs)
	}
	if err := client.Echo.Delay(context.Background(), 1, nil); !stderrors.Is(err, errors.ErrClosed) {
		t.Error(err)
	}
	if err := client.Close(context.Background()); err != nil {
		t.Error(err)
	}
}

// closing closes a client while a call of it is written.
type closing struct{ client *api.Client }

func (c closing) MarshalJSON() ([]byte, error) {
	go c.client.Close(background)
	for !stderrors.Is(c.client.Echo.Delay(background, 1, nil), errors.ErrClosed) {
	}
	time.Sleep(10 * time.Millisecond)
	return []byte("1"), nil
}

func TestACallIsClosedWhoseClientWasClosedBeforeItIsSent(t *testing.T) {
	client := given(api.OpenEcho())(t)
	if _, err := client.Echo.Value(background, map[string]any{"a": closing{client}}, nil); !stderrors.Is(err, errors.ErrClosed) {
		t.Error(err)
	}
	client = given(api.OpenEcho())(t)
	_, err := api.OpenStream[api.Nothing, api.EchoEnded](background, client, "echo.stream", api.Value("a", closing{client}))
	if !stderrors.Is(err, errors.ErrClosed) {
		t.Error(err)
	}
}

// panicking panics while it is written.
type panicking struct{}

func (panicking) MarshalJSON() ([]byte, error) { panic("no") }

func TestAClientIsClosedAfterACallThatPanicked(t *testing.T) {
	client := given(api.OpenEcho())(t)
	func() {
		defer func() { recover() }()
		client.Echo.Value(background, map[string]any{"a": panicking{}}, nil)
	}()
	closed := make(chan error)
	go func() { closed <- client.Close(background) }()
	select {
	case err := <-closed:
		if err != nil {
			t.Error(err)
		}
	case <-time.After(30 * time.Second):
		t.Error("the client waits for the call")
	}
}

func TestAClosedLibraryOpensAgain(t *testing.T) {
	for range 20 {
		client := given(api.OpenEcho())(t)
		given(client.Echo.Value(context.Background(), map[string]any{"a": 1}, nil))(t)
		if err := client.Close(context.Background()); err != nil {
			t.Fatal(err)
		}
	}
}

func TestAHandleIsReleasedWithItsSandbox(t *testing.T) {
	client := echo(t)
	for range 1000 {
		box := given(client.Echo.Handle(context.Background(), map[string]any{"id": "1"}, nil))(t)
		if box.Data.ID != "1" {
			t.Fatal(box.Data)
		}
	}
	runtime.GC()
}

func TestWhatIsNoTextIsRefused(t *testing.T) {
	client := echo(t)
	box := given(client.Echo.Handle(context.Background(), map[string]any{"id": "1"}, nil))(t)
	if _, err := box.Process.Execute(context.Background(), "\xff", nil); !stderrors.Is(err, errors.ErrInvalidArgument) {
		t.Error(err)
	}
	if _, err := client.Echo.Value(context.Background(), map[string]any{"a": make(chan int)}, nil); !stderrors.Is(err, errors.ErrInvalidArgument) {
		t.Error(err)
	}
	if _, err := client.Echo.Value(context.Background(), map[string]any{"a": []string{`\`, "\xff"}}, nil); !stderrors.Is(err, errors.ErrInvalidArgument) {
		t.Error(err)
	}
	if _, err := api.Call[any](context.Background(), client, "echo.value", api.Members([]int{1})); !stderrors.Is(err, errors.ErrInvalidArgument) {
		t.Error(err)
	}
	for _, text := range []string{"\ufffd", `\ufffd`, `\\ufffd`} {
		var back string
		got := given(client.Echo.Value(context.Background(), map[string]any{"a": text}, nil))(t)
		if err := json.Unmarshal(got["a"], &back); err != nil || back != text {
			t.Errorf("%q gave %s", text, got["a"])
		}
	}
	if _, err := box.Process.Execute(context.Background(), "true", nil); !stderrors.Is(err, errors.ErrInvalidHandle) && !stderrors.Is(err, errors.ErrInvalidArgument) {
		t.Error(err)
	}
}

func TestUnknownMembersAreKept(t *testing.T) {
	var info api.FileInfo
	text := `{"name":"a","size":9007199254740993,"mode":"-","permissions":"0644","modifiedAt":"t","modTime":"m","isDir":false,` +
		`"owner":"0","group":"0", "newer" : {"deep":[1, 2, {"x":"}\""}]}, "big":18446744073709551615,"q\"":null}`
	if err := json.Unmarshal([]byte(text), &info); err != nil {
		t.Fatal(err)
	}
	if info.Size != 9007199254740993 || len(info.AdditionalProperties) != 3 ||
		string(info.AdditionalProperties["newer"]) != `{"deep":[1, 2, {"x":"}\""}]}` || string(info.AdditionalProperties["q\""]) != "null" {
		t.Errorf("%+v", info)
	}
	back, err := json.Marshal(info)
	if err != nil || !strings.Contains(string(back), `"big":18446744073709551615`) || !strings.Contains(string(back), `"size":9007199254740993`) {
		t.Errorf("%s %v", back, err)
	}
}

func TestMembersAreReadHoweverTheyAreWritten(t *testing.T) {
	var info api.FileInfo
	if err := json.Unmarshal([]byte(` { "na\u006de" : "a\u0062" , "size":-5, "isDir":true, "mode":null }`), &info); err != nil {
		t.Fatal(err)
	}
	if info.Name != "ab" || info.Size != -5 || !info.IsDir || info.Mode != "" || info.AdditionalProperties != nil {
		t.Errorf("%+v", info)
	}
	var box api.Sandbox
	text := `{"cpu":0.5,"autoStopInterval":15,"snapshot":null,"state":"started","user":"grüße","labels":{"a":"b"},"buildInfo":{"createdAt":"t"}}`
	if err := json.Unmarshal([]byte(text), &box); err != nil {
		t.Fatal(err)
	}
	if box.CPU != 0.5 || *box.AutoStopInterval != 15 || box.Snapshot != nil || *box.State != api.SandboxStateStarted || box.User != "grüße" ||
		box.Labels["a"] != "b" || box.BuildInfo == nil {
		t.Errorf("%+v", box)
	}
	for _, text := range []string{`[]`, `{"size":"1"}`, `{"size":1.5}`, `{"name":1}`, `{"isDir":"true"}`} {
		if err := json.Unmarshal([]byte(text), &info); err == nil {
			t.Errorf("%s was read as %+v", text, info)
		}
	}
}

// background is the context of what nothing ends.
var background = context.Background()

func ptr[T any](value T) *T { return &value }
