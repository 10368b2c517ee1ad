//! The tree of error classes, and which class a status and a code are.

use super::super::mapping::error_doc;
use super::super::surface::Surface;
use super::official::Official;
use super::spelling::comment;
use std::fmt::Write;

pub fn render(surface: &Surface, official: &Official) -> (String, String) {
    let mut script = String::from("\n'use strict'\n\nconst { DaytonaError } = require('../errors')\n\n");
    let mut types = String::from("\nimport { DaytonaError } from '../errors'\n\n");
    for (name, parent) in &official.errors {
        let extends = format!("Daytona{}Error", parent.as_deref().unwrap_or_default());
        let _ = write!(script, "class Daytona{name}Error extends {extends} {{");
        match official.instances.get(name) {
            Some(other) => script += &INSTANCES.replace("OWN", name).replace("OTHER", other),
            None => script += "}\n\n",
        }
        types += &comment(&doc(surface, name), 0);
        let _ = writeln!(types, "export declare class Daytona{name}Error extends {extends} {{}}\n");
    }
    let mut names: Vec<String> =
        official.errors.iter().map(|(name, _)| format!("Daytona{name}Error")).collect();
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
    for (status, class) in surface.classes_by_status() {
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

fn doc(surface: &Surface, name: &str) -> String {
    match error_doc(surface, name) {
        doc if doc.is_empty() => "A name of the official package; nothing but its children is thrown.".into(),
        doc => doc,
    }
}
