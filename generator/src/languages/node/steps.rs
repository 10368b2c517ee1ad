//! The methods that add a step to an image object: `steps.js` and `steps.d.ts`.

use super::super::surface::{Member, Surface};
use super::super::types::Type;
use super::official::Official;
use super::shapes::listed;
use super::spelling::{comment, member_doc, member_type, signature};
use std::fmt::Write;

pub fn render(surface: &Surface, official: &Official) -> Result<(String, String), String> {
    let steps = surface.shape("ImageStep").ok_or("the catalogue has no ImageStep")?;
    let mut script = String::new();
    let mut types = String::new();
    let mut imports: Vec<&str> = Vec::new();
    for (method, spec) in &official.steps {
        let [step, arguments @ ..] = spec.as_slice() else { continue };
        let step = named(&steps.members, step)?;
        let fields = match &step.of {
            Type::Shape(name) => surface.shape(name).map(|it| it.members.as_slice()),
            _ => None,
        };
        let mut doc = step.doc.clone();
        if let [list] = arguments
            && let Some(list) = list.strip_prefix("...")
        {
            let _ = write!(
                script,
                "  {method}(...{list}) {{\n    for (const {name} of {list}) /** @type {{any}} */ (this).step({{ {name} }})\n    \
                 return this\n  }}\n\n",
                name = step.name
            );
            types += &comment(&doc, 2);
            let _ = writeln!(types, "  {method}(...{list}: ({})[]): this\n", member_type(step, true));
            continue;
        }
        let (mut names, mut value, mut parameters) = (Vec::new(), Vec::new(), Vec::new());
        for argument in arguments {
            let (name, field) = argument.split_once(':').unwrap_or((argument, ""));
            names.push(name);
            if let Some(of) = field.strip_prefix('*') {
                value.push(format!("...{name}"));
                parameters.push(format!("{name}?: {of}"));
                imports.push(of);
                continue;
            }
            let (field, is_flat) = field.strip_suffix("[]").map_or((field, false), |field| (field, true));
            let member = if field.is_empty() { step } else { named(fields.unwrap_or_default(), field)? };
            let optional = if field.is_empty() || member.required { "" } else { "?" };
            let of = member_type(member, true);
            value.push(match (is_flat, name == field) {
                (true, _) => format!("{field}: [{name}].flat()"),
                (false, true) => name.to_owned(),
                (false, false) => format!("{field}: {name}"),
            });
            let one = if is_flat { format!("{} | ", of.trim_end_matches("[]")) } else { String::new() };
            parameters.push(format!("{name}{optional}: {one}{of}"));
            if !field.is_empty() {
                let _ = write!(doc, "\n@param {name} {}", member_doc(member));
            }
        }
        let value = match (fields, names.as_slice()) {
            (None, [name]) => (*name).to_owned(),
            _ => format!("{{ {} }}", value.join(", ")),
        };
        let step = if step.name == value { value } else { format!("{}: {value}", step.name) };
        let names = names.join(", ");
        let _ = write!(
            script,
            "  {method}({names}) {{\n    return /** @type {{any}} */ (this).step({{ {step} }})\n  }}\n\n"
        );
        types += &comment(&doc, 2);
        types += &signature(method, &parameters, ": this", 2);
        types.push('\n');
    }
    imports.sort_unstable();
    imports.dedup();
    let script = format!(
        "\n'use strict'\n\n/** The builder of images adds each step by `step`. */\nclass ImageSteps {{\n{}\n}}\n\nmodule.exports = {{ ImageSteps }}\n",
        script.trim_end()
    );
    let types = format!(
        "\n{}import type {{ ImageStep }} from './shapes'\n\n/** The steps of the official package's builder. */\n\
         export declare class ImageSteps {{\n  /** Any step of an image object. */\n  step(step: ImageStep): this\n\n{}\n}}\n",
        listed("import type ", &imports, " from './official'"),
        types.trim_end()
    );
    Ok((script, types))
}

fn named<'a>(members: &'a [Member], name: &str) -> Result<&'a Member, String> {
    members
        .iter()
        .find(|it| it.name == name)
        .ok_or_else(|| format!("official.json: there is no step or field {name}"))
}
