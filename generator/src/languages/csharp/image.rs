//! The steps of the image builder, one method each.

use super::super::surface::{Member, Surface};
use super::super::types::Type;
use super::{docs, names};
use std::fmt::Write;

pub fn render(surface: &Surface) -> Result<String, String> {
    let steps = surface.shape("ImageStep").ok_or("the catalogue has no ImageStep")?;
    let mut out = String::from("public sealed partial class Image\n{\n");
    for member in &steps.members {
        let step = names::property(member, "ImageStep");
        let mut method = |parameters: &str, value: &str, names: &[(&str, &str)]| {
            docs::element(&mut out, "    ", "<summary>", "</summary>", &docs::xml(&member.doc));
            for (name, doc) in names {
                let open = format!("<param name=\"{name}\">");
                docs::element(&mut out, "    ", &open, "</param>", &docs::xml(doc));
            }
            let _ = write!(
                out,
                "    /// <returns>The image with this step.</returns>\n    public Image {step}({parameters}) => \
                 With(new ImageStep {{ {step} = {value} }});\n\n"
            );
        };
        match &member.of {
            Type::Text => method("string value", "Parameters.Given(value)", &[("value", "The value.")]),
            Type::List(of) => {
                let of = if **of == Type::Integer { "int" } else { "string" };
                method(
                    &format!("params IEnumerable<{of}> values"),
                    "[.. values]",
                    &[("values", "The values.")],
                );
            }
            Type::Map(_) => {
                let value =
                    "new Dictionary<string, string> { [Parameters.Given(name)] = Parameters.Given(value) }";
                method("string name, string value", value, &[("name", "Its name."), ("value", "Its value.")]);
                let value = "new Dictionary<string, string>(Parameters.Given(values))";
                method(
                    "IEnumerable<KeyValuePair<string, string>> values",
                    value,
                    &[("values", "Names and values.")],
                );
            }
            Type::Either(_) => {
                method(
                    "string command",
                    "[Parameters.Given(command)]",
                    &[("command", "A text for the shell.")],
                );
                let words = [("program", "The program."), ("arguments", "Its arguments, at least one.")];
                method(
                    "string program, params IEnumerable<string> arguments",
                    "[Parameters.Given(program), .. arguments]",
                    &words,
                );
            }
            Type::Shape(name) => {
                let shape = surface.shape(name).ok_or_else(|| format!("the catalogue has no {name}"))?;
                let of = names::shape(name);
                let required: Vec<&Member> = shape.members.iter().filter(|member| member.required).collect();
                short(&mut method, &of, &required);
                if required.len() < shape.members.len() {
                    method(
                        &format!("{of} step"),
                        "Parameters.Given(step)",
                        &[("step", "The step, with everything that can be said of it.")],
                    );
                }
            }
            _ => {}
        }
    }
    out.truncate(out.len() - 1);
    out.push_str("}\n");
    Ok(out)
}

type Emit<'a> = dyn FnMut(&str, &str, &[(&str, &str)]) + 'a;

/// The method that takes what a step needs, and nothing else.
fn short(method: &mut Emit, of: &str, required: &[&Member]) {
    let mut parameters = Vec::new();
    let mut values = Vec::new();
    for member in required {
        let (name, property) = (names::argument(member), names::property(member, of));
        match &member.of {
            Type::List(_) => {
                parameters.push(format!("params IEnumerable<string> {name}"));
                values.push(format!("{property} = [.. {name}]"));
            }
            _ => {
                parameters.push(format!("string {name}"));
                values.push(format!("{property} = Parameters.Given({name})"));
            }
        }
    }
    let told: Vec<(String, String)> =
        required.iter().map(|member| (names::argument(member), docs::told(member))).collect();
    let told: Vec<(&str, &str)> = told.iter().map(|(name, doc)| (name.as_str(), doc.as_str())).collect();
    method(&parameters.join(", "), &format!("new {of} {{ {} }}", values.join(", ")), &told);
}
