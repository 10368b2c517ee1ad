//! The classes of errors.

use super::spelling::doc;
use crate::languages::surface::{Class, Surface};
use std::fmt::Write;

pub fn render(surface: &Surface) -> String {
    let mut text = String::from(
        "
/// The class of an error, for those who match: the finest that applies. [`parent`](Self::parent) is the next wider one,
/// and [`Error::is`](crate::Error::is) asks for a class or those below it.
///
/// ```
/// use daytona::ErrorClass;
///
/// let error = daytona::Error::new(404, \"there is no such file\");
/// match error.class() {
///     ErrorClass::NotFound => println!(\"{error}\"),
///     other => unreachable!(\"{other:?}\"),
/// }
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Debug, Hash)]
#[non_exhaustive]
pub enum ErrorClass {
",
    );
    let mut named = String::new();
    let mut names = String::new();
    let mut parents = String::new();
    for class in &surface.classes {
        let name = &class.name;
        let _ = writeln!(text, "{}    {name},", doc("    ", &documentation(surface, class)));
        let _ = writeln!(named, "            \"{name}\" => Self::{name},");
        let _ = writeln!(names, "            Self::{name} => \"{name}\",");
        if let Some(parent) = &class.parent {
            let _ = writeln!(parents, "            Self::{name} => Self::{parent},");
        }
    }
    let _ = write!(
        text,
        "    /// A status without a class of its own.
    Other,
}}

impl ErrorClass {{
    pub(crate) fn named(name: &str) -> Self {{
        match name {{
{named}            _ => Self::Other,
        }}
    }}

    /// The name that all languages use, as `FileNotFound`.
    ///
    /// ```
    /// assert_eq!(daytona::ErrorClass::FileNotFound.name(), \"FileNotFound\");
    /// ```
    pub fn name(self) -> &'static str {{
        match self {{
{names}            Self::Other => \"Other\",
        }}
    }}

    /// The next wider class: `NotFound` of `FileNotFound`.
    ///
    /// ```
    /// use daytona::ErrorClass;
    ///
    /// assert_eq!(ErrorClass::FileNotFound.parent(), Some(ErrorClass::NotFound));
    /// ```
    pub fn parent(self) -> Option<Self> {{
        Some(match self {{
{parents}            _ => return None,
        }})
    }}
}}
"
    );
    text
}

/// What its statuses, or else its codes, mean.
fn documentation(surface: &Surface, class: &Class) -> String {
    let statuses = surface.statuses.iter().filter(|it| class.statuses.contains(&it.name));
    let mut texts: Vec<&str> = statuses.map(|it| it.doc.as_str()).collect();
    if texts.is_empty() {
        texts = surface.codes.iter().filter(|it| it.class == class.name).map(|it| it.doc.as_str()).collect();
    }
    texts.join(" ")
}
