// Package daytona has the names and signatures of Daytona's official Go SDK, over libdaytona: a program that was
// written for that runs after its import paths are changed. What the official package does not have is in the
// package api, of a client and a sandbox by their field API.
package daytona

import (
	"cmp"
	"context"
	stderrors "errors"
	"fmt"
	"iter"

	"github.com/libdaytona/libdaytona/bindings/go/api"
	"github.com/libdaytona/libdaytona/bindings/go/errors"
	"github.com/libdaytona/libdaytona/bindings/go/options"
	"github.com/libdaytona/libdaytona/bindings/go/types"
)

// NewClient opens a client that is configured by the environment: DAYTONA_API_KEY or DAYTONA_JWT_TOKEN with
// DAYTONA_ORGANIZATION_ID, DAYTONA_API_URL, DAYTONA_TARGET. It sends nothing.
func NewClient() (*Client, error) { return NewClientWithConfig(nil) }

// NewClientWithConfig opens a client. What the configuration lacks comes from the environment. HTTPClient is
// refused: the library has its own connections.
func NewClientWithConfig(config *types.DaytonaConfig) (*Client, error) {
	if config != nil && config.HTTPClient != nil {
		return nil, errors.New("UNSUPPORTED", "HTTPClient cannot be used: the library has its own connections; see api.ClientConfig for a proxy or certificates.")
	}
	client, err := api.OpenWith(config)
	if err != nil {
		return nil, err
	}
	c := &Client{}
	c.serve(client)
	return c, nil
}

// Close ends every call and stream of the client and waits for them. See [api.Client.Close].
func (c *Client) Close(ctx context.Context) error { return c.API.Close(ctx) }

// Create makes a sandbox of [types.SnapshotParams] or [types.ImageParams] and waits until it is started, 60 s
// unless a timeout or the context says otherwise. nil is a sandbox with the server's defaults.
func (c *Client) Create(ctx context.Context, params any, opts ...func(*options.CreateSandbox)) (*Sandbox, error) {
	with := options.Apply(append([]func(*options.CreateSandbox){options.WithWaitForStart(true)}, opts...)...)
	if with.LogChannel != nil {
		defer close(with.LogChannel)
	}
	switch it := params.(type) {
	case *types.SnapshotParams:
		params = of(it)
	case *types.ImageParams:
		params = of(it)
	}
	var secrets map[string]string
	switch it := params.(type) {
	case nil:
	case types.SnapshotParams:
		secrets = it.Secrets
	case types.ImageParams:
		secrets = it.Secrets
		if it.Image == nil || it.Image == (*DockerImage)(nil) {
			return nil, errors.Of("sandbox.create", "INVALID_ARGUMENT", "the Image of types.ImageParams is missing: a name, or a *daytona.DockerImage.")
		}
	default:
		return nil, errors.Of("sandbox.create", "INVALID_ARGUMENT", fmt.Sprintf("Create takes types.SnapshotParams or types.ImageParams, not %T.", params))
	}
	arguments := []api.Argument{api.Members(params), api.Optional("secrets", secretList(secrets)), api.Value("waitForStart", with.WaitForStart)}
	if with.Timeout != nil {
		arguments = append(arguments, api.Milliseconds("timeoutMs", *with.Timeout))
	}
	if with.LogChannel == nil {
		return c.made(api.CallSandbox(ctx, c.API, "sandbox.create", arguments...))
	}
	stream, err := api.OpenStream[api.Sandbox, api.Sandbox](ctx, c.API, "sandbox.create", arguments...)
	if err != nil {
		return nil, err
	}
	defer stream.Close()
	reading := ctx
	if limit := of(with.Timeout); limit > 0 {
		var cancel func()
		reading, cancel = context.WithTimeout(ctx, limit)
		defer cancel()
	}
	err = lines(ctx, stream, func(line string) error { return send(reading, "sandbox.create", with.LogChannel, line) })
	var sandbox *Sandbox
	if err == nil {
		sandbox, err = c.made(stream.WaitSandbox(ctx))
	}
	var failure *errors.DaytonaError
	if stderrors.As(err, &failure) {
		failure.SandboxID = stream.Opened.ID
	}
	return sandbox, err
}

// made makes a sandbox of what an operation gave.
func (c *Client) made(handle *api.SandboxHandle, err error) (*Sandbox, error) {
	if err != nil {
		return nil, err
	}
	return newSandbox(c, handle), nil
}

// FindOne gives the sandbox of a name, or the first one with these labels.
func (c *Client) FindOne(ctx context.Context, sandboxIDOrName *string, labels map[string]string) (*Sandbox, error) {
	if sandboxIDOrName != nil {
		return c.Get(ctx, *sandboxIDOrName)
	}
	return c.made(api.CallSandbox(ctx, c.API, "sandbox.find", api.Optional("labels", labels)))
}

// List gives a page of the sandboxes that have the labels; page counts from 1. See [Client.ListSeq] for all of them.
func (c *Client) List(ctx context.Context, labels map[string]string, page *int, limit *int, query ...*ListSandboxesQuery) (*PaginatedSandboxes, error) {
	arguments := []api.Argument{api.Optional("labels", labels), api.Optional("page", page), api.Optional("limit", limit)}
	for _, one := range query {
		arguments = append(arguments, api.Members(one))
	}
	got, err := api.Call[api.SandboxPage](ctx, c.API, "sandbox.list", arguments...)
	if err != nil {
		return nil, err
	}
	result := &PaginatedSandboxes{nil, int(of(got.Total)), cmp.Or(int(of(got.Page)), of(page)), int(of(got.TotalPages))}
	for _, item := range got.Items {
		result.Items = append(result.Items, newSandbox(c, c.API.Attach(item)))
	}
	return result, nil
}

// ListSeq gives every sandbox of a query, page after page, while it is ranged over. A failure comes last.
func (c *Client) ListSeq(ctx context.Context, query *ListSandboxesQuery) iter.Seq2[*Sandbox, error] {
	return func(yield func(*Sandbox, error) bool) {
		for cursor, more := "", true; more; more = cursor != "" {
			page, err := api.Call[api.SandboxPage](ctx, c.API, "sandbox.list", api.Members(query), api.Optional("cursor", cursor))
			if err != nil {
				yield(nil, err)
				return
			}
			for _, item := range page.Items {
				if !yield(newSandbox(c, c.API.Attach(item)), nil) {
					return
				}
			}
			cursor = of(page.NextCursor)
		}
	}
}
