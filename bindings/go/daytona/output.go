package daytona

import (
	"bufio"
	"context"
	"encoding/json"
	stderrors "errors"
	"iter"
	"math"
	"strings"
	"sync"
	"time"
	"unicode/utf8"

	"github.com/libdaytona/libdaytona/bindings/go/api"
	"github.com/libdaytona/libdaytona/bindings/go/errors"
	"github.com/libdaytona/libdaytona/bindings/go/options"
	"github.com/libdaytona/libdaytona/bindings/go/types"
)

// texts gives a stream's output as whole characters, which its pieces may cut anywhere.
func texts(pieces iter.Seq2[api.Chunk, error], each func(channel api.Channel, text string) error) error {
	held := map[api.Channel][]byte{}
	for chunk, err := range pieces {
		if err != nil {
			return err
		}
		all := append(held[chunk.Channel], chunk.Bytes...)
		last, whole := len(all)-1, len(all)
		for last > 0 && len(all)-last < utf8.UTFMax && !utf8.RuneStart(all[last]) {
			last--
		}
		if !utf8.FullRune(all[last:]) {
			whole = last
		}
		text := string(all[:whole])
		held[chunk.Channel] = append(all[:0], all[whole:]...)
		if text == "" {
			continue
		}
		if err := each(chunk.Channel, text); err != nil {
			return err
		}
	}
	for channel, rest := range held {
		if len(rest) > 0 {
			if err := each(channel, string(rest)); err != nil {
				return err
			}
		}
	}
	return nil
}

// lines gives a stream's output line by line.
func lines[O, E any](ctx context.Context, stream *api.Stream[O, E], each func(line string) error) error {
	scanner := bufio.NewScanner(readerFunc(func(to []byte) (int, error) { return stream.ReadContext(ctx, to) }))
	scanner.Buffer(nil, math.MaxInt)
	for scanner.Scan() {
		if err := each(scanner.Text()); err != nil {
			return err
		}
	}
	return scanner.Err()
}

type readerFunc func(to []byte) (int, error)

func (f readerFunc) Read(to []byte) (int, error) { return f(to) }

// send gives an operation's text to a channel, until the context is over.
func send(ctx context.Context, operation string, to chan<- string, text string) error {
	select {
	case to <- text:
		return nil
	case <-ctx.Done():
		return errors.OfContext(ctx, operation, "before its output was read")
	}
}

// outlet is a channel of text that never waits for its reader: what the reader is behind is joined to one last
// message, for which there is always room. So nothing has to be read, and nothing is lost.
type outlet[T any] struct {
	to   chan T
	of   func(text string) T
	late *time.Timer // looks after text that is in no message

	mu    sync.Mutex
	all   strings.Builder // every text, once
	given int             // how much of it is in messages
}

const (
	outletMessages = 1024
	// Text that is joined because its reader was behind is looked after this often.
	lateAfter = 100 * time.Millisecond
)

func newOutlet[T any](of func(string) T) *outlet[T] {
	o := &outlet[T]{to: make(chan T, outletMessages+1), of: of}
	o.late = time.AfterFunc(lateAfter, func() { o.put("") })
	return o
}

// put gives text to the reader, as a message with all that is in none, unless the reader is behind; then it looks again.
func (o *outlet[T]) put(text string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.all.WriteString(text)
	switch late := o.all.String()[o.given:]; {
	case late == "":
	case len(o.to) < outletMessages:
		o.to <- o.of(strings.Clone(late)) // Else it would keep what `all` had before it grew.
		o.given += len(late)
	default:
		o.late.Reset(lateAfter)
	}
}

// close gives what is left, and returns all of the text.
func (o *outlet[T]) close() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	all := o.all.String()
	if late := all[o.given:]; late != "" {
		o.to <- o.of(late)
		o.given = len(all)
	}
	close(o.to)
	return all
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
	message := func(kind string) *outlet[*types.OutputMessage] {
		return newOutlet(func(text string) *types.OutputMessage { return &types.OutputMessage{Type: kind, Text: text} })
	}
	stdout, stderr := message("stdout"), message("stderr")
	faults, done := make(chan *types.ExecutionError, 1), make(chan *types.ExecutionResult, 1)
	go func() {
		defer stream.Close()
		result := &types.ExecutionResult{}
		texts(stream.All(ctx), func(channel api.Channel, text string) error {
			switch channel {
			case api.ChannelStructured:
				result.Error = &types.ExecutionError{}
				json.Unmarshal([]byte(text), result.Error)
			case api.ChannelStderr:
				stderr.put(text)
			default:
				stdout.put(text)
			}
			return nil
		})
		result.Stdout, result.Stderr = stdout.close(), stderr.close()
		var failure *errors.DaytonaError
		if _, err := stream.Wait(ctx); stderrors.As(err, &failure) && result.Error == nil {
			result.Error = &types.ExecutionError{Name: "Daytona" + failure.Class() + "Error", Value: err.Error()}
		}
		if result.Error != nil {
			faults <- result.Error
		}
		close(faults)
		done <- result
		close(done)
	}()
	return &OutputChannels{stdout.to, stderr.to, faults, done}, nil
}

// Create makes a snapshot. It answers when the snapshot is begun; the channel has its build log, line by line, and is
// closed when the snapshot is active or has failed, which the last line then says. It does not have to be read.
// The context bounds the build.
func (s *SnapshotService) Create(ctx context.Context, params *types.CreateSnapshotParams) (*types.Snapshot, <-chan string, error) {
	stream, err := api.OpenStream[*types.Snapshot, api.Snapshot](ctx, s.on, "snapshot.create", api.Members(params))
	if err != nil {
		return nil, nil, err
	}
	log := newOutlet(func(text string) string { return strings.TrimSuffix(text, "\n") })
	go func() {
		defer stream.Close()
		defer log.close()
		err := lines(ctx, stream, func(line string) error {
			log.put(line + "\n")
			return nil
		})
		if err == nil {
			_, err = stream.Wait(ctx)
		}
		if err != nil {
			log.put(err.Error())
		}
	}()
	return stream.Opened, log.to, nil
}
