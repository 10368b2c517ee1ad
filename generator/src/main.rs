//! Writes everything that follows from the catalogue, into the tree or, with `--into DIRECTORY`, beside
//! it for a comparison: the C functions, the constants, the header, `daytona.cdef`, the list of symbols,
//! `operations.json`, the reference, the generated part of each language's package; and the guide in each language
//! alone, from the one in all. It refuses a catalogue in which something lacks ([`check`]). With
//! `--coverage RECORDED` it writes `docs/coverage.md` alone, from what the tests wrote into that directory.

mod cdef;
mod check;
mod coverage;
mod guide;
mod header;
mod languages;
mod model;
mod operations;
mod reference;
mod schema;
mod shims;
mod text;
mod types;

use model::Catalogue;
use std::error::Error;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The first line of every generated file says so.
const COMMAND: &str = "make generate";

fn main() -> Result<(), Box<dyn Error>> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..").canonicalize()?;
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let (recorded, into) = match arguments.as_slice() {
        [] => (None, root.clone()),
        ["--into", directory] => (None, PathBuf::from(directory)),
        ["--coverage", recorded] => (Some(recorded), root.clone()),
        ["--coverage", recorded, "--into", directory] => (Some(recorded), PathBuf::from(directory)),
        _ => return Err("usage: generator [--coverage RECORDED] [--into DIRECTORY]".into()),
    };
    let catalogue = Catalogue::read()?;
    if let Some(recorded) = recorded {
        let (page, missing) = coverage::render(&catalogue, &root, Path::new(recorded))?;
        write(&into.join("docs/coverage.md"), &page)?;
        return match missing.as_slice() {
            [] => Ok(()),
            missing => Err(format!("nothing that ran shows:\n    {}", missing.join("\n    ")).into()),
        };
    }
    let operations = operations::render(&catalogue);
    check::check(&catalogue, &operations)?;
    write(&into.join("src/catalogue/operations.json"), &operations)?;
    write(&into.join("src/ffi/generated/constants.rs"), &shims::constants())?;
    let named = catalogue.functions.iter().filter(|function| function.is_named());
    let mut areas: Vec<&str> = named.map(|function| function.area()).collect();
    areas.dedup();
    for area in &areas {
        write(&into.join(format!("src/ffi/generated/{area}.rs")), &shims::area(&catalogue, area))?;
    }
    write(&into.join("src/ffi/generated/mod.rs"), &shims::module(&areas))?;
    format_rust(files_of(&into.join("src/ffi/generated"))?)?;
    let header = header::render(&root, &into.join("src/ffi/generated"), &areas)?;
    let declarations = cdef::render(&header);
    write(&into.join("include/daytona.cdef"), &declarations)?;
    write(&into.join("tests/abi/symbols.txt"), &header::symbols(&header))?;
    write(&into.join("include/daytona.h"), &header)?;
    write(&into.join("docs/reference.md"), &reference::render(&catalogue))?;
    for (name, page) in guide::render(&fs::read_to_string(root.join("docs/guide.md"))?)? {
        write(&into.join("docs/guide").join(name), &page)?;
    }
    let mut rust = Vec::new();
    for file in languages::render(&operations, &declarations)? {
        let path = into.join(&file.path);
        write(&path, &file.text)?;
        rust.extend((path.extension() == Some("rs".as_ref())).then_some(path));
    }
    format_rust(rust)?;
    Ok(())
}

/// The generated source is formatted like all other source.
fn format_rust(files: Vec<PathBuf>) -> Result<(), Box<dyn Error>> {
    let done = Command::new("rustfmt")
        .args(["--edition", "2024", "--config", "max_width=110,use_small_heuristics=Max"])
        .args(files)
        .status()?;
    if done.success() { Ok(()) } else { Err("rustfmt failed".into()) }
}

fn files_of(directory: &Path) -> Result<Vec<PathBuf>, Box<dyn Error>> {
    let mut files = Vec::new();
    for entry in fs::read_dir(directory)? {
        files.push(entry?.path());
    }
    Ok(files)
}

/// Writes a file, unless it is so already: unchanged files keep their time.
fn write(path: &Path, text: &str) -> Result<(), Box<dyn Error>> {
    if fs::read_to_string(path).is_ok_and(|there| there == text) {
        return Ok(());
    }
    if let Some(directory) = path.parent() {
        fs::create_dir_all(directory)?;
    }
    fs::write(path, text).map_err(|error| format!("{}: {error}", path.display()).into())
}
