//! The name that Linux gives to an open directory.

use std::fs::File;
use std::io;
use std::os::fd::AsRawFd;
use std::path::{Path, PathBuf};

pub struct ShortName(File);

impl ShortName {
    pub fn of(directory: &Path) -> io::Result<Self> {
        File::open(directory).map(Self)
    }

    pub fn path(&self) -> PathBuf {
        format!("/proc/self/fd/{}", self.0.as_raw_fd()).into()
    }
}
