//! The tree of error classes, and what each status and code belongs to.

use crate::languages::surface::Surface;
use std::fmt::Write;

/// What the official SDK has for several classes at once.
const ALIASES: &[(&str, &str)] = &[("Validation", "BadRequest"), ("Authorization", "Forbidden")];

pub fn render(surface: &Surface) -> String {
    let mut text =
        String::from("package errors\n\n// The sentinels of errors.Is, one for each class.\nvar (\n");
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
    let width = surface.classes.iter().map(|class| class.name.len()).max().unwrap_or(0);
    for class in &surface.classes {
        let pad = " ".repeat(width - class.name.len());
        writeln!(text, "\tErr{}: {pad}\"{}\",", class.name, class.name).unwrap();
    }
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
    text.push_str("}\n\n// Statuses by their names.\nvar statuses = map[string]int{\n");
    table(&mut text, surface.statuses.iter().map(|status| (plain(&status.name), status.number.to_string())));
    text.push_str("}\n\nvar names = map[int]string{\n");
    for status in &surface.statuses {
        let pad = " ".repeat(3 - status.number.to_string().len());
        writeln!(text, "\t{}: {pad}\"{}\",", status.number, plain(&status.name)).unwrap();
    }
    text.push_str("}\n\nvar httpNames = map[int]string{\n");
    for status in surface.statuses.iter().filter(|status| status.number >= 400) {
        writeln!(text, "\t{}: \"{}\",", status.number, plain(&status.name)).unwrap();
    }
    text.push_str("}\n");
    types(&mut text, surface);
    text
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

/// Entries of a map, the values below each other as gofmt has them.
fn table(text: &mut String, entries: impl Iterator<Item = (String, String)>) {
    let entries: Vec<(String, String)> = entries.collect();
    let width = entries.iter().map(|(key, _)| key.len()).max().unwrap_or(0);
    for (key, value) in &entries {
        writeln!(text, "\t\"{key}\": {}{value},", " ".repeat(width - key.len())).unwrap();
    }
}
