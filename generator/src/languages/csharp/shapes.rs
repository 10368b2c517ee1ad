//! Options, results and choices.

use super::super::surface::{Choice, Member, Operation, Shape, Surface, Target};
use super::super::types::Type;
use super::types::{Span, Use};
use super::{docs, names, types};
use std::collections::BTreeMap;
use std::fmt::Write;

pub fn choices(surface: &Surface) -> String {
    surface.choices.iter().map(choice).collect()
}

fn choice(choice: &Choice) -> String {
    let name = names::pascal(&choice.name);
    let mut out = String::new();
    docs::summary(&mut out, "", &choice.doc);
    let _ = write!(
        out,
        "[JsonConverter(typeof(ChoiceConverter<{name}>))]\npublic readonly record struct {name} : IChoice<{name}>\n{{\n    \
         private readonly string? _value;\n\n    /// <summary>The choice that this text is, known or not.</summary>\n    \
         /// <param name=\"value\">The text.</param>\n    public {name}(string value) => _value = Parameters.Given(value);\n\n"
    );
    for value in &choice.values {
        let _ = write!(
            out,
            "    /// <summary>{}</summary>\n    public static {name} {} {{ get; }} = new(\"{value}\");\n\n",
            docs::xml(&format!("`{value}`")),
            names::pascal(value)
        );
    }
    let _ = write!(
        out,
        "    /// <inheritdoc/>\n    public string Value => _value ?? \"\";\n\n    \
         /// <summary>The choice that this text is, known or not.</summary>\n    \
         /// <param name=\"value\">The text.</param>\n    \
         public static implicit operator {name}(string value) => new(value);\n\n    \
         /// <inheritdoc/>\n    public override string ToString() => Value;\n\n    \
         static {name} IChoice<{name}>.From(string value) => new(value);\n}}\n\n"
    );
    out
}

/// The records that operations give.
pub fn results(surface: &Surface) -> String {
    let mut out = String::new();
    for shape in
        surface.shapes.iter().filter(|it| it.is_result && !names::WRITTEN.contains(&it.name.as_str()))
    {
        record(&mut out, shape);
    }
    out
}

fn record(out: &mut String, shape: &Shape) {
    let name = names::shape(&shape.name);
    docs::summary(out, "", &shape.doc);
    let interface = if shape.is_parameter { " : IParameters" } else { "" };
    let _ = writeln!(out, "public sealed record {name}{interface}\n{{");
    for member in &shape.members {
        docs::element(out, "    ", "<summary>", "</summary>", &docs::xml(&docs::told(member)));
        let _ = writeln!(out, "    [JsonPropertyName(\"{}\")]", member.name);
        let converter = match types::span(member) {
            Some(Span::Milliseconds) => Some("MillisecondsConverter"),
            Some(Span::Seconds) => Some("SecondsConverter"),
            Some(Span::Minutes) => Some("MinutesConverter"),
            None => None,
        };
        if let Some(converter) = converter {
            let _ = writeln!(out, "    [JsonConverter(typeof({converter}))]");
        }
        let (of, property) = (types::field(member), names::property(member, &name));
        let is_promised = member.required && !member.nullable;
        let _ = match types::fallback(&member.of).filter(|_| is_promised) {
            Some(fallback) => {
                writeln!(out, "    public {of} {property} {{ get => field ?? {fallback}; init; }}\n")
            }
            None if is_promised => writeln!(out, "    public {of} {property} {{ get; init; }}\n"),
            None => writeln!(out, "    public {of}? {property} {{ get; init; }}\n"),
        };
    }
    let _ = write!(
        out,
        "    /// <summary>What a newer server says beyond that.</summary>\n    [JsonExtensionData]\n    \
         public IDictionary<string, JsonElement>? AdditionalData {{ get; set; }}\n"
    );
    reading(out, &name, &shape.members);
    if shape.is_parameter {
        out.push('\n');
        write_method(out, &name, &shape.members, "void IParameters.", false);
    }
    out.push_str("}\n\n");
}

/// The constructor that reads a record from JSON, and the function that calls it.
fn reading(out: &mut String, name: &str, members: &[Member]) {
    let _ = write!(
        out,
        "\n    /// <summary>One without values.</summary>\n    public {name}()\n    {{\n    }}\n\n    \
         private {name}(ref ResultReader json)\n    {{\n        json.Begin();\n        \
         while (json.Next(out var name))\n        {{\n            switch (name.Length)\n            {{\n"
    );
    for member in members {
        let is_promised = member.required && !member.nullable;
        let _ = write!(
            out,
            "                case {} when name.SequenceEqual(\"{}\"u8):\n                    \
             {} = {};\n                    break;\n",
            member.name.len(),
            member.name,
            names::property(member, name),
            types::reading(member, is_promised)
        );
    }
    let _ = write!(
        out,
        "                default:\n                    AdditionalData = json.Other(AdditionalData, name);\n                    \
         break;\n            }}\n        }}\n    }}\n\n    \
         internal static {name} Read(ref ResultReader json) => json.IsNull ? null! : new(ref json);\n"
    );
}

/// The method that writes parameters; `lists_are_fields` where reading a property would make a collection.
fn write_method(out: &mut String, of: &str, members: &[Member], before: &str, lists_are_fields: bool) {
    let _ = write!(out, "    {before}Write(Parameters parameters)\n    {{\n        parameters");
    for member in members {
        let value = match lists_are_fields && types::is_collection(&member.of) {
            true => backing(member),
            false => names::property(member, of),
        };
        let _ = write!(out, "\n            {}", types::writer(member, &value));
    }
    out.push_str(";\n    }\n");
}

/// The field of a collection, which is made when it is first asked for.
fn backing(member: &Member) -> String {
    format!("_{}", names::argument(member).trim_start_matches('@'))
}

/// The objects that stand in parameters alone.
pub fn parameters(surface: &Surface) -> String {
    let mut out = String::new();
    let shapes =
        surface.shapes.iter().filter(|it| it.is_parameter && !it.is_result && it.name != "ClientConfig");
    for shape in shapes.filter(|it| !names::WRITTEN.contains(&it.name.as_str())) {
        let name = names::shape(&shape.name);
        docs::summary(&mut out, "", &shape.doc);
        let _ = writeln!(out, "public sealed record {name} : IParameters\n{{");
        for member in &shape.members {
            docs::element(&mut out, "    ", "<summary>", "</summary>", &docs::xml(&docs::given(member)));
            let of = types::parameter(member, Use::Field);
            let property = names::property(member, &name);
            let _ = match member.required {
                true => writeln!(out, "    public required {of} {property} {{ get; init; }}\n"),
                false => writeln!(out, "    public {of}? {property} {{ get; init; }}\n"),
            };
        }
        write_method(&mut out, &name, &shape.members, "void IParameters.", false);
        out.push_str("}\n\n");
    }
    out
}

/// Properties of hand-written classes that are those of a shape which they hold: class, its property, the shape, members.
const HELD: &[(&str, &str, &str, &[&str])] = &[
    (
        "DaytonaException",
        "Error",
        "Error",
        &["code", "operation", "httpStatus", "requestId", "retryable", "retryAfterMs", "sandboxId"],
    ),
    ("PtySession", "Opened", "PtyOpened", &["id"]),
    ("Sandbox", "Info", "Sandbox", &["id", "name", "state", "labels"]),
];

pub fn held(surface: &Surface) -> Result<String, String> {
    let mut out = String::new();
    for (class, holder, shape, members) in HELD {
        let shape = surface.shape(shape).ok_or_else(|| format!("the catalogue has no {shape}"))?;
        let _ = writeln!(out, "public partial class {class}\n{{");
        for name in *members {
            let member = shape.members.iter().find(|member| member.name == *name);
            let member = member.ok_or_else(|| format!("{} has no {name}", shape.name))?;
            docs::element(&mut out, "    ", "<summary>", "</summary>", &docs::xml(&docs::told(member)));
            let property = names::property(member, &names::shape(&shape.name));
            let is = if member.of == Type::Boolean { "Is" } else { "" };
            let optional = if member.required && !member.nullable { "" } else { "?" };
            let _ = writeln!(
                out,
                "    public {}{optional} {is}{property} => {holder}.{property};\n",
                types::field(member)
            );
        }
        out.truncate(out.len() - 1);
        out.push_str("}\n\n");
    }
    Ok(out)
}

/// The options of every operation, those of each that has more, and the client's.
pub fn options(surface: &Surface) -> String {
    let mut out = String::new();
    common(&mut out, surface);
    if let Some(config) = surface.shape("ClientConfig") {
        class(&mut out, "DaytonaOptions", "IParameters", &config.doc, &config.members, "void IParameters.");
    }
    for operation in surface.operations.iter().filter(|it| has_options(it)) {
        let doc = format!("What can be said of `{}`.", operation.name);
        let before = "private protected override void ";
        class(&mut out, &names::options(operation), names::COMMON, &doc, &operation.options, before);
    }
    out
}

/// The base of all options, of which a list makes copies for its pages.
fn common(out: &mut String, surface: &Surface) {
    let members: Vec<Member> = surface.common.iter().filter(|member| !member.streams).cloned().collect();
    let doc = "What can be said of every call.";
    class(out, names::COMMON, "IParameters", doc, &members, "void IParameters.");
    out.truncate(out.len() - "    }\n}\n\n".len());
    out.push_str(
        "        Write(parameters);\n    }\n\n    private protected virtual void Write(Parameters parameters)\n    {\n    }\n\n    \
         internal T Copy<T>() where T : CallOptions => (T)MemberwiseClone();\n}\n\n",
    );
}

/// Whether an operation has options beside those of every call.
pub fn has_options(operation: &Operation) -> bool {
    let is_public = operation.target != Target::Echo && !names::SKIPPED.contains(&operation.name.as_str());
    is_public && !operation.options.is_empty()
}

fn class(out: &mut String, name: &str, base: &str, doc: &str, members: &[Member], before: &str) {
    docs::summary(out, "", doc);
    let sealed = if name == names::COMMON { "" } else { "sealed " };
    let _ = writeln!(out, "public {sealed}class {name} : {base}\n{{");
    for member in members.iter().filter(|member| types::is_collection(&member.of)) {
        let of = types::parameter(member, Use::Option);
        let _ = writeln!(out, "    private {of}? {};\n", backing(member));
    }
    for member in members {
        docs::element(out, "    ", "<summary>", "</summary>", &docs::xml(&docs::given(member)));
        let (of, property) = (types::parameter(member, Use::Option), names::property(member, name));
        if types::is_collection(&member.of) {
            let field = backing(member);
            let empty = match member.of {
                Type::Map(_) => format!("new {}()", of.replacen("IDictionary", "Dictionary", 1)),
                _ => "[]".into(),
            };
            let _ = write!(
                out,
                "    public {of} {property}\n    {{\n        get => {field} ??= {empty};\n        \
                 set => {field} = value;\n    }}\n\n"
            );
        } else {
            let _ = writeln!(out, "    public {of}? {property} {{ get; set; }}\n");
        }
    }
    write_method(out, name, members, before, true);
    out.push_str("}\n\n");
}

/// What the source generator of System.Text.Json writes, and reads for programs that keep results as JSON.
pub fn context(surface: &Surface) -> String {
    let mut used: BTreeMap<String, String> = BTreeMap::new();
    for name in ["Error", "Sandbox"] {
        used.insert(names::shape(name), names::shape(name));
    }
    for operation in surface.operations.iter().filter(|it| it.target != Target::Echo) {
        let of_stream = operation.stream.iter().flat_map(|it| it.opened.iter().chain(&it.ended));
        let of_call = operation.call.iter().flat_map(|it| &it.result);
        for typed in of_call.chain(of_stream) {
            if let Some(property) = info(&typed.of) {
                used.insert(property, types::result(&typed.of));
            }
        }
    }
    let mut out = String::from("/// <summary>How results are written, without reflection.</summary>\n");
    for (property, of) in used {
        let _ = writeln!(out, "[JsonSerializable(typeof({of}), TypeInfoPropertyName = \"{property}\")]");
    }
    out.push_str(
        "[JsonSourceGenerationOptions(DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull)]\n\
         internal sealed partial class DaytonaJson : JsonSerializerContext;\n",
    );
    out
}

/// The property of the context that describes a type; none where there is nothing to read.
fn info(of: &Type) -> Option<String> {
    match of {
        Type::Shape(name) => Some(names::shape(name)),
        Type::List(of) => info(of).map(|name| format!("{name}List")),
        Type::Any | Type::Object => Some("JsonElement".into()),
        _ => None,
    }
}
