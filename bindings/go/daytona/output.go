package daytona

import (
	"context"
	"encoding/json"
	stderrors "errors"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/libdaytona/libdaytona/bindings/go/api"
	"github.com/libdaytona/libdaytona/bindings/go/errors"
	"github.com/libdaytona/libdaytona/bindings/go/options"
	"github.com/libdaytona/libdaytona/bindings/go/types"
)

// decoder makes text of pieces of UTF-8, whose characters may be cut anywhere.
type decoder struct{ held []byte }

func (d *decoder) text(piece []byte) string {
	all := append(d.held, piece...)
	whole := len(all)
	for back := 1; back <= 3 && back <= len(all); back++ {
		if first := all[len(all)-back]; utf8.RuneStart(first) {
			if first >= utf8.RuneSelf && !utf8.FullRune(all[len(all)-back:]) {
				whole -= back
			}
			break
		}
	}
	text := string(all[:whole])
	d.held = append([]byte(nil), all[whole:]...)
	return text
}

func (d *decoder) rest() string {
	text := string(d.held)
	d.held = nil
	return text
}

// outlet is a channel of text that never waits for its reader: what the reader is behind is joined to one last
// message, for which there is always room. So nothing has to be read, and nothing is lost.
type outlet[T any] struct {
	to      chan T
	late    strings.Builder
	between string
	of      func(text string) T
}

const outletMessages = 1024

func newOutlet[T any](between string, of func(string) T) *outlet[T] {
	return &outlet[T]{to: make(chan T, outletMessages+1), between: between, of: of}
}

// put gives text to the reader; it is called by one goroutine, and with "" when time has passed.
func (o *outlet[T]) put(text string) {
	if o.late.Len() > 0 && text != "" {
		o.late.WriteString(o.between)
	}
	o.late.WriteString(text)
	if len(o.to) < outletMessages && o.late.Len() > 0 {
		o.to <- o.of(o.late.String())
		o.late.Reset()
	}
}

func (o *outlet[T]) close() {
	if o.late.Len() > 0 {
		o.to <- o.of(o.late.String())
	}
	close(o.to)
}

// Text that is joined because its reader was behind is looked after this often.
const lateAfter = 100 * time.Millisecond

// OutputChannels is a run of code. All four channels are closed at its end, after Done has the result. None of
// them has to be read.
type OutputChannels struct {
	Stdout <-chan *types.OutputMessage
	Stderr <-chan *types.OutputMessage
	Errors <-chan *types.ExecutionError
	Done   <-chan *types.ExecutionResult
}

// RunCode begins to run Python, in the default context or one of its own. A run that fails for another reason than
// the code has that as its result's Error.
func (s *CodeInterpreterService) RunCode(ctx context.Context, code string, opts ...func(*options.RunCode)) (*OutputChannels, error) {
	o := options.Apply(opts...)
	stream, err := api.OpenStream[api.InterpreterOpened, api.InterpreterEnded](ctx, s.on, "interpreter.run",
		api.Text("code", code), api.Optional("contextId", o.ContextID), api.Optional("env", o.Env), seconds("timeout", o.Timeout))
	if err != nil {
		return nil, err
	}
	message := func(kind string) func(string) *types.OutputMessage {
		return func(text string) *types.OutputMessage { return &types.OutputMessage{Type: kind, Text: text} }
	}
	stdout, stderr := newOutlet("", message("stdout")), newOutlet("", message("stderr"))
	faults, done := make(chan *types.ExecutionError, 2), make(chan *types.ExecutionResult, 1)
	go func() {
		defer stream.Close()
		result := &types.ExecutionResult{}
		var all [2]strings.Builder
		var decoders [2]decoder
		outlets := [2]*outlet[*types.OutputMessage]{stdout, stderr}
		for {
			chunk, err := nextOrLate(ctx, stream, stdout.late.Len()+stderr.late.Len() > 0)
			if stderrors.Is(err, errLate) {
				stdout.put("")
				stderr.put("")
				continue
			}
			if err != nil {
				break
			}
			if chunk.Channel == api.ChannelStructured {
				result.Error = &types.ExecutionError{}
				if json.Unmarshal(chunk.Bytes, result.Error) == nil {
					faults <- result.Error
				}
				continue
			}
			at := 0
			if chunk.Channel == api.ChannelStderr {
				at = 1
			}
			text := decoders[at].text(chunk.Bytes)
			all[at].WriteString(text)
			outlets[at].put(text)
		}
		for at := range outlets {
			rest := decoders[at].rest()
			all[at].WriteString(rest)
			outlets[at].put(rest)
			outlets[at].close()
		}
		if _, err := stream.Wait(ctx); err != nil && result.Error == nil {
			result.Error = &types.ExecutionError{Name: "DaytonaError", Value: err.Error()}
			var failure *errors.DaytonaError
			if stderrors.As(err, &failure) && failure.Class() != "" {
				result.Error.Name = "Daytona" + failure.Class() + "Error"
			}
			faults <- result.Error
		}
		close(faults)
		result.Stdout, result.Stderr = all[0].String(), all[1].String()
		done <- result
		close(done)
	}()
	return &OutputChannels{stdout.to, stderr.to, faults, done}, nil
}

var errLate = stderrors.New("time has passed")

// nextOrLate is the stream's next piece, or errLate where text waits for its reader and nothing came.
func nextOrLate[O, E any](ctx context.Context, stream *api.Stream[O, E], late bool) (api.Chunk, error) {
	if !late {
		return stream.Next(ctx)
	}
	soon, cancel := context.WithTimeout(ctx, lateAfter)
	defer cancel()
	chunk, err := stream.Next(soon)
	if err != nil && soon.Err() != nil && ctx.Err() == nil && stderrors.Is(err, context.DeadlineExceeded) {
		return chunk, errLate
	}
	return chunk, err
}

// lines gives a stream's output to a channel, line by line.
func lines[O, E any](ctx context.Context, stream *api.Stream[O, E], to chan<- string) error {
	send := func(line string) error {
		select {
		case to <- strings.TrimRight(line, "\r"):
			return nil
		case <-ctx.Done():
			return over(ctx)
		}
	}
	var text decoder
	held := ""
	for chunk, err := range stream.All(ctx) {
		if err != nil {
			return err
		}
		held += text.text(chunk.Bytes)
		for {
			line, rest, found := strings.Cut(held, "\n")
			if !found {
				break
			}
			if err := send(line); err != nil {
				return err
			}
			held = rest
		}
	}
	if held += text.rest(); held != "" {
		return send(held)
	}
	return nil
}
