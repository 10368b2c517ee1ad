//! The tree of exceptions.

use super::super::surface::{Class, Surface};
use super::{docs, names};
use std::fmt::Write;

pub fn render(surface: &Surface) -> String {
    let mut out = String::new();
    for class in &surface.classes {
        exception(&mut out, class, surface);
    }
    create(&mut out, surface);
    out
}

fn exception(out: &mut String, class: &Class, surface: &Surface) {
    let name = names::exception(&class.name);
    let base = class.parent.as_deref().map_or_else(|| "DaytonaException".into(), names::exception);
    let of_status = surface.statuses.iter().find(|status| class.statuses.first() == Some(&status.name));
    let of_code = surface.codes.iter().find(|code| code.class == class.name);
    let doc = match (of_status, of_code) {
        (Some(status), _) => status.doc.clone(),
        (None, Some(code)) if !code.doc.is_empty() => code.doc.clone(),
        (None, Some(code)) => format!("`{}`.", code.code),
        (None, None) => "A kind of failure.".into(),
    };
    docs::element(out, "", "<summary>", "</summary>", &docs::xml(&doc));
    let has_children = surface.classes.iter().any(|other| other.parent.as_deref() == Some(&class.name));
    let sealed = if has_children { "" } else { "sealed " };
    let _ = write!(
        out,
        "public {sealed}class {name} : {base}\n{{\n    /// <summary>The exception for a failure.</summary>\n    \
         /// <param name=\"error\">What went wrong.</param>\n    public {name}(DaytonaError error)\n        : base(error)\n    {{\n    \
         }}\n}}\n\n"
    );
}

fn create(out: &mut String, surface: &Surface) {
    out.push_str(
        "internal static class Errors\n{\n    /// <summary>The exception of an error: by its code, else by its status.</summary>\n    \
         internal static DaytonaException Create(DaytonaError error) => error.Code switch\n    {\n",
    );
    for code in &surface.codes {
        let _ = writeln!(out, "        \"{}\" => new {}(error),", code.code, names::exception(&code.class));
    }
    out.push_str("        _ => ByStatus(error),\n    };\n\n    /// <summary>A status's name, as the library has it.</summary>\n    ");
    out.push_str("internal static string Name(int status) => status switch\n    {\n");
    for status in &surface.statuses {
        let name = status.name.strip_prefix("HTTP_").unwrap_or(&status.name);
        let _ = writeln!(out, "        {} => \"{name}\",", status.number);
    }
    out.push_str("        >= 400 and <= 599 => \"HTTP\",\n        _ => \"UNKNOWN\",\n    };\n\n    ");
    out.push_str(
        "private static DaytonaException ByStatus(DaytonaError error) => error.Status switch\n    {\n",
    );
    for status in &surface.statuses {
        let class = surface.classes.iter().find(|class| class.statuses.contains(&status.name));
        if let Some(class) = class {
            let _ =
                writeln!(out, "        {} => new {}(error),", status.number, names::exception(&class.name));
        }
    }
    out.push_str("        _ => new DaytonaException(error),\n    };\n}\n\n");
    let (major, minor) = surface.interface();
    let _ = write!(
        out,
        "/// <summary>What this package was generated for.</summary>\ninternal static class LibraryVersion\n{{\n    \
         internal const string Package = \"{}\";\n\n    internal const uint Interface = {};\n}}\n",
        surface.version,
        major << 16 | minor
    );
}
