namespace Daytona;

/// <summary>A sandbox: commands, files, terminals and everything else in it.</summary>
/// <remarks>Disposing it releases the handle and never deletes the sandbox: that is <see cref="DeleteAsync"/>.</remarks>
public partial class Sandbox : IAsyncDisposable, IDisposable
{
    private readonly SandboxTarget? _target;

    internal Sandbox(ClientHandle owner, ulong handle, SandboxInfo info)
    {
        Info = info;
        _target = new SandboxTarget(owner, handle, info);
    }

    internal Target Target => _target!;

    /// <summary>What is known about it, as last read.</summary>
    public virtual SandboxInfo Info { get; private set; } = new();

    /// <summary>The id.</summary>
    public string Id => Info.Id;

    /// <summary>The name.</summary>
    public string Name => Info.Name;

    /// <summary>The state, as last read.</summary>
    public SandboxState? State => Info.State;

    /// <summary>The labels, as last read.</summary>
    public IReadOnlyDictionary<string, string> Labels => Info.Labels;

    /// <summary>Releases the handle; nothing happens to the sandbox.</summary>
    public virtual void Dispose() => _target?.Release();

    /// <summary>Releases the handle; nothing happens to the sandbox.</summary>
    /// <returns>A completed task.</returns>
    public virtual ValueTask DisposeAsync()
    {
        Dispose();
        return ValueTask.CompletedTask;
    }

    /// <inheritdoc/>
    public override string ToString() => $"{Name} ({Id})";

    /// <summary>Keeps a reading of this sandbox.</summary>
    private SandboxInfo Learn(SandboxInfo? info)
    {
        if (info?.Id == Id)
        {
            Info = info!;
        }
        return info!;
    }

    private async Task<T> LearnAsync<T>(Task<T> reading) where T : class?
    {
        var info = await reading.ConfigureAwait(false);
        Learn(info as SandboxInfo);
        return info;
    }
}

/// <summary>A sandbox, as operations act on it. Where it came out of a list, its handle is made at the first use.</summary>
internal sealed class SandboxTarget(ClientHandle owner, ulong handle, SandboxInfo info) : Target(owner)
{
    private NativeHandle? _handle = handle == 0 ? null : new NativeHandle(handle);
    private bool _isReleased;

    internal override ulong Handle
    {
        get
        {
            lock (this)
            {
                ObjectDisposedException.ThrowIf(_isReleased, typeof(Sandbox));
                object known = info.ToolboxProxyUrl.Length == 0 ? info.Id : info;
                _handle ??= new NativeHandle(new Target(Owner).Call("sandbox.attach"u8,
                    Parameters.Rent().Add("sandbox"u8, known), static answer => answer.Handle));
                return _handle.Value;
            }
        }
    }

    internal void Release()
    {
        lock (this)
        {
            _isReleased = true;
            _handle?.Dispose();
        }
    }
}
