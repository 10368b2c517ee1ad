//! Named pipes between the commands of a shell and the toolbox.

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

/// Opens without waiting for the other end.
pub fn open(options: &mut OpenOptions, path: &Path) -> io::Result<File> {
    options.custom_flags(nix::libc::O_NONBLOCK).open(path)
}

/// The reading end of a pipe.
pub struct Source {
    /// `None` once the end has been read.
    pipe: Option<Receiver>,
}

impl Source {
    pub fn new(pipe: File) -> io::Result<Self> {
        Ok(Self { pipe: Some(Receiver::from_file(pipe)?) })
    }

    /// Reads some bytes; 0 at the end, once. Waits for ever after that.
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

/// A named pipe that a command writes to.
pub struct OutputPipe {
    pub source: Source,
    pub write_end: WriteEnd,
}

/// A write end that keeps the reader from seeing the end of the pipe before the command has opened it.
/// Dropping it removes the pipe's name.
pub struct WriteEnd {
    pub path: PathBuf,
    _file: File,
}

impl OutputPipe {
    pub fn make(path: PathBuf) -> io::Result<Self> {
        make(&path)?;
        let reader = open(File::options().read(true), &path)?;
        let write_end = WriteEnd { _file: open(File::options().write(true), &path)?, path };
        Ok(Self { source: Source::new(reader)?, write_end })
    }
}

impl Drop for WriteEnd {
    fn drop(&mut self) {
        let _gone = std::fs::remove_file(&self.path);
    }
}
