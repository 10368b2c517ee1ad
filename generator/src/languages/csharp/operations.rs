//! The methods: one expression each, asynchronous and blocking, and one for each stream.

use super::super::surface::{Call, Operation, Returns, Stream, Surface, Target};
use super::super::types::Type;
use super::types::Use;
use super::{docs, names, shapes, types};
use std::fmt::Write;

/// The class of one area; what acts on sandboxes as a whole are methods of the client and of the sandbox.
pub fn area(surface: &Surface, area: &str) -> String {
    let of = |target: Target| -> Vec<&Operation> {
        let skipped = |it: &&Operation| names::SKIPPED.contains(&it.name.as_str());
        let all = surface.operations.iter().filter(|it| it.area() == area && it.target == target);
        all.filter(|it| !skipped(it)).collect()
    };
    let mut out = String::new();
    match area {
        "client" => class(&mut out, "public partial class DaytonaClient", &of(Target::Client)),
        "sandbox" => {
            class(&mut out, "public partial class DaytonaClient", &of(Target::Client));
            class(&mut out, "public partial class Sandbox", &of(Target::Sandbox));
        }
        _ => {
            let target = if of(Target::Client).is_empty() { Target::Sandbox } else { Target::Client };
            let name = names::group(area);
            let _ = write!(
                out,
                "/// <summary>The operations of <c>{area}</c>.</summary>\npublic class {name}\n{{\n    \
                 private readonly Target? _target;\n\n    internal {name}(Target target) => _target = target;\n\n    \
                 /// <summary>For tests that stand something in its place.</summary>\n    protected {name}()\n    {{\n    }}\n\n"
            );
            methods(&mut out, &of(target));
        }
    }
    out
}

fn class(out: &mut String, declaration: &str, operations: &[&Operation]) {
    let _ = writeln!(out, "{declaration}\n{{");
    methods(out, operations);
}

fn methods(out: &mut String, operations: &[&Operation]) {
    for operation in operations {
        if let Some(call) = &operation.call {
            let method = Method { operation, call };
            method.asynchronous(out);
            method.paged(out);
            method.blocking(out);
        }
        if let Some(stream) = &operation.stream {
            open(out, operation, stream);
        }
    }
    out.truncate(out.len() - 1);
    out.push_str("}\n\n");
}

/// The properties that lead to the areas, and the constructor for tests.
pub fn groups(surface: &Surface, areas: &[&str]) -> String {
    let mut out = String::new();
    for (target, class, owner) in
        [(Target::Client, "DaytonaClient", "_target!"), (Target::Sandbox, "Sandbox", "_target!")]
    {
        let _ = writeln!(out, "public partial class {class}\n{{");
        for area in areas.iter().filter(|area| !matches!(**area, "client" | "sandbox")) {
            let has = surface.operations.iter().any(|it| it.area() == *area && it.target == target);
            if !has {
                continue;
            }
            let (name, group) = (names::pascal(area), names::group(area));
            let _ = write!(
                out,
                "    /// <summary>The operations of <c>{area}</c>.</summary>\n    \
                 public virtual {group} {name} => field ??= new {group}({owner});\n\n"
            );
        }
        if class == "Sandbox" {
            out.push_str("    /// <summary>For tests that stand something in its place.</summary>\n    protected Sandbox()\n    {\n    }\n\n");
        }
        out.truncate(out.len() - 1);
        out.push_str("}\n\n");
    }
    out
}

/// The method of a call, without `Async`.
pub fn call_name(operation: &Operation, call: &Call) -> String {
    Method { operation, call }.name()
}

struct Method<'a> {
    operation: &'a Operation,
    call: &'a Call,
}

impl Method<'_> {
    fn asynchronous(&self, out: &mut String) {
        let Self { operation, call } = self;
        docs::method(out, operation, returns(call), call.progress);
        let result = result(call);
        let task = if result == "void" { "Task".into() } else { format!("Task<{result}>") };
        let progress = if call.progress { "IProgress<Transfer>? progress = null, " } else { "" };
        let _ = writeln!(
            out,
            "    public virtual {task} {}Async({}{progress}CancellationToken cancellationToken = default) =>",
            self.name(),
            signature(operation, Body::Memory)
        );
        let mut arguments =
            vec![format!("\"{}\"u8", operation.name), parameters(operation), self.answering()];
        arguments.push("cancellationToken".into());
        if call.progress {
            arguments.push("progress".into());
        }
        if operation.body {
            arguments.push("body: content".into());
        }
        // A result that can be null says so; else the compiler finds its type.
        let of = if result.ends_with('?') { format!("<{result}>") } else { String::new() };
        let _ = writeln!(out, "        _target!.CallAsync{of}({});\n", arguments.join(", "));
    }

    fn blocking(&self, out: &mut String) {
        let Self { operation, call } = self;
        let crefs: Vec<String> = self.types();
        let cref = docs::xml(&format!("{}Async({})", self.name(), crefs.join(", ")));
        let cref = cref.replace("&lt;", "{").replace("&gt;", "}");
        let _ = writeln!(out, "    /// <inheritdoc cref=\"{cref}\"/>");
        let arguments = signature(operation, Body::Span);
        let _ = writeln!(
            out,
            "    public virtual {} {}({}) =>",
            result(call),
            self.name(),
            arguments.trim_end_matches(", ")
        );
        let mut arguments =
            vec![format!("\"{}\"u8", operation.name), parameters(operation), self.answering()];
        if operation.body {
            arguments.push("content".into());
        }
        let _ = writeln!(out, "        _target!.Call({});\n", arguments.join(", "));
    }

    /// The types of the asynchronous method, as a reference to it names them.
    fn types(&self) -> Vec<String> {
        let Self { operation, call } = self;
        let arguments = operation.arguments.iter();
        let mut all: Vec<String> = arguments.map(|member| types::parameter(member, Use::Argument)).collect();
        if operation.body {
            all.push("ReadOnlyMemory<byte>".into());
        }
        all.push(options(operation));
        if call.progress {
            all.push("IProgress<Transfer>".into());
        }
        all.push("CancellationToken".into());
        all
    }

    /// A page is `ListPage`; all of them one after the other is `List`.
    fn name(&self) -> String {
        let name = names::call(self.operation);
        if self.is_page() { format!("{name}Page") } else { name }
    }

    fn is_page(&self) -> bool {
        let of = self.call.result.as_ref().map(|typed| &typed.of);
        matches!(of, Some(Type::Shape(name)) if name.ends_with("Page")) && self.operation.arguments.is_empty()
    }

    fn paged(&self, out: &mut String) {
        let Some(Type::Shape(page)) = self.call.result.as_ref().map(|typed| &typed.of) else {
            return;
        };
        if !self.is_page() {
            return;
        }
        let (name, options) = (names::call(self.operation), options(self.operation));
        // Of sandboxes there are handles.
        let (item, given) = match self.operation.area() {
            "sandbox" => ("Sandbox".into(), "Attach(item)"),
            _ => (names::shape(page.strip_suffix("Page").unwrap_or(page)), "item"),
        };
        let has = |name: &str| self.operation.options.iter().any(|member| member.name == name);
        let mut next = String::new();
        if has("cursor") {
            // A page that the program began with; a call takes one of the two.
            let page = if has("page") { "                options.Page = null;\n" } else { "" };
            let _ = write!(
                next,
                "if (!string.IsNullOrEmpty(page.NextCursor))\n            {{\n                \
                 options.Cursor = page.NextCursor;\n{page}            }}\n            else ",
            );
        }
        if has("page") {
            next.push_str(
                "if (page.Page < page.TotalPages)\n            {\n                \
                 options.Page = (int)page.Page + 1;\n            }\n            else ",
            );
        }
        let next = next.strip_suffix(' ').unwrap_or_default();
        let _ = write!(
            out,
            "    /// <summary>All that match, one after the other; pages are fetched as they are needed.</summary>\n    \
             /// <param name=\"options\">Which ones; <c>Limit</c> is the size of a page.</param>\n    \
             /// <param name=\"cancellationToken\">Ends it.</param>\n    /// <returns>What matches.</returns>\n    \
             public virtual async IAsyncEnumerable<{item}> {name}Async({options}? options = null,\n        \
             [EnumeratorCancellation] CancellationToken cancellationToken = default)\n    {{\n        \
             options = options?.Copy<{options}>() ?? new {options}();\n        while (true)\n        {{\n            \
             var page = await {name}PageAsync(options, cancellationToken).ConfigureAwait(false);\n            \
             foreach (var item in page.Items)\n            {{\n                yield return {given};\n            }}\n            \
             {next}\n            {{\n                yield break;\n            }}\n        }}\n    }}\n\n"
        );
    }

    /// What makes the result of the library's answer. Readings of this sandbox are kept in it.
    fn answering(&self) -> String {
        match (self.call.returns, &self.call.result) {
            (Returns::Null, _) | (Returns::Json, None) => "Answer.Nothing".into(),
            (Returns::Bytes, _) => "Answer.Bytes".into(),
            (Returns::Text, _) => "Answer.Text".into(),
            (Returns::Handle, _) => "Answer.Sandbox".into(),
            (Returns::Json, Some(typed)) if self.operation.gives_its_sandbox() => {
                format!("answer => Learn({})", types::answered(&typed.of))
            }
            (Returns::Json, Some(typed)) => types::answering(&typed.of),
        }
    }
}

fn result(call: &Call) -> String {
    match (call.returns, &call.result) {
        (Returns::Null, _) | (Returns::Json, None) => "void".into(),
        (Returns::Bytes, _) => "byte[]".into(),
        (Returns::Text, _) => "string".into(),
        (Returns::Handle, _) => "Sandbox".into(),
        (Returns::Json, Some(typed)) => {
            format!("{}{}", types::result(&typed.of), if typed.nullable { "?" } else { "" })
        }
    }
}

fn returns(call: &Call) -> &'static str {
    match call.returns {
        Returns::Null => "A task that completes when the server has answered.",
        Returns::Bytes => "The bytes.",
        Returns::Text => "The text.",
        Returns::Handle => "The sandbox.",
        Returns::Json => "What the server answers.",
    }
}

fn options(operation: &Operation) -> String {
    if shapes::has_options(operation) { names::options(operation) } else { names::COMMON.into() }
}

#[derive(Clone, Copy)]
enum Body {
    Memory,
    Span,
}

fn signature(operation: &Operation, body: Body) -> String {
    let mut out = String::new();
    for member in &operation.arguments {
        let _ = write!(out, "{} {}, ", types::parameter(member, Use::Argument), names::argument(member));
    }
    if operation.body {
        let _ = match body {
            Body::Memory => write!(out, "ReadOnlyMemory<byte> content, "),
            Body::Span => write!(out, "ReadOnlySpan<byte> content, "),
        };
    }
    let _ = write!(out, "{}? options = null, ", options(operation));
    out
}

/// The expression that writes the parameters.
fn parameters(operation: &Operation) -> String {
    let mut out = String::from("Parameters.Rent()");
    for member in &operation.arguments {
        let name = names::argument(member);
        let value = if types::is_reference(&member.of) { format!("Parameters.Given({name})") } else { name };
        out.push_str(&types::writer(member, &value));
    }
    out.push_str(".With(options)");
    out
}

fn open(out: &mut String, operation: &Operation, stream: &Stream) {
    let ended = stream.ended.as_ref().map_or(&Type::Any, |typed| &typed.of);
    let opened = stream.opened.as_ref().map(|typed| &typed.of);
    let (ended, end) = match stream.handle {
        true => ("Sandbox".into(), "Answer.Sandbox".into()),
        false => (types::result(ended), types::answering(ended)),
    };
    let (output, arguments) = match &opened {
        Some(opened) => (
            format!("OutputStream<{}, {ended}>", types::result(opened)),
            format!("receiver, {}, {end}", types::answering(opened)),
        ),
        None => (format!("OutputStream<{ended}>"), format!("receiver, {end}")),
    };
    let file = |of: &str| (of.to_owned(), format!("static receiver => new {of}(new {output}({arguments}))"));
    let (of, make) = match operation.name.as_str() {
        "files.reader" => file("FileReadStream"),
        "files.writer" => file("FileWriteStream"),
        _ if stream.input == "endless" => {
            ("PtySession".into(), format!("receiver => new PtySession({arguments}, this)"))
        }
        _ => (output.clone(), format!("static receiver => new {output}({arguments})")),
    };
    let mut told = String::new();
    let what = if operation.call.is_some() {
        "The output as it comes; dispose it."
    } else {
        "The open stream; dispose it."
    };
    docs::method(&mut told, operation, what, false);
    out.push_str(&told);
    let _ = writeln!(
        out,
        "    public virtual Task<{of}> {}Async({}CancellationToken cancellationToken = default) =>",
        names::stream(operation),
        signature(operation, Body::Memory)
    );
    let _ = writeln!(
        out,
        "        _target!.OpenAsync(\"{}\"u8, {}, {make}, cancellationToken);\n",
        operation.name,
        parameters(operation)
    );
}
