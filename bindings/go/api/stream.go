package api

import (
	"cmp"
	"context"
	stderrors "errors"
	"fmt"
	"io"
	"os"
	"slices"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/libdaytona/libdaytona/bindings/go/errors"
)

// StreamOptions are what every stream takes.
type StreamOptions struct {
	// BufferBytes: how much may wait unread before the stream's socket is paused; at least 64 KiB. Default: 4 MiB.
	BufferBytes int64 `json:"-"`
	CallOptions
}

func (o *StreamOptions) buffer() int64 { return o.BufferBytes }

// Stream is an open stream: O came when it was open, E comes when it ends. It is read by one goroutine at a
// time. What it holds is released when it is closed, at its end, or with its client.
type Stream[O, E any] struct {
	// Opened is what came when the stream was open.
	Opened O
	*stream
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

// OpenStream opens the stream of an operation by its name.
func OpenStream[O, E any](ctx context.Context, on Target, operation string, arguments ...Argument) (*Stream[O, E], error) {
	target := on.on()
	s := &stream{client: target.client, operation: operation, waiting: make(chan struct{}, 1)}
	s.life, s.over = context.WithCancel(context.Background())
	opened, err := s.open(ctx, target, arguments)
	value, err := decode[O](operation, opened, err)
	if err != nil {
		s.Close()
		return nil, err
	}
	return &Stream[O, E]{value, s}, nil
}

// Wait waits for the end and gives what came with it, as often as it is called. Where nothing was read of the
// stream its data is dropped; else it has to be read to the end, by whoever reads it.
func (s *Stream[O, E]) Wait(ctx context.Context) (E, error) {
	got, err := s.wait(ctx)
	return decode[E](s.operation, got, err)
}

// WaitSandbox is Wait of a stream that makes a sandbox.
func (s *Stream[O, E]) WaitSandbox(ctx context.Context) (*SandboxHandle, error) {
	got, err := s.wait(ctx)
	return sandboxOf(s.operation, got, err)
}

// stream is an open stream with a queue of its own, whose descriptor Go's poller waits for: a stream that waits costs no
// thread, and one that nobody reads pauses its own socket and nothing else.
type stream struct {
	client        *connection
	operation     string
	until         time.Time // the opening context's deadline where it is the stream's time limit
	queue, number uint64
	file          *os.File
	poll          syscall.RawConn

	reading sync.Mutex    // held by the one who reads events; the library keeps them at most as long as the queue
	events  [64]event     // a batch of them
	at, end int           // the unread ones
	buffer  []byte        // what Next gave
	started atomic.Bool   // whether somebody reads
	waiting chan struct{} // has the one that drops the data for all who wait

	life   context.Context // until it is closed or has ended
	over   context.CancelFunc
	ended  atomic.Bool // what follows is set
	result result
	err    error
}

// open opens the stream and waits until it is open. The context bounds that wait and, by its deadline, the
// stream's life.
func (s *stream) open(ctx context.Context, on *target, arguments []Argument) (result, error) {
	call, err := on.begin(ctx, s.operation) // Meanwhile it counts as one, whose end the closing of the client waits for.
	if err != nil {
		return result{}, err
	}
	defer on.end(call)
	if err := call.write(ctx, s.operation, arguments); err != nil {
		return result{}, err
	}
	s.until = call.until
	capacity := max(cmp.Or(call.buffer, 4<<20), 64<<10)
	queue := fmt.Appendf(nil, "{\"capacityCalls\":4,\"capacityBytes\":%d}\x00", capacity)
	if err := daytonaQueueOpen(&queue[0], &s.queue); err != nil {
		return result{}, err
	}
	var descriptor int64
	if err := failure(daytonaQueueFd(s.queue, &descriptor), nil); err != nil {
		return result{}, err
	}
	s.file = os.NewFile(uintptr(descriptor), "daytona stream")
	s.poll, _ = s.file.SyscallConn() // No file alone has none.
	if err := daytonaStreamOpen(call.target, call.name, call.object, s.queue, 0, &s.number); err != nil {
		return result{}, s.client.failure(s.operation, err)
	}
	s.client.pump.mu.Lock()
	if s.client.streams != nil {
		s.client.streams[s] = struct{}{}
	}
	s.client.pump.mu.Unlock()
	var opened result
	err = s.take(ctx, kindOpened, func(event *event) { opened.data = slices.Clone(event.bytes()) })
	return opened, err
}

// take gives a function the next event of a kind, as long as that runs, and drops what comes before. It waits for it until
// the context is over. At the end of the stream it is io.EOF or the failure, every time.
func (s *stream) take(ctx context.Context, kind int32, give func(*event)) error {
	s.reading.Lock()
	defer s.reading.Unlock()
	for {
		for s.at == s.end || s.IsClosed() {
			switch {
			case s.ended.Load():
				return cmp.Or(s.err, io.EOF)
			case ctx.Err() != nil:
				return errors.OfContext(ctx, s.operation, "while the stream was read")
			case s.IsClosed():
				return closedError(s.operation, "stream")
			}
			if err := s.fill(ctx); err != nil {
				return err
			}
		}
		event := &s.events[s.at]
		s.at++
		switch {
		case event.kind == kind && (event.len > 0 || kind == kindOpened):
			give(event)
			return nil
		case event.kind == kindEnded:
			s.result.data = slices.Clone(event.bytes())
			s.result.made = held(s.client, event.result)
			if event.status != 0 {
				s.err = interrupted(ctx, s.until, errors.FromJSON(int(event.status), s.result.data))
			}
			s.ended.Store(true)
			s.release() // Nothing more comes.
			daytonaClose(s.queue)
		}
	}
}

// fill reads a batch of events from the queue, or nothing where it has to be looked again.
func (s *stream) fill(ctx context.Context) error {
	stop := context.AfterFunc(ctx, func() { s.file.SetReadDeadline(time.Unix(1, 0)) })
	defer stop()
	var count int
	var status int32
	err := s.poll.Read(func(uintptr) bool {
		status = daytonaQueueNext(s.queue, &s.events[0], len(s.events), 0, &count)
		return status != statusTimeout
	})
	s.at, s.end = 0, count
	switch {
	case count > 0 || s.IsClosed() || err != nil && ctx.Err() != nil:
		return nil
	case stderrors.Is(err, os.ErrDeadlineExceeded): // of a context before this one
		return s.file.SetReadDeadline(time.Time{})
	case err != nil:
		return closedError(s.operation, "stream")
	}
	return failure(status, nil)
}

// Ended says whether the end was read.
func (s *stream) Ended() bool { return s.ended.Load() }

// Next gives the next piece; io.EOF after a good end.
func (s *stream) Next(ctx context.Context) (chunk Chunk, err error) {
	s.started.Store(true)
	err = s.take(ctx, kindData, func(event *event) {
		s.buffer = append(s.buffer[:0], event.bytes()...)
		chunk = Chunk{Channel(event.channel), event.position, s.buffer}
	})
	return chunk, err
}

// All gives every piece in a range loop; a failure comes as the last one's error.
func (s *stream) All(ctx context.Context) func(yield func(Chunk, error) bool) {
	return func(yield func(Chunk, error) bool) {
		for {
			chunk, err := s.Next(ctx)
			if err == io.EOF || !yield(chunk, err) || err != nil {
				return
			}
		}
	}
}

// Read reads the bytes of all channels. What does not fit is kept for the next reading.
func (s *stream) Read(to []byte) (int, error) { return s.ReadContext(context.Background(), to) }

// ReadContext is Read until a context is over.
func (s *stream) ReadContext(ctx context.Context, to []byte) (n int, err error) {
	s.started.Store(true)
	if len(to) == 0 {
		return 0, nil
	}
	err = s.take(ctx, kindData, func(event *event) {
		n = copy(to, event.bytes())
		if rest := event.bytes()[n:]; len(rest) > 0 {
			event.data, event.len = &rest[0], uint64(len(rest))
			s.at-- // It is the next one again.
		}
	})
	return n, err
}

func (s *stream) wait(ctx context.Context) (result, error) {
	if !s.started.Load() {
		select {
		case s.waiting <- struct{}{}:
			s.take(ctx, 0, nil) // No event is of this kind.
			<-s.waiting
		case <-s.life.Done():
		case <-ctx.Done():
		}
	}
	select {
	case <-s.life.Done(): // at the end as well
	case <-ctx.Done():
	}
	switch {
	case s.ended.Load():
		return s.result, s.err
	case s.IsClosed():
		return result{}, closedError(s.operation, "stream")
	}
	return result{}, errors.OfContext(ctx, s.operation, "before the stream's end")
}

// Write sends bytes. It waits while the other side does not take them, until the stream is closed.
func (s *stream) Write(data []byte) (int, error) { return s.WriteContext(context.Background(), data) }

// A write that has to wait looks this often whether its context is over.
const writeSlice = 100 * time.Millisecond

// WriteContext is Write until a context is over.
func (s *stream) WriteContext(ctx context.Context, data []byte) (sent int, err error) {
	for wait := time.Duration(0); sent < len(data); wait = writeSlice {
		if ctx.Err() != nil {
			return sent, errors.OfContext(ctx, s.operation, "while bytes were written")
		}
		var written int
		err := daytonaStreamWrite(s.number, &data[sent], len(data)-sent, wait.Milliseconds(), &written)
		sent += written
		if is, ok := err.(*errors.DaytonaError); ok && is.Name != "WOULD_BLOCK" && is.Name != "TIMEOUT" {
			return sent, s.failure(err)
		}
	}
	return sent, nil
}

// Finish says that no more will be written; the stream's end follows.
func (s *stream) Finish() error { return s.failure(daytonaStreamFinish(s.number)) }

// failure is CLOSED where the stream has no handle any more.
func (s *stream) failure(err error) error {
	if err != nil && s.IsClosed() {
		return closedError(s.operation, "stream")
	}
	return err
}

// IsClosed says whether the stream is closed, or its end was read.
func (s *stream) IsClosed() bool { return s.life.Err() != nil }

// Closed is closed when the stream is, or has ended.
func (s *stream) Closed() <-chan struct{} { return s.life.Done() }

// Close ends the stream, its remote side where it can. Whoever waits for it gets CLOSED.
func (s *stream) Close() error {
	s.release()
	s.reading.Lock()
	defer s.reading.Unlock()
	daytonaClose(s.queue)
	return nil
}

// release gives back what the stream holds but its queue, and wakes who reads.
func (s *stream) release() {
	s.client.pump.mu.Lock()
	delete(s.client.streams, s)
	s.client.pump.mu.Unlock()
	s.over()
	daytonaClose(s.number)
	s.file.Close()
}
