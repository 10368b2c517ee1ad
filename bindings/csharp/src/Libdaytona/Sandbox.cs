using System.Text.Json;

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
}

/// <summary>A sandbox, as operations act on it. Where it came out of a list, its handle is made at the first use.</summary>
internal sealed class SandboxTarget(ClientHandle owner, ulong handle, SandboxInfo info) : Target(owner)
{
    private NativeHandle? _handle = handle == 0 ? null : new NativeHandle(handle);

    internal override ulong Handle
    {
        get
        {
            lock (this)
            {
                ObjectDisposedException.ThrowIf(_handle is { IsClosed: true }, typeof(Sandbox));
                _handle ??= new NativeHandle(new Target(Owner).Call("sandbox.attach"u8, Parameters.Rent().Add("sandbox"u8,
                    info.ToolboxProxyUrl.Length == 0 ? info.Id : (object)JsonSerializer.SerializeToElement(info, DaytonaJson.Default.SandboxInfo)),
                    static answer => answer.Handle));
                return _handle.Value;
            }
        }
    }

    internal void Release()
    {
        lock (this)
        {
            _handle ??= new NativeHandle(0);
            _handle.Dispose();
        }
    }
}
