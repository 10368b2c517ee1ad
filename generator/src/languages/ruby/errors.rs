//! The tree of error classes, and which class a status and a code are.

use super::super::surface::Surface;
use super::official::Official;
use super::spelling::comment;
use std::fmt::Write;

pub fn render(surface: &Surface, official: &Official) -> (String, String) {
    let mut text = String::from("require_relative '../errors'\n\nmodule Daytona\n  module Sdk\n");
    let mut types = String::from("module Daytona\n  module Sdk\n");
    let mut classes: Vec<(String, Option<String>)> = official.errors.clone();
    for class in &surface.classes {
        let parent = official.parents.iter().find(|(name, _)| *name == class.name).map(|(_, parent)| parent);
        classes.push((class.name.clone(), parent.cloned().or(class.parent.clone())));
    }
    // Parents stand before their children.
    let mut written: Vec<String> = Vec::new();
    while written.len() < classes.len() {
        for (name, parent) in &classes {
            if written.contains(name) || parent.as_ref().is_some_and(|parent| !written.contains(parent)) {
                continue;
            }
            let parent = parent.as_deref().unwrap_or_default();
            text += &comment(&doc(surface, official, name), 4);
            let _ = writeln!(text, "    class {name}Error < {parent}Error; end\n");
            let _ = writeln!(types, "    class {name}Error < {parent}Error\n    end\n");
            written.push(name.clone());
        }
    }
    text += "    # As the official gem has it.\n    ValidationError = BadRequestError\n\n";
    text += "    SOURCE_API = 'DAYTONA_API'\n    SOURCE_DAEMON = 'DAYTONA_DAEMON'\n";
    text += "    SOURCE_PROXY = 'DAYTONA_PROXY'\n\n";
    text += "    # The class of a failure: by its code where that is known, else by its status.\n    BY_CODE = {\n";
    let rows = surface.codes.iter().map(|code| format!("      '{}' => {}Error", code.code, code.class));
    text += &rows.collect::<Vec<_>>().join(",\n");
    text += "\n    }.freeze\n\n    BY_STATUS = {\n";
    let mut by_status: Vec<(i64, String)> = Vec::new();
    for class in &surface.classes {
        for status in &class.statuses {
            let number = surface.statuses.iter().find(|it| it.name == *status).map(|it| it.number);
            let number = number.expect("a class has statuses of the list");
            if !by_status.iter().any(|(it, _)| *it == number) {
                by_status.push((number, class.name.clone()));
            }
        }
    }
    by_status.sort();
    let rows = by_status.iter().map(|(status, class)| format!("      {status} => {class}Error"));
    text += &rows.collect::<Vec<_>>().join(",\n");
    types += "    ValidationError: singleton(BadRequestError)\n    SOURCE_API: String\n    SOURCE_DAEMON: String\n";
    types += "    SOURCE_PROXY: String\n    BY_CODE: Hash[String, singleton(Error)]\n";
    types += "    BY_STATUS: Hash[Integer, singleton(Error)]\n  end\nend\n";
    (text + "\n    }.freeze\n  end\nend\n", types)
}

fn doc(surface: &Surface, official: &Official, name: &str) -> String {
    let class = surface.classes.iter().find(|class| class.name == name);
    if class.is_some_and(|class| class.statuses.is_empty())
        && let Some(code) = surface.codes.iter().find(|code| code.class == name && !code.doc.is_empty())
    {
        return code.doc.clone();
    }
    let docs = class.iter().flat_map(|class| &class.statuses);
    let docs = docs.filter_map(|name| surface.statuses.iter().find(|status| status.name == *name));
    let docs: Vec<&str> = docs.map(|status| status.doc.as_str()).collect();
    if docs.is_empty() && official.errors.iter().any(|(it, _)| it == name) {
        return "A name of the official gem; nothing but its children is raised.".into();
    }
    docs.join(" ")
}
