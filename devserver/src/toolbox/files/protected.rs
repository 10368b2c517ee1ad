//! Directories that no request deletes, moves or changes: without isolation a sandbox shares the machine's
//! files, and often acts as root.
//!
//! Entries are compared by device and inode, not by the text of their paths, so that symlinks, `..`,
//! repeated slashes, `/proc/self/root` and bind mounts make no difference.

use super::call::RequestedPath;
use super::error::FileError;
use axum::http::StatusCode;
use std::fs::{self, Metadata};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

pub struct Protected<'a>(&'a [PathBuf]);

impl<'a> Protected<'a> {
    /// Protects these directories and all their ancestors, so always `/` unless there are none.
    pub fn new(directories: &'a [PathBuf]) -> Self {
        Self(directories)
    }

    /// Checks an operation on the entry itself, such as a delete or a move: of a symlink, the link.
    pub fn check_entry(&self, operation: &str, place: &RequestedPath) -> Result<(), FileError> {
        self.check(operation, place, fs::symlink_metadata(&place.real).ok())
    }

    /// Checks an operation that follows symlinks, such as a chmod.
    pub fn check_target(&self, operation: &str, place: &RequestedPath) -> Result<(), FileError> {
        self.check(operation, place, fs::metadata(&place.real).ok())
    }

    /// What does not exist passes: the operation itself reports it.
    fn check(
        &self,
        operation: &str,
        place: &RequestedPath,
        entry: Option<Metadata>,
    ) -> Result<(), FileError> {
        let Some(directory) = entry.and_then(|entry| self.directory_below(&entry)) else { return Ok(()) };
        Err(FileError {
            status: StatusCode::FORBIDDEN,
            code: "FILE_ACCESS_DENIED",
            message: format!(
                "{operation} {}: permission denied: daytona-dev shares the machine's files with its sandboxes \
                 and protects {} (the server's state directory or its user's home) and the directories above it",
                place.requested.display(),
                directory.display()
            ),
        })
    }

    /// The protected directory that this entry is or contains.
    fn directory_below(&self, entry: &Metadata) -> Option<&'a Path> {
        let is_entry = |path: &Path| {
            fs::metadata(path).is_ok_and(|it| (it.dev(), it.ino()) == (entry.dev(), entry.ino()))
        };
        self.0.iter().map(PathBuf::as_path).find(|directory| {
            // Also through a symlink in its path, both what leads to it and what it leads to.
            let real = directory.canonicalize();
            let real = real.iter().flat_map(|real| real.ancestors());
            directory.ancestors().chain(real).any(is_entry)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::symlink;

    /// Which of these paths are refused. Nothing is changed, whatever they are.
    fn refused(protected: &Protected<'_>, follows: bool, paths: &[PathBuf]) -> Vec<bool> {
        let check = |path: &PathBuf| {
            let place = RequestedPath { requested: path.clone(), real: path.clone() };
            let checked = if follows {
                protected.check_target("chmod", &place)
            } else {
                protected.check_entry("remove", &place)
            };
            checked.is_err_and(|refusal| refusal.status == StatusCode::FORBIDDEN)
        };
        paths.iter().map(check).collect()
    }

    #[test]
    fn a_protected_directory_and_its_ancestors_are_refused_however_they_are_written() {
        let directory = tempfile::tempdir().unwrap();
        let root = directory.path();
        fs::create_dir_all(root.join("above/state/sandbox")).unwrap();
        symlink("above", root.join("link")).unwrap();
        symlink("/", root.join("slash")).unwrap();
        let directories = [root.join("above/state")];
        let protected = Protected::new(&directories);
        let below = |path: &str| PathBuf::from(format!("{}/{path}", root.display()));
        let dangerous = [
            PathBuf::from("/"),
            PathBuf::from("//"),
            PathBuf::from("/.."),
            PathBuf::from("/tmp/../."),
            PathBuf::from("/proc/self/root"),
            PathBuf::from("/proc/self/root/"),
            root.to_owned(),
            below("above"),
            below("above/state"),
            below("above//state/"),
            below("above/state/sandbox/.."),
            below("link/"),
            below("link/."),
            below("link/state"),
            below("slash/"),
            PathBuf::from(format!("/proc/self/root{}", root.display())),
        ];
        assert_eq!(refused(&protected, true, &dangerous), [true; 16]);
        // `/proc/self/root` itself is a link of the system's.
        assert_eq!(refused(&protected, false, &dangerous).iter().filter(|refused| **refused).count(), 15);
        let links = [below("link"), below("slash"), PathBuf::from("/proc/self/root")];
        assert_eq!(refused(&protected, true, &links), [true; 3]);
        assert_eq!(refused(&protected, false, &links), [false; 3]);
        fs::create_dir_all(root.join("other/state")).unwrap();
        let harmless = [below("above/state/sandbox"), below("other"), below("other/state"), below("missing")];
        assert_eq!(refused(&protected, true, &harmless), [false; 4]);
        assert_eq!(refused(&protected, false, &harmless), [false; 4]);
    }

    #[test]
    fn a_directory_behind_a_symlink_is_protected_on_both_sides() {
        let directory = tempfile::tempdir().unwrap();
        let root = directory.path();
        fs::create_dir_all(root.join("real/state")).unwrap();
        fs::create_dir_all(root.join("named")).unwrap();
        symlink("../real/state", root.join("named/state")).unwrap();
        let directories = [root.join("named/state")];
        let paths = ["named", "real", "real/state"].map(|path| root.join(path));
        assert_eq!(refused(&Protected::new(&directories), false, &paths), [true; 3]);
    }

    #[test]
    fn nothing_is_protected_where_there_is_no_directory() {
        assert_eq!(refused(&Protected::new(&[]), false, &[PathBuf::from("/")]), [false]);
    }
}
