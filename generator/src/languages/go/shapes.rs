//! Objects and open enumerations.

use super::names::{columns, comment, described, exported, go_type, has_nil};
use crate::languages::surface::{Member, Shape, Surface};
use std::collections::BTreeSet;
use std::fmt::Write;

pub fn choices(surface: &Surface) -> String {
    let mut text = String::from("package api\n");
    for choice in &surface.choices {
        let name = exported(&choice.name);
        let open =
            if choice.is_closed { "" } else { " A newer server may have more values than those named here." };
        write!(
            text,
            "\n{}type {name} string\n\n// Values of {name}.\nconst (\n",
            comment(&format!("{name}: {}{open}", choice.doc), "")
        )
        .unwrap();
        let constant = |value: &String| (format!("{name}{}", exported(value)), format!("{name} = {value:?}"));
        columns(&mut text, "\t", choice.values.iter().map(constant));
        text.push_str(")\n");
    }
    text.push_str("\n// Channel tells the pieces of a stream apart.\ntype Channel int32\n\n// Values of Channel.\nconst (\n");
    for channel in &surface.channels {
        let name = format!("Channel{}", exported(&channel.name));
        text.push_str(&comment(&format!("{name}: {}", channel.doc), "\t"));
        writeln!(text, "\t{name} Channel = {}", channel.number).unwrap();
    }
    text.push_str(")\n");
    text
}

pub fn shapes(surface: &Surface) -> String {
    let mut body = String::new();
    for shape in surface.shapes.iter().filter(|shape| shape.is_parameter || shape.is_result) {
        render(&mut body, shape);
    }
    let imports = if body.contains("json.") { "import \"encoding/json\"\n" } else { "" };
    format!("package api\n\n{imports}{body}")
}

fn render(text: &mut String, shape: &Shape) {
    let name = exported(&shape.name);
    write!(text, "\n{}type {name} struct {{\n", comment(&format!("{name}: {}", lower(&shape.doc)), ""))
        .unwrap();
    let mut taken = BTreeSet::from(["AdditionalProperties".to_owned()]);
    let mut fields = Vec::new();
    for member in &shape.members {
        let mut field = exported(&member.name);
        while !taken.insert(field.clone()) {
            field.push('_');
        }
        fields.push(field.clone());
        text.push_str(&comment(&format!("{field}: {}", described(member)), "\t"));
        writeln!(
            text,
            "\t{field} {} `json:\"{}{}\"`",
            field_type(member, shape.is_parameter),
            member.name,
            omit(member)
        )
        .unwrap();
    }
    if shape.is_result {
        text.push_str("\t// AdditionalProperties: what the server sent beyond these, by name.\n");
        text.push_str("\tAdditionalProperties map[string]json.RawMessage `json:\"-\"`\n");
    }
    text.push_str("}\n");
    if shape.is_result {
        write!(
            text,
            "\n// UnmarshalJSON keeps the members that this type does not name.\n\
             func (v *{name}) UnmarshalJSON(data []byte) error {{\n\
             \treturn read(data, &v.AdditionalProperties, func(name []byte) any {{\n\t\tswitch string(name) {{\n"
        )
        .unwrap();
        for (member, field) in shape.members.iter().zip(&fields) {
            writeln!(text, "\t\tcase `\"{}\"`:\n\t\t\treturn &v.{field}", member.name).unwrap();
        }
        write!(
            text,
            "\t\t}}\n\t\treturn nil\n\t}})\n}}\n\n\
             // MarshalJSON writes all members.\n\
             func (v {name}) MarshalJSON() ([]byte, error) {{\n\ttype plain {name}\n\
             \treturn written(plain(v), v.AdditionalProperties)\n}}\n"
        )
        .unwrap();
    }
}

/// Optional scalars and objects are pointers; nil is absent, or null.
pub fn field_type(member: &Member, is_parameter: bool) -> String {
    let of = go_type(&member.of, is_parameter);
    if (member.required && !member.nullable) || has_nil(&member.of) { of } else { format!("*{of}") }
}

pub fn omit(member: &Member) -> &'static str {
    if member.required { "" } else { ",omitzero" }
}

fn lower(doc: &str) -> String {
    if doc.trim().is_empty() { "an object.".into() } else { doc.to_owned() }
}
