namespace Daytona;

/// <summary>An image to make sandboxes of: a name, or a base with steps. Each step gives a new image; this one stays as
/// it is. A text is an image of that name.</summary>
public sealed partial class Image : IParameters
{
    private string? _base;
    private string? _debianSlim;
    private bool _isDebianSlim;
    private string? _dockerfile;
    private string? _contextDirectory;
    private ImageStep[] _steps = [];

    private Image()
    {
    }

    /// <summary>The name, where it is one and nothing more.</summary>
    public string? Reference { get; private init; }

    /// <summary>An image to begin with.</summary>
    /// <param name="reference">Its name, as <c>python:3.12-slim</c>.</param>
    /// <returns>The image.</returns>
    public static Image Base(string reference) => new() { _base = Parameters.Given(reference) };

    /// <summary>The official Debian image of a Python.</summary>
    /// <param name="python">The version, as <c>3.12</c>; null: 3.12.</param>
    /// <returns>The image.</returns>
    public static Image DebianSlim(string? python = null) => new() { _debianSlim = python, _isDebianSlim = true };

    /// <summary>What a Dockerfile builds.</summary>
    /// <param name="dockerfile">The text of the Dockerfile.</param>
    /// <param name="contextDirectory">The local directory that its COPY and ADD take files from; null: there is none.</param>
    /// <returns>The image.</returns>
    public static Image FromDockerfile(string dockerfile, string? contextDirectory = null) =>
        new() { _dockerfile = Parameters.Given(dockerfile), _contextDirectory = contextDirectory };

    /// <summary>The image of this name.</summary>
    /// <param name="reference">The name, as <c>python:3.12</c>.</param>
    public static implicit operator Image(string reference) => new() { Reference = Parameters.Given(reference) };

    /// <summary>The image with one more step.</summary>
    internal Image With(ImageStep step) => new()
    {
        _base = Reference ?? _base,
        _debianSlim = _debianSlim,
        _isDebianSlim = _isDebianSlim,
        _dockerfile = _dockerfile,
        _contextDirectory = _contextDirectory,
        _steps = [.. _steps, step],
    };

    void IParameters.Write(Parameters parameters)
    {
        parameters.Text("base"u8, Reference ?? _base).Text("dockerfile"u8, _dockerfile).Text("contextDir"u8, _contextDirectory);
        if (_isDebianSlim)
        {
            parameters.TextOrNull("debianSlim"u8, _debianSlim);
        }
        parameters.Shapes("steps"u8, _steps);
    }
}
