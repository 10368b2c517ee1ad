//! Interfaces of what operations take and give, and the open enumerations.

use super::super::surface::{Choice, Surface};
use super::official::Official;
use super::spelling::{WIDTH, comment, constant, member_doc, member_type, shape};
use std::fmt::Write;

/// `shapes.d.ts`
pub fn render(surface: &Surface) -> String {
    let mut text = String::from("\n");
    for it in &surface.shapes {
        text += &comment(&it.doc, 0);
        if it.members.is_empty() {
            let _ = writeln!(text, "export interface {} {{}}\n", shape(&it.name));
            continue;
        }
        let _ = writeln!(text, "export interface {} {{", shape(&it.name));
        for member in &it.members {
            text += &comment(&member_doc(member), 2);
            let optional = if member.required { "" } else { "?" };
            let _ = writeln!(text, "  {}{optional}: {}", member.name, member_type(member, it.is_parameter));
        }
        text += "}\n\n";
    }
    let names: Vec<&str> = surface.choices.iter().map(|it| it.name.as_str()).collect();
    let imports = listed("import type ", &names, " from './choices'");
    format!("\nimport type {{ Image }} from '../image'\n{imports}{text}").trim_end().to_owned() + "\n"
}

/// Names in braces, on one line or one a line.
pub fn listed(before: &str, names: &[&str], after: &str) -> String {
    let one_line = format!("{before}{{ {} }}{after}", names.join(", "));
    if one_line.len() <= WIDTH {
        return one_line + "\n";
    }
    format!("{before}{{\n  {},\n}}{after}\n", names.join(",\n  "))
}

/// The open enumerations: constants by name, and the type of their values.
pub fn choices(surface: &Surface, official: &Official) -> (String, String) {
    let mut script = String::from("\n'use strict'\n\n");
    let mut types = String::from("\n");
    let mut names = Vec::new();
    for choice in surface.choices.iter().chain(&official.enums) {
        object(&mut script, choice);
        let doc = match choice.is_closed {
            true => choice.doc.clone(),
            false => format!("{} A newer server may have more.", choice.doc),
        };
        types += &comment(&doc, 0);
        let _ = writeln!(types, "export declare const {}: {{", choice.name);
        for value in &choice.values {
            let _ = writeln!(types, "  readonly {}: '{value}'", key(value));
        }
        let values: Vec<String> = choice.values.iter().map(|value| format!("'{value}'")).collect();
        let open = if choice.is_closed { "" } else { " | (string & {})" };
        let _ = write!(types, "}}\nexport type {} =", choice.name);
        let one_line = format!(" {}{open}\n\n", values.join(" | "));
        if one_line.len() + choice.name.len() + 14 <= WIDTH {
            types += &one_line;
        } else if one_line.len() <= WIDTH {
            let _ = write!(types, "\n {one_line}");
        } else {
            let open = if choice.is_closed { "" } else { "\n  | (string & {})" };
            let _ = write!(types, "\n  | {}{open}\n\n", values.join("\n  | "));
        }
        names.push(choice.name.clone());
    }
    for (name, of) in &official.renamed {
        let _ = writeln!(types, "/** {of} by the name that the official package gives it. */");
        let _ = writeln!(types, "export declare const {name}: typeof {of}\nexport type {name} = {of}\n");
        names.push(format!("{name}: {of}"));
    }
    let _ = write!(script, "module.exports = {{\n  {},\n}}\n", names.join(",\n  "));
    (script, types.trim_end().to_owned() + "\n")
}

fn object(script: &mut String, choice: &Choice) {
    let _ = writeln!(script, "const {} = Object.freeze({{", choice.name);
    for value in &choice.values {
        let _ = writeln!(script, "  {}: '{value}',", key(value));
    }
    *script += "})\n\n";
}

fn key(value: &str) -> String {
    match constant(value) {
        name if name.starts_with(|letter: char| letter.is_ascii_digit()) => format!("_{name}"),
        name => name,
    }
}
