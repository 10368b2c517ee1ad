package daytona

import (
	"context"
	"io"
	"sync"
	"time"

	"github.com/libdaytona/libdaytona/bindings/go/api"
	"github.com/libdaytona/libdaytona/bindings/go/options"
	"github.com/libdaytona/libdaytona/bindings/go/types"
)

// CodeRun runs code to its end, in the sandbox's language unless another is given.
func (s *ProcessService) CodeRun(ctx context.Context, code string, opts ...func(*options.CodeRun)) (*types.ExecuteResponse, error) {
	o := options.Apply(opts...)
	arguments := []api.Argument{api.Text("code", code), api.Optional("language", string(o.Language)), seconds("timeout", o.Timeout)}
	if o.Params != nil {
		arguments = append(arguments, api.Members(o.Params))
	}
	return get[*types.ExecuteResponse](ctx, s.on, "process.code_run", arguments...)
}

// ExecuteSessionCommand runs a command in a session. With runAsync it answers at once; the result's "id" is the
// command's.
func (s *ProcessService) ExecuteSessionCommand(ctx context.Context, sessionID, command string, runAsync bool, suppressInputEcho bool) (map[string]any, error) {
	got, err := get[map[string]any](ctx, s.on, "session.execute", api.Text("id", sessionID), api.Text("command", command),
		api.Value("runAsync", runAsync), api.Value("suppressInputEcho", suppressInputEcho))
	if err != nil {
		return nil, err
	}
	result := map[string]any{"id": got["cmdId"]}
	for _, name := range []string{"exitCode", "stdout", "stderr", "output"} {
		if value := got[name]; value != nil {
			result[name] = value
		}
	}
	return result, nil
}

// GetSessionCommandLogsStream follows the output of a command until its end, and closes both channels then. A nil
// channel's output is dropped.
func (s *ProcessService) GetSessionCommandLogsStream(ctx context.Context, sessionID, commandID string, stdout, stderr chan<- string) error {
	return followed(ctx, stdout, stderr, func() (*api.Stream[api.Nothing, api.FollowEnded], error) {
		return s.on.Session.Follow(ctx, sessionID, commandID, nil)
	})
}

// GetEntrypointLogsStream follows the output of the entrypoint, and closes both channels at its end.
func (s *ProcessService) GetEntrypointLogsStream(ctx context.Context, stdout, stderr chan<- string) error {
	return followed(ctx, stdout, stderr, func() (*api.Stream[api.Nothing, api.FollowEnded], error) {
		return s.on.Session.EntrypointFollow(ctx, nil)
	})
}

func followed(ctx context.Context, stdout, stderr chan<- string, open func() (*api.Stream[api.Nothing, api.FollowEnded], error)) error {
	for _, to := range []chan<- string{stdout, stderr} {
		if to != nil {
			defer close(to)
		}
	}
	stream, err := open()
	if err != nil {
		return err
	}
	defer stream.Close()
	var out, fault decoder
	send := func(to chan<- string, text string) error {
		if text == "" || to == nil {
			return nil
		}
		select {
		case to <- text:
			return nil
		case <-ctx.Done():
			return over(ctx)
		}
	}
	for chunk, err := range stream.All(ctx) {
		if err != nil {
			return err
		}
		to, by := stdout, &out
		if chunk.Channel == api.ChannelStderr {
			to, by = stderr, &fault
		}
		if err := send(to, by.text(chunk.Bytes)); err != nil {
			return err
		}
	}
	if err := send(stdout, out.rest()); err != nil {
		return err
	}
	return send(stderr, fault.rest())
}

// CreatePtySession makes a terminal without connecting to it.
func (s *ProcessService) CreatePtySession(ctx context.Context, id string, opts ...func(*options.PtySession)) (*types.PtySessionInfo, error) {
	o := options.Apply(opts...)
	arguments := []api.Argument{api.Text("id", id), api.Optional("env", o.Env)}
	if o.PtySize != nil {
		arguments = append(arguments, api.Members(o.PtySize))
	}
	if err := null(ctx, s.on, "pty.create", arguments...); err != nil {
		return nil, err
	}
	return s.GetPtySessionInfo(ctx, id)
}

// CreatePty makes a terminal and connects to it.
func (s *ProcessService) CreatePty(ctx context.Context, id string, opts ...func(*options.CreatePty)) (*PtyHandle, error) {
	o := options.Apply(opts...)
	with := &api.PtyOpenOptions{Env: o.Env}
	if o.PtySize != nil {
		cols, rows := int64(o.PtySize.Cols), int64(o.PtySize.Rows)
		with.Cols, with.Rows = &cols, &rows
	}
	stream, err := s.on.Pty.Open(connecting{ctx}, id, with)
	return s.connected(id, stream, err)
}

// ConnectPty connects to a terminal that is there.
func (s *ProcessService) ConnectPty(ctx context.Context, sessionID string) (*PtyHandle, error) {
	stream, err := s.on.Pty.Connect(connecting{ctx}, sessionID, nil)
	return s.connected(sessionID, stream, err)
}

// connecting is a context for connecting alone: its deadline bounds that, and not the terminal's life.
type connecting struct{ context.Context }

func (connecting) Deadline() (at time.Time, ok bool) { return at, false }

func (s *ProcessService) connected(id string, stream *api.Stream[api.PtyOpened, api.PtyEnded], err error) (*PtyHandle, error) {
	if err != nil {
		return nil, err
	}
	return &PtyHandle{id: id, process: s, stream: stream}, nil
}

// PtyHandle is a connected terminal: an io.ReadWriteCloser. It is read either through Read or through DataChan.
type PtyHandle struct {
	id      string
	process *ProcessService
	stream  *api.Stream[api.PtyOpened, api.PtyEnded]

	once sync.Once
	data chan []byte

	mu     sync.Mutex
	result *types.PtyResult
	gone   bool
}

var _ io.ReadWriteCloser = (*PtyHandle)(nil)

// DataChan gives the terminal's output, and is closed at its end. Whoever asks for it has to read it.
func (h *PtyHandle) DataChan() <-chan []byte {
	h.once.Do(func() {
		h.data = make(chan []byte, 100)
		go func() {
			defer close(h.data)
			for {
				chunk, err := h.stream.Next(context.Background())
				if err != nil {
					return
				}
				h.data <- append([]byte(nil), chunk.Bytes...)
			}
		}()
	})
	return h.data
}

// SessionID is the terminal's id.
func (h *PtyHandle) SessionID() string { return h.id }

// WaitForConnection answers at once: CreatePty and ConnectPty have waited for it.
func (h *PtyHandle) WaitForConnection(ctx context.Context) error { return ctx.Err() }

// IsConnected says whether the terminal has neither ended nor been disconnected.
func (h *PtyHandle) IsConnected() bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return !h.gone && h.result == nil && !h.stream.Ended()
}

// SendInput types into the terminal.
func (h *PtyHandle) SendInput(data []byte) error {
	_, err := h.stream.Write(data)
	return err
}

// Read reads the terminal's output; what does not fit is kept for the next reading. io.EOF is its end.
func (h *PtyHandle) Read(p []byte) (int, error) { return h.stream.Read(p) }

// Write types into the terminal.
func (h *PtyHandle) Write(p []byte) (int, error) { return h.stream.Write(p) }

// Close is Disconnect.
func (h *PtyHandle) Close() error { return h.Disconnect() }

// Disconnect leaves the terminal.
func (h *PtyHandle) Disconnect() error {
	h.mu.Lock()
	h.gone = true
	h.mu.Unlock()
	return h.stream.Close()
}

// Resize changes the terminal's size.
func (h *PtyHandle) Resize(ctx context.Context, cols, rows int) (*types.PtySessionInfo, error) {
	return h.process.ResizePtySession(ctx, h.id, types.PtySize{Cols: cols, Rows: rows})
}

// Kill ends the terminal and what runs in it.
func (h *PtyHandle) Kill(ctx context.Context) error { return h.process.KillPtySession(ctx, h.id) }

// Wait waits for the terminal's end and gives its exit code. Output that nobody reads is dropped; where Read or
// DataChan was used it has to be read on.
func (h *PtyHandle) Wait(ctx context.Context) (*types.PtyResult, error) {
	ended, err := h.stream.Wait(ctx)
	if ctx.Err() != nil {
		return nil, err
	}
	result := &types.PtyResult{}
	if err != nil {
		message := err.Error()
		result.Error = &message
	} else {
		code := int(ended.ExitCode)
		result.ExitCode = &code
		if ended.ExitCode != 0 {
			result.Error = ended.Reason
		}
	}
	h.mu.Lock()
	h.result = result
	h.mu.Unlock()
	return result, nil
}

// ExitCode is the exit code after the end, nil before.
func (h *PtyHandle) ExitCode() *int {
	if result := h.ended(); result != nil {
		return result.ExitCode
	}
	return nil
}

// Error says why the terminal failed, nil where it did not.
func (h *PtyHandle) Error() *string {
	if result := h.ended(); result != nil {
		return result.Error
	}
	return nil
}

// ended gives the result where the end was seen.
func (h *PtyHandle) ended() *types.PtyResult {
	h.mu.Lock()
	result := h.result
	h.mu.Unlock()
	if result != nil || !h.stream.Ended() {
		return result
	}
	result, _ = h.Wait(context.Background())
	return result
}
