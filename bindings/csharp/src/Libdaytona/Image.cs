using System.Text;
using System.Text.Json;

namespace Daytona;

/// <summary>An image to make sandboxes of: a name, or a base with steps. Each step gives a new image; this one stays as
/// it is. A text is an image of that name.</summary>
public sealed partial class Image : IParameters
{
    private static readonly JsonElement Null = ResultReader.Parse("null"u8, ResultReader.Element);

    private readonly (string Member, object Value) _beginning;
    private readonly string? _contextDir;
    private readonly ImageStep[] _steps;

    private Image((string Member, object Value) beginning, string? contextDir = null, params ImageStep[] steps) =>
        (_beginning, _contextDir, _steps) = (beginning, contextDir, steps);

    /// <summary>The name, where it is one and nothing more.</summary>
    public string? Reference { get; private init; }

    /// <summary>An image to begin with.</summary>
    /// <param name="reference">Its name, as <c>python:3.12-slim</c>.</param>
    /// <returns>The image.</returns>
    public static Image Base(string reference) => new(("base", Parameters.Given(reference)));

    /// <summary>The official Debian image of a Python.</summary>
    /// <param name="python">The version, as <c>3.12</c>; null: 3.12.</param>
    /// <returns>The image.</returns>
    public static Image DebianSlim(string? python = null) => new(("debianSlim", python ?? (object)Null));

    /// <summary>What a Dockerfile builds.</summary>
    /// <param name="dockerfile">The text of the Dockerfile.</param>
    /// <param name="contextDirectory">The local directory that its COPY and ADD take files from; null: there is none.</param>
    /// <returns>The image.</returns>
    public static Image FromDockerfile(string dockerfile, string? contextDirectory = null) =>
        new(("dockerfile", Parameters.Given(dockerfile)), contextDirectory);

    /// <summary>The image of this name.</summary>
    /// <param name="reference">The name, as <c>python:3.12</c>.</param>
    public static implicit operator Image(string reference) => new(("base", Parameters.Given(reference))) { Reference = reference };

    /// <summary>The image with one more step.</summary>
    internal Image With(ImageStep step) => new(_beginning, _contextDir, [.. _steps, step]);

    void IParameters.Write(Parameters parameters) => parameters
        .Add(Encoding.UTF8.GetBytes(_beginning.Member), _beginning.Value).Add("contextDir"u8, _contextDir).Add("steps"u8, _steps);
}
