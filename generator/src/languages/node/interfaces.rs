//! Types by the names of the official package: `official.d.ts`.

use super::super::surface::{Member, Surface};
use super::official::{Fields, Named, Official};
use super::shapes::listed;
use super::spelling::{comment, member_doc, member_type, shape, used};
use std::collections::BTreeMap;
use std::fmt::Write;

pub fn render(surface: &Surface, official: &Official) -> String {
    let mut text = String::new();
    for (name, named) in &official.types {
        match named {
            Named::Alias(of) => {
                if !of.contains('|') {
                    text += &comment(&format!("{of} by the name that the official package gives it."), 0);
                }
                let _ = writeln!(text, "export type {name} = {of}\n");
            }
            Named::Fields(fields) => {
                let is_class = official.parameters.contains(name);
                let kind = if is_class { "declare class" } else { "interface" };
                text += &interface(name, fields, kind, &official.deprecated);
            }
        }
    }
    let choices = used(surface.choices.iter().map(|it| it.name.clone()), &text);
    let shapes = used(surface.shapes.iter().map(|it| shape(&it.name)), &text);
    let mut before = String::from(
        "\nimport type { Readable } from 'node:stream'\nimport type { Image } from '../image'\n\
         import type { CallOptions } from '../target'\n",
    );
    for (names, from) in [(choices, "./choices"), (shapes, "./shapes")] {
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        before += &listed("import type ", &names, &format!(" from '{from}'"));
    }
    before + "\n" + text.trim_end() + "\n"
}

fn interface(name: &str, fields: &Fields, kind: &str, deprecated: &BTreeMap<String, String>) -> String {
    let mut text = if fields.doc.is_empty() { String::new() } else { comment(&fields.doc, 0) };
    let extends = fields.extends.as_ref().map(|of| format!(" extends {of}")).unwrap_or_default();
    let _ = writeln!(text, "export {kind} {name}{extends} {{");
    let other = |field: &str| {
        let given = fields.types.iter().find(|(name, _)| name.trim_end_matches('?') == field);
        given.map(|(_, of)| of.clone())
    };
    let mut row = |name: &str, member: &Member, doc: &str| {
        let of = other(&member.name).unwrap_or_else(|| member_type(member, fields.is_parameter));
        text += &comment(doc, 2);
        let _ = writeln!(text, "  {name}{}: {of}", if member.required { "" } else { "?" });
    };
    for member in &fields.members {
        let official = fields.names.iter().find(|(_, of)| *of == member.name).map(|(name, _)| name);
        let old = official.and_then(|official| deprecated.get(official));
        if let Some(official) = official {
            let doc = old.map(|used| format!("@deprecated Use `{used}`."));
            row(official, member, &doc.unwrap_or_else(|| member_doc(member)));
        }
        if !fields.without.contains(&member.name) {
            let same =
                official.filter(|_| old.is_none()).map(|official| format!("The same as `{official}`."));
            row(&member.name, member, &same.unwrap_or_else(|| member_doc(member)));
        }
    }
    for (name, of) in &fields.types {
        if !fields.members.iter().any(|member| member.name == name.trim_end_matches('?')) {
            let (of, doc) = of.split_once(" // ").unwrap_or((of, ""));
            if !doc.is_empty() {
                text += &comment(doc, 2);
            }
            let _ = writeln!(text, "  {name}: {of}");
        }
    }
    text + "}\n\n"
}
