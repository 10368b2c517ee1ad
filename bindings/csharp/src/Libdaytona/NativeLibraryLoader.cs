using System.Diagnostics;
using System.Runtime.InteropServices;

namespace Daytona;

/// <summary>libdaytona was not found, could not be loaded, or is of a version that this package does not fit.</summary>
public sealed class DaytonaLibraryException(string message, Exception? innerException = null)
    : DllNotFoundException(message, innerException);

/// <summary>Finds libdaytona: where LIBDAYTONA_PATH says, else beside this package, else where the system looks. A
/// library of another version is refused.</summary>
internal static unsafe class NativeLibraryLoader
{
    private static readonly Lazy<nint> Library = new(Load);

    /// <summary>Loads the library where that did not happen yet. Everything that calls it comes through here first.</summary>
    internal static void Ensure() => _ = Library.Value;

    private static nint Load()
    {
        var given = Environment.GetEnvironmentVariable("LIBDAYTONA_PATH");
        var library = Find(string.IsNullOrEmpty(given) ? null : Path.GetFullPath(given));
        uint? version = NativeLibrary.TryGetExport(library, "daytona_abi_version", out var function)
            ? ((delegate* unmanaged[Cdecl]<uint>)function)()
            : null;
        if (version != LibraryVersion.Interface)
        {
            Check(version, File.Exists(given) ? given : Loaded());
        }
        NativeLibrary.SetDllImportResolver(typeof(Native).Assembly, (name, _, _) => name == Native.Library ? library : 0);
        AppDomain.CurrentDomain.ProcessExit += static (_, _) => Receiver.AtExit();
        return library;
    }

    /// <summary>Refuses a library with another major number, or with a lower minor one.</summary>
    internal static void Check(uint? version, string path)
    {
        if (version is not { } has)
        {
            throw new DaytonaLibraryException($"{path} is not libdaytona: it has no daytona_abi_version.");
        }
        var (major, minor, neededMajor, neededMinor) = (has >> 16, has & 0xFFFF, LibraryVersion.Interface >> 16, LibraryVersion.Interface & 0xFFFF);
        if (major != neededMajor || minor < neededMinor)
        {
            throw new DaytonaLibraryException($"{path} is too {(has < LibraryVersion.Interface ? "old" : "new")}: its interface is {major}.{minor}, "
                + $"and Libdaytona {LibraryVersion.Package} needs {neededMajor}.{neededMinor}. Install the library of the same version.");
        }
    }

    /// <summary>What is given is meant: nothing else is taken in its place. Else .NET looks where it looks for any
    /// library, and the system does. The name with the interface's number is there without development files too.</summary>
    private static nint Find(string? given)
    {
        var file = OperatingSystem.IsWindows() ? "daytona.dll" : OperatingSystem.IsMacOS() ? "libdaytona.dylib" : "libdaytona.so";
        string[] names = [file, $"{file}.{LibraryVersion.Interface >> 16}"];
        string[] candidates = given is null ? names : Directory.Exists(given) ? [.. names.Select(name => Path.Combine(given, name))] : [given];
        foreach (var candidate in candidates)
        {
            if (NativeLibrary.TryLoad(candidate, typeof(Native).Assembly, null, out var library))
            {
                return library;
            }
        }
        try
        {
            return NativeLibrary.Load(candidates[0], typeof(Native).Assembly, null);
        }
        catch (Exception exception) when (exception is DllNotFoundException or BadImageFormatException)
        {
            throw new DaytonaLibraryException($"libdaytona {(File.Exists(given) ? "cannot be loaded" : "was not found")}. Looked for "
                + $"{string.Join(", ", candidates)}. Set LIBDAYTONA_PATH to the library, or to the directory where it is.\n{exception.Message}", exception);
        }
    }

    /// <summary>The file that was loaded, for the message that refuses it.</summary>
    private static string Loaded() => Process.GetCurrentProcess().Modules.Cast<ProcessModule>()
        .FirstOrDefault(static module => module.ModuleName.StartsWith("libdaytona.", StringComparison.Ordinal))?.FileName ?? "libdaytona";
}
