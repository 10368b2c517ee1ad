//! The streams `pty.open` and `pty.connect`: output goes to the stream, input to the socket, and ENDED reports
//! how the shell exited. A lost connection is never reported as an exit.

use super::control::{Control, Exit};
use super::{Connect, CreatePty, Open, create_request, kill_request, path, size};
use crate::client::background::spawn_cleanup;
use crate::client::error::{Error, Result};
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
use tokio::time::{Instant, sleep, sleep_until};

/// The limit for the handshake and for the terminal's first sign of life where `connectTimeoutMs` is 0.
const READY_LIMIT: Duration = Duration::from_secs(10);

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
    let (socket, shell) = create(&sandbox, params).await?;
    let mut session = PtySession::new(&sandbox, id, socket, io);
    session.shell = Some(shell);
    session.run().await
}

pub async fn connect(sandbox: Sandbox, params: Connect, io: Io) -> Result<Ended> {
    let socket = connected(&sandbox, &params.id).await?;
    PtySession::new(&sandbox, params.id, socket, io).run().await
}

/// Makes a terminal and the socket to it, in one request where the server can.
async fn create(sandbox: &Sandbox, params: Open) -> Result<(Socket, Shell)> {
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
        match request.deadline(Some(ready_limit(sandbox))).websocket(&protocols).await {
            Ok(socket) => return Ok((socket, Shell::new(sandbox, &params.id))),
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
    create_request(sandbox, &body).await?.deadline(Some(ready_limit(sandbox))).send().await?;
    let shell = Shell::new(sandbox, &params.id);
    Ok((connected(sandbox, &params.id).await?, shell))
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

fn ready_limit(sandbox: &Sandbox) -> Duration {
    sandbox.client().config().connect_timeout.unwrap_or(READY_LIMIT)
}

/// The shell behind a terminal that this stream made. Dropped, it is killed: nobody else knows of it.
struct Shell {
    sandbox: Sandbox,
    id: String,
    kill: bool,
}

impl Shell {
    fn new(sandbox: &Sandbox, id: &str) -> Self {
        Self { sandbox: sandbox.clone(), id: id.to_owned(), kill: true }
    }
}

impl Drop for Shell {
    fn drop(&mut self) {
        if !self.kill {
            return;
        }
        let (sandbox, id) = (self.sandbox.clone(), std::mem::take(&mut self.id));
        spawn_cleanup(async move {
            for pause in [0, 500, 2_000] {
                sleep(Duration::from_millis(pause)).await;
                let Ok(request) = kill_request(&sandbox, &id).await else { continue };
                match request.deadline(Some(READY_LIMIT)).send().await {
                    Err(error) if error.status() != status::HTTP_NOT_FOUND => {}
                    Ok(_) | Err(_) => break,
                }
            }
        });
    }
}

struct PtySession {
    sandbox_id: String,
    id: String,
    socket: SocketIo,
    sink: Arc<dyn Sink>,
    input: Input,
    shell: Option<Shell>,
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
    fn new(sandbox: &Sandbox, id: String, socket: Socket, io: Io) -> Self {
        Self {
            sandbox_id: sandbox.id().to_owned(),
            id,
            socket: SocketIo::new(socket),
            sink: io.sink,
            input: io.input,
            shell: None,
            ready_limit: ready_limit(sandbox),
            open: false,
            exit: None,
            bytes: 0,
        }
    }

    async fn run(mut self) -> Result<Ended> {
        let ended = self.run_to_end().await;
        // One that cannot be reached any more may still be connected to; one that its user never
        // got to see, or goes away from, nobody wants.
        if let (Some(shell), true) = (&mut self.shell, self.open) {
            shell.kill = false;
        }
        ended.map_err(|mut error| {
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
        let mut deadline = Instant::now() + self.ready_limit;
        let mut carried = None;
        loop {
            let waits_for_the_end = self.exit.is_some();
            let event = match carried.take() {
                Some(event) => event,
                None => tokio::select! {
                    biased;
                    event = poll_fn(|cx| poll_event(&mut self.socket, &mut self.input, &mut carried, cx)) => event,
                    () = sleep_until(deadline), if waits_for_the_end => return self.ended(),
                    () = sleep_until(deadline), if !self.open => return Err(self.not_ready()),
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
                    deadline = Instant::now() + CLOSE_GRACE;
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
                Event::End(Frame::Lost(why)) => return Err(self.lost(&why)),
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
        let Some(exit) = &self.exit else { return Err(self.lost("its shell's exit was not reported")) };
        let json = serde_json::json!({
            "exitCode": exit.code, "reason": exit.reason, "bytes": self.bytes, "position": self.bytes,
        });
        Ok(Ended { json: json.to_string().into_bytes(), sandbox: None })
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
    fn refused(&mut self, message: &str) -> Error {
        let (status, advice) = if message.contains("exists") {
            // Somebody else's.
            self.shell.take().into_iter().for_each(|mut shell| shell.kill = false);
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
            1005 => self.lost("it was closed without a code"),
            code => self.lost(&format!("it was closed with code {code} \"{}\"", reason.escape_debug())),
        }
    }

    fn lost(&self, why: &str) -> Error {
        let mut error = Error::new(
            status::CONNECTION,
            format!(
                "the connection to PTY \"{}\" was lost: {why}; the shell may go on, pty.connect joins it again",
                self.id
            ),
        );
        error.detail_mut().retryable = true;
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
