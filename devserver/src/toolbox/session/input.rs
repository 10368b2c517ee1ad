//! The standard input of a running command: a named pipe that stays open, so that the command never reads
//! its end; and the echo of the input in the log.

use super::command::Progress;
use super::pipe;
use parking_lot::Mutex;
use std::fs::File;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use tokio::net::unix::pipe::Sender;
use tokio::sync::{mpsc, watch};

pub struct Input {
    pub path: PathBuf,
    /// Held while lines are written, so that those of two requests do not mix.
    writing: tokio::sync::Mutex<()>,
    open: Mutex<Option<Arc<Sender>>>,
    echo: Option<mpsc::Sender<Vec<u8>>>,
}

impl Input {
    /// Creates the pipe. The receiver gets the echo of what is written, unless that is suppressed.
    pub fn make(path: PathBuf, suppress_echo: bool) -> io::Result<(Self, Option<mpsc::Receiver<Vec<u8>>>)> {
        pipe::make(&path)?;
        let file = pipe::open(File::options().read(true).write(true), &path)?;
        let (sender, receiver) = mpsc::channel(16);
        let (echo, echoed) = if suppress_echo { (None, None) } else { (Some(sender), Some(receiver)) };
        let open = Mutex::new(Some(Arc::new(Sender::from_file(file)?)));
        Ok((Self { path, writing: tokio::sync::Mutex::new(()), open, echo }, echoed))
    }

    /// Writes lines as the command reads them; an error once it has ended.
    pub async fn write(&self, mut lines: Vec<u8>, mut progress: watch::Receiver<Progress>) -> Result<(), ()> {
        if lines.last() != Some(&b'\n') {
            lines.push(b'\n');
        }
        let _writing = self.writing.lock().await;
        let pipe = self.open.lock().clone().ok_or(())?;
        if let Some(echo) = &self.echo {
            echo.send(lines.clone()).await.map_err(|_| ())?;
        }
        tokio::select! {
            written = write_all(&pipe, &lines) => written.map_err(|_| ()),
            _ = progress.wait_for(Progress::is_over) => Err(()),
        }
    }

    pub fn close(&self) {
        self.open.lock().take();
        let _gone = std::fs::remove_file(&self.path);
    }
}

async fn write_all(pipe: &Sender, mut rest: &[u8]) -> io::Result<()> {
    while !rest.is_empty() {
        pipe.writable().await?;
        match pipe.try_write(rest) {
            Ok(written) => rest = &rest[written..],
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}
