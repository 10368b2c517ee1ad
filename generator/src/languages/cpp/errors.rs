//! The tree of error classes, and how a failure is raised as one of them.

use super::super::surface::{Class, Surface};
use super::header;
use super::text::comment;
use std::fmt::Write;

pub fn render(surface: &Surface) -> Result<String, String> {
    let mut body = String::new();
    for class in &surface.classes {
        let parent = class.parent.as_deref().unwrap_or("Error");
        comment(&mut body, "", &says(surface, class));
        let _ = write!(
            body,
            "class {name} : public {parent} {{\n  public:\n    using {parent}::{parent};\n    const char *kind() const noexcept override {{ return \"{name}\"; }}\n}};\n\n",
            name = class.name,
        );
    }
    body += "namespace detail {\n\n";
    body += "template <class E> std::exception_ptr made(std::int32_t status, Json &&details) {\n    return std::make_exception_ptr(E(status, std::move(details)));\n}\n\n";
    body += "/// A failure as the class of its code, else of its status, else as the root class.\n";
    body += "inline std::exception_ptr error(std::int32_t status, std::string_view json) {\n";
    body += "    using Make = std::exception_ptr (*)(std::int32_t, Json &&);\n";
    body +=
        "    static constexpr struct {\n        const char *code;\n        Make make;\n    } codes[] = {\n";
    for code in &surface.codes {
        let _ = writeln!(body, "        {{\"{}\", made<{}>}},", code.code, code.class);
    }
    body += "    };\n    static constexpr struct {\n        std::int32_t status;\n        Make make;\n    } statuses[] = {\n";
    for class in &surface.classes {
        for status in &class.statuses {
            let _ = writeln!(body, "        {{DAYTONA_{status}, made<{}>}},", class.name);
        }
    }
    body += "    };\n    Json found = details(status, json);\n    const std::string code = text(found, \"code\");\n";
    body += "    for (const auto &it : codes)\n        if (code == it.code)\n            return it.make(status, std::move(found));\n";
    body += "    for (const auto &it : statuses)\n        if (status == it.status)\n            return it.make(status, std::move(found));\n";
    body += "    return made<Error>(status, std::move(found));\n}\n\n";
    body += "[[noreturn]] inline void raise(std::int32_t status, std::string_view text) { std::rethrow_exception(error(status, text)); }\n\n";
    body += "} // namespace detail\n";
    Ok(header("errors", "The classes of errors.", &["daytona/error.hpp"], &body))
}

/// What raises a class: its statuses and codes, with their meaning.
fn says(surface: &Surface, class: &Class) -> String {
    let meaning =
        |status: &&String| surface.statuses.iter().find(|it| it.name == **status).map(|it| it.doc.trim());
    let statuses = class.statuses.iter().filter_map(|status| meaning(&status));
    let codes = surface.codes.iter().filter(|it| it.class == class.name).map(|it| it.doc.trim());
    statuses.chain(codes).collect::<Vec<_>>().join("\n")
}
