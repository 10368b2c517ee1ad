//! The known values of texts: named constants, because a newer server may have more.

use super::super::surface::Surface;
use super::text::comment;
use super::{header, name};
use heck::ToSnakeCase;
use std::fmt::Write;

pub fn render(surface: &Surface) -> String {
    let mut body = String::new();
    for choice in &surface.choices {
        let open = if choice.is_closed { "Others are refused." } else { "A newer server may have others." };
        comment(&mut body, "", &format!("{} {open}", choice.doc));
        let space = choice.name.to_snake_case();
        let _ = writeln!(body, "namespace {space} {{");
        for value in &choice.values {
            let _ = writeln!(
                body,
                "inline constexpr const char *{} = \"{value}\";",
                name(&value.to_snake_case())
            );
        }
        let _ = writeln!(body, "}} // namespace {space}\n");
    }
    header("known", "Values that texts of options and results are known to have.", &[], &body)
}
