//! The streams `pty.open` and `pty.connect`: output goes to the stream, input to the socket, and ENDED reports
//! how the shell exited. A lost connection is never reported as an exit.

use super::control::{Control, Exit};
use super::{Connect, CreatePty, Open, create_request, kill_request, path, size};
use crate::client::error::{Error, Result};
use crate::client::remote_guard::{Remote, RemoteGuard, finish_in_background};
use crate::client::sandbox::Sandbox;
use crate::client::socket_io::{Frame, SocketIo};
use crate::client::status;
use crate::client::stream::{Channel, Chunk, Ended, Input, Io, Sink};
use crate::client::transport::Socket;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use bytes::{Bytes, BytesMut};
use http::Method;
use std::future::poll_fn;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::time::{Instant, sleep_until, timeout_at};

/// How long the close frame may take after the exit was reported.
const CLOSE_GRACE: Duration = Duration::from_secs(2);

/// Small frames that are available together are joined into one chunk of at most this size. A frame of
/// `UNCOPIED_BYTES` or more is delivered as it came, without a copy.
const BATCH_BYTES: usize = 64 * 1024;
const UNCOPIED_BYTES: usize = 8 * 1024;

const EXIT_CONTROL: &str = "X-Daytona-Pty-Exit-Control";

/// Proxies refuse headers of more than a few kilobytes; a longer environment is sent in a body instead.
const MAX_HEADER_BYTES: usize = 4096;

pub async fn open(sandbox: Sandbox, params: Open, io: Io) -> Result<Ended> {
    let id = params.id.clone();
    // Checks the id before anything is sent.
    path(&id, "")?;
    // Closing the stream does not cut the creation off: the id is the user's choice, and only the answer tells
    // whether the terminal of that id is new and this stream's, or was there before.
    let opening = create(sandbox.clone(), params);
    let opening = finish_in_background(async { Ok::<_, Error>(opening.await?.ready().await) }).await?;
    PtySession::new(&sandbox, id, opening, io).run().await
}

pub async fn connect(sandbox: Sandbox, params: Connect, io: Io) -> Result<Ended> {
    let socket = connected(&sandbox, &params.id).await?;
    let opening = Opening::new(&sandbox, socket, None);
    PtySession::new(&sandbox, params.id, opening, io).run().await
}

/// A socket to a terminal that has not yet said that it is ready.
struct Opening {
    socket: SocketIo,
    /// The terminal, where this stream created it.
    own: Option<RemoteGuard<OwnTerminal>>,
    first: Option<Event>,
    deadline: Instant,
}

impl Opening {
    fn new(sandbox: &Sandbox, socket: Socket, own: Option<RemoteGuard<OwnTerminal>>) -> Self {
        let deadline = Instant::now() + ready_limit(sandbox);
        Self { socket: SocketIo::new(socket), own, first: None, deadline }
    }

    /// Waits for the first frame. Gives up the terminal if it turns out to be another stream's, and removes one that could
    /// not be started: its id is free again when its error comes.
    async fn ready(mut self) -> Self {
        let first = poll_fn(|cx| self.socket.poll_frame(cx, None).map(event));
        self.first = timeout_at(self.deadline, first).await.ok();
        if let Some(Event::Control(Control::Failed(message))) = &self.first
            && let Some(mut own) = self.own.take()
        {
            if exists_already(message) {
                own.disarm();
            } else {
                own.remove(self.deadline.saturating_duration_since(Instant::now())).await;
            }
        }
        self
    }
}

/// Whether the daemon refuses to create a terminal because its id is taken.
fn exists_already(message: &str) -> bool {
    message.contains("exists")
}

/// Makes a terminal and the socket to it, in one request where the server can.
async fn create(sandbox: Sandbox, params: Open) -> Result<Opening> {
    let own = || OwnTerminal { sandbox: sandbox.clone(), id: params.id.clone() };
    let cols = size("cols", params.cols)?.unwrap_or(80);
    let rows = size("rows", params.rows)?.unwrap_or(24);
    let env = params.env.filter(|env| !env.is_empty());
    let mut protocols = vec![EXIT_CONTROL.to_owned()];
    if let Some(env) = &env {
        let json = serde_json::to_vec(env).map_err(|error| Error::invalid(error.to_string()))?;
        protocols.push(format!("X-Daytona-Pty-Envs~{}", URL_SAFE_NO_PAD.encode(json)));
    }
    if protocols.iter().all(|protocol| protocol.len() <= MAX_HEADER_BYTES) {
        let mut request = sandbox
            .toolbox(Method::GET, "process/pty/create-connect")
            .await?
            .query("id", &params.id)
            .query("cols", &cols.to_string())
            .query("rows", &rows.to_string());
        if let Some(cwd) = &params.cwd {
            request = request.query("cwd", cwd);
        }
        match request.deadline(Some(ready_limit(&sandbox))).websocket(&protocols).await {
            Ok(socket) => {
                let own = RemoteGuard::of_existing(own());
                return Ok(Opening::new(&sandbox, socket, Some(own)));
            }
            Err(error) if !unknown_to_the_server(&error) => return Err(error),
            Err(_) => {}
        }
    }
    // 0.190: made first, started by the connection, or its first output would be lost.
    let body = CreatePty {
        id: &params.id,
        cols: Some(cols),
        rows: Some(rows),
        cwd: params.cwd.as_deref(),
        envs: env.as_ref(),
        lazy_start: Some(true),
    };
    create_request(&sandbox, &body).await?.deadline(Some(ready_limit(&sandbox))).send().await?;
    let own = RemoteGuard::of_existing(own());
    let socket = connected(&sandbox, &params.id).await?;
    Ok(Opening::new(&sandbox, socket, Some(own)))
}

/// 0.190 takes `create-connect` for the id of a terminal, which it does not find; what stands in
/// front of it may refuse the upgrade in other words.
fn unknown_to_the_server(error: &Error) -> bool {
    matches!(error.status(), 400 | 404 | 405 | 426 | 501)
}

async fn connected(sandbox: &Sandbox, id: &str) -> Result<Socket> {
    let request = sandbox.toolbox(Method::GET, &path(id, "/connect")?).await?;
    request.deadline(Some(ready_limit(sandbox))).websocket(&[EXIT_CONTROL.to_owned()]).await
}

/// The limit for the handshake, and again for the terminal's first frame.
fn ready_limit(sandbox: &Sandbox) -> Duration {
    sandbox.client().connect_limit()
}

/// A terminal that this stream made.
struct OwnTerminal {
    sandbox: Sandbox,
    id: String,
}

impl Remote for OwnTerminal {
    async fn remove(&self) -> Result<()> {
        let request = kill_request(&self.sandbox, &self.id).await?;
        request.deadline(Some(ready_limit(&self.sandbox))).send().await.map(drop)
    }
}

struct PtySession {
    sandbox_id: String,
    id: String,
    socket: SocketIo,
    sink: Arc<dyn Sink>,
    input: Input,
    /// The terminal, where this stream created it.
    own: Option<RemoteGuard<OwnTerminal>>,
    /// The first frame, where it was received already.
    first: Option<Event>,
    /// For the first frame, and later for the close frame.
    deadline: Instant,
    ready_limit: Duration,
    open: bool,
    exit: Option<Exit>,
    bytes: u64,
}

enum Event {
    Output(Bytes),
    Control(Control),
    End(Frame),
}

impl PtySession {
    fn new(sandbox: &Sandbox, id: String, opening: Opening, io: Io) -> Self {
        Self {
            sandbox_id: sandbox.id().to_owned(),
            id,
            socket: opening.socket,
            sink: io.sink,
            input: io.input,
            own: opening.own,
            first: opening.first,
            deadline: opening.deadline,
            ready_limit: ready_limit(sandbox),
            open: false,
            exit: None,
            bytes: 0,
        }
    }

    async fn run(mut self) -> Result<Ended> {
        let ended = self.run_to_end().await;
        // After a lost connection the user may join the terminal again. One that was never open, or whose
        // stream was closed, is killed.
        if let (Some(own), true) = (&mut self.own, self.open) {
            own.disarm();
        }
        ended.map_err(|error| {
            let mut error = self.socket.complete(error);
            let detail = error.detail_mut();
            detail.bytes = Some(self.bytes);
            detail.position = Some(self.bytes);
            detail.sandbox_id.get_or_insert_with(|| self.sandbox_id.clone());
            if let Some(exit) = &self.exit {
                detail.exit_code = Some(exit.code);
                detail.reason = exit.reason.clone();
            }
            error
        })
    }

    async fn run_to_end(&mut self) -> Result<Ended> {
        let mut carried = self.first.take();
        loop {
            let waits_for_the_end = self.exit.is_some();
            let event = match carried.take() {
                Some(event) => event,
                None => tokio::select! {
                    biased;
                    event = poll_fn(|cx| poll_event(&mut self.socket, &mut self.input, &mut carried, cx)) => event,
                    () = sleep_until(self.deadline), if waits_for_the_end => return self.ended(),
                    () = sleep_until(self.deadline), if !self.open => return Err(self.not_ready()),
                },
            };
            match event {
                Event::Output(data) => {
                    self.opened();
                    self.deliver(data).await;
                }
                Event::Control(Control::Connected) => self.opened(),
                Event::Control(Control::Exited(exit)) => {
                    self.opened();
                    self.exit = Some(exit);
                    self.deadline = Instant::now() + CLOSE_GRACE;
                }
                Event::Control(Control::Failed(message)) => return Err(self.refused(&message)),
                Event::Control(Control::Unknown) => {}
                Event::End(Frame::Closed { code, reason }) => {
                    if self.exit.is_none() {
                        self.exit = Exit::of_close(code, &reason);
                    }
                    return if self.exit.is_some() { self.ended() } else { Err(self.cut(code, &reason)) };
                }
                // What it ended with was said before.
                Event::End(_) if self.exit.is_some() => return self.ended(),
                Event::End(Frame::Lost { status, why }) => return Err(self.lost(status, &why)),
                Event::End(_) => {}
            }
        }
    }

    fn opened(&mut self) {
        if !std::mem::replace(&mut self.open, true) {
            self.sink.opened(serde_json::json!({ "id": self.id }).to_string().into_bytes());
        }
    }

    async fn deliver(&mut self, data: Bytes) {
        if data.is_empty() {
            return;
        }
        tokio::select! {
            biased;
            () = poll_fn(|cx| self.sink.poll_room(cx)) => {}
            () = self.socket.keep_alive(Some(&mut self.input)) => {}
        }
        self.bytes += data.len() as u64;
        self.sink.data(Chunk { channel: Channel::Stdout, data, position: self.bytes });
    }

    fn ended(&mut self) -> Result<Ended> {
        self.opened();
        let Some(exit) = &self.exit else {
            return Err(self.lost(status::CONNECTION, "its shell's exit was not reported"));
        };
        let json = serde_json::json!({
            "exitCode": exit.code, "reason": exit.reason, "bytes": self.bytes, "position": self.bytes,
        });
        Ok(Ended { json: json.to_string().into_bytes(), position: Some(self.bytes), sandbox: None })
    }

    fn not_ready(&self) -> Error {
        Error::new(
            status::TIMEOUT,
            format!(
                "PTY \"{}\" was connected but not ready within {:?}; `connectTimeoutMs` is the limit",
                self.id, self.ready_limit
            ),
        )
    }

    /// The server upgraded only to say that it cannot.
    fn refused(&self, message: &str) -> Error {
        let (status, advice) = if exists_already(message) {
            (status::HTTP_CONFLICT, "choose another id, or join it with pty.connect")
        } else if message.contains("not found") {
            (status::HTTP_NOT_FOUND, "it was never made, or its shell has exited; make one with pty.open")
        } else if message.contains("terminated") {
            (status::HTTP_GONE, "its shell has exited; make another with pty.open")
        } else {
            (status::HTTP_INTERNAL_SERVER, "check its working directory and the sandbox's shell")
        };
        let mut error =
            Error::new(status, format!("PTY \"{}\" cannot be used: {message}; {advice}", self.id));
        error.detail_mut().source = Some("DAYTONA_DAEMON".to_owned());
        error
    }

    fn cut(&self, code: u16, reason: &str) -> Error {
        match code {
            1008 => Error::new(
                status::SLOW_CONSUMER,
                format!(
                    "PTY \"{}\" was cut by the server because its output was not read in time; the shell goes \
                     on, pty.connect joins it again",
                    self.id
                ),
            ),
            1009 => Error::new(
                status::PROTOCOL,
                format!("PTY \"{}\" was closed by the server: a message was too large for it", self.id),
            ),
            1005 => self.lost(status::CONNECTION, "it was closed without a code"),
            code => {
                let why = format!("it was closed with code {code} \"{}\"", reason.escape_debug());
                self.lost(status::CONNECTION, &why)
            }
        }
    }

    fn lost(&self, status: i32, why: &str) -> Error {
        let mut error = Error::new(
            status,
            format!(
                "the connection to PTY \"{}\" was lost: {why}; the shell may go on, pty.connect joins it again",
                self.id
            ),
        );
        error.detail_mut().retryable = status == status::CONNECTION;
        error
    }
}

/// The next event. Output that is there already becomes one event; what ended it is carried over.
fn poll_event(
    socket: &mut SocketIo,
    input: &mut Input,
    carried: &mut Option<Event>,
    cx: &mut Context<'_>,
) -> Poll<Event> {
    let mut output = match socket.poll_frame(cx, Some(input)).map(event) {
        Poll::Ready(Event::Output(data)) => data,
        other => return other,
    };
    if output.len() >= UNCOPIED_BYTES {
        return Poll::Ready(Event::Output(output));
    }
    let mut joined = BytesMut::new();
    while output.len() + joined.len() < BATCH_BYTES {
        match socket.poll_frame(cx, Some(input)).map(event) {
            Poll::Pending => break,
            Poll::Ready(Event::Output(more)) => {
                if joined.is_empty() {
                    joined.reserve(output.len() + more.len());
                    joined.extend_from_slice(&output);
                    output.clear();
                }
                joined.extend_from_slice(&more);
            }
            Poll::Ready(other) => {
                *carried = Some(other);
                break;
            }
        }
    }
    Poll::Ready(Event::Output(if joined.is_empty() { output } else { joined.freeze() }))
}

fn event(frame: Frame) -> Event {
    match frame {
        Frame::Binary(data) => Event::Output(data),
        Frame::Text(data) => Control::parse(&data).map_or(Event::Output(data), Event::Control),
        end => Event::End(end),
    }
}
