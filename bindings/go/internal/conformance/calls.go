package main

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/libdaytona/libdaytona/bindings/go/api"
)

// target is what a step acts on: a client, or a sandbox of one.
type target struct {
	client  *api.Client
	sandbox *api.SandboxHandle
	own     bool
}

func (t *target) close() error {
	if t.sandbox != nil {
		return t.sandbox.Close()
	}
	if t.own {
		return t.client.Close(context.Background())
	}
	return nil
}

func targetOf(operation string) string {
	switch area, verb, _ := strings.Cut(operation, "."); {
	case area == "echo":
		return "echo"
	case area == "sandbox" && (verb == "create" || verb == "get" || verb == "find" || verb == "list" || verb == "attach"):
		return "client"
	case strings.Contains(" client snapshot volume image secret warm_pool region ", " "+area+" "):
		return "client"
	}
	return "sandbox"
}

// params are the parameters of a step, of which each argument takes its own and the options the rest.
type params struct {
	values  map[string]json.RawMessage
	body    []byte
	dynamic bool
	err     error
}

func newParams(value any, dynamic bool) *params {
	p := &params{values: map[string]json.RawMessage{}, dynamic: dynamic}
	given, _ := value.(object)
	for name, value := range given {
		p.values[name] = must(json.Marshal(plain(value)))
	}
	return p
}

// all takes every parameter but the time limit.
func (p *params) all() map[string]any {
	values := map[string]any{}
	for name, value := range p.values {
		if name != "timeoutMs" {
			values[name] = value
			delete(p.values, name)
		}
	}
	return values
}

func take[T any](p *params, name string) (value T) {
	text, ok := p.values[name]
	if !ok {
		p.err = fmt.Errorf("%q is absent", name)
		return value
	}
	delete(p.values, name)
	p.read(text, &value)
	return value
}

func rest[T any](p *params) *T {
	if len(p.values) == 0 {
		return nil
	}
	value := new(T)
	p.read(must(json.Marshal(p.values)), value)
	return value
}

func (p *params) read(text []byte, into any) {
	decoder := json.NewDecoder(strings.NewReader(string(text)))
	decoder.UseNumber()
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(into); err != nil && p.err == nil {
		p.err = err
	}
}

// outcome is what a call gave.
type outcome struct {
	json any
	raw  []byte
	made *target
	err  error
}

// give makes a driver's own mistake the outcome.
func (o *outcome) give(p *params) {
	if p.err != nil {
		o.err = p.err
	}
}

func null(err error) outcome { return outcome{err: err} }

func raw(data []byte, err error) outcome { return outcome{raw: data, err: err} }

func value[T any](value T, err error) outcome {
	if err != nil {
		return outcome{err: err}
	}
	text, err := json.Marshal(value)
	if err != nil {
		return outcome{err: err}
	}
	result, err := decoded(text)
	return outcome{json: result, err: err}
}

func handle(box *api.SandboxHandle, err error) outcome {
	if err != nil {
		return outcome{err: err}
	}
	is := value(box.Data, nil)
	is.made = &target{sandbox: box}
	return is
}

func called(ctx context.Context, on *target, operation string, p *params) outcome {
	if p.dynamic || (strings.HasPrefix(operation, "echo.") && on.sandbox != nil) || operation == "sandbox.attach" {
		return byName(ctx, on, operation, p)
	}
	call := calls[operation]
	if call == nil {
		return outcome{err: fmt.Errorf("there is no call %s", operation)}
	}
	if on.sandbox == nil && targetOf(operation) == "sandbox" {
		return byName(ctx, on, operation, p)
	}
	return call(ctx, on, p)
}

// byName is the call of what the typed ones do not compile: a wrong target, or wrong parameters.
func byName(ctx context.Context, on *target, operation string, p *params) outcome {
	values := api.Members(p.values)
	if operation == "sandbox.attach" {
		return handle(api.CallSandbox(ctx, on.of(), operation, values))
	}
	return value(api.Call[json.RawMessage](ctx, on.of(), operation, values))
}

func (t *target) of() api.Target {
	if t.sandbox != nil {
		return t.sandbox
	}
	return t.client
}

func openClient(operation string, p *params) outcome {
	if operation == "echo.open" {
		client, err := api.OpenEcho()
		return outcome{made: &target{client: client, own: true}, err: err}
	}
	open := func() (*api.Client, error) { return api.Open(rest[api.ClientConfig](p)) }
	if p.dynamic {
		open = func() (*api.Client, error) { return api.OpenWith(p.values) }
	}
	client, err := open()
	if err != nil {
		return outcome{err: err}
	}
	return outcome{made: &target{client: client, own: true}}
}

// stream is an open stream of any operation.
type stream interface {
	Next(context.Context) (api.Chunk, error)
	WriteContext(context.Context, []byte) (int, error)
	Finish() error
	Close() error
	opened() any
	end(context.Context) outcome
}

type typed[O, E any] struct{ *api.Stream[O, E] }

func (s typed[O, E]) opened() any { return value(s.Opened, nil).json }

func (s typed[O, E]) end(ctx context.Context) outcome {
	var ended E
	if _, ok := any(ended).(api.Sandbox); ok {
		return handle(s.WaitSandbox(ctx))
	}
	return value(s.Wait(ctx))
}

func streamOf[O, E any](open *api.Stream[O, E], err error) (stream, error) {
	if err != nil {
		return nil, err
	}
	return typed[O, E]{open}, nil
}

func openStream(ctx context.Context, on *target, operation string, p *params) (stream, error) {
	if p.dynamic || streams[operation] == nil || (on.sandbox == nil && targetOf(operation) == "sandbox") ||
		(strings.HasPrefix(operation, "echo.") && on.sandbox != nil) {
		return streamOf(api.OpenStream[json.RawMessage, json.RawMessage](ctx, on.of(), operation, api.Members(p.values)))
	}
	return streams[operation](ctx, on, p)
}
