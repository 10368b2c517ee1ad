package native

import (
	"runtime"
	"sync"
	"time"
	"unsafe"

	"github.com/ebitengine/purego"
)

// The kinds of events, and the statuses that the package itself looks at.
const (
	kindDone     = 1
	kindOpened   = 2
	kindData     = 3
	kindProgress = 4
	kindEnded    = 5

	statusTimeout    = 4
	statusCancelled  = 5
	statusClosed     = 9
	statusWouldBlock = 17
)

// event is daytona_event_t.
type event struct {
	source, userData, result, position uint64
	data                               unsafe.Pointer
	length                             uint64
	kind, status, channel, reserved    int32
}

// Results from this size on are moved out of the library and copied by the caller that waits for them.
const largeBytes = 64 << 10

// pump is the one queue of all calls and the goroutine that reads it. It completes calls and runs no code
// of users. Its goroutine does not lock its thread: with cgo on, one that called through purego and ends
// locked takes the process down. It waits in the library only while a call is pending: whoever waits there drives the
// library's work, and a blocking call next to it would have to wake it for each step.
type pump struct {
	lib   *library
	queue uint64
	done  chan struct{}

	mu      sync.Mutex
	calls   []*pending // by user_data
	free    []uint32
	begun   *sync.Cond
	pending int // calls that were submitted and have not told their end
	stopped bool
}

// pending is a submitted call.
type pending struct {
	slot     uint32
	call     uint64
	out      unsafe.Pointer
	buffer   []byte
	done     chan struct{}
	progress chan []byte // of calls that report it: the newest {"bytes", "total"}

	status int32
	result uint64
	data   []byte
	taken  unsafe.Pointer // data that was moved out of the library
	length int
}

var pendings = sync.Pool{New: func() any { return &pending{done: make(chan struct{}, 1)} }}

func startPump(lib *library) (*pump, error) {
	p := &pump{lib: lib, done: make(chan struct{})}
	p.begun = sync.NewCond(&p.mu)
	var out unsafe.Pointer
	status, _, _ := purego.SyscallN(lib.queueOpen, 0, uintptr(unsafe.Pointer(&p.queue)), uintptr(unsafe.Pointer(&out)))
	if int32(status) != 0 {
		return nil, lib.failure(int32(status), out)
	}
	go p.run()
	return p, nil
}

// stop shuts the library down, and with it the queue.
func (p *pump) stop(limit time.Duration) error {
	status, _, _ := purego.SyscallN(p.lib.shutdown, uintptr(limit.Milliseconds()))
	p.lib.closeHandle(p.queue)
	p.mu.Lock()
	p.stopped = true
	p.begun.Signal()
	p.mu.Unlock()
	<-p.done
	if int32(status) != 0 {
		return p.lib.failure(int32(status), nil)
	}
	return nil
}

func (p *pump) run() {
	defer close(p.done)
	events := make([]event, 64)
	var count uintptr
	for {
		p.mu.Lock()
		for p.pending == 0 && !p.stopped {
			p.begun.Wait()
		}
		p.mu.Unlock()
		status, _, _ := purego.SyscallN(p.lib.queueNext, uintptr(p.queue), uintptr(unsafe.Pointer(&events[0])),
			uintptr(len(events)), ^uintptr(0), uintptr(unsafe.Pointer(&count)))
		if s := int32(status); s != 0 && s != statusTimeout {
			return
		}
		for i := range events[:count] {
			p.complete(&events[i])
		}
		// Whoever was woken submits again first: the next batch is a large one.
		runtime.Gosched()
	}
}

func (p *pump) complete(event *event) {
	p.mu.Lock()
	call := p.calls[event.userData]
	if event.kind == kindDone {
		p.pending--
	}
	p.mu.Unlock()
	if event.kind == kindProgress {
		report := event.copied()
		for call.progress != nil {
			select {
			case call.progress <- report:
				return
			case <-call.progress: // the older one
			}
		}
		return
	}
	if event.kind != kindDone {
		return
	}
	call.status, call.result, call.length = event.status, event.result, int(event.length)
	if event.length >= largeBytes {
		purego.SyscallN(p.lib.eventTake, uintptr(unsafe.Pointer(event)), uintptr(unsafe.Pointer(&call.taken)))
	} else {
		call.data = event.copied()
	}
	call.done <- struct{}{}
}

// enter gives a call its slot, whose number is its user_data.
func (p *pump) enter(call *pending) {
	p.mu.Lock()
	if n := len(p.free); n > 0 {
		call.slot = p.free[n-1]
		p.free = p.free[:n-1]
		p.calls[call.slot] = call
	} else {
		call.slot = uint32(len(p.calls))
		p.calls = append(p.calls, call)
	}
	p.pending++
	if p.pending == 1 {
		p.begun.Signal()
	}
	p.mu.Unlock()
}

// refuse takes back a call that was not accepted: nothing tells its end.
func (p *pump) refuse() {
	p.mu.Lock()
	p.pending--
	p.mu.Unlock()
}

// leave frees the slot of a call that is over.
func (p *pump) leave(call *pending) {
	p.mu.Lock()
	p.calls[call.slot] = nil
	p.free = append(p.free, call.slot)
	p.mu.Unlock()
}

// copied is the event's data, which the library keeps only until the next reading of the queue.
func (e *event) copied() []byte {
	data := make([]byte, e.length)
	copy(data, unsafe.Slice((*byte)(e.data), e.length))
	return data
}

// keep holds what the library reads until here.
func keep(value any) { runtime.KeepAlive(value) }
