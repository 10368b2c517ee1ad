//! One command of a session: its text, its log and its progress. The log is a file, so that neither long
//! output nor slow readers take memory.

use super::input::Input;
use parking_lot::Mutex;
use serde_json::{Value, json};
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use tokio::sync::watch;
use tokio::task::{AbortHandle, spawn_blocking};

pub struct Command {
    pub id: String,
    pub text: String,
    /// The standard input, of a command that was started in the background.
    pub input: Option<Input>,
    log: PathBuf,
    progress: watch::Sender<Progress>,
    /// An answer has had the exit code.
    told: AtomicBool,
    pump: Mutex<Option<AbortHandle>>,
}

#[derive(Clone, Copy, Debug, Default)]
pub struct Progress {
    /// Bytes in the log.
    pub length: u64,
    /// Set once the log is complete; never for a command that ended its shell.
    pub exit_code: Option<i32>,
    /// The session was deleted: the log grows no further.
    pub deleted: bool,
}

impl Progress {
    pub fn is_over(&self) -> bool {
        self.exit_code.is_some() || self.deleted
    }
}

impl Command {
    pub fn new(id: String, text: String, log: PathBuf, input: Option<Input>) -> Self {
        let progress = watch::Sender::new(Progress::default());
        Self { id, text, input, log, progress, told: AtomicBool::new(false), pump: Mutex::default() }
    }

    /// Creates the empty log.
    pub fn create_log(&self) -> io::Result<File> {
        if let Some(directory) = self.log.parent() {
            std::fs::create_dir_all(directory)?;
        }
        File::create(&self.log)
    }

    pub fn progress(&self) -> Progress {
        *self.progress.borrow()
    }

    pub fn watch(&self) -> watch::Receiver<Progress> {
        self.progress.subscribe()
    }

    pub fn grown(&self, length: u64) {
        self.progress.send_modify(|progress| progress.length = length);
    }

    pub fn exited(&self, code: i32) {
        self.progress.send_modify(|progress| progress.exit_code = Some(code));
    }

    pub fn pumped_by(&self, pump: AbortHandle) {
        *self.pump.lock() = Some(pump);
    }

    /// Ends the command's followers and removes its log.
    pub fn delete(&self) {
        if let Some(pump) = self.pump.lock().take() {
            pump.abort();
        }
        self.progress.send_modify(|progress| progress.deleted = true);
        let _gone = std::fs::remove_file(&self.log);
    }

    pub fn json(&self) -> Value {
        let mut json = json!({ "id": self.id, "command": self.text });
        if let Some(code) = self.progress().exit_code {
            json["exitCode"] = code.into();
            self.tell();
        }
        json
    }

    /// Notes that an answer has the exit code: a daemon of 0.190 knows only from then on that the command has ended.
    pub fn tell(&self) {
        self.told.store(true, Ordering::Relaxed);
    }

    pub fn is_told(&self) -> bool {
        self.told.load(Ordering::Relaxed)
    }

    pub fn reader(&self) -> io::Result<Reader> {
        Ok(Reader { file: Arc::new(File::open(&self.log)?), position: 0 })
    }

    /// The log so far.
    pub async fn read_all(&self) -> io::Result<Vec<u8>> {
        let (mut reader, length) = (self.reader()?, self.progress().length);
        reader.next(length, usize::MAX).await
    }
}

/// Reads a log from its beginning.
pub struct Reader {
    file: Arc<File>,
    position: u64,
}

impl Reader {
    /// At most `max_bytes` of what lies before `end`; empty at the end.
    pub async fn next(&mut self, end: u64, max_bytes: usize) -> io::Result<Vec<u8>> {
        let left = usize::try_from(end.saturating_sub(self.position)).unwrap_or(usize::MAX);
        if left == 0 {
            return Ok(Vec::new());
        }
        let (file, position) = (self.file.clone(), self.position);
        let read = spawn_blocking(move || {
            let mut chunk = vec![0; left.min(max_bytes)];
            file.read_exact_at(&mut chunk, position).map(|()| chunk)
        });
        let chunk = read.await.map_err(io::Error::other)??;
        self.position += chunk.len() as u64;
        Ok(chunk)
    }
}
