//! The tree of error classes, and which class a status and a code are.

use super::super::surface::Surface;
use super::official::Official;
use super::spelling::comment;
use std::fmt::Write;

pub fn render(surface: &Surface, official: &Official) -> (String, String) {
    let mut script = String::from("\n'use strict'\n\nconst { DaytonaError } = require('../errors')\n\n");
    let mut types = String::from("\nimport { DaytonaError } from '../errors'\n\n");
    let mut classes: Vec<(String, Option<String>)> = Vec::new();
    for (name, parent) in &official.errors {
        classes.push((name.clone(), parent.clone()));
    }
    for class in &surface.classes {
        let parent = official.parents.get(&class.name).cloned().or(class.parent.clone());
        classes.push((class.name.clone(), parent));
    }
    // Parents stand before their children.
    let mut written: Vec<String> = Vec::new();
    while written.len() < classes.len() {
        for (name, parent) in &classes {
            if written.contains(name) || parent.as_ref().is_some_and(|parent| !written.contains(parent)) {
                continue;
            }
            let extends = format!("Daytona{}Error", parent.as_deref().unwrap_or_default());
            let _ = write!(script, "class Daytona{name}Error extends {extends} {{");
            match official.instances.get(name) {
                Some(other) => script += &INSTANCES.replace("OWN", name).replace("OTHER", other),
                None => script += "}\n\n",
            }
            types += &comment(&doc(surface, official, name), 0);
            let _ = writeln!(types, "export declare class Daytona{name}Error extends {extends} {{}}\n");
            written.push(name.clone());
        }
    }
    let mut names: Vec<String> = written.iter().map(|name| format!("Daytona{name}Error")).collect();
    names.sort();
    let _ = write!(script, "module.exports = {{\n  {},\n}}\n", names.join(",\n  "));
    (script, types.trim_end().to_owned() + "\n")
}

/// `classes.js`: the class of a status and a code.
pub fn by_status_and_code(surface: &Surface) -> String {
    let mut script = String::from("\n'use strict'\n\nconst { DaytonaError } = require('../errors')\n");
    script += "const errors = require('./errors')\n\n";
    script += "/** @type {Record<string, typeof DaytonaError>} */\nconst BY_CODE = {\n";
    for code in &surface.codes {
        let _ = writeln!(script, "  {}: errors.Daytona{}Error,", code.code, code.class);
    }
    script += "}\n\n/** @type {Record<number, typeof DaytonaError>} */\nconst BY_STATUS = {\n";
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
    for (status, class) in by_status {
        let _ = writeln!(script, "  {status}: errors.Daytona{class}Error,");
    }
    script += "}\n\n";
    script + CLASS_OF
}

/// As the official package: `instanceof` of one class accepts another, whose parent is a different one.
const INSTANCES: &str = "
  /** @param {unknown} value */
  static [Symbol.hasInstance](value) {
    if (this === DaytonaOWNError && value instanceof DaytonaOTHERError) return true
    return Function.prototype[Symbol.hasInstance].call(this, value)
  }
}

";

const CLASS_OF: &str = "/** The class of a failure: by its code where that is known, else by its status. @param {number} status @param {any} code */
function classOf(status, code) {
  return BY_CODE[code] ?? BY_STATUS[status] ?? DaytonaError
}

module.exports = { classOf }
";

fn doc(surface: &Surface, official: &Official, name: &str) -> String {
    if let Some(code) = surface.codes.iter().find(|code| code.class == name && !code.doc.is_empty()) {
        let own = surface.classes.iter().any(|class| class.name == name && class.statuses.is_empty());
        if own {
            return code.doc.clone();
        }
    }
    let class = surface.classes.iter().find(|class| class.name == name);
    let docs = class.iter().flat_map(|class| &class.statuses);
    let docs = docs.filter_map(|name| surface.statuses.iter().find(|status| status.name == *name));
    let docs: Vec<&str> = docs.map(|status| status.doc.as_str()).collect();
    if docs.is_empty() && official.errors.iter().any(|(it, _)| it == name) {
        return "A name of the official package; nothing but its children is thrown.".into();
    }
    docs.join(" ")
}
