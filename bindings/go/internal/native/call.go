package native

import (
	"context"
	"time"
	"unsafe"

	"github.com/ebitengine/purego"
	"github.com/libdaytona/libdaytona/bindings/go/errors"
)

// Result is what a call gave: JSON or bytes, and the handle of an operation that makes one.
type Result struct {
	Data   []byte
	Handle uint64
}

// Call runs an operation on a client's or a sandbox's handle. The context's end cancels it as the operation
// describes; the error is then also the context's.
//
// progress, where it is not nil, is called by the calling goroutine with {"bytes", "total"} as JSON.
func (c *Client) Call(ctx context.Context, target uint64, operation string, params *Params, body []byte, progress func([]byte)) (Result, error) {
	defer params.release()
	if params.err != nil {
		params.err.Operation = operation
		return Result{}, params.err
	}
	if ctx.Err() != nil {
		return Result{}, interrupted(ctx, errors.New("CANCELLED", operation+": the context was over before anything was sent."))
	}
	alone, err := c.begin(operation)
	if err != nil {
		return Result{}, err
	}
	defer c.end()
	if alone && ctx.Done() == nil && progress == nil {
		return c.block(target, operation, params, body)
	}

	call := pendings.Get().(*pending)
	if progress != nil {
		call.progress = make(chan []byte, 1)
	}
	c.pump.enter(call)
	name, json := params.finish(ctx, operation)
	status, _, _ := purego.SyscallN(c.lib.submit, uintptr(target), uintptr(name), uintptr(json),
		uintptr(unsafe.Pointer(unsafe.SliceData(body))), uintptr(len(body)), uintptr(c.pump.queue), uintptr(call.slot),
		uintptr(unsafe.Pointer(&call.call)), uintptr(unsafe.Pointer(&call.out)))
	if int32(status) != 0 {
		err = c.lib.failure(int32(status), call.out)
		c.pump.refuse()
		c.release(call)
		return Result{}, err
	}
	c.await(ctx, call, progress)

	data, result := call.data, Result{Handle: call.result}
	if call.taken != nil {
		data = c.lib.text(call.taken, call.length)
	}
	failed := int(call.status)
	c.release(call)
	if failed != 0 {
		return Result{}, interrupted(ctx, errors.FromJSON(failed, data))
	}
	result.Data = data
	return result, nil
}

// block runs a call that nothing can interrupt but the closing of the client, and that is the only one: its thread
// drives the library's work itself, which costs half of what waiting for another one does. More at a time would each
// hold a thread.
func (c *Client) block(target uint64, operation string, params *Params, body []byte) (Result, error) {
	var is struct {
		handle uint64
		out    unsafe.Pointer
		length uintptr
	}
	name, json := params.finish(context.Background(), operation)
	status, _, _ := purego.SyscallN(c.lib.call, uintptr(target), uintptr(name), uintptr(json),
		uintptr(unsafe.Pointer(unsafe.SliceData(body))), uintptr(len(body)), uintptr(unsafe.Pointer(&is.handle)),
		uintptr(unsafe.Pointer(&is.out)), uintptr(unsafe.Pointer(&is.length)))
	data := c.lib.text(is.out, int(is.length))
	if int32(status) != 0 {
		return Result{}, errors.FromJSON(int(int32(status)), data)
	}
	return Result{data, is.handle}, nil
}

// await waits for the call's completion. A call whose context is cancelled is cancelled and then completes at
// once; one whose deadline passed has its own time limit, which the library keeps.
func (c *Client) await(ctx context.Context, call *pending, progress func([]byte)) {
	over := ctx.Done()
	var late <-chan time.Time
	for {
		select {
		case <-call.done:
			if progress != nil {
				select {
				case report := <-call.progress:
					progress(report)
				default:
				}
			}
			return
		case report := <-call.progress:
			progress(report)
		case <-over:
			over = nil
			if ctx.Err() == context.DeadlineExceeded {
				late = time.After(time.Second)
				continue
			}
			purego.SyscallN(c.lib.cancel, uintptr(call.call))
		case <-late:
			purego.SyscallN(c.lib.cancel, uintptr(call.call))
		}
	}
}

func (c *Client) release(call *pending) {
	c.pump.leave(call)
	*call = pending{done: call.done}
	pendings.Put(call)
}

// interrupted makes the error of a call that its context ended the context's error as well. The library's time limit
// may be over an instant before the context's own timer was run.
func interrupted(ctx context.Context, err *errors.DaytonaError) error {
	if err.Name != "CANCELLED" && err.Name != "TIMEOUT" {
		return err
	}
	err.Cause = ctx.Err()
	if at, ok := ctx.Deadline(); ok && err.Cause == nil && time.Until(at) < 2*time.Millisecond {
		err.Cause = context.DeadlineExceeded
	}
	return err
}

// deadline gives the milliseconds until the context's deadline, rounded up.
func deadline(ctx context.Context) (int64, bool) {
	at, ok := ctx.Deadline()
	if !ok {
		return 0, false
	}
	return Milliseconds(max(time.Until(at), 1)), true
}

// Milliseconds rounds away from zero, so that no limit becomes 0, which is none.
func Milliseconds(limit time.Duration) int64 {
	whole := limit.Milliseconds()
	switch rest := limit % time.Millisecond; {
	case rest > 0:
		return whole + 1
	case rest < 0:
		return whole - 1
	}
	return whole
}
