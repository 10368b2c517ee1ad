//! The functions and the event of the C interface, as the header declares them: spans go in, numbers and pointers come out.

use super::names;
use crate::languages::surface::Surface;
use heck::ToLowerCamelCase;
use std::collections::HashSet;
use std::fmt::Write;

/// Without those of operations: the methods call these by name.
pub fn render(surface: &Surface) -> Result<String, String> {
    let named = |name: &str| format!("daytona_{}", name.replace('.', "_"));
    let operations: HashSet<String> = surface.operations.iter().map(|it| named(&it.name)).collect();
    let mut out = String::from(
        "/// <summary>The functions of include/daytona.h. A text has a NUL behind its span, as a literal has. Everything that
/// crosses it is blittable.</summary>
internal static unsafe partial class Native
{
    internal const string Library = \"daytona\";

    /// <summary>An event, as the library lays it out.</summary>
    internal struct Event
    {
",
    );
    for (of, name) in surface.event()? {
        let of = match (name, of) {
            ("kind", _) => "EventKind",
            ("status", _) => "DaytonaStatus",
            ("channel", _) => "OutputChannel",
            (_, "const uint8_t *") => "byte*",
            (_, "int32_t") => "int",
            _ => "ulong",
        };
        let _ = writeln!(out, "        internal {of} {};", names::pascal(name));
    }
    out.push_str(
        "
        internal readonly ReadOnlySpan<byte> Span => new(Data, checked((int)Len));
    }

",
    );
    for (returned, name, parameters) in surface.functions() {
        if operations.contains(name) {
            continue;
        }
        let parameters: Vec<String> = parameters.into_iter().map(parameter).collect();
        let returned = match returned {
            "int32_t" => "DaytonaStatus",
            "uint32_t" => "uint",
            "void" => "void",
            _ => "nint",
        };
        let _ = writeln!(
            out,
            "    [LibraryImport(Library, EntryPoint = \"{name}\")]\n    internal static partial {returned} {}({});\n",
            names::pascal(name.trim_start_matches("daytona_")),
            parameters.join(", ")
        );
    }
    out.truncate(out.len() - 1);
    out.push_str("}\n");
    Ok(out)
}

fn parameter((of, name): (&str, &str)) -> String {
    let of = match of {
        "const char *" | "const uint8_t *" => "ReadOnlySpan<byte>",
        "uint8_t *" => "Span<byte>",
        "char **" => "out nint",
        "void *" => "nint",
        "size_t *" => "out nuint",
        "int32_t *" => "out int",
        "int64_t *" => "out long",
        "double *" => "out double",
        "daytona_event_t *" | "const daytona_event_t *" => "Event*",
        "daytona_callback_t" => "delegate* unmanaged[Cdecl]<nint, Event*, DaytonaStatus>",
        "int32_t" => "int",
        "int64_t" => "long",
        "size_t" => "nuint",
        handle if handle.ends_with('*') => "out ulong",
        _ => "ulong",
    };
    format!("{of} {}", names::escaped(name.to_lower_camel_case()))
}
