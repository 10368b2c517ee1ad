// Package api has every operation of the library, with its own names and types: what the packages daytona,
// types and options, which have the names of the official SDK, are made of.
//
//	client, err := api.Open(nil)
//	sandbox, err := client.Sandbox.Create(ctx, &api.SandboxCreateOptions{Language: &python})
//	result, err := sandbox.Process.Execute(ctx, "uname -a", nil)
//
// Every method takes a context, whose end cancels the call as the method's comment describes and whose
// deadline is its time limit, and options, which may be nil. The error is always a
// *errors.DaytonaError; where the context was the reason it is the context's error as well.
package api

import (
	"context"
	"encoding/json"
	"runtime"
	"sync"
	"time"

	"github.com/libdaytona/libdaytona/bindings/go/errors"
)

// Client is a configured way to Daytona. Its methods may be called from several goroutines.
type Client struct {
	clientServices
	*target
}

// SandboxHandle is a sandbox. It needs no closing: what it holds is released with it.
type SandboxHandle struct {
	sandboxServices
	// Data is the sandbox as the operation that gave it read it.
	Data Sandbox
	*target
}

// connection is an open client of the library, or the echo target.
type connection struct {
	pump    *pump
	root    *target
	under   int                  // calls that are under way; with what follows under the pump's lock
	fewer   sync.Cond            // told where they become fewer
	streams map[*stream]struct{} // nil once it is closed
}

// pool is what all clients of the process share: one queue for the calls of all of them, and the
// goroutine that pumps it. Both live as long as a client is open.
var pool struct {
	sync.Mutex
	clients int
	pump    *pump
}

// Open opens a client. It sends nothing; what the configuration lacks comes from the environment.
func Open(config *ClientConfig) (*Client, error) { return OpenWith(config) }

// OpenWith opens a client with whatever is written as a configuration's JSON object, as a map. nil has nothing.
func OpenWith(config any) (*Client, error) {
	text, err := json.Marshal(config)
	if err != nil {
		return nil, errors.New("INVALID_ARGUMENT", "The configuration cannot be written as JSON: "+err.Error()+".")
	}
	if string(text) == "null" {
		text = []byte("{}")
	}
	return connect(daytonaClientOpen, text)
}

// OpenEcho opens the echo target, which answers without a server: the service Echo alone works.
func OpenEcho() (*Client, error) { return connect(daytonaEchoOpen, []byte("{}")) }

func connect(open func(config *byte, client *uint64) error, config []byte) (*Client, error) {
	if err := load(); err != nil {
		return nil, err
	}
	pool.Lock()
	defer pool.Unlock()
	var handle uint64
	if err := open(&append(config, 0)[0], &handle); err != nil {
		return nil, err
	}
	if pool.pump == nil {
		var err error
		if pool.pump, err = startPump(); err != nil {
			daytonaClose(handle)
			return nil, err
		}
	}
	pool.clients++
	on := &target{number: handle, client: &connection{pump: pool.pump, streams: map[*stream]struct{}{}}}
	on.client.root, on.client.fewer.L = on, &pool.pump.mu
	return &Client{clientServicesOf(on), on}, nil
}

// Close ends every call and stream of the client and waits until each has told its caller; whatever is left
// answers CLOSED. A call that is in its Progress function, which may close the client, is not waited for. The
// process's last client also finishes what closing began in the background, as the end of a command that ran,
// until the context's deadline, without one 2 s.
func (c *Client) Close(ctx context.Context) error {
	on, mu := c.client, &c.client.pump.mu
	mu.Lock()
	streams := on.streams
	on.streams = nil
	mu.Unlock()
	if streams == nil {
		return nil
	}
	for stream := range streams {
		stream.Close()
	}
	daytonaClose(c.number)
	mu.Lock()
	for on.under > 0 {
		on.fewer.Wait()
	}
	mu.Unlock()
	pool.Lock()
	defer pool.Unlock()
	pool.clients--
	if pool.clients > 0 {
		return nil
	}
	limit := 2 * time.Second
	if deadline, ok := ctx.Deadline(); ok {
		limit = max(time.Until(deadline), 0)
	}
	last := pool.pump
	pool.pump = nil
	return last.stop(limit)
}

// Attach makes a sandbox of its description, as a list has it, or of its id alone, without a request.
func (c *Client) Attach(data Sandbox) *SandboxHandle {
	on := &target{client: c.client, of: &data}
	return &SandboxHandle{sandboxServicesOf(on), data, on}
}

// sandboxOf makes a sandbox of what an operation gave.
func sandboxOf(operation string, got result, err error) (*SandboxHandle, error) {
	data, err := decode[Sandbox](operation, got, err)
	if err != nil {
		return nil, err
	}
	return &SandboxHandle{sandboxServicesOf(got.made), data, got.made}, nil
}

// Close releases what the sandbox holds before it is collected. Nothing happens to the sandbox itself; later
// operations on it are CLOSED.
func (s *SandboxHandle) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closed = true
	daytonaClose(s.number)
	return nil
}

// target is what an operation acts on: a client, or a sandbox, whose handle is made by the first operation where it came
// from a list.
type target struct {
	client *connection

	mu     sync.Mutex
	of     *Sandbox
	number uint64
	closed bool
}

func (t *target) on() *target { return t }

func (t *target) handle(ctx context.Context, operation string) (uint64, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.closed {
		return 0, closedError(operation, "sandbox")
	}
	if t.number != 0 {
		return t.number, nil
	}
	of := Value("sandbox", t.of)
	if t.of.Name == "" && t.of.ToolboxProxyURL == "" {
		of = Text("sandbox", t.of.ID)
	}
	got, err := run(ctx, t.client.root, "sandbox.attach", []Argument{of})
	t.hold(got.handle)
	return t.number, err
}

// held is what holds the handle of a sandbox.
func held(client *connection, number uint64) *target {
	t := &target{client: client}
	t.hold(number)
	return t
}

// hold keeps a handle until the sandbox is collected.
func (t *target) hold(number uint64) {
	t.number = number
	runtime.AddCleanup(t, func(number uint64) { daytonaClose(number) }, number)
}
