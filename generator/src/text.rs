//! The documentation of one function, from the catalogue's one text.

use crate::model::{Field, Function, Kind, snake};
use daytona::catalogue::{Returns, Target, Timeout};

/// What stands over the C function.
pub fn documentation(function: &Function) -> String {
    let operation = function.operation;
    let mut text = String::new();
    let mut say = |paragraph: &str| {
        text.push_str(paragraph.trim_end());
        text.push('\n');
    };
    say(&flowing(operation.doc));
    say("");
    say(match operation.target {
        Target::Client => "`client`: a client handle.",
        Target::Sandbox => "`sandbox`: a sandbox handle.",
        Target::Echo => "`client`: a handle of the echo target.",
    });
    for argument in &function.arguments {
        say(&argument_line(argument));
    }
    if operation.body {
        say("`data`, `len`: the raw bytes, copied; NULL is allowed with a length of 0.");
    }
    say("`options`: NULL, or a JSON object with any of");
    say("");
    for option in &function.options {
        say(&format!("* `{}` ({}): {}", option.name, option.type_name, option.doc));
    }
    say("");
    if operation.returns == Returns::Handle {
        say("`result`: gets the new sandbox handle, 0 on failure; close it with daytona_close.");
    }
    let length = match operation.returns {
        Returns::Bytes => "may be NULL, but `out` needs `out_len`",
        _ => "may be NULL",
    };
    say(&format!(
        "`out`, `out_len`: {length}. Get {}, or the error JSON on failure; free it with daytona_free.",
        function.result()
    ));
    if let Some(shape) = shape(function) {
        say(&shape);
    }
    say("");
    say("Any thread, several at once; DAYTONA_BUSY in an inline callback.");
    say(match operation.timeout {
        _ if function.is_local() => "Answers at once.",
        Timeout::Minute => "Gives up after 60 s unless `timeoutMs` says otherwise.",
        Timeout::None => "Has no time limit of its own; connect and idle limits apply.",
    });
    say(&format!("Submitted and cancelled: {}", operation.cancel));
    say(&format!("Endpoint: {}", operation.endpoint));
    say(&statuses(function));
    text
}

fn argument_line(argument: &Field) -> String {
    let json = if argument.kind == Kind::Json { ", as JSON text" } else { "" };
    format!("`{}` ({}{json}): {}", snake(&argument.name), argument.type_name, argument.doc)
}

/// The fields of the result, where the entry describes them.
pub fn shape(function: &Function) -> Option<String> {
    let schema = function.result_schema.as_ref()?;
    let names: Vec<&str> = schema["properties"].as_object()?.keys().map(String::as_str).collect();
    Some(format!("Its fields: {}; a newer server's arrive by themselves.", names.join(", ")))
}

/// Every status, in the words of the header.
pub fn statuses(function: &Function) -> String {
    let names: Vec<String> = function.statuses().iter().map(|name| format!("DAYTONA_{name}")).collect();
    let http = if function.is_local() { "" } else { ", and 400 to 599 as the server answers" };
    format!("Returns {}{http}.", names.join(", "))
}

/// A text without the line breaks of its source: one line a paragraph or list item.
fn flowing(text: &str) -> String {
    let mut lines: Vec<String> = Vec::new();
    for line in text.lines().map(str::trim) {
        match lines.last_mut() {
            Some(last) if !(last.is_empty() || line.is_empty() || line.starts_with("* ")) => {
                last.push(' ');
                last.push_str(line);
            }
            _ => lines.push(line.to_owned()),
        }
    }
    lines.join("\n")
}

/// Breaks lines at a width, keeping paragraphs and list marks.
pub fn wrap(text: &str, width: usize) -> Vec<String> {
    let mut lines = Vec::new();
    for line in text.lines() {
        let indent = if line.starts_with("* ") { "  " } else { "" };
        let mut current = String::new();
        for word in line.split(' ') {
            if !current.is_empty() && current.len() + 1 + word.len() > width {
                lines.push(std::mem::replace(&mut current, format!("{indent}{word}")));
            } else {
                if !current.is_empty() {
                    current.push(' ');
                }
                current.push_str(word);
            }
        }
        lines.push(current);
    }
    lines
}
