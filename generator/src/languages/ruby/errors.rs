//! The tree of error classes, and which class a status and a code are.

use super::super::mapping::error_doc;
use super::super::surface::Surface;
use super::official::Official;
use super::spelling::comment;
use std::fmt::Write;

pub fn render(surface: &Surface, official: &Official) -> (String, String) {
    let mut text = String::from("require_relative '../errors'\n\nmodule Daytona\n  module Sdk\n");
    let mut types = String::from("module Daytona\n  module Sdk\n");
    for (name, parent) in &official.errors {
        let parent = parent.as_deref().unwrap_or_default();
        text += &comment(&doc(surface, name), 4);
        let _ = writeln!(text, "    class {name}Error < {parent}Error; end\n");
        let _ = writeln!(types, "    class {name}Error < {parent}Error\n    end\n");
    }
    text += "    # As the official gem has it.\n    ValidationError = BadRequestError\n\n";
    text += "    SOURCE_API = 'DAYTONA_API'\n    SOURCE_DAEMON = 'DAYTONA_DAEMON'\n";
    text += "    SOURCE_PROXY = 'DAYTONA_PROXY'\n\n";
    text += "    # The class of a failure: by its code where that is known, else by its status.\n    BY_CODE = {\n";
    let rows = surface.codes.iter().map(|code| format!("      '{}' => {}Error", code.code, code.class));
    text += &rows.collect::<Vec<_>>().join(",\n");
    text += "\n    }.freeze\n\n    BY_STATUS = {\n";
    let by_status = surface.classes_by_status();
    let rows = by_status.iter().map(|(status, class)| format!("      {status} => {class}Error"));
    text += &rows.collect::<Vec<_>>().join(",\n");
    types += "    ValidationError: singleton(BadRequestError)\n    SOURCE_API: String\n    SOURCE_DAEMON: String\n";
    types += "    SOURCE_PROXY: String\n    BY_CODE: Hash[String, singleton(Error)]\n";
    types += "    BY_STATUS: Hash[Integer, singleton(Error)]\n  end\nend\n";
    (text + "\n    }.freeze\n  end\nend\n", types)
}

fn doc(surface: &Surface, name: &str) -> String {
    match error_doc(surface, name) {
        doc if doc.is_empty() => "A name of the official gem; nothing but its children is raised.".into(),
        doc => doc,
    }
}
