package daytona

import (
	"context"
	"maps"
	"slices"
	"time"

	"github.com/libdaytona/libdaytona/bindings/go/api"
	"github.com/libdaytona/libdaytona/bindings/go/errors"
	"github.com/libdaytona/libdaytona/bindings/go/types"
)

// Sandbox is a sandbox as it was last read, and what can be done with it. The methods that change it read it anew.
type Sandbox struct {
	client *Client
	// API has every operation under the library's own name.
	API *api.SandboxHandle

	ID                  string
	Name                string
	OrganizationId      string
	Snapshot            *string
	User                string
	Labels              map[string]string
	Public              bool
	Target              string
	Cpu                 float32 // vCPU
	Gpu                 float32
	Memory              float32 // GiB
	Disk                float32 // GiB
	Spot                bool
	SpotEvictedAt       *string
	State               SandboxState
	ErrorReason         *string
	Recoverable         *bool
	BackupState         *string
	BackupCreatedAt     *string
	AutoStopInterval    int // minutes, 0 never
	AutoPauseInterval   int // minutes, 0 never
	AutoArchiveInterval int // minutes, 0 never
	AutoDeleteInterval  int // minutes, 0 at once, -1 never
	AutoDestroyAt       *string
	CreatedAt           *string
	UpdatedAt           *string
	LastActivityAt      *string
	ToolboxProxyUrl     string
	// Env, Volumes, BuildInfo and the network are absent in lists; RefreshData fills them.
	Env              map[string]string
	Volumes          []types.VolumeMount
	BuildInfo        *api.BuildInfo
	NetworkBlockAll  *bool
	NetworkAllowList *string
	DomainAllowList  *string
	OutboundProxyUrl *string

	FileSystem      *FileSystemService
	Git             *GitService
	Process         *ProcessService
	CodeInterpreter *CodeInterpreterService
	ComputerUse     *ComputerUseService
}

func newSandbox(client *Client, handle *api.SandboxHandle) *Sandbox {
	s := &Sandbox{
		client: client, API: handle, FileSystem: &FileSystemService{handle}, Git: &GitService{handle},
		Process: &ProcessService{handle}, CodeInterpreter: &CodeInterpreterService{handle}, ComputerUse: &ComputerUseService{handle},
	}
	s.set(handle.Data)
	return s
}

// update runs an operation whose answer is the sandbox, or nothing.
func (s *Sandbox) update(ctx context.Context, operation string, arguments ...api.Argument) error {
	data, err := api.Call[*api.Sandbox](ctx, s.API, operation, arguments...)
	if err == nil && data != nil {
		s.set(*data)
	}
	return err
}

func (s *Sandbox) set(data api.Sandbox) {
	s.API.Data = data
	s.ID, s.Name, s.OrganizationId, s.Snapshot, s.User = data.ID, data.Name, data.OrganizationID, data.Snapshot, data.User
	s.Labels, s.Public, s.Target = data.Labels, data.Public, data.Target
	s.Cpu, s.Gpu, s.Memory, s.Disk = float32(data.CPU), float32(data.GPU), float32(data.Memory), float32(data.Disk)
	s.Spot = data.Spot != nil && *data.Spot
	s.SpotEvictedAt, s.State, s.ErrorReason, s.Recoverable = text(data.SpotEvictedAt), of(data.State), data.ErrorReason, data.Recoverable
	s.BackupState, s.BackupCreatedAt = text(data.BackupState), text(data.BackupCreatedAt)
	s.AutoStopInterval, s.AutoPauseInterval = int(of(data.AutoStopInterval)), int(of(data.AutoPauseInterval))
	s.AutoArchiveInterval, s.AutoDeleteInterval = int(of(data.AutoArchiveInterval)), int(of(data.AutoDeleteInterval))
	s.AutoDestroyAt, s.CreatedAt, s.UpdatedAt = text(data.AutoDestroyAt), text(data.CreatedAt), text(data.UpdatedAt)
	s.LastActivityAt, s.ToolboxProxyUrl, s.Env, s.BuildInfo = text(data.LastActivityAt), data.ToolboxProxyURL, data.Env, data.BuildInfo
	s.NetworkBlockAll, s.NetworkAllowList, s.DomainAllowList = data.NetworkBlockAll, data.NetworkAllowList, data.DomainAllowList
	s.OutboundProxyUrl = data.OutboundProxyURL
	s.Volumes = nil
	for _, volume := range data.Volumes {
		s.Volumes = append(s.Volumes, types.VolumeMount{VolumeID: volume.VolumeID, MountPath: volume.MountPath, Subpath: volume.Subpath})
	}
}

func of[T any](value *T) (is T) {
	if value != nil {
		is = *value
	}
	return is
}

func text[T ~string](value *T) *string {
	if value == nil {
		return nil
	}
	is := string(*value)
	return &is
}

// SetLabels replaces the sandbox's labels.
func (s *Sandbox) SetLabels(ctx context.Context, labels map[string]string) error {
	answer, err := s.API.SetLabels(ctx, labels, nil)
	if err == nil {
		s.Labels = answer.Labels
		s.API.Data.Labels = answer.Labels
	}
	return err
}

// UpdateSecrets replaces the secrets that the sandbox has: names of secrets by names of environment variables. An
// empty map takes every secret out, nil is refused. Processes that run keep what they have.
func (s *Sandbox) UpdateSecrets(ctx context.Context, secrets map[string]string) error {
	if secrets == nil {
		return errors.New("INVALID_ARGUMENT", "UpdateSecrets takes a map, not nil; an empty one takes every secret out.")
	}
	return s.update(ctx, "sandbox.set_secrets", api.Value("secrets", secretList(secrets)))
}

// secretList is the server's form of secrets: one object for each.
func secretList(secrets map[string]string) []map[string]string {
	list := []map[string]string{}
	for _, variable := range slices.Sorted(maps.Keys(secrets)) {
		list = append(list, map[string]string{variable: secrets[variable]})
	}
	return list
}

// Fork makes a copy of the sandbox and waits until it is started.
func (s *Sandbox) Fork(ctx context.Context, name *string) (*Sandbox, error) {
	return s.fork(ctx, api.Optional("name", name))
}

// ForkWithTimeout is Fork with a time limit.
func (s *Sandbox) ForkWithTimeout(ctx context.Context, name *string, timeout time.Duration) (*Sandbox, error) {
	return s.fork(ctx, api.Optional("name", name), milliseconds("timeoutMs", timeout))
}

// ExperimentalFork is the older name of Fork.
func (s *Sandbox) ExperimentalFork(ctx context.Context, name *string) (*Sandbox, error) {
	return s.Fork(ctx, name)
}

// ExperimentalForkWithTimeout is the older name of ForkWithTimeout.
func (s *Sandbox) ExperimentalForkWithTimeout(ctx context.Context, name *string, timeout time.Duration) (*Sandbox, error) {
	return s.ForkWithTimeout(ctx, name, timeout)
}

func (s *Sandbox) fork(ctx context.Context, arguments ...api.Argument) (*Sandbox, error) {
	handle, err := api.CallSandbox(ctx, s.API, "sandbox.fork", arguments...)
	if err != nil {
		return nil, err
	}
	return newSandbox(s.client, handle), nil
}

// SandboxMetrics is what a sandbox used, in bytes and percent.
type SandboxMetrics struct {
	CPUCount   int32
	CPUUsedPct float64
	DiskTotal  int64
	DiskUsed   int64
	MemTotal   int64
	MemUsed    int64
	MemCache   int64
	Timestamp  time.Time
}

// GetMetrics gives what the sandbox used over a time, from the earliest sample on. nil is the sandbox's creation as
// the start, and now as the end.
func (s *Sandbox) GetMetrics(ctx context.Context, start, end *time.Time) ([]SandboxMetrics, error) {
	to := time.Now()
	if end != nil {
		to = *end
	}
	from := api.Time(to.UTC().Format(time.RFC3339Nano))
	if start != nil {
		from = api.Time(start.UTC().Format(time.RFC3339Nano))
	} else if s.CreatedAt != nil {
		from = api.Time(*s.CreatedAt)
	}
	got, err := s.API.MetricsHistory(ctx, from, api.Time(to.UTC().Format(time.RFC3339Nano)), nil)
	if err != nil {
		return nil, err
	}
	samples := map[string]*SandboxMetrics{}
	for _, series := range got.Series {
		for _, point := range series.DataPoints {
			if samples[point.Timestamp] == nil {
				at, _ := time.Parse(time.RFC3339Nano, point.Timestamp)
				samples[point.Timestamp] = &SandboxMetrics{Timestamp: at}
			}
			samples[point.Timestamp].take(string(series.MetricName), point.Value)
		}
	}
	sorted := make([]SandboxMetrics, 0, len(samples))
	for _, sample := range samples {
		sorted = append(sorted, *sample)
	}
	slices.SortFunc(sorted, func(one, other SandboxMetrics) int { return one.Timestamp.Compare(other.Timestamp) })
	return sorted, nil
}

// take sets a value by the name of its metric.
func (m *SandboxMetrics) take(metric string, value float64) {
	switch metric {
	case "daytona.sandbox.cpu.utilization":
		m.CPUUsedPct = value
	case "daytona.sandbox.cpu.limit":
		m.CPUCount = int32(value)
	case "daytona.sandbox.memory.usage":
		m.MemUsed = int64(value)
	case "daytona.sandbox.memory.limit":
		m.MemTotal = int64(value)
	case "daytona.sandbox.memory.cache":
		m.MemCache = int64(value)
	case "daytona.sandbox.filesystem.usage":
		m.DiskUsed = int64(value)
	case "daytona.sandbox.filesystem.total":
		m.DiskTotal = int64(value)
	}
}

// GetMetricsLatest reads what the sandbox uses now.
func (s *Sandbox) GetMetricsLatest(ctx context.Context) (SandboxMetrics, error) {
	got, err := s.API.Metrics(ctx, nil)
	if err != nil {
		return SandboxMetrics{}, err
	}
	at, _ := time.Parse(time.RFC3339Nano, string(got.Timestamp))
	return SandboxMetrics{int32(got.CPUCount), got.CPUUsedPct, got.DiskTotal, got.DiskUsed, got.MemTotal, got.MemUsed, got.MemCache, at}, nil
}

// Lsp gives a language server of a project. It is started by its Start.
func (s *Sandbox) Lsp(languageID types.LspLanguageID, projectPath string) *LspServerService {
	return &LspServerService{s.API, languageID, projectPath}
}

// CreateLspServer is the official package's name of Lsp.
func (s *Sandbox) CreateLspServer(languageID types.LspLanguageID, pathToProject string) *LspServerService {
	return s.Lsp(languageID, pathToProject)
}

// LspServerService is a language server of a project.
type LspServerService struct {
	on       *api.SandboxHandle
	language types.LspLanguageID
	project  string
}

func (l *LspServerService) arguments(more ...api.Argument) []api.Argument {
	return append([]api.Argument{api.Text("language", string(l.language)), api.Text("projectPath", l.project)}, more...)
}

// Start starts the server and waits until it answers.
func (l *LspServerService) Start(ctx context.Context) error {
	return null(ctx, l.on, "lsp.start", l.arguments()...)
}

// Stop stops the server.
func (l *LspServerService) Stop(ctx context.Context) error {
	return null(ctx, l.on, "lsp.stop", l.arguments()...)
}

// DidOpen tells the server that a file is open.
func (l *LspServerService) DidOpen(ctx context.Context, path string) error {
	return null(ctx, l.on, "lsp.did_open", l.arguments(api.Text("path", path))...)
}

// DidClose tells the server that a file is closed.
func (l *LspServerService) DidClose(ctx context.Context, path string) error {
	return null(ctx, l.on, "lsp.did_close", l.arguments(api.Text("path", path))...)
}

// Completions gives what can stand at a place: an *api.CompletionList.
func (l *LspServerService) Completions(ctx context.Context, path string, position types.Position) (any, error) {
	return get[*api.CompletionList](ctx, l.on, "lsp.completions", l.arguments(api.Text("path", path),
		api.Integer("line", int64(position.Line)), api.Integer("character", int64(position.Character)))...)
}

// DocumentSymbols gives the symbols of a file, each an api.LspSymbol.
func (l *LspServerService) DocumentSymbols(ctx context.Context, path string) ([]any, error) {
	return symbols(get[[]api.LspSymbol](ctx, l.on, "lsp.document_symbols", l.arguments(api.Text("path", path))...))
}

// SandboxSymbols gives the symbols of the project that match, each an api.LspSymbol.
func (l *LspServerService) SandboxSymbols(ctx context.Context, query string) ([]any, error) {
	return symbols(get[[]api.LspSymbol](ctx, l.on, "lsp.workspace_symbols", l.arguments(api.Text("query", query))...))
}

func symbols(found []api.LspSymbol, err error) ([]any, error) {
	var all []any
	for _, symbol := range found {
		all = append(all, symbol)
	}
	return all, err
}
