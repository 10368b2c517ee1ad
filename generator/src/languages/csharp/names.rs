//! How things are called in C#: where the catalogue's word is taken already, or is no verb.

use super::super::surface::{Member, Operation};
use heck::{ToLowerCamelCase, ToUpperCamelCase};

/// Shapes whose name a .NET program has for something else, or that are said better.
const SHAPES: &[(&str, &str)] = &[
    ("Branches", "GitBranches"),
    ("ClientConfig", "DaytonaOptions"),
    ("Directory", "SandboxDirectory"),
    ("Error", "DaytonaError"),
    ("FileInfo", "SandboxFile"),
    ("Ports", "ListeningPorts"),
    ("Recordings", "RecordingList"),
    ("Sandbox", "SandboxInfo"),
    ("Windows", "WindowList"),
];

/// Shapes that stand in the hand-written part.
pub const WRITTEN: &[&str] = &["Image", "Progress", "QueueOptions", "SandboxId"];

/// Operations that stand in the hand-written part: what the library knows of a sandbox is `Sandbox.Info`, and
/// `DaytonaClient.Attach` does its work at the first use.
pub const SKIPPED: &[&str] = &["sandbox.attach", "sandbox.info"];

/// Operations named after what they give: these get a verb.
const GETTERS: &[&str] = &[
    "client.config",
    "computer.display_info",
    "computer.mouse_position",
    "computer.process_errors",
    "computer.process_logs",
    "computer.process_status",
    "computer.status",
    "computer.system_status",
    "computer.windows",
    "files.info",
    "git.branches",
    "git.history",
    "git.remotes",
    "git.status",
    "image.contexts",
    "image.dockerfile",
    "lsp.completions",
    "lsp.document_symbols",
    "lsp.workspace_symbols",
    "pty.info",
    "sandbox.ancestors",
    "sandbox.daemon_version",
    "sandbox.download_url",
    "sandbox.forks",
    "sandbox.home_dir",
    "sandbox.metrics",
    "sandbox.metrics_history",
    "sandbox.parent",
    "sandbox.ports",
    "sandbox.preview_link",
    "sandbox.signed_preview_link",
    "sandbox.upload_url",
    "sandbox.work_dir",
    "session.command",
    "session.entrypoint",
    "session.entrypoint_logs",
    "session.logs",
];

/// Operations that .NET has its own word for.
const METHODS: &[(&str, &str)] = &[
    ("files.reader", "OpenRead"),
    ("files.writer", "OpenWrite"),
    ("sandbox.events", "SubscribeToEvents"),
    ("session.input", "SendInput"),
];

/// Operations whose stream is what people want of them; the call has the longer name.
const STREAM_FIRST: &[&str] = &["interpreter.run", "process.run"];

/// The options of every operation.
pub const COMMON: &str = "CallOptions";

const KEYWORDS: &[&str] = &[
    "double", "from", "params", "public", "value", "event", "fixed", "lock", "object", "out", "ref", "string",
];

pub fn pascal(name: &str) -> String {
    name.to_upper_camel_case()
}

pub fn shape(name: &str) -> String {
    SHAPES.iter().find(|(from, _)| *from == name).map_or_else(|| pascal(name), |(_, to)| (*to).to_owned())
}

pub fn exception(class: &str) -> String {
    format!("Daytona{class}Exception")
}

/// `FilesOperations`
pub fn group(area: &str) -> String {
    format!("{}Operations", pascal(area))
}

pub fn options(operation: &Operation) -> String {
    format!("{}{}Options", pascal(operation.area()), pascal(operation.verb()))
}

fn method(operation: &Operation) -> String {
    let name = operation.name.as_str();
    if let Some((_, method)) = METHODS.iter().find(|(from, _)| *from == name) {
        return (*method).to_owned();
    }
    let verb = pascal(operation.verb());
    if GETTERS.contains(&name) { format!("Get{verb}") } else { verb }
}

/// The method of the call, without `Async`.
pub fn call(operation: &Operation) -> String {
    let name = method(operation);
    if STREAM_FIRST.contains(&operation.name.as_str()) { format!("{name}ToEnd") } else { name }
}

/// The method that opens the stream, without `Async`.
pub fn stream(operation: &Operation) -> String {
    let name = method(operation);
    let first = operation.call.is_none() || STREAM_FIRST.contains(&operation.name.as_str());
    if first { name } else { format!("{name}Stream") }
}

/// The words of a member without its unit where its type has that: `ttlMinutes` is a time span, `Ttl`.
fn words(member: &Member) -> &str {
    let suffix = match member.unit.as_deref() {
        Some("ms") => "Ms",
        Some("s") => "Seconds",
        Some("minutes") => "Minutes",
        _ => return &member.name,
    };
    member
        .name
        .strip_suffix(suffix)
        .map_or(&member.name, |rest| rest.strip_suffix("In").map_or(rest, |_| rest))
}

/// A property of a type of this name, which no property of its may have. What can be said of every call is the call's:
/// operations have a `timeout` of their own.
pub fn property(member: &Member, of: &str) -> String {
    let name = pascal(words(member));
    match of {
        COMMON => format!("Call{name}"),
        _ if name == of => format!("{name}Value"),
        _ => name,
    }
}

pub fn argument(member: &Member) -> String {
    let name = if member.name == "minutes" { "interval".into() } else { words(member).to_lower_camel_case() };
    escaped(name)
}

/// The name as that of a parameter, also where it is a word of the language.
pub fn escaped(name: String) -> String {
    if KEYWORDS.contains(&name.as_str()) { format!("@{name}") } else { name }
}
