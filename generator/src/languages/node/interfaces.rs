//! Types by the names of the official package: `official.d.ts`.

use super::super::surface::{Member, Surface};
use super::official::{Fields, Named, Official};
use super::shapes::listed;
use super::spelling::{comment, member_doc, member_type, shape, used};
use std::fmt::Write;

pub fn render(surface: &Surface, official: &Official) -> String {
    let mut text = String::new();
    for (name, named) in &official.types {
        match named {
            Named::Alias(of) => {
                text += &comment(&format!("{of} by the name that the official package gives it."), 0);
                let _ = writeln!(text, "export type {name} = {of}\n");
            }
            Named::Fields(fields) => {
                let is_class = official.written.contains(name);
                text += &interface(name, fields, if is_class { "declare class" } else { "interface" });
            }
        }
    }
    let choices = used(surface.choices.iter().map(|it| it.name.clone()), &text);
    let shapes = used(surface.shapes.iter().map(|it| shape(&it.name)), &text);
    let mut before = String::from("\nimport type { Image } from '../image'\n");
    for (names, from) in [(choices, "./choices"), (shapes, "./shapes")] {
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        before += &listed("import type ", &names, &format!(" from '{from}'"));
    }
    before + "\n" + text.trim_end() + "\n"
}

fn interface(name: &str, fields: &Fields, kind: &str) -> String {
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
        if let Some(official) = official {
            row(official, member, &member_doc(member));
        }
        if !fields.without.contains(&member.name) {
            let same = official.map(|official| format!("The same as `{official}`."));
            row(&member.name, member, &same.unwrap_or_else(|| member_doc(member)));
        }
    }
    for (name, of) in &fields.types {
        if !fields.members.iter().any(|member| member.name == name.trim_end_matches('?')) {
            let _ = writeln!(text, "  {name}: {of}");
        }
    }
    text + "}\n\n"
}
