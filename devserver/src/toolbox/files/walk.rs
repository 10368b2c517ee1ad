//! Walks a tree in the order of names, without following symlinks, as Go's `filepath.Walk`.

use std::{
    ffi::OsString,
    fs::{self, FileType},
    io,
    path::{Component, Path, PathBuf},
};

use super::call::RequestedPath;

/// The names in a directory, sorted by their bytes.
pub fn sorted_names(directory: &Path) -> io::Result<Vec<OsString>> {
    let mut names = fs::read_dir(directory)?
        .map(|entry| entry.map(|entry| entry.file_name()))
        .collect::<io::Result<Vec<_>>>()?;
    names.sort_unstable();
    Ok(names)
}

/// Visits every entry of the tree, parents first. Skips what cannot be read.
pub fn walk(root: &RequestedPath, visit: &mut dyn FnMut(&RequestedPath, FileType)) {
    let Ok(metadata) = fs::symlink_metadata(&root.real) else {
        return;
    };
    visit(root, metadata.file_type());
    if !metadata.is_dir() {
        return;
    }
    for name in sorted_names(&root.real).unwrap_or_default() {
        let entry =
            RequestedPath { requested: clean(&root.requested.join(&name)), real: root.real.join(&name) };
        walk(&entry, visit);
    }
}

/// The shortest equivalent path by its text alone, as Go's `filepath.Clean`.
pub fn clean(path: &Path) -> PathBuf {
    let mut clean = PathBuf::new();
    for component in path.components() {
        match component {
            Component::CurDir => {}
            Component::ParentDir => match clean.components().next_back() {
                Some(Component::Normal(_)) => {
                    clean.pop();
                }
                Some(Component::RootDir) => {}
                _ => clean.push(".."),
            },
            other => clean.push(other),
        }
    }
    if clean.as_os_str().is_empty() {
        clean.push(".");
    }
    clean
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_cleaned_as_in_go() {
        for (given, expected) in [
            ("./a", "a"),
            ("a//b/", "a/b"),
            ("a/../..", ".."),
            ("/..", "/"),
            ("a/..", "."),
            ("../../a", "../../a"),
        ] {
            assert_eq!(clean(Path::new(given)), Path::new(expected), "{given}");
        }
    }
}
