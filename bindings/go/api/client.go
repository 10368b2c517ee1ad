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

	"github.com/libdaytona/libdaytona/bindings/go/errors"
	"github.com/libdaytona/libdaytona/bindings/go/internal/native"
)

// Client is a configured way to Daytona. Its methods may be called from several goroutines.
type Client struct {
	clientServices
	target target
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
		text = nil
	}
	client, err := native.Open(text)
	if err != nil {
		return nil, err
	}
	return newClient(client), nil
}

// OpenEcho opens the echo target, which answers without a server: the service Echo alone works.
func OpenEcho() (*Client, error) {
	client, err := native.OpenEcho(nil)
	if err != nil {
		return nil, err
	}
	return newClient(client), nil
}

func newClient(client *native.Client) *Client {
	on := &clientTarget{client}
	return &Client{clientServicesOf(on), on}
}

// Close ends every call and stream of the client and waits until each has told its caller; whatever is left
// answers CLOSED. The process's last client also finishes what closing began in the background, until the
// context's deadline, without one 2 s.
func (c *Client) Close(ctx context.Context) error { return c.target.native().Close(ctx) }

// SandboxHandle is a sandbox. It needs no closing: what it holds is released with it.
type SandboxHandle struct {
	sandboxServices
	// Data is the sandbox as the operation that gave it read it.
	Data   Sandbox
	target target
}

// Attach makes a sandbox of its description, as a list has it, or of its id alone, without a request.
func (c *Client) Attach(data Sandbox) *SandboxHandle {
	return attached(&sandboxTarget{client: c.target.native(), of: data}, data)
}

func attached(on *sandboxTarget, data Sandbox) *SandboxHandle {
	return &SandboxHandle{sandboxServicesOf(on), data, on}
}

// Close releases what the sandbox holds before it is collected. Nothing happens to the sandbox itself; later
// operations on it are CLOSED.
func (s *SandboxHandle) Close() error {
	if box, ok := s.target.(*sandboxTarget); ok {
		box.mu.Lock()
		defer box.mu.Unlock()
		if !box.closed {
			box.closed = true
			box.client.Release(box.number)
		}
	}
	return nil
}

// target is what an operation acts on.
type target interface {
	native() *native.Client
	handle(ctx context.Context) (uint64, error)
}

type clientTarget struct{ client *native.Client }

func (t *clientTarget) native() *native.Client                 { return t.client }
func (t *clientTarget) handle(context.Context) (uint64, error) { return t.client.Handle(), nil }

// sandboxTarget is a sandbox whose handle is made by the first operation, where it came from a list.
type sandboxTarget struct {
	client *native.Client

	mu     sync.Mutex
	of     Sandbox
	number uint64
	closed bool
}

func (t *sandboxTarget) native() *native.Client { return t.client }

func (t *sandboxTarget) handle(ctx context.Context) (uint64, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.closed {
		return 0, errors.New("CLOSED", "The sandbox's handle is closed.")
	}
	if t.number != 0 {
		return t.number, nil
	}
	params := native.NewParams()
	if t.of.Name == "" && t.of.ToolboxProxyURL == "" {
		params.Text("sandbox", t.of.ID)
	} else {
		params.Value("sandbox", t.of)
	}
	result, err := t.client.Call(ctx, t.client.Handle(), "sandbox.attach", params, nil, nil)
	if err != nil {
		return 0, err
	}
	t.hold(result.Handle)
	return t.number, nil
}

// hold keeps a handle until the sandbox is collected.
func (t *sandboxTarget) hold(number uint64) {
	t.number = number
	t.of = Sandbox{}
	runtime.AddCleanup(t, t.client.Release, number)
}
