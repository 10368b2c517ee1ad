//! `daytona.h`: the Rust source of the C boundary, through cbindgen, under a manual.

use cbindgen::{Builder, Config};
use std::error::Error;
use std::path::Path;

/// The files of the hand-written part, in the order in which the header reads best.
const HAND_WRITTEN: [&str; 15] = [
    "exports/version",
    "calls/target",
    "exports/client",
    "exports/close",
    "exports/memory",
    "exports/call",
    "events/event",
    "events/callback",
    "exports/queue",
    "exports/stream",
    "exports/stream_read",
    "exports/stream_write",
    "exports/log",
    "exports/json",
    "exports/guard",
];

pub fn render(root: &Path, generated: &Path, areas: &[&str]) -> Result<String, Box<dyn Error>> {
    let config = Config::from_file(root.join("cbindgen.toml"))?;
    let mut builder = Builder::new().with_config(config).with_src(generated.join("constants.rs"));
    for file in HAND_WRITTEN {
        builder = builder.with_src(root.join(format!("src/ffi/{file}.rs")));
    }
    for area in areas {
        builder = builder.with_src(generated.join(format!("{area}.rs")));
    }
    let mut text = Vec::new();
    builder.generate()?.write(&mut text);
    Ok(c89_comments(&String::from_utf8(text)?))
}

/// cbindgen writes `#endif // NAME`; C89 knows only the other kind of comment.
fn c89_comments(header: &str) -> String {
    let mut text = String::with_capacity(header.len());
    for line in header.lines() {
        match line.split_once(" // ") {
            Some((directive, name)) if directive.starts_with('#') => {
                text.extend([directive.trim_end(), " /* ", name.trim_start(), " */"]);
            }
            _ => text.push_str(line),
        }
        text.push('\n');
    }
    text
}

/// The exported symbols, one a line and sorted: every function that the header declares.
pub fn symbols(header: &str) -> String {
    let functions = header.split("daytona_").skip(1).filter_map(|rest| {
        let end = rest.find(|letter: char| !(letter.is_ascii_alphanumeric() || letter == '_'))?;
        let name = &rest[..end];
        rest[end..].starts_with('(').then(|| format!("daytona_{name}\n"))
    });
    functions.collect::<std::collections::BTreeSet<_>>().into_iter().collect()
}
