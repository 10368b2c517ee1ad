//! Records of what operations give, and the open enumerations.

use super::super::surface::{Choice, Member, Shape, Surface};
use super::super::types::Type;
use super::official::Official;
use super::spelling::{comment, constant, member_doc, optional, reader, shape, type_of};
use std::fmt::Write;

pub fn render(surface: &Surface, official: &Official) -> (String, String) {
    let mut text = String::from("require_relative '../record'\n\nmodule Daytona\n");
    let mut types = String::from("module Daytona\n");
    for it in surface.shapes.iter().filter(|shape| shape.is_result) {
        text += &comment(&it.doc, 2);
        let _ = write!(text, "  class {} < Record", shape(&it.name));
        let _ = writeln!(types, "  class {} < Record", shape(&it.name));
        if it.members.is_empty() {
            text += "; end\n\n";
        } else {
            text.push('\n');
            for member in &it.members {
                field(&mut text, &mut types, it, member, official);
            }
            for (_, to, from) in official.aliases.iter().filter(|(name, ..)| *name == it.name) {
                let _ = writeln!(text, "    alias {to} {}\n", reader(from));
                let _ = writeln!(types, "    alias {to} {}", reader(from));
            }
            text.truncate(text.trim_end().len());
            text += "\n  end\n\n";
        }
        types += "  end\n\n";
    }
    for (name, of) in &official.types {
        let _ = writeln!(text, "  {name} = {}", shape(of));
        let _ = writeln!(types, "  {name}: singleton({})", shape(of));
    }
    (text + "end\n", types + "end\n")
}

fn field(text: &mut String, types: &mut String, of: &Shape, member: &Member, official: &Official) {
    let key = &member.name;
    let is_time = official.times.contains(&format!("{}.{key}", of.name));
    let value = match &member.of {
        _ if is_time => format!("timed('{key}')"),
        Type::Shape(name) => format!("shaped('{key}', {})", shape(name)),
        Type::List(inner) => match inner.as_ref() {
            Type::Shape(name) => format!("listed('{key}', {})", shape(name)),
            _ => format!("@fields['{key}']"),
        },
        Type::Map(inner) => match inner.as_ref() {
            Type::Shape(name) => format!("mapped('{key}', {})", shape(name)),
            _ => format!("@fields['{key}']"),
        },
        _ => format!("@fields['{key}']"),
    };
    *text += &comment(&member_doc(member), 4);
    let _ = writeln!(text, "    def {} = {value}\n", reader(key));
    let kind = if is_time { "Time".to_owned() } else { type_of(&member.of, false) };
    let kind = if member.required && !member.nullable { kind } else { optional(&kind) };
    let _ = writeln!(types, "    def {}: () -> {kind}", reader(key));
}

/// The open enumerations: constants by name.
pub fn choices(surface: &Surface, official: &Official) -> (String, String) {
    let mut text = String::from("module Daytona\n");
    let mut types = String::from("module Daytona\n");
    for choice in &surface.choices {
        module(&mut text, &mut types, choice);
    }
    for (name, of) in &official.renamed {
        let _ = writeln!(text, "  {name} = {of}");
        let _ = writeln!(types, "  {name}: singleton({of})");
    }
    (text + "end\n", types + "end\n")
}

fn module(text: &mut String, types: &mut String, choice: &Choice) {
    let more = if choice.is_closed { "" } else { " A newer server may have more." };
    *text += &comment(&format!("{}{more}", choice.doc), 2);
    let _ = writeln!(text, "  module {}\n    VALUES = [", choice.name);
    let _ = writeln!(types, "  module {}\n    VALUES: Array[String]", choice.name);
    let mut rows = Vec::new();
    for value in &choice.values {
        // A version or such begins with a digit.
        let name = constant(value);
        rows.push(format!("      {name} = '{value}'"));
        let _ = writeln!(types, "    {name}: String");
    }
    *text += &rows.join(",\n");
    *text += "\n    ].freeze\n  end\n\n";
    *types += "  end\n\n";
}
