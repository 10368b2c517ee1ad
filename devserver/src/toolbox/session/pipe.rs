//! Named pipes between a shell and this server.

use nix::sys::stat::Mode;
use nix::unistd::mkfifo;
use std::fs::{File, OpenOptions};
use std::future::pending;
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use tokio::io::AsyncReadExt;
use tokio::net::unix::pipe::Receiver;

pub fn make(path: &Path) -> io::Result<()> {
    Ok(mkfifo(path, Mode::S_IRUSR | Mode::S_IWUSR)?)
}

/// Without waiting for the other end.
pub fn open(options: &mut OpenOptions, path: &Path) -> io::Result<File> {
    options.custom_flags(nix::libc::O_NONBLOCK).open(path)
}

/// The reading end of a pipe.
pub struct Source {
    /// None once everybody has closed the other end.
    pipe: Option<Receiver>,
}

impl Source {
    pub fn new(pipe: File) -> io::Result<Self> {
        Ok(Self { pipe: Some(Receiver::from_file(pipe)?) })
    }

    /// What can be read, once something can; the end is told once. Never returns after that.
    pub async fn read(&mut self, buffer: &mut [u8]) -> usize {
        let Some(pipe) = &mut self.pipe else { return pending().await };
        let length = pipe.read(buffer).await.unwrap_or(0);
        if length == 0 {
            self.pipe = None;
        }
        length
    }

    pub fn is_open(&self) -> bool {
        self.pipe.is_some()
    }
}

/// A named pipe that the shell writes to.
pub struct Fed {
    pub source: Source,
    pub hold: Hold,
}

/// Its other end, held until the shell has written: without it the reader would see an end before the
/// beginning. The name goes with it.
pub struct Hold {
    pub path: PathBuf,
    _file: File,
}

impl Fed {
    pub fn make(path: PathBuf) -> io::Result<Self> {
        make(&path)?;
        let reader = open(File::options().read(true), &path)?;
        let hold = Hold { _file: open(File::options().write(true), &path)?, path };
        Ok(Self { source: Source::new(reader)?, hold })
    }
}

impl Drop for Hold {
    fn drop(&mut self) {
        let _gone = std::fs::remove_file(&self.path);
    }
}
