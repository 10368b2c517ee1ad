package daytona

import (
	"context"
	"time"

	"github.com/libdaytona/libdaytona/bindings/go/api"
	"github.com/libdaytona/libdaytona/bindings/go/types"
)

// Mouse gives the mouse.
func (s *ComputerUseService) Mouse() *MouseService { return &MouseService{s.on} }

// Keyboard gives the keyboard.
func (s *ComputerUseService) Keyboard() *KeyboardService { return &KeyboardService{s.on} }

// Screenshot gives pictures.
func (s *ComputerUseService) Screenshot() *ScreenshotService { return &ScreenshotService{s.on} }

// Display gives displays and windows.
func (s *ComputerUseService) Display() *DisplayService { return &DisplayService{s.on} }

// Recording gives recordings.
func (s *ComputerUseService) Recording() *RecordingService { return &RecordingService{s.on} }

// Accessibility gives the accessibility tree.
func (s *ComputerUseService) Accessibility() *AccessibilityService {
	return &AccessibilityService{s.on}
}

// AccessibilityTreeOptions say which part of the tree is read.
type AccessibilityTreeOptions struct {
	Scope    *string `json:"scope,omitzero"`
	PID      *int    `json:"pid,omitzero"`
	MaxDepth *int    `json:"maxDepth,omitzero"`
}

// AccessibilityFindOptions say which nodes are looked for.
type AccessibilityFindOptions struct {
	Scope     *string  `json:"scope,omitzero"`
	PID       *int     `json:"pid,omitzero"`
	Role      *string  `json:"role,omitzero"`
	Name      *string  `json:"name,omitzero"`
	NameMatch *string  `json:"nameMatch,omitzero"`
	States    []string `json:"states,omitzero"`
	Limit     *int     `json:"limit,omitzero"`
}

// ListSnapshotsQuery says which snapshots a page has; pages count from 1.
type ListSnapshotsQuery struct {
	Page            *int    `json:"page,omitzero"`
	Limit           *int    `json:"limit,omitzero"`
	SourceSandboxID *string `json:"sourceSandboxId,omitzero"`
}

// Create makes a snapshot. It answers when the snapshot is begun; the channel has its build log, line by line, and is
// closed when the snapshot is active or has failed, which the last line then says. It does not have to be read.
// The context bounds the build.
func (s *SnapshotService) Create(ctx context.Context, params *types.CreateSnapshotParams) (*types.Snapshot, <-chan string, error) {
	if params == nil {
		return nil, nil, missing("snapshot.create", "params")
	}
	stream, err := api.OpenStream[*types.Snapshot, api.Snapshot](ctx, s.on, "snapshot.create",
		api.Text("name", params.Name), api.Value("image", params.Image), api.Members(params))
	if err != nil {
		return nil, nil, err
	}
	log := newOutlet("\n", func(text string) string { return text })
	go func() {
		defer stream.Close()
		defer log.close()
		all, ended := make(chan string), make(chan error, 1)
		go func() {
			defer close(all)
			ended <- lines(ctx, stream, all)
		}()
		for line := range all {
			log.put(line)
		}
		err := <-ended
		if err == nil {
			_, err = stream.Wait(ctx)
		}
		if err != nil {
			log.put(err.Error())
		}
	}()
	return stream.Opened, log.to, nil
}

// Delete deletes a snapshot.
func (s *SnapshotService) Delete(ctx context.Context, snapshot *types.Snapshot) error {
	if snapshot == nil {
		return missing("snapshot.delete", "snapshot")
	}
	return s.DeleteByNameOrID(ctx, snapshot.ID)
}

// Delete deletes a volume.
func (s *VolumeService) Delete(ctx context.Context, volume *types.Volume) error {
	if volume == nil {
		return missing("volume.delete", "volume")
	}
	return null(ctx, s.on, "volume.delete", api.Text("idOrName", volume.ID))
}

// WaitForReady waits until a volume can be used; 0 is no time limit.
func (s *VolumeService) WaitForReady(ctx context.Context, volume *types.Volume, timeout time.Duration) (*types.Volume, error) {
	if volume == nil {
		return nil, missing("volume.wait", "volume")
	}
	return get[*types.Volume](ctx, s.on, "volume.wait", api.Text("idOrName", volume.ID), milliseconds("timeoutMs", timeout))
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
