// Package daytona has the names and signatures of Daytona's official Go SDK, over libdaytona: a program that was
// written for that runs after its import paths are changed. What the official package does not have is in the
// package api, of a client and a sandbox by their field API.
package daytona

import (
	"context"
	"fmt"
	"iter"
	"time"

	"github.com/libdaytona/libdaytona/bindings/go/api"
	"github.com/libdaytona/libdaytona/bindings/go/errors"
	"github.com/libdaytona/libdaytona/bindings/go/options"
	"github.com/libdaytona/libdaytona/bindings/go/types"
)

// Client is a configured way to Daytona. Its methods may be called from several goroutines.
type Client struct {
	// API has every operation under the library's own name.
	API *api.Client

	Volume   *VolumeService
	Snapshot *SnapshotService
	Secret   *SecretService
	WarmPool *WarmPoolService
}

// NewClient opens a client that is configured by the environment: DAYTONA_API_KEY or DAYTONA_JWT_TOKEN with
// DAYTONA_ORGANIZATION_ID, DAYTONA_API_URL, DAYTONA_TARGET. It sends nothing.
func NewClient() (*Client, error) { return NewClientWithConfig(nil) }

// NewClientWithConfig opens a client. What the configuration lacks comes from the environment. HTTPClient is
// refused: the library has its own connections.
func NewClientWithConfig(config *types.DaytonaConfig) (*Client, error) {
	var with api.ClientConfig
	if config != nil {
		if config.HTTPClient != nil {
			return nil, errors.New("UNSUPPORTED", "HTTPClient cannot be used: the library has its own connections; see api.ClientConfig for a proxy or certificates.")
		}
		with.APIKey, with.JWTToken = unless(config.APIKey), unless(config.JWTToken)
		with.OrganizationID, with.APIURL, with.Target = unless(config.OrganizationID), unless(config.APIUrl), unless(config.Target)
	}
	client, err := api.Open(&with)
	if err != nil {
		return nil, err
	}
	return &Client{client, &VolumeService{client}, &SnapshotService{client}, &SecretService{client}, &WarmPoolService{client}}, nil
}

func unless(text string) *string {
	if text == "" {
		return nil
	}
	return &text
}

// Close ends every call and stream of the client and waits for them. See [api.Client.Close].
func (c *Client) Close(ctx context.Context) error { return c.API.Close(ctx) }

// Create makes a sandbox of [types.SnapshotParams] or [types.ImageParams] and waits until it is started, 60 s
// unless a timeout or the context says otherwise. nil is a sandbox with the server's defaults.
func (c *Client) Create(ctx context.Context, params any, opts ...func(*options.CreateSandbox)) (*Sandbox, error) {
	with := options.Apply(append([]func(*options.CreateSandbox){options.WithWaitForStart(true)}, opts...)...)
	var secrets map[string]string
	switch it := params.(type) {
	case nil:
	case *types.SnapshotParams:
		params, secrets = *it, it.Secrets
	case *types.ImageParams:
		params, secrets = *it, it.Secrets
	case types.SnapshotParams:
		secrets = it.Secrets
	case types.ImageParams:
		secrets = it.Secrets
	default:
		return nil, errors.New("INVALID_ARGUMENT", fmt.Sprintf("Create takes types.SnapshotParams or types.ImageParams, not %T.", params))
	}
	arguments := []api.Argument{api.Optional("waitForStart", &with.WaitForStart)}
	if params != nil {
		arguments = append(arguments, api.Members(params))
	}
	if len(secrets) > 0 {
		arguments = append(arguments, api.Value("secrets", secretList(secrets)))
	}
	if with.Timeout != nil {
		arguments = append(arguments, milliseconds("timeoutMs", *with.Timeout))
	}
	if with.LogChannel != nil {
		return c.createWithLog(ctx, with.LogChannel, arguments)
	}
	handle, err := api.CallSandbox(ctx, c.API, "sandbox.create", arguments...)
	if err != nil {
		return nil, err
	}
	return newSandbox(c, handle), nil
}

// createWithLog gives the lines of the build log to a channel, which it closes.
func (c *Client) createWithLog(ctx context.Context, log chan string, arguments []api.Argument) (*Sandbox, error) {
	defer close(log)
	stream, err := api.OpenStream[api.Sandbox, api.Sandbox](ctx, c.API, "sandbox.create", arguments...)
	if err != nil {
		return nil, err
	}
	defer stream.Close()
	if err := lines(ctx, stream, log); err != nil {
		return nil, err
	}
	handle, err := stream.WaitSandbox(ctx)
	if err != nil {
		return nil, err
	}
	return newSandbox(c, handle), nil
}

// Get finds a sandbox by its id or name.
func (c *Client) Get(ctx context.Context, sandboxIDOrName string) (*Sandbox, error) {
	handle, err := c.API.Sandbox.Get(ctx, sandboxIDOrName, nil)
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
	handle, err := c.API.Sandbox.Find(ctx, &api.SandboxFindOptions{Labels: labels})
	if err != nil {
		return nil, err
	}
	return newSandbox(c, handle), nil
}

// PaginatedSandboxes is a page of sandboxes.
type PaginatedSandboxes struct {
	Items      []*Sandbox
	Total      int
	Page       int
	TotalPages int
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
	result := &PaginatedSandboxes{Total: number(got.Total), Page: number(got.Page), TotalPages: number(got.TotalPages)}
	for _, item := range got.Items {
		result.Items = append(result.Items, newSandbox(c, c.API.Attach(item)))
	}
	if page != nil && result.Page == 0 {
		result.Page = *page
	}
	return result, nil
}

func number(value *int64) int {
	if value == nil {
		return 0
	}
	return int(*value)
}

// ListSandboxesQuery says which sandboxes are listed, and in which order.
type ListSandboxesQuery struct {
	Limit               *int                      `json:"limit,omitzero"`
	ID                  *string                   `json:"id,omitzero"`
	Name                *string                   `json:"name,omitzero"`
	Labels              map[string]string         `json:"labels,omitzero"`
	States              []SandboxState            `json:"states,omitzero"`
	Snapshots           []string                  `json:"snapshots,omitzero"`
	Targets             []string                  `json:"regionIds,omitzero"`
	MinCpu              *int                      `json:"minCpu,omitzero"`
	MaxCpu              *int                      `json:"maxCpu,omitzero"`
	MinMemoryGib        *int                      `json:"minMemoryGiB,omitzero"`
	MaxMemoryGib        *int                      `json:"maxMemoryGiB,omitzero"`
	MinDiskGib          *int                      `json:"minDiskGiB,omitzero"`
	MaxDiskGib          *int                      `json:"maxDiskGiB,omitzero"`
	IsPublic            *bool                     `json:"isPublic,omitzero"`
	IsRecoverable       *bool                     `json:"isRecoverable,omitzero"`
	CreatedAtAfter      *time.Time                `json:"createdAtAfter,omitzero"`
	CreatedAtBefore     *time.Time                `json:"createdAtBefore,omitzero"`
	LastActivityAfter   *time.Time                `json:"lastEventAfter,omitzero"`
	LastActivityBefore  *time.Time                `json:"lastEventBefore,omitzero"`
	AutoDestroyAtAfter  *time.Time                `json:"autoDestroyAtAfter,omitzero"`
	AutoDestroyAtBefore *time.Time                `json:"autoDestroyAtBefore,omitzero"`
	Sort                *SandboxListSortField     `json:"sort,omitzero"`
	Order               *SandboxListSortDirection `json:"order,omitzero"`
}

// ListSeq gives every sandbox of a query, page after page, while it is ranged over. A failure comes last.
func (c *Client) ListSeq(ctx context.Context, query *ListSandboxesQuery) iter.Seq2[*Sandbox, error] {
	return func(yield func(*Sandbox, error) bool) {
		var cursor *string
		for {
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
			if cursor = page.NextCursor; cursor == nil || *cursor == "" {
				return
			}
		}
	}
}

// The states and orders of sandboxes.
type (
	SandboxState             = api.SandboxState
	SandboxListSortField     string
	SandboxListSortDirection string
)

// Fields and directions of [ListSandboxesQuery].
const (
	SandboxListSortFieldName           SandboxListSortField     = "name"
	SandboxListSortFieldCpu            SandboxListSortField     = "cpu"
	SandboxListSortFieldMemoryGib      SandboxListSortField     = "memoryGib"
	SandboxListSortFieldDiskGib        SandboxListSortField     = "diskGib"
	SandboxListSortFieldLastActivityAt SandboxListSortField     = "lastActivityAt"
	SandboxListSortFieldCreatedAt      SandboxListSortField     = "createdAt"
	SandboxListSortDirectionAsc        SandboxListSortDirection = "asc"
	SandboxListSortDirectionDesc       SandboxListSortDirection = "desc"
)
