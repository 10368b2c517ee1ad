//! A terminal: an interactive login shell behind a PTY, from its making to its exit.

use super::audience::{Audience, Seat};
use super::exit::Exit;
use super::wish::Wish;
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

/// The most that one message carries, as the daemon's buffer.
const PIECE: usize = 32 * 1024;

/// How many messages of input wait for a shell that reads none.
const TYPED_AHEAD: usize = 1024;

/// How long output is waited for when the shell has exited: what it wrote comes at once.
const LAST_WORDS: Duration = Duration::from_secs(2);

pub struct Terminal {
    pub id: String,
    pub lazy_start: bool,
    cwd: String,
    envs: BTreeMap<String, String>,
    created_at: String,
    state: Mutex<State>,
    audience: Audience,
    exit: Mutex<Option<Exit>>,
    /// Tells the attendant that the terminal was deleted.
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
    pub fn new(machine: &Machine, wish: Wish) -> Arc<Self> {
        let mut envs = wish.envs;
        envs.entry("TERM".into()).or_insert_with(|| "xterm-256color".into());
        Arc::new(Self {
            id: wish.id,
            lazy_start: wish.lazy_start,
            cwd: wish.cwd.unwrap_or_else(|| machine.home.display().to_string()),
            envs,
            created_at: now(),
            state: Mutex::new(State { cols: wish.cols, rows: wish.rows, shell: Shell::NotStarted }),
            audience: Audience::default(),
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

    pub fn seat(&self) -> Option<Seat> {
        self.audience.seat()
    }

    /// Known once the audience has heard the end.
    pub fn exit(&self) -> Option<Exit> {
        *self.exit.lock()
    }

    /// Starts the shell, if nobody has.
    pub fn start(self: &Arc<Self>, machine: &Arc<Machine>) -> io::Result<()> {
        machine.start_process(|| self.start_shell(machine).map_err(io::Error::other))
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
            .current_dir(machine.home.join(&self.cwd))
            .env_clear()
            .envs(machine.command_env_with(&self.envs))
            .kill_on_drop(true)
            .spawn(pts)?;
        let pid = child.id().and_then(|pid| i32::try_from(pid).ok()).unwrap_or_default();
        let (output, terminal) = pty.into_split();
        let terminal = Arc::new(Mutex::new(terminal));
        let (input, typed) = mpsc::channel(TYPED_AHEAD);
        tokio::spawn(write(terminal.clone(), typed));
        tokio::spawn(self.clone().run(machine.clone(), output, child));
        state.shell = Shell::Running { pid, terminal, input };
        Ok(())
    }

    /// Until the shell has exited and everything that it wrote was told.
    async fn run(self: Arc<Self>, machine: Arc<Machine>, mut output: OwnedReadPty, mut child: Child) {
        let mut buffer = BytesMut::new();
        let mut is_read = true;
        let exit = loop {
            tokio::select! {
                biased;
                () = self.deleted.notified() => break Exit::DELETED,
                ended = child.wait() => break ended.map_or(Exit::LOST, Exit::of),
                piece = gather(&mut output, &mut buffer), if is_read => match piece {
                    Some(piece) => self.audience.tell(piece).await,
                    // The shell let go of its terminal, and still runs.
                    None => is_read = false,
                },
            }
        };
        if exit != Exit::DELETED {
            while let Ok(Some(piece)) = timeout(LAST_WORDS, gather(&mut output, &mut buffer)).await {
                self.audience.tell(piece).await;
            }
        }
        self.end(exit);
        machine.ptys.remove(&self);
        let _ = child.wait().await;
    }

    fn end(&self, exit: Exit) {
        // The input's end closes the terminal, which hangs up on whatever is left in it.
        self.state.lock().shell = Shell::Ended;
        *self.exit.lock() = Some(exit);
        self.audience.end();
    }

    /// Input of one client, after what came before.
    pub async fn write(&self, bytes: Bytes) {
        let input = match &self.state.lock().shell {
            Shell::Running { input, .. } => input.clone(),
            _ => return,
        };
        // Refused when the shell has just ended; then nobody reads it.
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

    /// Kills the shell and everything that it runs; who attends it is told 137.
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

/// What is there, at least a byte and at most a piece; `None` when nobody has the terminal open any more.
async fn gather(output: &mut OwnedReadPty, buffer: &mut BytesMut) -> Option<Bytes> {
    buffer.reserve(PIECE);
    if !matches!(output.read_buf(buffer).await, Ok(1..)) {
        return None;
    }
    // The kernel gives some 4 KiB at a time.
    while buffer.len() < PIECE && matches!(output.read_buf(buffer).now_or_never(), Some(Ok(1..))) {}
    Some(buffer.split().freeze())
}

/// Types what is sent, in its order.
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
