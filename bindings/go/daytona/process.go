package daytona

import (
	"context"
	"io"
	"maps"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/libdaytona/libdaytona/bindings/go/api"
	"github.com/libdaytona/libdaytona/bindings/go/types"
)

// begun gives the id of a command its official name, and leaves out what is null.
func begun(got map[string]any, err error) (map[string]any, error) {
	if err == nil {
		got["id"] = got["cmdId"]
		maps.DeleteFunc(got, func(name string, value any) bool { return name == "cmdId" || value == nil })
	}
	return got, err
}

// follow gives the output of a stream to two channels, or to one for both, which it closes at the end. A nil channel's
// output is dropped.
func follow(ctx context.Context, on api.Target, operation string, stdout, stderr chan<- string, arguments ...api.Argument) error {
	if stdout != nil {
		defer close(stdout)
	}
	if stderr != nil && stderr != stdout {
		defer close(stderr)
	}
	stream, err := api.OpenStream[api.Nothing, api.FollowEnded](ctx, on, operation, arguments...)
	if err != nil {
		return err
	}
	defer stream.Close()
	return texts(stream.All(ctx), func(channel api.Channel, text string) error {
		to := stdout
		if channel == api.ChannelStderr {
			to = stderr
		}
		if to == nil {
			return nil
		}
		return send(ctx, operation, to, text)
	})
}

// terminal connects to a terminal. The context's deadline bounds the connecting alone, and not the terminal's life.
func terminal(ctx context.Context, on *api.SandboxHandle, operation string, arguments ...api.Argument) (*PtyHandle, error) {
	arguments = append(arguments, api.Integer("timeoutMs", 0))
	stream, err := api.OpenStream[api.PtyOpened, api.PtyEnded](ctx, on, operation, arguments...)
	if err != nil {
		return nil, err
	}
	stream.Read(nil) // From now on Wait drops nothing.
	return &PtyHandle{on: on, sessionID: stream.Opened.ID, stream: stream, data: make(chan []byte, ptyPieces)}, nil
}

// PtyHandle is a connected terminal: an io.ReadWriteCloser. It is read either through Read or through DataChan.
type PtyHandle struct {
	on        *api.SandboxHandle
	sessionID string
	stream    *api.Stream[api.PtyOpened, api.PtyEnded]
	read      atomic.Bool // whether somebody reads
	collect   sync.Once
	data      chan []byte // the output, once it is collected; else Read reads the stream itself

	reading   sync.Mutex // held by a Read, with what follows
	collected bool
	rest      []byte // what Read left of a piece
}

var _ io.ReadWriteCloser = (*PtyHandle)(nil)

// So many pieces of output wait for a reader, beside what the stream holds back.
const ptyPieces = 1024

// DataChan gives the terminal's output, and is closed at its end. Whoever asks for it has to read it.
func (h *PtyHandle) DataChan() <-chan []byte {
	h.read.Store(true)
	h.collect.Do(func() { go h.move() })
	return h.data
}

// move moves the output into the channel, after a Read that is under way: so its end is seen although nobody reads.
func (h *PtyHandle) move() {
	h.reading.Lock()
	h.collected = true
	h.reading.Unlock()
	defer close(h.data)
	for chunk, err := range h.stream.All(context.Background()) {
		if err != nil || !h.give(slices.Clone(chunk.Bytes)) {
			return
		}
	}
}

// give waits for the reader; as long as there was none, the oldest output is dropped. It says whether to go on.
func (h *PtyHandle) give(piece []byte) bool {
	if len(h.data) == cap(h.data) && !h.read.Load() {
		select {
		case <-h.data:
		default:
		}
	}
	select {
	case h.data <- piece:
		return true
	case <-h.stream.Closed():
		return false
	}
}

// SessionID is the terminal's id.
func (h *PtyHandle) SessionID() string { return h.sessionID }

// WaitForConnection answers at once: CreatePty and ConnectPty have waited for it.
func (h *PtyHandle) WaitForConnection(ctx context.Context) error { return ctx.Err() }

// IsConnected says whether the terminal has neither ended nor been disconnected.
func (h *PtyHandle) IsConnected() bool { return !h.stream.IsClosed() }

// SendInput types into the terminal.
func (h *PtyHandle) SendInput(data []byte) error {
	_, err := h.stream.Write(data)
	return err
}

// Read reads the terminal's output; what does not fit is kept for the next reading. io.EOF is its end.
func (h *PtyHandle) Read(p []byte) (int, error) {
	h.read.Store(true)
	h.reading.Lock()
	defer h.reading.Unlock()
	if !h.collected {
		return h.stream.Read(p)
	}
	for more := true; len(h.rest) == 0 && len(p) > 0; {
		if h.rest, more = <-h.data; !more {
			return h.stream.Read(p) // The end, and why.
		}
	}
	n := copy(p, h.rest)
	h.rest = h.rest[n:]
	return n, nil
}

// Write types into the terminal.
func (h *PtyHandle) Write(p []byte) (int, error) { return h.stream.Write(p) }

// Close is Disconnect.
func (h *PtyHandle) Close() error { return h.Disconnect() }

// Disconnect leaves the terminal.
func (h *PtyHandle) Disconnect() error { return h.stream.Close() }

// Wait waits for the terminal's end and gives its exit code. Of output that nobody read before, the newest is kept for a
// reader that comes later. Where Read or DataChan was used, nothing is dropped, as their caller may go on at any time: the end
// is then seen when no more than 1,024 pieces of the output are unread.
func (h *PtyHandle) Wait(ctx context.Context) (*types.PtyResult, error) {
	h.collect.Do(func() { go h.move() })
	ended, err := h.stream.Wait(ctx)
	if err != nil && ctx.Err() != nil {
		return nil, err
	}
	if err != nil {
		message := err.Error()
		return &types.PtyResult{Error: &message}, nil
	}
	code := int(ended.ExitCode)
	result := &types.PtyResult{ExitCode: &code}
	if code != 0 {
		result.Error = ended.Reason
	}
	return result, nil
}

// ExitCode is the exit code after the end, nil before.
func (h *PtyHandle) ExitCode() *int { return h.ended().ExitCode }

// Error says why the terminal failed, nil where it did not.
func (h *PtyHandle) Error() *string { return h.ended().Error }

// ended gives the result where the end was seen, else an empty one.
func (h *PtyHandle) ended() *types.PtyResult {
	if !h.stream.Ended() {
		return &types.PtyResult{}
	}
	result, _ := h.Wait(context.Background())
	return result
}
