package native

import (
	"context"
	"fmt"
	"io"
	"os"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
	"unsafe"

	"github.com/ebitengine/purego"
	"github.com/libdaytona/libdaytona/bindings/go/errors"
)

// Stream is an open stream with a queue of its own, whose descriptor Go's poller waits for: a stream that
// waits costs no thread, and one that nobody reads pauses its own socket and nothing else.
type Stream struct {
	client        *Client
	operation     string
	queue, handle uint64
	file          *os.File
	poll          syscall.RawConn

	reading  sync.Mutex // held by the one who reads events
	events   [64]event
	next     int // the first event that was not looked at
	count    int
	piece    []byte // what Read left of the event before next; the library's memory
	started  atomic.Bool
	finished chan struct{} // closed with ENDED, or with the stream

	opened []byte // set once, before OpenStream returns

	mu     sync.Mutex
	closed bool
	ended  bool
	result Result
	err    error
}

// Data is a piece of a stream.
type Data struct {
	Channel  int32
	Position uint64
	Bytes    []byte
}

// OpenStream opens a stream and waits until it is open. The context bounds that wait and, by its deadline,
// the stream's life. bufferBytes, where it is not 0, bounds what may wait unread.
func (c *Client) OpenStream(ctx context.Context, target uint64, operation string, params *Params, bufferBytes int64) (*Stream, error) {
	defer params.release()
	if params.err != nil {
		params.err.Operation = operation
		return nil, params.err
	}
	if _, err := c.begin(operation); err != nil {
		return nil, err
	}
	defer c.end()
	s := &Stream{client: c, operation: operation, finished: make(chan struct{})}
	if err := s.openQueue(bufferBytes); err != nil {
		return nil, err
	}
	var out unsafe.Pointer
	name, object := params.finish(ctx, operation)
	status, _, _ := purego.SyscallN(c.lib.streamOpen, uintptr(target), uintptr(name), uintptr(object), uintptr(s.queue), 0,
		uintptr(unsafe.Pointer(&s.handle)), uintptr(unsafe.Pointer(&out)))
	if int32(status) != 0 {
		s.release()
		return nil, c.lib.failure(int32(status), out)
	}
	c.mu.Lock()
	if c.closed {
		c.mu.Unlock()
		s.release()
		return nil, closedError(operation)
	}
	c.streams[s] = struct{}{}
	c.mu.Unlock()
	s.reading.Lock()
	err := s.waitOpened(ctx)
	s.reading.Unlock()
	if err != nil {
		s.Close()
		return nil, err
	}
	return s, nil
}

func (s *Stream) openQueue(bufferBytes int64) error {
	lib := s.client.lib
	options := []byte("{\"capacityCalls\":4}\x00")
	if bufferBytes > 0 {
		options = fmt.Appendf(nil, "{\"capacityCalls\":4,\"capacityBytes\":%d}\x00", max(bufferBytes, largeBytes))
	}
	var out unsafe.Pointer
	status, _, _ := purego.SyscallN(lib.queueOpen, uintptr(unsafe.Pointer(&options[0])),
		uintptr(unsafe.Pointer(&s.queue)), uintptr(unsafe.Pointer(&out)))
	if int32(status) != 0 {
		return lib.failure(int32(status), out)
	}
	var descriptor int64
	status, _, _ = purego.SyscallN(lib.queueFd, uintptr(s.queue), uintptr(unsafe.Pointer(&descriptor)))
	if int32(status) != 0 {
		lib.closeHandle(s.queue)
		return errors.FromJSON(int(status), nil)
	}
	s.file = os.NewFile(uintptr(descriptor), "daytona stream")
	var err error
	if s.poll, err = s.file.SyscallConn(); err != nil {
		s.release()
		return errors.New("IO", s.operation+": the stream's descriptor cannot be polled: "+err.Error()+".")
	}
	return nil
}

func (s *Stream) waitOpened(ctx context.Context) error {
	for {
		event, err := s.event(ctx)
		if err != nil {
			return err
		}
		if event.kind == kindOpened {
			s.opened = event.copied()
			return nil
		}
		if err := s.failure(); err != nil {
			return err
		}
	}
}

// event gives the next event. It waits for it until the context is over. At the end of the stream it is io.EOF
// or the failure, every time. The caller holds `reading`.
func (s *Stream) event(ctx context.Context) (*event, error) {
	for {
		s.mu.Lock()
		ended, closed, err := s.ended, s.closed, s.err
		s.mu.Unlock()
		if closed && !ended {
			return nil, s.closedError()
		}
		if s.next < s.count {
			event := &s.events[s.next]
			s.next++
			if event.kind == kindEnded {
				s.end(event)
			}
			return event, nil
		}
		if ended {
			if err == nil {
				err = io.EOF
			}
			return nil, err
		}
		if err := s.fill(ctx); err != nil {
			return nil, err
		}
	}
}

// fill reads a batch of events from the queue.
func (s *Stream) fill(ctx context.Context) error {
	if stop := s.interruptible(ctx); stop != nil {
		defer stop()
	}
	var count uintptr
	var status int32
	err := s.poll.Read(func(uintptr) bool {
		code, _, _ := purego.SyscallN(s.client.lib.queueNext, uintptr(s.queue), uintptr(unsafe.Pointer(&s.events[0])),
			uintptr(len(s.events)), 0, uintptr(unsafe.Pointer(&count)))
		status = int32(code)
		return status != statusTimeout
	})
	s.next, s.count = 0, int(count)
	if count > 0 {
		return nil
	}
	if err != nil && ctx.Err() != nil {
		return interrupted(ctx, errors.New("CANCELLED", s.operation+": the context was over while the stream was read."))
	}
	s.mu.Lock()
	closed := s.closed
	s.mu.Unlock()
	if err != nil || closed || status == statusClosed {
		return s.closedError()
	}
	if status != 0 {
		return errors.FromJSON(int(status), nil)
	}
	return nil
}

// interruptible lets the context's end wake the waiting for events.
func (s *Stream) interruptible(ctx context.Context) func() {
	if ctx.Done() == nil {
		return nil
	}
	done := make(chan struct{})
	stop := context.AfterFunc(ctx, func() {
		s.file.SetReadDeadline(time.Unix(1, 0))
		close(done)
	})
	return func() {
		if !stop() {
			<-done
			s.file.SetReadDeadline(time.Time{})
		}
	}
}

func (s *Stream) end(event *event) {
	data := event.copied()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.ended = true
	if event.status != 0 {
		s.err = errors.FromJSON(int(event.status), data)
	} else {
		s.result = Result{Data: data, Handle: event.result}
	}
	if !s.closed {
		close(s.finished)
	}
}

func (s *Stream) failure() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.err
}

func (s *Stream) closedError() error {
	err := errors.New("CLOSED", s.operation+": the stream is closed.")
	err.Operation = s.operation
	return err
}

// Ended says whether the end was read.
func (s *Stream) Ended() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.ended
}

// Opened is the JSON that came when the stream was open.
func (s *Stream) Opened() []byte { return s.opened }

// Next gives the next piece. Its bytes are valid until the next reading. At the good end it is io.EOF.
func (s *Stream) Next(ctx context.Context) (Data, error) {
	s.started.Store(true)
	s.reading.Lock()
	defer s.reading.Unlock()
	return s.data(ctx)
}

func (s *Stream) data(ctx context.Context) (Data, error) {
	for {
		event, err := s.event(ctx)
		if err != nil {
			return Data{}, err
		}
		if event.kind == kindData {
			return Data{event.channel, event.position, unsafe.Slice((*byte)(event.data), event.length)}, nil
		}
	}
}

// Read reads the bytes of all channels. What does not fit is kept for the next reading.
func (s *Stream) Read(to []byte) (int, error) {
	s.started.Store(true)
	s.reading.Lock()
	defer s.reading.Unlock()
	if len(to) == 0 {
		return 0, nil
	}
	for len(s.piece) == 0 {
		data, err := s.data(context.Background())
		if err != nil {
			return 0, err
		}
		s.piece = data.Bytes
	}
	n := copy(to, s.piece)
	s.piece = s.piece[n:]
	return n, nil
}

// Wait waits for the end and gives its JSON, as often as it is called. Where nothing was read of the stream
// it drops the data; else whoever reads has to read on.
func (s *Stream) Wait(ctx context.Context) (Result, error) {
	if s.started.CompareAndSwap(false, true) {
		s.reading.Lock()
		for {
			if _, err := s.data(ctx); err != nil {
				break
			}
		}
		s.reading.Unlock()
		if ctx.Err() != nil {
			s.started.Store(false)
		}
	}
	select {
	case <-s.finished:
	default:
		select {
		case <-s.finished:
		case <-ctx.Done():
			return Result{}, interrupted(ctx, errors.New("CANCELLED", s.operation+": the context was over before the stream."))
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.ended {
		return Result{}, s.closedError()
	}
	return s.result, s.err
}

// Write sends bytes. It waits while the other side does not take them, until the stream is closed.
func (s *Stream) Write(data []byte) (int, error) { return s.WriteContext(context.Background(), data) }

// A write that has to wait looks this often whether its context is over.
const writeSlice = 100 * time.Millisecond

// WriteContext is Write until a context is over.
func (s *Stream) WriteContext(ctx context.Context, data []byte) (int, error) {
	sent := 0
	wait := time.Duration(0)
	for sent < len(data) {
		if ctx.Err() != nil {
			return sent, interrupted(ctx, errors.New("CANCELLED", s.operation+": the context was over while bytes were written."))
		}
		var written uintptr
		var out unsafe.Pointer
		code, _, _ := purego.SyscallN(s.client.lib.streamWrite, uintptr(s.handle), uintptr(unsafe.Pointer(&data[sent])),
			uintptr(len(data)-sent), uintptr(wait.Milliseconds()), uintptr(unsafe.Pointer(&written)), uintptr(unsafe.Pointer(&out)))
		sent += int(written)
		status := int32(code)
		err := error(nil)
		if status != 0 {
			err = s.client.lib.failure(status, out)
		}
		if status != 0 && status != statusWouldBlock && status != statusTimeout {
			return sent, err
		}
		wait = writeSlice
	}
	return sent, nil
}

// Finish says that no more will be written; the stream's end follows.
func (s *Stream) Finish() error {
	var out unsafe.Pointer
	status, _, _ := purego.SyscallN(s.client.lib.streamFinish, uintptr(s.handle), uintptr(unsafe.Pointer(&out)))
	if int32(status) != 0 {
		return s.client.lib.failure(int32(status), out)
	}
	return nil
}

// Close ends the stream, its remote side where it can. Whoever waits for it gets CLOSED.
func (s *Stream) Close() error {
	s.mu.Lock()
	if s.closed {
		s.mu.Unlock()
		return nil
	}
	s.closed = true
	if !s.ended {
		close(s.finished)
	}
	s.mu.Unlock()
	s.client.mu.Lock()
	delete(s.client.streams, s)
	s.client.mu.Unlock()
	s.release()
	return nil
}

// release gives back what the stream holds. The library keeps a batch of events that is being read.
func (s *Stream) release() {
	s.client.lib.closeHandle(s.handle)
	s.client.lib.closeHandle(s.queue)
	s.file.Close()
}
