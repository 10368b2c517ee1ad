package api

import (
	"context"
	"encoding/json"
	stderrors "errors"
	"time"
	"unsafe"

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
	got, err := run(ctx, on.on(), operation, arguments)
	return decode[T](operation, got, err)
}

// CallNull runs an operation without a result by its name.
func CallNull(ctx context.Context, on Target, operation string, arguments ...Argument) error {
	_, err := run(ctx, on.on(), operation, arguments)
	return err
}

// CallBytes runs an operation whose result is bytes or a text by its name.
func CallBytes(ctx context.Context, on Target, operation string, arguments ...Argument) ([]byte, error) {
	got, err := run(ctx, on.on(), operation, arguments)
	return got.data, err
}

// CallSandbox runs an operation whose result is a sandbox by its name.
func CallSandbox(ctx context.Context, on Target, operation string, arguments ...Argument) (*SandboxHandle, error) {
	got, err := run(ctx, on.on(), operation, arguments)
	got.made = held(on.on().client, got.handle)
	return sandboxOf(operation, got, err)
}

// result is what a call gave: JSON or bytes, and the handle of an operation that makes one.
type result struct {
	data   []byte
	handle uint64
	made   *target // what holds the handle
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

// run runs an operation. The context's end cancels it as the operation describes; the error is then also the context's.
// The options' Progress is called by the calling goroutine.
func run(ctx context.Context, on *target, operation string, arguments []Argument) (result, error) {
	call, err := on.begin(ctx, operation)
	if err != nil {
		return result{}, err
	}
	defer on.end(call)
	if err := call.write(ctx, operation, arguments); err != nil {
		return result{}, err
	}
	c, body := on.client, unsafe.SliceData(call.body)
	if call.alone && ctx.Done() == nil && call.progress == nil {
		// Nothing but the closing of the client interrupts it, so its thread drives the library's work itself, which
		// costs half of what waiting for another one does. More at a time would each hold a thread.
		call.status = daytonaCall(call.target, call.name, call.object, body, len(call.body), &call.handle, &call.taken, &call.length)
	} else {
		if report := call.progress; report != nil {
			call.reports = make(chan Progress, 1)
			call.progress = func(is Progress) { // It may close the client, which waits for what is counted.
				c.count(-1)
				defer c.count(1)
				report(is)
			}
		}
		c.pump.expect()
		err := daytonaSubmit(call.target, call.name, call.object, body, len(call.body), c.pump.queue, uint64(call.slot), &call.call)
		if err != nil {
			c.pump.pending.Add(-1) // Nothing tells its end.
			return result{}, c.failure(operation, err)
		}
		if !call.await(ctx, c.pump.over) {
			return result{}, closedError(operation, "client")
		}
	}
	if call.taken != nil {
		call.data = taken(call.taken, call.length)
	}
	if call.status != 0 {
		return result{}, c.failure(operation, interrupted(ctx, call.until, errors.FromJSON(int(call.status), call.data)))
	}
	return call.result, nil
}

// failure is CLOSED where the client was closed before the library saw the call.
func (c *connection) failure(operation string, err error) error {
	c.pump.mu.Lock()
	defer c.pump.mu.Unlock()
	if c.streams == nil && stderrors.Is(err, errors.ErrInvalidHandle) {
		return closedError(operation, "client")
	}
	return err
}

// await waits for the call's completion. A call whose context is over is cancelled and then completes at once; where
// the deadline is its time limit, the library is given the time to keep that. It is false where the queue was closed
// before, as by the call's Progress.
func (call *pending) await(ctx context.Context, closed <-chan struct{}) bool {
	over := ctx.Done()
	var late <-chan time.Time
	for {
		select {
		case <-call.done:
			call.call = 0
			select {
			case report := <-call.reports:
				call.progress(report)
			default:
			}
			return true
		case <-closed:
			call.call = 0
			return false
		case report := <-call.reports:
			call.progress(report)
			continue
		case <-over:
			over = nil
			if !call.until.IsZero() && ctx.Err() == context.DeadlineExceeded {
				late = time.After(time.Second)
				continue
			}
		case <-late:
		}
		daytonaCancel(call.call)
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
	if err.Name == "CANCELLED" && cause == context.DeadlineExceeded {
		err.Message = "the context's deadline has passed: " + err.Message
	}
	return errors.EndedBy(cause, err)
}
