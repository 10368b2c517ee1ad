package api

import (
	"context"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"time"
	"unsafe"

	"github.com/libdaytona/libdaytona/bindings/go/errors"
)

// bytes are the event's data, which the library keeps only until the next reading of the queue.
func (e *event) bytes() []byte { return unsafe.Slice(e.data, e.len) }

// Results from this size on are moved out of the library and copied by the caller that waits for them.
const largeBytes = 64 << 10

// pump is the one queue of all calls of the process and the goroutine that reads it. It completes calls and runs no
// code of users. Its goroutine does not lock its thread: with cgo on, one that called through purego and ends
// locked takes the process down. It waits in the library only while a call is pending: whoever waits there drives the
// library's work, and a blocking call next to it would have to wake it for each step.
type pump struct {
	queue uint64
	over  chan struct{}

	pending atomic.Int64  // calls that were submitted and have not told their end
	begun   chan struct{} // has one where there was none before

	mu    sync.Mutex
	calls []*pending // by user_data
	free  []*pending
}

// pending is a call that is under way.
type pending struct {
	slot int
	done chan struct{}
	params
	target  uint64
	alone   bool          // the only one of its client when it began
	call    uint64        // until its end was seen
	reports chan Progress // where there is `progress`: the newest

	status int32
	result
	taken  unsafe.Pointer // data that was moved out of the library
	length int
}

func startPump() (*pump, error) {
	p := &pump{over: make(chan struct{}), begun: make(chan struct{}, 1)}
	if err := daytonaQueueOpen(nil, &p.queue); err != nil {
		return nil, err
	}
	go p.run()
	return p, nil
}

// stop shuts the library down, and with it the queue.
func (p *pump) stop(limit time.Duration) error {
	status := daytonaShutdown(limit.Milliseconds())
	daytonaClose(p.queue)
	p.expect() // Its goroutine sees that the queue is closed.
	<-p.over
	if status == statusTimeout {
		return errors.New("TIMEOUT", "What closing began in the background, as the end of a command, did not end in time.")
	}
	return failure(status, nil)
}

func (p *pump) run() {
	defer close(p.over)
	events := make([]event, 64)
	var count int
	for {
		for p.pending.Load() == 0 {
			<-p.begun
		}
		status := daytonaQueueNext(p.queue, &events[0], len(events), -1, &count)
		if status != 0 && status != statusTimeout {
			return
		}
		p.mu.Lock()
		calls := p.calls
		p.mu.Unlock()
		for i := range events[:count] {
			p.complete(&events[i], calls[events[i].userData])
		}
		// Whoever was woken submits again first: the next batch is a large one.
		runtime.Gosched()
	}
}

func (p *pump) complete(event *event, call *pending) {
	switch {
	case event.kind == kindProgress && call.reports != nil:
		var report Progress
		report.UnmarshalJSON(event.bytes())
		select {
		case <-call.reports: // an older one
		default:
		}
		call.reports <- report
	case event.kind == kindDone:
		p.pending.Add(-1)
		call.status, call.handle, call.length = event.status, event.result, int(event.len)
		if event.len >= largeBytes {
			daytonaEventTake(event, &call.taken)
		} else {
			call.data = slices.Clone(event.bytes())
		}
		call.done <- struct{}{}
	}
}

// begin makes a call, unless its target or client is closed or the context over.
func (t *target) begin(ctx context.Context, operation string) (*pending, error) {
	handle, err := t.handle(ctx, operation)
	if err != nil {
		return nil, err
	}
	if ctx.Err() != nil {
		return nil, errors.OfContext(ctx, operation, "before anything was sent")
	}
	c, p := t.client, t.client.pump
	p.mu.Lock()
	defer p.mu.Unlock()
	if c.streams == nil {
		return nil, closedError(operation, "client")
	}
	if len(p.free) == 0 {
		call := &pending{slot: len(p.calls), done: make(chan struct{}, 1), params: params{text: make([]byte, 0, 512)}}
		p.calls, p.free = append(p.calls, call), append(p.free, call)
	}
	call := p.free[len(p.free)-1]
	p.free = p.free[:len(p.free)-1]
	c.under++
	call.target, call.alone = handle, c.under == 1
	return call, nil
}

// expect has the completion of a call waited for.
func (p *pump) expect() {
	if p.pending.Add(1) == 1 {
		select {
		case p.begun <- struct{}{}:
		default:
		}
	}
}

// end frees a call that is over, also where a function of its options panicked. Until then the target is not collected,
// which would close its handle.
func (t *target) end(call *pending) {
	if call.call != 0 {
		daytonaCancel(call.call)
		select {
		case <-call.done:
		case <-t.client.pump.over:
		}
	}
	text := call.text[:0]
	if cap(text) > 4<<10 {
		text = nil // A long one is not kept.
	}
	*call = pending{slot: call.slot, done: call.done, params: params{text: text}}
	c, p := t.client, t.client.pump
	p.mu.Lock()
	p.free = append(p.free, call)
	c.under--
	c.fewer.Broadcast()
	p.mu.Unlock()
}

// count takes a call that is in a function of its options out of those under way, and in again.
func (c *connection) count(calls int) {
	c.pump.mu.Lock()
	defer c.pump.mu.Unlock()
	c.under += calls
	c.fewer.Broadcast()
}

func closedError(operation, what string) error {
	return errors.Of(operation, "CLOSED", "the "+what+" is closed.")
}
