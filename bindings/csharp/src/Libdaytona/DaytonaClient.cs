using System.Runtime.InteropServices;

namespace Daytona;

/// <summary>A way to Daytona: sandboxes are created, found and listed here. One client serves a whole program and any
/// number of threads; it opens no connection before the first call.</summary>
/// <remarks>Disposing it ends what is under way. It never deletes a sandbox.</remarks>
public partial class DaytonaClient : IAsyncDisposable, IDisposable
{
    private readonly Target _target;

    /// <summary>A client that the environment configures: DAYTONA_API_KEY, or DAYTONA_JWT_TOKEN with
    /// DAYTONA_ORGANIZATION_ID; DAYTONA_API_URL; DAYTONA_TARGET.</summary>
    /// <exception cref="DaytonaConfigurationException">There is no credential.</exception>
    /// <exception cref="DaytonaLibraryException">libdaytona is not there, or of another version.</exception>
    public DaytonaClient()
        : this(new DaytonaOptions())
    {
    }

    /// <summary>A client with a configuration. What is not given comes from the environment.</summary>
    /// <param name="options">The configuration.</param>
    /// <exception cref="DaytonaConfigurationException">It is incomplete or contradicts itself.</exception>
    /// <exception cref="DaytonaLibraryException">libdaytona is not there, or of another version.</exception>
    public DaytonaClient(DaytonaOptions options) =>
        _target = new Target(new ClientHandle(new WithEnvironment(Parameters.Given(options)), isEcho: false));

    internal Target Target => _target;

    /// <summary>The version of this package.</summary>
    public static string Version => Daytona.LibraryVersion.Package;

    /// <summary>The version of the library that is loaded.</summary>
    public static string LibraryVersion
    {
        get
        {
            NativeLibraryLoader.Ensure();
            return Marshal.PtrToStringUTF8(Native.Version())!;
        }
    }

    /// <summary>Makes a sandbox of what is known about it already, as of an item of a list. Sends nothing.</summary>
    /// <param name="info">What is known.</param>
    /// <returns>The sandbox.</returns>
    public virtual Sandbox Attach(SandboxInfo info) => new(_target.Owner, 0, Parameters.Given(info));

    /// <summary>Makes a sandbox of its id. Sends nothing: where it is, is asked for at the first use.</summary>
    /// <param name="id">The sandbox's id.</param>
    /// <returns>The sandbox; all but its id is empty until it is refreshed.</returns>
    public virtual Sandbox Attach(string id) => new(_target.Owner, 0, new SandboxInfo { Id = Parameters.Given(id) });

    /// <summary>Ends what is under way, waits for its end and releases everything. It deletes no sandbox.</summary>
    /// <returns>A task that completes when nothing runs any more.</returns>
    public virtual ValueTask DisposeAsync() => _target.Owner.DisposeAsync();

    /// <summary>Ends what is under way and releases everything. It deletes no sandbox.</summary>
    public virtual void Dispose() => _target.Owner.Dispose();
}

/// <summary>A configuration with what the environment has for it. What the program itself has changed there the library
/// does not see: .NET keeps that apart from the process's environment.</summary>
internal sealed class WithEnvironment(DaytonaOptions options) : IParameters
{
    void IParameters.Write(Parameters parameters)
    {
        parameters.With(options);
        if (options.ApiKey is null && options.JwtToken is null)
        {
            var (key, token) = (Variable("DAYTONA_API_KEY"), Variable("DAYTONA_JWT_TOKEN"));
            parameters.Add("apiKey"u8, key).Add("jwtToken"u8, token);
            if (key is null && token is null)
            {
                throw DaytonaException.Own(DaytonaStatus.Configuration, "no API key: give ApiKey, or set DAYTONA_API_KEY (keys are made in the dashboard)");
            }
        }
        parameters.Add("organizationId"u8, options.OrganizationId is null ? Variable("DAYTONA_ORGANIZATION_ID") : null)
            .Add("apiUrl"u8, options.ApiUrl is null ? Variable("DAYTONA_API_URL") ?? Variable("DAYTONA_SERVER_URL") : null)
            .Add("target"u8, options.Target is null ? Variable("DAYTONA_TARGET") : null);
    }

    private static string? Variable(string name) =>
        Environment.GetEnvironmentVariable(name) is { } value && !string.IsNullOrWhiteSpace(value) ? value : null;
}
