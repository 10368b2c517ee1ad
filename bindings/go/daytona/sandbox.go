package daytona

import (
	"cmp"
	"context"
	"maps"
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
	changing.Lock()
	created := instant(of(s.CreatedAt))
	changing.Unlock()
	to := cmp.Or(of(end), time.Now())
	from := cmp.Or(of(start), created, to)
	written := func(at time.Time) api.Time { return api.Time(at.UTC().Format(time.RFC3339Nano)) }
	got, err := s.API.MetricsHistory(ctx, written(from), written(to), nil)
	if err != nil {
		return nil, err
	}
	samples := map[string]SandboxMetrics{}
	for _, series := range got.Series {
		for _, point := range series.DataPoints {
			sample := samples[point.Timestamp]
			sample.Timestamp = instant(point.Timestamp)
			sample.measure(series.MetricName, point.Value)
			samples[point.Timestamp] = sample
		}
	}
	sorted := slices.AppendSeq([]SandboxMetrics{}, maps.Values(samples))
	slices.SortFunc(sorted, func(one, other SandboxMetrics) int { return one.Timestamp.Compare(other.Timestamp) })
	return sorted, nil
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
