//! The layers of the library: `ffi` stands on `catalogue`, which stands on `client`.

use std::path::Path;

/// Every Rust file below `directory`, with its text.
fn sources(directory: &Path, found: &mut Vec<(String, String)>) {
    for entry in std::fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let text = std::fs::read_to_string(&path).unwrap();
            found.push((path.display().to_string(), text));
        }
    }
}

#[test]
fn no_layer_names_one_above_it() {
    let above: [(&str, &[&str]); 2] =
        [("src/client", &["crate::catalogue", "crate::ffi"]), ("src/catalogue", &["crate::ffi"])];
    for (directory, forbidden) in above {
        let mut files = Vec::new();
        sources(&Path::new(env!("CARGO_MANIFEST_DIR")).join(directory), &mut files);
        assert!(files.len() > 5, "{directory}");
        for (path, text) in files {
            for layer in forbidden {
                assert!(!text.contains(layer), "{path} names {layer}");
            }
        }
    }
}
