//! The tree of error classes, and what each status and code belongs to.

use super::names::{columns, comment, described, exported};
use crate::languages::surface::{Member, Surface};
use crate::languages::types::Type;
use std::fmt::Write;

/// What the official SDK has for several classes at once.
const ALIASES: &[(&str, &str)] = &[("Validation", "BadRequest"), ("Authorization", "Forbidden")];

pub fn render(surface: &Surface) -> String {
    let mut text = String::from("package errors\n\nimport (\n\t\"net/http\"\n\t\"time\"\n)\n");
    structure(&mut text, surface);
    text.push_str("\n// The sentinels of errors.Is, one for each class.\nvar (\n");
    for class in &surface.classes {
        let name = &class.name;
        let mut says: Vec<String> = class.statuses.clone();
        says.extend(surface.codes.iter().filter(|code| code.class == *name).map(|code| code.code.clone()));
        let below = class.parent.as_ref().map_or(String::new(), |parent| format!("; also an Err{parent}"));
        let is = says.join(", ");
        writeln!(
            text,
            "\t// Err{name}: {is}{below}.\n\tErr{name} = &DaytonaError{{{}}}",
            fields(surface, name)
        )
        .unwrap();
    }
    text.push_str("\t// ErrGatewayTimeout: HTTP_GATEWAY_TIMEOUT.\n\tErrGatewayTimeout = &DaytonaError{StatusCode: 504}\n");
    for (alias, of) in ALIASES {
        writeln!(text, "\t// Err{alias} is the older name of Err{of}.\n\tErr{alias} = Err{of}").unwrap();
    }
    text.push_str(")\n\nvar sentinels = map[*DaytonaError]string{\n");
    let sentinels = surface.classes.iter().map(|class| &class.name);
    columns(&mut text, "\t", sentinels.map(|name| (format!("Err{name}:"), format!("\"{name}\","))));
    text.push_str("}\n\n// Parents of the classes that have one.\nvar parents = map[string]string{\n");
    table(
        &mut text,
        surface
            .classes
            .iter()
            .filter_map(|class| Some((class.name.clone(), format!("\"{}\"", class.parent.as_ref()?)))),
    );
    text.push_str("}\n\n// Classes by the status's name.\nvar classes = map[string]string{\n");
    table(
        &mut text,
        surface.classes.iter().flat_map(|class| {
            class.statuses.iter().map(|status| (plain(status), format!("\"{}\"", class.name)))
        }),
    );
    text.push_str("}\n\ntype coded struct{ class, source string }\n\nvar codes = map[string]coded{\n");
    table(
        &mut text,
        surface.codes.iter().map(|code| {
            (
                code.code.clone(),
                format!("{{\"{}\", \"{}\"}}", code.class, code.source.as_deref().unwrap_or_default()),
            )
        }),
    );
    text.push_str(
        "}\n\n// Statuses by their names, with the HTTP status that stands for each in the official packages.\n\
         var statuses = map[string]struct{ number, http int }{\n",
    );
    table(
        &mut text,
        surface.statuses.iter().map(|status| {
            (plain(&status.name), format!("{{{}, {}}}", status.number, stands_for(surface, &status.name)))
        }),
    );
    text.push_str("}\n\nvar names = map[int]string{\n");
    columns(
        &mut text,
        "\t",
        surface
            .statuses
            .iter()
            .map(|status| (format!("{}:", status.number), format!("\"{}\",", plain(&status.name)))),
    );
    text.push_str("}\n");
    types(&mut text, surface);
    text
}

/// The error itself: the members of the error JSON, and what Go and the official package have beside them.
fn structure(text: &mut String, surface: &Surface) {
    text.push_str(
        "\n// DaytonaError is everything that is known about a failure; what is null or absent is a field's zero value.\ntype DaytonaError struct {\n\
         \t// StatusCode: the HTTP status of the answer, or the one that stands for the failure (a timeout on this\n\
         \t// side is 408, a wrong argument 400); 0 where there is none.\n\tStatusCode int `json:\"-\"`\n\n\
         \t// Cause: the context's error where its end was the reason.\n\tCause error `json:\"-\"`\n",
    );
    for member in surface.shape("Error").into_iter().flat_map(|shape| &shape.members) {
        let field = exported(&member.name);
        let (field, of, tag) = match member.name.as_str() {
            "headers" => (field, "http.Header", "-".to_owned()),
            "retryAfterMs" => ("RetryAfter".to_owned(), "time.Duration", "-".to_owned()),
            name if member.required && !member.nullable => (field, field_type(member), name.to_owned()),
            name => (field, field_type(member), format!("{name},omitzero")),
        };
        text.push('\n');
        // A duration has its unit itself.
        let doc = if of == "time.Duration" { member.doc.clone() } else { described(member) };
        text.push_str(&comment(&format!("{field}: {doc}"), "\t"));
        writeln!(text, "\t{field} {of} `json:\"{tag}\"`").unwrap();
    }
    text.push_str("\n\tretryAfterMs int64 // exactly; a Duration ends at 292 years\n}\n");
}

/// A number that may be absent is a pointer; it may be 0 as well.
fn field_type(member: &Member) -> &'static str {
    match (&member.of, member.required, member.format.as_deref()) {
        (Type::Boolean, ..) => "bool",
        (Type::Integer, true, _) => "int",
        (Type::Integer, false, Some("uint64")) => "*int64",
        (Type::Integer, false, _) => "*int",
        _ => "string",
    }
}

/// The HTTP status of a status, or of the nearest class that it belongs to and that has one; else 0.
fn stands_for(surface: &Surface, status: &str) -> i64 {
    let number = |name: &String| surface.statuses.iter().find(|it| it.name == *name).map(|it| it.number);
    if let Some(is) = number(&status.to_owned()).filter(|is| *is >= 400) {
        return is;
    }
    let mut class = surface.classes.iter().find(|class| class.statuses.iter().any(|it| it == status));
    while let Some(is) = class {
        if let Some(http) = is.statuses.iter().filter_map(number).find(|is| *is >= 400) {
            return http;
        }
        class = surface.classes.iter().find(|it| Some(&it.name) == is.parent.as_ref());
    }
    0
}

/// The types of errors.As, which carry the error itself.
fn types(text: &mut String, surface: &Surface) {
    let mut names: Vec<(String, String)> =
        surface.classes.iter().map(|class| (class.name.clone(), class.name.clone())).collect();
    names.extend(ALIASES[..1].iter().map(|(alias, of)| ((*alias).to_owned(), (*of).to_owned())));
    for (name, _) in &names {
        write!(
            text,
            "\n// Daytona{name}Error is an error of the class {name}, for errors.As.\n\
             type Daytona{name}Error struct{{ *DaytonaError }}\n\n\
             // Unwrap gives the error itself.\n\
             func (e *Daytona{name}Error) Unwrap() error {{ return e.DaytonaError }}\n"
        )
        .unwrap();
    }
    text.push_str(
        "\n// DaytonaServerError is an error with an HTTP status from 500 on, for errors.As.\n\
         type DaytonaServerError struct{ *DaytonaError }\n\n\
         // Unwrap gives the error itself.\n\
         func (e *DaytonaServerError) Unwrap() error { return e.DaytonaError }\n\n\
         // As makes the error one of its classes' types.\n\
         func (e *DaytonaError) As(target any) bool {\n\tswitch t := target.(type) {\n",
    );
    for (name, class) in &names {
        write!(
            text,
            "\tcase **Daytona{name}Error:\n\t\tif e.belongs(\"{class}\") {{\n\t\t\t*t = &Daytona{name}Error{{e}}\n\t\t\treturn true\n\t\t}}\n"
        )
        .unwrap();
    }
    text.push_str(
        "\tcase **DaytonaServerError:\n\t\tif e.StatusCode >= 500 && e.StatusCode <= 599 {\n\
         \t\t\t*t = &DaytonaServerError{e}\n\t\t\treturn true\n\t\t}\n\t}\n\treturn false\n}\n",
    );
}

/// The fields of a class's sentinel: its code, or the HTTP status that stands for it.
fn fields(surface: &Surface, class: &str) -> String {
    if let Some(code) = surface.codes.iter().find(|code| code.class == class) {
        let source = code.source.as_deref().map_or(String::new(), |_| "Source: SourceDaemon, ".to_owned());
        return format!("{source}Code: \"{}\"", code.code);
    }
    let statuses = surface.classes.iter().find(|it| it.name == class).map(|it| it.statuses.as_slice());
    let number = statuses.unwrap_or_default().iter().find_map(|name| {
        surface.statuses.iter().find(|status| status.name == *name).map(|status| (status.number, plain(name)))
    });
    match number {
        _ if class == "Timeout" => "StatusCode: 408".into(),
        Some((number, _)) if number >= 400 => format!("StatusCode: {number}"),
        Some((number, name)) => format!("Status: {number}, Name: \"{name}\""),
        None => String::new(),
    }
}

/// A status's name as the error JSON has it.
fn plain(status: &str) -> String {
    status.strip_prefix("HTTP_").unwrap_or(status).to_owned()
}

/// Entries of a map from texts.
fn table(text: &mut String, entries: impl Iterator<Item = (String, String)>) {
    columns(text, "\t", entries.map(|(key, value)| (format!("\"{key}\":"), format!("{value},"))));
}
