package api

import (
	"context"
	"encoding/json"
	"reflect"
	"runtime"
	"time"
	"unsafe"

	"github.com/ebitengine/purego"
	"github.com/libdaytona/libdaytona/bindings/go/errors"
)

// CallOptions are what every operation takes.
type CallOptions struct {
	// TimeoutMs: milliseconds until the library gives up; 0 is no limit. It wins over the context's deadline,
	// which still cancels.
	TimeoutMs *int64 `json:"timeoutMs,omitzero"`
}

// Time is a time as the server writes it, ISO 8601.
type Time string

// Target is what an operation acts on: a *Client or a *SandboxHandle.
type Target interface{ on() *target }

// Call runs any operation by its name, as one that a newer library has. Its JSON is read into T.
func Call[T any](ctx context.Context, on Target, operation string, arguments ...Argument) (T, error) {
	return call[T](ctx, on.on(), operation, nil, nil, arguments...)
}

// CallBytes runs an operation whose result is bytes or a text by its name.
func CallBytes(ctx context.Context, on Target, operation string, arguments ...Argument) ([]byte, error) {
	return bytes(ctx, on.on(), operation, nil, nil, arguments...)
}

// CallSandbox runs an operation whose result is a sandbox by its name.
func CallSandbox(ctx context.Context, on Target, operation string, arguments ...Argument) (*SandboxHandle, error) {
	return handle(ctx, on.on(), operation, nil, nil, arguments...)
}

// call runs an operation whose result is JSON.
func call[T any](ctx context.Context, on *target, operation string, body []byte, options any, arguments ...Argument) (T, error) {
	got, err := run(ctx, on, operation, body, options, arguments)
	return decode[T](operation, got, err)
}

func null(ctx context.Context, on *target, operation string, body []byte, options any, arguments ...Argument) error {
	_, err := run(ctx, on, operation, body, options, arguments)
	return err
}

func bytes(ctx context.Context, on *target, operation string, body []byte, options any, arguments ...Argument) ([]byte, error) {
	got, err := run(ctx, on, operation, body, options, arguments)
	return got.data, err
}

func text(ctx context.Context, on *target, operation string, body []byte, options any, arguments ...Argument) (string, error) {
	got, err := run(ctx, on, operation, body, options, arguments)
	return string(got.data), err
}

func handle(ctx context.Context, on *target, operation string, body []byte, options any, arguments ...Argument) (*SandboxHandle, error) {
	got, err := run(ctx, on, operation, body, options, arguments)
	return sandboxOf(on.client, operation, got, err)
}

// result is what a call gave: JSON or bytes, and the handle of an operation that makes one.
type result struct {
	data   []byte
	handle uint64
}

func decode[T any](operation string, got result, err error) (T, error) {
	var value T
	if err != nil {
		return value, err
	}
	if own, ok := any(&value).(json.Unmarshaler); ok && json.Valid(got.data) {
		err = own.UnmarshalJSON(got.data)
	} else {
		err = json.Unmarshal(got.data, &value)
	}
	if err != nil {
		return value, Misshapen(operation, err)
	}
	return value, nil
}

// Misshapen is the error of an answer that cannot be read, for a reason.
func Misshapen(operation string, reason error) error {
	return errors.Of(operation, "PROTOCOL", "the answer is JSON of another shape: "+reason.Error()+".")
}

// given is options without a nil pointer.
func given(options any) any {
	if options == nil || reflect.ValueOf(options).IsNil() {
		return nil
	}
	return options
}

// run runs an operation. The context's end cancels it as the operation describes; the error is then also the context's.
// The options' Progress is called by the calling goroutine.
func run(ctx context.Context, on *target, operation string, body []byte, options any, arguments []Argument) (result, error) {
	handle, err := on.handle(ctx, operation)
	if err != nil {
		return result{}, err
	}
	defer runtime.KeepAlive(on) // A sandbox that is collected closes its handle.
	options = given(options)
	params, err := write(operation, options, arguments)
	if err != nil {
		return result{}, err
	}
	var progress func(Progress)
	if reporting, ok := options.(interface{ reports() func(Progress) }); ok {
		progress = reporting.reports()
	}
	return on.client.run(ctx, handle, params, body, progress)
}

func (c *connection) run(ctx context.Context, target uint64, params *params, body []byte, progress func(Progress)) (result, error) {
	defer params.release()
	call, alone, err := c.pump.begin(ctx, c, params.operation, progress != nil)
	if err != nil {
		return result{}, err
	}
	defer c.pump.end(c, call)
	name, object := params.finish(ctx)
	if alone && ctx.Done() == nil && progress == nil {
		// Nothing but the closing of the client interrupts it, so its thread drives the library's work itself, which
		// costs half of what waiting for another one does. More at a time would each hold a thread.
		status, _, _ := purego.SyscallN(lib.call, uintptr(target), uintptr(name), uintptr(object),
			uintptr(unsafe.Pointer(unsafe.SliceData(body))), uintptr(len(body)), uintptr(unsafe.Pointer(&call.result)),
			uintptr(unsafe.Pointer(&call.taken)), uintptr(unsafe.Pointer(&call.length)))
		call.status = int32(status)
	} else {
		c.pump.expect()
		status, _, _ := purego.SyscallN(lib.submit, uintptr(target), uintptr(name), uintptr(object),
			uintptr(unsafe.Pointer(unsafe.SliceData(body))), uintptr(len(body)), uintptr(c.pump.queue), uintptr(call.slot),
			uintptr(unsafe.Pointer(&call.call)), uintptr(unsafe.Pointer(&call.out)))
		if err := failure(status, call.out); err != nil {
			c.pump.pending.Add(-1) // Nothing tells its end.
			return result{}, err
		}
		call.await(ctx, !params.until.IsZero(), progress)
	}
	if call.taken != nil {
		call.data = taken(call.taken, call.length)
	}
	if call.status != 0 {
		return result{}, interrupted(ctx, params.until, errors.FromJSON(int(call.status), call.data))
	}
	return result{call.data, call.result}, nil
}

// await waits for the call's completion. A call whose context is over is cancelled and then completes at once; where
// the deadline is its time limit, the library is given the time to keep that.
func (call *pending) await(ctx context.Context, limited bool, progress func(Progress)) {
	over := ctx.Done()
	var late <-chan time.Time
	for {
		select {
		case <-call.done:
			select {
			case report := <-call.progress:
				tell(progress, report)
			default:
			}
			return
		case report := <-call.progress:
			tell(progress, report)
			continue
		case <-over:
			over = nil
			if limited && ctx.Err() == context.DeadlineExceeded {
				late = time.After(time.Second)
				continue
			}
		case <-late:
		}
		purego.SyscallN(lib.cancel, uintptr(call.call))
	}
}

func tell(progress func(Progress), text []byte) {
	var report Progress
	if report.UnmarshalJSON(text) == nil {
		progress(report)
	}
}

// interrupted makes the error of a call that its context ended the context's error as well. The library's time limit,
// which is the context's deadline, may be over before that: a wait ends where its next look would be too late.
func interrupted(ctx context.Context, until time.Time, err *errors.DaytonaError) error {
	if err.Name != "CANCELLED" && err.Name != "TIMEOUT" {
		return err
	}
	cause := ctx.Err()
	if cause == nil && !until.IsZero() && time.Until(until) < time.Second {
		cause = context.DeadlineExceeded
	}
	return errors.EndedBy(cause, err)
}
