//! A terminal: an interactive login shell behind a PTY, from its creation to its exit.

use super::broadcast::{Broadcast, Subscriber};
use super::exit::Exit;
use super::request::CreatePty;
use crate::processes;
use crate::timestamp::now;
use crate::toolbox::Machine;
use axum::body::Bytes;
use bytes::BytesMut;
use futures_util::FutureExt;
use parking_lot::Mutex;
use pty_process::{Command, OwnedReadPty, OwnedWritePty, Size};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWrite};
use tokio::process::Child;
use tokio::sync::{Notify, mpsc};
use tokio::time::timeout;

/// The largest output message: the daemon's buffer.
const CHUNK_BYTES: usize = 32 * 1024;

/// Input messages that are queued for a shell that does not read.
const INPUT_QUEUE_MESSAGES: usize = 1024;

/// The time limit for further output once the shell has exited; what it wrote is readable at once.
const FINAL_OUTPUT_TIMEOUT: Duration = Duration::from_secs(2);

pub struct Terminal {
    pub id: String,
    pub lazy_start: bool,
    cwd: String,
    envs: BTreeMap<String, String>,
    created_at: String,
    state: Mutex<State>,
    output: Broadcast,
    exit: Mutex<Option<Exit>>,
    /// Notifies `run` that the terminal was deleted.
    deleted: Notify,
}

struct State {
    cols: u16,
    rows: u16,
    shell: Shell,
}

enum Shell {
    NotStarted,
    Running { pid: i32, terminal: Arc<Mutex<OwnedWritePty>>, input: mpsc::Sender<Bytes> },
    Ended,
}

impl Terminal {
    pub fn new(machine: &Machine, request: CreatePty) -> Arc<Self> {
        let mut envs = request.envs;
        envs.entry("TERM".into()).or_insert_with(|| "xterm-256color".into());
        Arc::new(Self {
            id: request.id,
            lazy_start: request.lazy_start,
            cwd: request.cwd.unwrap_or_else(|| machine.work_dir.display().to_string()),
            envs,
            created_at: now(),
            state: Mutex::new(State { cols: request.cols, rows: request.rows, shell: Shell::NotStarted }),
            output: Broadcast::default(),
            exit: Mutex::default(),
            deleted: Notify::new(),
        })
    }

    pub fn json(&self) -> Value {
        let state = self.state.lock();
        json!({
            "id": self.id,
            "cwd": self.cwd,
            "envs": self.envs,
            "cols": state.cols,
            "rows": state.rows,
            "createdAt": self.created_at,
            "active": matches!(state.shell, Shell::Running { .. }),
            "lazyStart": self.lazy_start,
        })
    }

    pub fn subscribe(&self) -> Option<Subscriber> {
        self.output.subscribe()
    }

    /// Set before the output ends.
    pub fn exit(&self) -> Option<Exit> {
        *self.exit.lock()
    }

    /// Starts the shell, unless it was started before.
    pub fn start(self: &Arc<Self>, machine: &Arc<Machine>) -> io::Result<()> {
        self.start_shell(machine).map_err(io::Error::other)
    }

    fn start_shell(self: &Arc<Self>, machine: &Arc<Machine>) -> Result<(), pty_process::Error> {
        let mut state = self.state.lock();
        if !matches!(state.shell, Shell::NotStarted) {
            return Ok(());
        }
        let (pty, pts) = pty_process::open()?;
        pty.resize(Size::new(state.rows, state.cols))?;
        let child = Command::new(processes::shell())
            .args(["-i", "-l"])
            .current_dir(machine.work_dir.join(&self.cwd))
            .env_clear()
            .envs(machine.command_env_with(&self.envs))
            .kill_on_drop(true)
            .spawn(pts)?;
        let pid = child.id().and_then(|pid| i32::try_from(pid).ok()).unwrap_or_default();
        let (output, terminal) = pty.into_split();
        let terminal = Arc::new(Mutex::new(terminal));
        let (input, typed) = mpsc::channel(INPUT_QUEUE_MESSAGES);
        tokio::spawn(write(terminal.clone(), typed));
        tokio::spawn(self.clone().run(machine.clone(), output, child));
        state.shell = Shell::Running { pid, terminal, input };
        Ok(())
    }

    /// Sends the shell's output until it has exited and everything it wrote is sent.
    async fn run(self: Arc<Self>, machine: Arc<Machine>, mut output: OwnedReadPty, mut child: Child) {
        let mut buffer = BytesMut::new();
        let mut is_read = true;
        let exit = loop {
            tokio::select! {
                biased;
                () = self.deleted.notified() => break Exit::DELETED,
                ended = child.wait() => break ended.map_or(Exit::LOST, Exit::of),
                chunk = read_chunk(&mut output, &mut buffer), if is_read => match chunk {
                    Some(chunk) => self.output.send(chunk).await,
                    // The shell closed its terminal and still runs.
                    None => is_read = false,
                },
            }
        };
        if exit != Exit::DELETED {
            while let Ok(Some(chunk)) =
                timeout(FINAL_OUTPUT_TIMEOUT, read_chunk(&mut output, &mut buffer)).await
            {
                self.output.send(chunk).await;
            }
        }
        self.end(exit);
        machine.ptys.remove(&self);
        let _ = child.wait().await;
    }

    fn end(&self, exit: Exit) {
        // Dropping the input closes the PTY, which sends SIGHUP to what is left in it.
        self.state.lock().shell = Shell::Ended;
        *self.exit.lock() = Some(exit);
        self.output.end();
    }

    /// Queues input behind what was sent before.
    pub async fn write(&self, bytes: Bytes) {
        let input = match &self.state.lock().shell {
            Shell::Running { input, .. } => input.clone(),
            _ => return,
        };
        // Fails when the shell has just exited.
        let _ = input.send(bytes).await;
    }

    pub fn resize(&self, cols: u16, rows: u16) -> Result<(), String> {
        let mut state = self.state.lock();
        let Shell::Running { terminal, .. } = &state.shell else {
            return Err("cannot resize inactive PTY session".into());
        };
        terminal.lock().resize(Size::new(rows, cols)).map_err(|error| error.to_string())?;
        (state.cols, state.rows) = (cols, rows);
        Ok(())
    }

    /// Kills the shell and everything it runs; clients get exit code 137.
    pub fn kill(&self) {
        let pid = match &self.state.lock().shell {
            Shell::Running { pid, .. } => Some(*pid),
            _ => None,
        };
        self.deleted.notify_one();
        match pid {
            Some(pid) => processes::kill_session(pid),
            None => self.end(Exit::DELETED),
        }
    }
}

/// Between 1 and [`CHUNK_BYTES`] bytes of output; `None` when no process has the terminal open any more.
async fn read_chunk(output: &mut OwnedReadPty, buffer: &mut BytesMut) -> Option<Bytes> {
    buffer.reserve(CHUNK_BYTES);
    if !matches!(output.read_buf(buffer).await, Ok(1..)) {
        return None;
    }
    // The kernel returns at most 4 KiB per read.
    while buffer.len() < CHUNK_BYTES && matches!(output.read_buf(buffer).now_or_never(), Some(Ok(1..))) {}
    Some(buffer.split().freeze())
}

/// Writes queued input to the PTY.
async fn write(terminal: Arc<Mutex<OwnedWritePty>>, mut typed: mpsc::Receiver<Bytes>) {
    while let Some(mut bytes) = typed.recv().await {
        while !bytes.is_empty() {
            let written = poll_fn(|cx| Pin::new(&mut *terminal.lock()).poll_write(cx, &bytes));
            match written.await {
                Ok(written) => drop(bytes.split_to(written)),
                Err(_) => return,
            }
        }
    }
}
