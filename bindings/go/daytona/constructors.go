package daytona

// The services of a client, as its fields have them already.

// NewVolumeService gives the volumes of a client.
func NewVolumeService(client *Client) *VolumeService { return client.Volume }

// NewSnapshotService gives the snapshots of a client.
func NewSnapshotService(client *Client) *SnapshotService { return client.Snapshot }

// NewSecretService gives the secrets of a client.
func NewSecretService(client *Client) *SecretService { return client.Secret }

// NewWarmPoolService gives the warm pools of a client.
func NewWarmPoolService(client *Client) *WarmPoolService { return client.WarmPool }
