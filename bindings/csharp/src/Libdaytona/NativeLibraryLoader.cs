using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace Daytona;

/// <summary>libdaytona was not found, could not be loaded, or is of a version that this package does not fit.</summary>
public sealed class DaytonaLibraryException(string message, Exception? innerException = null)
    : DllNotFoundException(message, innerException);

/// <summary>Finds libdaytona: where LIBDAYTONA_PATH says, else beside this package, else where the system looks. A
/// library of another version is refused.</summary>
internal static unsafe class NativeLibraryLoader
{
    /// <summary>What include/daytona.h of this package is: major and minor of the interface.</summary>
    internal const uint InterfaceVersion = LibraryVersion.Interface;

    private static readonly Lazy<nint> Loaded = new(Load);

    /// <summary>Loads the library where that did not happen yet. Everything that calls it comes through here first.</summary>
    internal static void Ensure() => _ = Loaded.Value;

    [ModuleInitializer]
    [System.Diagnostics.CodeAnalysis.SuppressMessage("Usage", "CA2255", Justification = "The resolver has to be there before the first call.")]
    internal static void Register() => NativeLibrary.SetDllImportResolver(typeof(Native).Assembly,
        static (name, _, _) => name == Native.Library ? Loaded.Value : 0);

    private static nint Load()
    {
        var library = Find(Environment.GetEnvironmentVariable("LIBDAYTONA_PATH"), out var path);
        var version = NativeLibrary.TryGetExport(library, "daytona_abi_version", out var function)
            ? ((delegate* unmanaged[Cdecl]<uint>)function)()
            : throw new DaytonaLibraryException($"{path} is not libdaytona: it has no daytona_abi_version.");
        Check(version, path);
        AppDomain.CurrentDomain.ProcessExit += static (_, _) => NativeClient.AtExit();
        return library;
    }

    /// <summary>Refuses a library with another major number, or with a lower minor one.</summary>
    internal static void Check(uint version, string path)
    {
        var (major, minor) = (version >> 16, version & 0xFFFF);
        var (neededMajor, neededMinor) = (InterfaceVersion >> 16, InterfaceVersion & 0xFFFF);
        if (major == neededMajor && minor >= neededMinor)
        {
            return;
        }
        var age = major < neededMajor || (major == neededMajor && minor < neededMinor) ? "old" : "new";
        throw new DaytonaLibraryException($"{path} is too {age}: its interface is {major}.{minor}, and Libdaytona "
            + $"{LibraryVersion.Package} needs {neededMajor}.{neededMinor}. Install the library of the same version.");
    }

    private static nint Find(string? given, out string path)
    {
        var looked = new List<string>();
        foreach (var candidate in Candidates(given))
        {
            path = candidate;
            if (!Path.IsPathRooted(candidate) || File.Exists(candidate))
            {
                try
                {
                    return NativeLibrary.Load(candidate);
                }
                catch (Exception exception) when (Path.IsPathRooted(candidate))
                {
                    throw new DaytonaLibraryException($"{candidate} is there but cannot be loaded: {exception.Message}", exception);
                }
                catch (DllNotFoundException)
                {
                    // The system does not know it by this name.
                }
            }
            looked.Add(candidate);
        }
        throw new DaytonaLibraryException($"libdaytona was not found. Looked for {string.Join(", ", looked)}. "
            + "Set LIBDAYTONA_PATH to the library, or to the directory where it is.");
    }

    /// <summary>Where it may be, in order. A name without a directory is the system's to find.</summary>
    private static IEnumerable<string> Candidates(string? given)
    {
        var names = Names();
        if (!string.IsNullOrEmpty(given))
        {
            // What is given is meant: nothing else is taken in its place.
            given = Path.GetFullPath(given);
            return Directory.Exists(given) ? names.Select(name => Path.Combine(given, name)) : [given];
        }
        var native = Path.Combine("runtimes", RuntimeInformation.RuntimeIdentifier, "native");
        var portable = Path.Combine("runtimes", Portable(), "native");
        var directories = new[] { AppContext.BaseDirectory, Path.GetDirectoryName(Location()) ?? "" }
            .Where(directory => directory.Length > 0).Distinct()
            .SelectMany(directory => new[] { directory, Path.Combine(directory, native), Path.Combine(directory, portable) });
        var probed = (AppContext.GetData("NATIVE_DLL_SEARCH_DIRECTORIES") as string ?? "")
            .Split(Path.PathSeparator, StringSplitOptions.RemoveEmptyEntries);
        return directories.Concat(probed).Select(Path.TrimEndingDirectorySeparator).Distinct()
            .SelectMany(directory => names.Select(name => Path.Combine(directory, name)))
            .Concat(names);
    }

    private static string[] Names()
    {
        if (OperatingSystem.IsWindows())
        {
            return ["daytona.dll"];
        }
        return OperatingSystem.IsMacOS()
            ? ["libdaytona.dylib"]
            : ["libdaytona.so", $"libdaytona.so.{InterfaceVersion >> 16}"];
    }

    private static string Portable()
    {
        var system = OperatingSystem.IsWindows() ? "win" : OperatingSystem.IsMacOS() ? "osx" : "linux";
        return $"{system}-{RuntimeInformation.ProcessArchitecture.ToString().ToLowerInvariant()}";
    }

    [System.Diagnostics.CodeAnalysis.UnconditionalSuppressMessage("SingleFile", "IL3000", Justification = "Empty in a single file, and then skipped.")]
    private static string Location() => typeof(Native).Assembly.Location;
}
