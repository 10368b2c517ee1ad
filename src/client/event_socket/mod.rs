//! The event socket: one a client and runtime, opened by its first listener, shared by all of them, closed a while after the last.
//!
//! It is an addition to polling, never a condition: what it cannot do it does not do, silently, and tries again. A
//! listener is told of each event about its sandbox, and of each new connection, before which events may have been
//! lost. `frame`: the frames of Socket.IO.

mod frame;

use super::error::{Error, Result};
use super::status;
use super::transport::{Message, Method, Socket, Transport};
use crate::client::lock::Mutex;
use crate::client::per_runtime::PerRuntime;
use bytes::Bytes;
use frame::Frame;
use serde::Deserialize;
use slab::Slab;
use std::collections::VecDeque;
use std::future::poll_fn;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;
use tokio::sync::Notify;
use tokio::time::{sleep, timeout};

/// The limit of a connection: to the server's answer, and for each frame until the credential is accepted.
const CONNECT_LIMIT: Duration = Duration::from_secs(5);
/// The pause before a lost connection is made again; it doubles up to the longest one.
const FIRST_PAUSE: Duration = Duration::from_secs(1);
const LONGEST_PAUSE: Duration = Duration::from_secs(30);
/// How long the socket stays without a listener.
const LINGER: Duration = Duration::from_secs(30);
/// The events that a listener may be behind before it is told that it is too slow.
const BACKLOG: usize = 1024;

/// What a listener is told.
#[derive(Clone, Debug)]
pub(crate) enum Notice {
    /// The socket is connected, for the first time or again: what happened before may be unknown.
    Connected,
    /// An event about the sandbox: its name, and its data as the server sent it.
    Event { name: Arc<str>, data: Bytes },
    /// The connection could not be made; it is tried again.
    Failed(Error),
    /// The listener was too slow, and events are lost.
    Overrun,
}

#[derive(Default)]
pub(crate) struct EventSocket(Mutex<Sockets>);

#[derive(Default)]
struct Sockets {
    of: PerRuntime<Arc<Shared>>,
    closed: bool,
}

#[derive(Default)]
struct Shared {
    state: Mutex<State>,
    /// The client is closed, or the last listener has gone.
    changed: Notify,
}

#[derive(Default)]
struct State {
    listeners: Slab<Listener>,
    /// A task holds the connection, or makes it.
    running: bool,
    connected: bool,
    closed: bool,
}

struct Listener {
    sandbox: String,
    notices: VecDeque<Notice>,
    waker: Option<Waker>,
}

impl Listener {
    fn tell(&mut self, notice: Notice) {
        if self.notices.len() < BACKLOG {
            self.notices.push_back(notice);
        } else if !matches!(self.notices.back(), Some(Notice::Overrun)) {
            self.notices.push_back(Notice::Overrun);
        }
        if let Some(waker) = self.waker.take() {
            waker.wake();
        }
    }
}

/// A listener of one sandbox's events; dropping it ends it.
pub(crate) struct Subscription {
    shared: Arc<Shared>,
    key: usize,
}

impl EventSocket {
    /// Listens to a sandbox's events, by its UUID. Called inside the runtime, where the connection is made.
    pub fn subscribe(&self, transport: &Transport, sandbox_id: &str) -> Subscription {
        let shared = self.here();
        let mut state = shared.state.lock();
        let mut listener = Listener { sandbox: sandbox_id.to_owned(), notices: VecDeque::new(), waker: None };
        if state.connected {
            listener.tell(Notice::Connected);
        }
        if state.closed {
            listener.tell(Notice::Failed(Error::new(status::CLOSED, "the client is closed")));
        }
        let key = state.listeners.insert(listener);
        if !state.running && !state.closed {
            state.running = true;
            let (shared, transport) = (shared.clone(), transport.clone());
            // No background activity of its own: its listeners are calls and streams, which keep the runtime driven.
            // Between them it stands still, and is made anew if the server has given it up.
            tokio::spawn(async move { run(&shared, &transport).await });
        }
        drop(state);
        Subscription { shared, key }
    }

    /// That of the current runtime.
    fn here(&self) -> Arc<Shared> {
        let mut sockets = self.0.lock();
        let shared: Arc<Shared> = sockets.of.current().cloned().unwrap_or_default();
        shared.state.lock().closed = sockets.closed;
        shared
    }

    /// Ends the connections for good: the client is closed.
    pub fn close(&self) {
        let mut sockets = self.0.lock();
        sockets.closed = true;
        for shared in sockets.of.all() {
            shared.state.lock().closed = true;
            shared.changed.notify_one();
        }
    }
}

impl Subscription {
    /// The next notice. Cancel-safe.
    pub async fn next(&mut self) -> Notice {
        poll_fn(|cx| self.poll_next(cx)).await
    }

    fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Notice> {
        let mut state = self.shared.state.lock();
        let Some(listener) = state.listeners.get_mut(self.key) else { return Poll::Pending };
        match listener.notices.pop_front() {
            Some(notice) => Poll::Ready(notice),
            None => {
                listener.waker = Some(cx.waker().clone());
                Poll::Pending
            }
        }
    }

    /// Forgets what was told so far.
    pub fn clear(&mut self) {
        if let Some(listener) = self.shared.state.lock().listeners.get_mut(self.key) {
            listener.notices.clear();
        }
    }

    /// Whether the connection is there now: while it is, polling can be slow.
    pub fn is_connected(&self) -> bool {
        self.shared.state.lock().connected
    }
}

impl Drop for Subscription {
    fn drop(&mut self) {
        let mut state = self.shared.state.lock();
        state.listeners.try_remove(self.key);
        if state.listeners.is_empty() {
            drop(state);
            self.shared.changed.notify_one();
        }
    }
}

impl Shared {
    fn tell_all(&self, notice: &Notice) {
        self.state.lock().listeners.iter_mut().for_each(|(_, listener)| listener.tell(notice.clone()));
    }

    fn set_connected(&self, connected: bool) {
        self.state.lock().connected = connected;
        if connected {
            self.tell_all(&Notice::Connected);
        }
    }

    /// Hands an event to the listeners of its sandbox.
    fn deliver(&self, name: String, data: &str) {
        let mut state = self.state.lock();
        if state.listeners.is_empty() {
            return;
        }
        let Some(id) = sandbox_id(data) else { return };
        let (name, data): (Arc<str>, _) = (name.into(), Bytes::copy_from_slice(data.as_bytes()));
        for (_, listener) in state.listeners.iter_mut().filter(|(_, listener)| listener.sandbox == id) {
            listener.tell(Notice::Event { name: name.clone(), data: data.clone() });
        }
    }

    /// Ends once the client is closed, or no listener has been there for a while.
    async fn is_unused(&self) {
        loop {
            let (closed, idle) = {
                let state = self.state.lock();
                (state.closed, state.listeners.is_empty())
            };
            if closed {
                return;
            }
            let changed = self.changed.notified();
            if !idle {
                changed.await;
            } else if timeout(LINGER, changed).await.is_err() && self.state.lock().listeners.is_empty() {
                return;
            }
        }
    }

    /// Whether the task ends here; a listener that comes afterwards starts another one.
    fn ends(&self) -> bool {
        let mut state = self.state.lock();
        let ends = state.closed || state.listeners.is_empty();
        if ends {
            (state.running, state.connected) = (false, false);
        }
        ends
    }
}

/// The sandbox of an event: `sandbox.id`, else `id`.
fn sandbox_id(data: &str) -> Option<String> {
    #[derive(Deserialize)]
    struct Named {
        id: Option<String>,
    }
    #[derive(Deserialize)]
    struct Data {
        sandbox: Option<Named>,
        id: Option<String>,
    }
    let data: Data = serde_json::from_str(data).ok()?;
    data.sandbox.and_then(|sandbox| sandbox.id).or(data.id)
}

/// Holds the connection for as long as it is wanted.
async fn run(shared: &Shared, transport: &Transport) {
    let mut pause = FIRST_PAUSE;
    loop {
        tokio::select! {
            () = shared.is_unused() => {}
            () = connection(shared, transport, &mut pause) => {}
        }
        shared.state.lock().connected = false;
        if shared.ends() {
            return;
        }
        tokio::select! {
            () = shared.is_unused() => {}
            () = sleep(pause) => {}
        }
        if shared.ends() {
            return;
        }
        pause = (pause * 2).min(LONGEST_PAUSE);
    }
}

/// One connection, from its making to its end.
async fn connection(shared: &Shared, transport: &Transport, pause: &mut Duration) {
    let (mut socket, silence) = match connect(transport).await {
        Ok(connected) => connected,
        Err(error) => return shared.tell_all(&Notice::Failed(error)),
    };
    *pause = FIRST_PAUSE;
    shared.set_connected(true);
    // A frame that cannot be read ends the connection as a lost one does: the next may be better.
    while let Ok(Ok(Some(text))) = timeout(silence, next_text(&mut socket)).await {
        match frame::parse(&text) {
            Ok(Frame::Ping) => {
                if socket.queue(Message::Text(Bytes::from_static(b"3"))).is_err() {
                    return;
                }
            }
            Ok(Frame::Event(name, data)) => shared.deliver(name, data),
            Ok(Frame::Closed | Frame::Refused(_)) | Err(_) => return,
            Ok(Frame::Open(_) | Frame::Connected | Frame::Other) => {}
        }
    }
}

/// The next text, `None` at the end. What is no text is not for this library.
async fn next_text(socket: &mut Socket) -> Result<Option<String>> {
    loop {
        match socket.next().await? {
            None => return Ok(None),
            Some(Message::Binary(_)) => {}
            Some(Message::Text(text)) => return Ok(Some(String::from_utf8_lossy(&text).into_owned())),
        }
    }
}

/// Connects and shows the credential. The silence after which the connection counts as lost.
async fn connect(transport: &Transport) -> Result<(Socket, Duration)> {
    let config = transport.config();
    let mut request = transport
        .request(Method::GET, format!("{}/socket.io/", config.api_url))
        .query("EIO", "4")
        .query("transport", "websocket");
    if let Some(organization) = &config.organization {
        request = request.query("organizationId", organization);
    }
    let request = request.query("source", "libdaytona").query("sdkVersion", crate::PROTOCOL_VERSION);
    let late = || {
        let seconds = CONNECT_LIMIT.as_secs();
        Error::new(status::TIMEOUT, format!("the event socket did not connect within {seconds} s"))
    };
    timeout(CONNECT_LIMIT, async {
        let mut socket = request.deadline(Some(CONNECT_LIMIT)).websocket(&[]).await?;
        let mut silence = None;
        while let Some(text) = next_text(&mut socket).await? {
            match frame::parse(&text).map_err(|error| socket.complete(error))? {
                Frame::Open(limit) => {
                    silence = Some(limit);
                    let token = serde_json::json!({ "token": config.credential.secret() });
                    socket.send(Message::Text(format!("40{token}").into())).await?;
                }
                Frame::Connected if silence.is_some() => {
                    return Ok((socket, silence.unwrap_or(CONNECT_LIMIT)));
                }
                Frame::Refused(why) => {
                    let message = format!("the event socket refused the credential: {why}");
                    return Err(socket.complete(Error::new(status::HTTP_AUTHENTICATION, message)));
                }
                Frame::Closed => break,
                Frame::Ping => socket.queue(Message::Text(Bytes::from_static(b"3")))?,
                Frame::Connected | Frame::Event(..) | Frame::Other => {}
            }
        }
        let message = "the event socket was closed before it was connected";
        Err(socket.complete(Error::new(status::CONNECTION, message)))
    })
    .await
    .unwrap_or_else(|_| Err(late()))
}
