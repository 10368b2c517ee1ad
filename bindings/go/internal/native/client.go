package native

import (
	"context"
	"sync"
	"time"
	"unsafe"

	"github.com/ebitengine/purego"
	"github.com/libdaytona/libdaytona/bindings/go/errors"
)

// pool is what all clients of the process share: one queue for the calls of all of them, and the
// goroutine that pumps it. Both live as long as a client is open.
var pool struct {
	sync.Mutex
	clients int
	pump    *pump
}

// Client is an open client, or the echo target.
type Client struct {
	lib    *library
	handle uint64
	pump   *pump

	mu      sync.Mutex
	closed  bool
	under   int // calls under way
	idle    *sync.Cond
	streams map[*Stream]struct{}
}

// Open opens a client with a configuration as JSON, which may be empty.
func Open(config []byte) (*Client, error) { return openWith(config, false) }

// OpenEcho opens the echo target, which needs no server.
func OpenEcho(config []byte) (*Client, error) { return openWith(config, true) }

func openWith(config []byte, echo bool) (*Client, error) {
	lib, err := load()
	if err != nil {
		return nil, err
	}
	function := lib.clientOpen
	if echo {
		function = lib.echoOpen
	}
	pool.Lock()
	defer pool.Unlock()
	if pool.pump == nil {
		if pool.pump, err = startPump(lib); err != nil {
			return nil, err
		}
	}
	client := &Client{lib: lib, pump: pool.pump, streams: map[*Stream]struct{}{}}
	client.idle = sync.NewCond(&client.mu)
	var out unsafe.Pointer
	text := append(config[:len(config):len(config)], 0)
	argument := uintptr(0)
	if len(config) > 0 {
		argument = uintptr(unsafe.Pointer(&text[0]))
	}
	status, _, _ := purego.SyscallN(function, argument, uintptr(unsafe.Pointer(&client.handle)), uintptr(unsafe.Pointer(&out)))
	keep(text)
	if int32(status) != 0 {
		if pool.clients == 0 {
			pool.pump.stop(0)
			pool.pump = nil
		}
		return nil, lib.failure(int32(status), out)
	}
	pool.clients++
	return client, nil
}

// Close ends every call and stream of the client and waits until each has told its caller. The last client
// of the process also finishes what closing began in the background, as the end of a command that ran: until
// the context's deadline, without one 2 s.
func (c *Client) Close(ctx context.Context) error {
	c.mu.Lock()
	if c.closed {
		c.mu.Unlock()
		return nil
	}
	c.closed = true
	streams := make([]*Stream, 0, len(c.streams))
	for stream := range c.streams {
		streams = append(streams, stream)
	}
	c.mu.Unlock()
	for _, stream := range streams {
		stream.Close()
	}
	c.lib.closeHandle(c.handle)
	c.mu.Lock()
	for c.under > 0 {
		c.idle.Wait()
	}
	c.mu.Unlock()

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

// begin counts a call, unless the client is closed. It tells whether it is the only one.
func (c *Client) begin(operation string) (alone bool, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return false, closedError(operation)
	}
	c.under++
	return c.under == 1, nil
}

func (c *Client) end() {
	c.mu.Lock()
	c.under--
	if c.under == 0 {
		c.idle.Broadcast()
	}
	c.mu.Unlock()
}

func closedError(operation string) error {
	err := errors.New("CLOSED", operation+": the client is closed.")
	err.Operation = operation
	return err
}

// Handle is the client's handle.
func (c *Client) Handle() uint64 { return c.handle }

// Release closes a sandbox's handle.
func (c *Client) Release(handle uint64) { c.lib.closeHandle(handle) }
