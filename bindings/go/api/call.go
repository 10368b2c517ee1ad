package api

import (
	"context"
	"encoding/json"
	"io"
	"reflect"
	"time"

	"github.com/libdaytona/libdaytona/bindings/go/errors"
	"github.com/libdaytona/libdaytona/bindings/go/internal/native"
)

// CallOptions are what every operation takes.
type CallOptions struct {
	// TimeoutMs: milliseconds until the library gives up; 0 is no limit. It wins over the context's deadline,
	// which still cancels.
	TimeoutMs *int64 `json:"timeoutMs,omitzero"`
}

// StreamOptions are what every stream takes.
type StreamOptions struct {
	// BufferBytes: how much may wait unread before the stream's socket is paused; at least 64 KiB. Default: 4 MiB.
	BufferBytes int64 `json:"-"`
	CallOptions
}

func (o *StreamOptions) buffer() int64 { return o.BufferBytes }

// Time is a time as the server writes it, ISO 8601.
type Time string

// Nothing is the JSON of what has none.
type Nothing struct{}

// UnmarshalJSON takes anything.
func (*Nothing) UnmarshalJSON([]byte) error { return nil }

// MarshalJSON writes null.
func (Nothing) MarshalJSON() ([]byte, error) { return []byte("null"), nil }

// Argument is a parameter of a call by name.
type Argument struct {
	name    string
	text    string
	integer int64
	value   any
	kind    argumentKind
}

type argumentKind uint8

const (
	isText argumentKind = iota
	isInteger
	isValue
	isMembers
	isAbsent
)

// Text is a text, which has to be UTF-8.
func Text(name, value string) Argument { return Argument{name: name, text: value} }

// Integer is an integer.
func Integer(name string, value int64) Argument {
	return Argument{name: name, integer: value, kind: isInteger}
}

// Milliseconds is a length of time, rounded away from zero, so that no limit becomes 0, which is none.
func Milliseconds(name string, value time.Duration) Argument {
	return Integer(name, native.Milliseconds(value))
}

// Value is anything that encoding/json writes.
func Value(name string, value any) Argument { return Argument{name: name, value: value, kind: isValue} }

// Members are the members of a struct or map, each a parameter; a nil pointer has none.
func Members(values any) Argument { return Argument{value: values, kind: isMembers} }

// Optional is a value, or nothing where it is nil, or an empty text.
func Optional(name string, value any) Argument {
	switch it := value.(type) {
	case nil:
	case string:
		if it != "" {
			return Text(name, it)
		}
	case *string:
		if it != nil {
			return Text(name, *it)
		}
	case *int:
		if it != nil {
			return Integer(name, int64(*it))
		}
	default:
		if !reflect.ValueOf(value).IsZero() {
			return Value(name, value)
		}
	}
	return Argument{kind: isAbsent}
}

func write[O any](options *O, arguments []Argument) *native.Params {
	params := native.NewParams()
	for i := range arguments {
		switch it := &arguments[i]; it.kind {
		case isText:
			params.Text(it.name, it.text)
		case isInteger:
			params.Integer(it.name, it.integer)
		case isValue:
			params.Value(it.name, it.value)
		case isMembers:
			params.Members(it.value)
		}
	}
	if options != nil {
		params.Members(options)
	}
	return params
}

func run[O any](ctx context.Context, on target, operation string, body []byte, options *O, arguments []Argument) (native.Result, error) {
	handle, err := on.handle(ctx)
	if err != nil {
		return native.Result{}, err
	}
	var progress func([]byte)
	if options != nil {
		if reports, ok := any(options).(interface{ reports() func(Progress) }); ok && reports.reports() != nil {
			progress = func(text []byte) {
				var report Progress
				if report.UnmarshalJSON(text) == nil {
					reports.reports()(report)
				}
			}
		}
	}
	return on.native().Call(ctx, handle, operation, write(options, arguments), body, progress)
}

// call runs an operation whose result is JSON.
func call[T, O any](ctx context.Context, on target, operation string, body []byte, options *O, arguments ...Argument) (T, error) {
	result, err := run(ctx, on, operation, body, options, arguments)
	if err != nil {
		var none T
		return none, err
	}
	return decode[T](operation, result.Data)
}

func decode[T any](operation string, data []byte) (T, error) {
	var value T
	var err error
	if own, ok := any(&value).(json.Unmarshaler); ok {
		err = own.UnmarshalJSON(data)
	} else {
		err = json.Unmarshal(data, &value)
	}
	if err != nil {
		failure := errors.New("PROTOCOL", operation+" was answered with JSON of another shape: "+err.Error()+".")
		failure.Operation = operation
		return value, failure
	}
	return value, nil
}

func null[O any](ctx context.Context, on target, operation string, body []byte, options *O, arguments ...Argument) error {
	_, err := run(ctx, on, operation, body, options, arguments)
	return err
}

func bytes[O any](ctx context.Context, on target, operation string, body []byte, options *O, arguments ...Argument) ([]byte, error) {
	result, err := run(ctx, on, operation, body, options, arguments)
	return result.Data, err
}

func text[O any](ctx context.Context, on target, operation string, body []byte, options *O, arguments ...Argument) (string, error) {
	result, err := run(ctx, on, operation, body, options, arguments)
	return string(result.Data), err
}

func handle[O any](ctx context.Context, on target, operation string, body []byte, options *O, arguments ...Argument) (*SandboxHandle, error) {
	result, err := run(ctx, on, operation, body, options, arguments)
	if err != nil {
		return nil, err
	}
	return sandboxOf(on, operation, result)
}

// sandboxOf makes a sandbox of a handle and its JSON.
func sandboxOf(on target, operation string, result native.Result) (*SandboxHandle, error) {
	box := &sandboxTarget{client: on.native()}
	box.hold(result.Handle)
	info, err := decode[Sandbox](operation, result.Data)
	if err != nil {
		return nil, err
	}
	return attached(box, info), nil
}

// Target is what an operation acts on: a *Client or a *SandboxHandle.
type Target interface{ on() target }

func (c *Client) on() target        { return c.target }
func (s *SandboxHandle) on() target { return s.target }

// Call runs any operation by its name, as one that a newer library has. Its JSON is read into T.
func Call[T any](ctx context.Context, on Target, operation string, arguments ...Argument) (T, error) {
	return call[T, CallOptions](ctx, on.on(), operation, nil, nil, arguments...)
}

// CallBytes runs an operation whose result is bytes or a text by its name.
func CallBytes(ctx context.Context, on Target, operation string, arguments ...Argument) ([]byte, error) {
	return bytes[CallOptions](ctx, on.on(), operation, nil, nil, arguments...)
}

// CallSandbox runs an operation whose result is a sandbox by its name.
func CallSandbox(ctx context.Context, on Target, operation string, arguments ...Argument) (*SandboxHandle, error) {
	return handle[CallOptions](ctx, on.on(), operation, nil, nil, arguments...)
}

// OpenStream opens the stream of an operation by its name.
func OpenStream[O, E any](ctx context.Context, on Target, operation string, arguments ...Argument) (*Stream[O, E], error) {
	return stream[O, E, StreamOptions](ctx, on.on(), operation, nil, arguments...)
}

// Stream is an open stream: O came when it was open, E comes when it ends. It is read by one goroutine at a
// time. A stream that nobody closes ends with its client.
type Stream[O, E any] struct {
	// Opened is what came when the stream was open.
	Opened    O
	stream    *native.Stream
	on        target
	operation string
}

// Chunk is a piece of a stream.
type Chunk struct {
	// Channel says what it is a piece of.
	Channel Channel
	// Position is where to resume behind it.
	Position uint64
	// Bytes are valid until the next reading.
	Bytes []byte
}

// Channel tells the pieces of a stream apart.
type Channel int32

// The channels.
const (
	ChannelNone       Channel = 0
	ChannelStdout     Channel = 1
	ChannelStderr     Channel = 2
	ChannelStructured Channel = 3
)

func stream[O, E, P any](ctx context.Context, on target, operation string, options *P, arguments ...Argument) (*Stream[O, E], error) {
	handle, err := on.handle(ctx)
	if err != nil {
		return nil, err
	}
	buffer := int64(0)
	if options != nil {
		if with, ok := any(options).(interface{ buffer() int64 }); ok {
			buffer = with.buffer()
		}
	}
	open, err := on.native().OpenStream(ctx, handle, operation, write(options, arguments), buffer)
	if err != nil {
		return nil, err
	}
	opened, err := decode[O](operation, open.Opened())
	if err != nil {
		open.Close()
		return nil, err
	}
	return &Stream[O, E]{opened, open, on, operation}, nil
}

// Next gives the next piece; io.EOF after a good end.
func (s *Stream[O, E]) Next(ctx context.Context) (Chunk, error) {
	data, err := s.stream.Next(ctx)
	return Chunk{Channel(data.Channel), data.Position, data.Bytes}, err
}

// All gives every piece in a range loop; a failure comes as the last one's error.
func (s *Stream[O, E]) All(ctx context.Context) func(yield func(Chunk, error) bool) {
	return func(yield func(Chunk, error) bool) {
		for {
			chunk, err := s.Next(ctx)
			if err == io.EOF || !yield(chunk, err) || err != nil {
				return
			}
		}
	}
}

// Read reads the bytes of all channels.
func (s *Stream[O, E]) Read(to []byte) (int, error) { return s.stream.Read(to) }

// Write sends bytes; it waits while the other side takes none.
func (s *Stream[O, E]) Write(data []byte) (int, error) { return s.stream.Write(data) }

// WriteContext is Write, until a context is over.
func (s *Stream[O, E]) WriteContext(ctx context.Context, data []byte) (int, error) {
	return s.stream.WriteContext(ctx, data)
}

// Finish says that no more will be written; the stream's end follows.
func (s *Stream[O, E]) Finish() error { return s.stream.Finish() }

// Wait waits for the end and gives what came with it, as often as it is called. Where nothing was read of the
// stream its data is dropped; else it has to be read to the end, by whoever reads it.
func (s *Stream[O, E]) Wait(ctx context.Context) (E, error) {
	result, err := s.stream.Wait(ctx)
	if err != nil {
		var none E
		return none, err
	}
	return decode[E](s.operation, result.Data)
}

// WaitSandbox is Wait of a stream that makes a sandbox.
func (s *Stream[O, E]) WaitSandbox(ctx context.Context) (*SandboxHandle, error) {
	result, err := s.stream.Wait(ctx)
	if err != nil {
		return nil, err
	}
	return sandboxOf(s.on, s.operation, result)
}

// Ended says whether the end was read.
func (s *Stream[O, E]) Ended() bool { return s.stream.Ended() }

// Close ends the stream, its remote side where it can.
func (s *Stream[O, E]) Close() error { return s.stream.Close() }
