//! The generated part of each language's package, written from the published catalogue: its schemas are read into
//! the few kinds of types that programming languages have. How a type is spelt, and what a name looks like, is each
//! language's own module.

mod cpp;
mod csharp;
mod go;
mod mapping;
mod node;
mod ruby;
mod rust;
pub mod surface;
pub mod types;

use surface::Surface;

/// A generated file: its path below the root of the repository, and its text.
pub struct File {
    pub path: String,
    pub text: String,
}

/// The words of a text on lines of at most this many characters.
fn wrapped(text: &str, width: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in text.split_whitespace() {
        match lines.last_mut() {
            Some(line) if line.chars().count() + 1 + word.chars().count() <= width => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(word.to_owned()),
        }
    }
    lines
}

/// The type and the name of a parameter, field or function as C declares it.
fn declared(declaration: &str) -> (&str, &str) {
    let declaration = declaration.trim();
    let (of, name) = declaration.split_at(declaration.rfind([' ', '*']).map_or(0, |at| at + 1));
    (of.trim(), name)
}

type Render = fn(&Surface) -> Result<Vec<File>, String>;

const LANGUAGES: &[Render] =
    &[cpp::render, csharp::render, go::render, node::render, ruby::render, rust::render];

pub fn render(operations: &str, declarations: &str) -> Result<Vec<File>, String> {
    let surface = Surface::read(operations, declarations)?;
    let mut files = Vec::new();
    for render in LANGUAGES {
        files.extend(render(&surface)?);
    }
    Ok(files)
}
