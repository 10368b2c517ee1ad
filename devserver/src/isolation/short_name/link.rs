//! A symbolic link in /tmp, in a directory of its own that nobody else may enter.

use std::io;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use tempfile::TempDir;

pub struct ShortName(TempDir);

/// The link in its directory.
const LINK: &str = "d";

impl ShortName {
    pub fn of(directory: &Path) -> io::Result<Self> {
        let own = tempfile::Builder::new().prefix("daytona-").tempdir_in("/tmp")?;
        symlink(directory, own.path().join(LINK))?;
        Ok(Self(own))
    }

    pub fn path(&self) -> PathBuf {
        self.0.path().join(LINK)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::net::{UnixListener, UnixStream};

    #[test]
    fn a_socket_in_a_directory_with_a_long_name_is_reached_through_the_link() {
        let parent = tempfile::tempdir().unwrap();
        let long = parent.path().join("long".repeat(40));
        std::fs::create_dir(&long).unwrap();
        assert!(UnixListener::bind(long.join("socket")).is_err());
        let name = ShortName::of(&long).unwrap();
        let _listener = UnixListener::bind(name.path().join("socket")).unwrap();
        UnixStream::connect(name.path().join("socket")).unwrap();
        let path = name.path();
        drop(name);
        assert!(!path.exists() && long.join("socket").exists());
    }
}
