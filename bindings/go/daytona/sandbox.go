package daytona

import (
	"context"
	"slices"
	"sync"
	"time"

	"github.com/libdaytona/libdaytona/bindings/go/api"
	"github.com/libdaytona/libdaytona/bindings/go/types"
)

func newSandbox(client *Client, handle *api.SandboxHandle) *Sandbox {
	s := &Sandbox{client: client}
	s.serve(handle)
	s.set(handle.Data)
	return s
}

// changing is held while the fields of a sandbox change, so that its methods may be called from several goroutines.
var changing sync.Mutex

// update runs an operation whose answer is the sandbox, or nothing.
func (s *Sandbox) update(ctx context.Context, operation string, arguments ...api.Argument) error {
	data, err := api.Call[*api.Sandbox](ctx, s.API, operation, arguments...)
	if err == nil && data != nil {
		changing.Lock()
		defer changing.Unlock()
		s.API.Data = *data
		s.set(*data)
	}
	return err
}

func mounts(volumes []api.VolumeMount) (mounts []types.VolumeMount) {
	for _, it := range volumes {
		mounts = append(mounts, types.VolumeMount{VolumeID: it.VolumeID, MountPath: it.MountPath, Subpath: it.Subpath})
	}
	return mounts
}

// secretList is the server's form of secrets: one object for each. nil is none.
func secretList(secrets map[string]string) []map[string]string {
	if secrets == nil {
		return nil
	}
	list := []map[string]string{}
	for variable, secret := range secrets {
		list = append(list, map[string]string{variable: secret})
	}
	return list
}

// SetLabels replaces the sandbox's labels.
func (s *Sandbox) SetLabels(ctx context.Context, labels map[string]string) error {
	answer, err := s.API.SetLabels(ctx, labels, nil)
	if err == nil {
		changing.Lock()
		defer changing.Unlock()
		s.Labels, s.API.Data.Labels = answer.Labels, answer.Labels
	}
	return err
}

// GetMetrics gives what the sandbox used over a time, from the earliest sample on. nil is the sandbox's creation as
// the start, and now as the end.
func (s *Sandbox) GetMetrics(ctx context.Context, start, end *time.Time) ([]SandboxMetrics, error) {
	to := time.Now()
	if end != nil {
		to = *end
	}
	from := to
	if start != nil {
		from = *start
	} else if s.CreatedAt != nil {
		from = instant(*s.CreatedAt)
	}
	written := func(at time.Time) api.Time { return api.Time(at.UTC().Format(time.RFC3339Nano)) }
	got, err := s.API.MetricsHistory(ctx, written(from), written(to), nil)
	if err != nil {
		return nil, err
	}
	samples := map[string]map[api.Metric]float64{}
	for _, series := range got.Series {
		for _, point := range series.DataPoints {
			if samples[point.Timestamp] == nil {
				samples[point.Timestamp] = map[api.Metric]float64{}
			}
			samples[point.Timestamp][series.MetricName] = point.Value
		}
	}
	sorted := make([]SandboxMetrics, 0, len(samples))
	for at, sample := range samples {
		sorted = append(sorted, SandboxMetrics{
			CPUCount:   int32(sample[api.MetricDaytonaSandboxCPULimit]),
			CPUUsedPct: sample[api.MetricDaytonaSandboxCPUUtilization],
			DiskTotal:  int64(sample[api.MetricDaytonaSandboxFilesystemTotal]),
			DiskUsed:   int64(sample[api.MetricDaytonaSandboxFilesystemUsage]),
			MemTotal:   int64(sample[api.MetricDaytonaSandboxMemoryLimit]),
			MemUsed:    int64(sample[api.MetricDaytonaSandboxMemoryUsage]),
			MemCache:   int64(sample[api.MetricDaytonaSandboxMemoryCache]),
			Timestamp:  instant(at),
		})
	}
	slices.SortFunc(sorted, func(one, other SandboxMetrics) int { return one.Timestamp.Compare(other.Timestamp) })
	return sorted, nil
}

// GetMetricsLatest reads what the sandbox uses now.
func (s *Sandbox) GetMetricsLatest(ctx context.Context) (now SandboxMetrics, err error) {
	data, err := s.API.Metrics(ctx, nil)
	if err == nil {
		now.set(data)
	}
	return now, err
}

// RemoteGet gives the address of a remote repository, empty where there is none of that name.
func (s *GitService) RemoteGet(ctx context.Context, path, name string) (string, error) {
	remotes, err := s.Remotes(ctx, path)
	for _, remote := range remotes {
		if remote.Name == name {
			return remote.URL, nil
		}
	}
	return "", err
}
