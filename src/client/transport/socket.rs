//! A WebSocket over a connection that reqwest upgraded.
//!
//! One owner reads and writes: [`Socket::next_event`] goes on with both at once, so that a peer which stops
//! reading until it is read itself (a terminal's echo) cannot bring either side to a standstill.
//! Pings are answered here, and sent here: a silent socket is dropped by proxies.

use super::Answer;
use super::answer_head::AnswerHead;
use super::failure;
use super::frame_reads::FrameReads;
use super::origin::Permit;
use crate::client::error::{Error, Result};
use crate::client::status;
use bytes::Bytes;
use futures_util::{Sink, Stream};
use http::header::{CONNECTION, HeaderMap, HeaderValue, UPGRADE};
use std::future::poll_fn;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::time::{Instant, Interval, MissedTickBehavior};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::handshake::client::generate_key;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;
use tokio_tungstenite::tungstenite::protocol::frame::Utf8Bytes;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use tokio_tungstenite::tungstenite::protocol::{CloseFrame, Role, WebSocketConfig};
use tokio_tungstenite::tungstenite::{self, Message as Wire};

/// The largest message and frame that is received.
pub const MESSAGE_MAX_BYTES: usize = 64 << 20;
/// Read at a time; a message larger than this is still received into one buffer of its size.
const READ_BUFFER_BYTES: usize = 128 * 1024;
/// Queued and unsent bytes above which [`Socket::is_writable`] says no.
const WRITE_BUFFER_BYTES: usize = 256 * 1024;
/// Below the 20 s of silence after which some proxies drop a socket.
const PING_INTERVAL: Duration = Duration::from_secs(15);
/// So many pings in a row without any message afterwards end the connection.
const MISSED_PONGS_MAX: u32 = 2;
const CLOSE_TIMEOUT: Duration = Duration::from_secs(2);

/// A message as it travels. A text is UTF-8.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Message {
    Binary(Bytes),
    Text(Bytes),
}

impl Message {
    pub fn data(&self) -> &Bytes {
        let (Self::Binary(data) | Self::Text(data)) = self;
        data
    }
}

/// What [`Socket::next_event`] returns.
#[derive(Debug)]
pub enum SocketEvent {
    Message(Message),
    /// There is room to [`Socket::queue`] another message.
    Writable,
    /// The peer closed with a close frame; [`Socket::closed`] has it.
    Closed,
}

/// A close frame.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Closed {
    /// 1005 where the frame had none.
    pub code: u16,
    pub reason: String,
}

/// An open WebSocket. Dropping it drops the connection.
pub struct Socket {
    stream: WebSocketStream<FrameReads<reqwest::Upgraded>>,
    protocol: Option<String>,
    host: String,
    closed: Option<Closed>,
    /// Queued since the buffer was last empty.
    unsent: usize,
    write_failure: Option<tungstenite::Error>,
    reads_next: bool,
    ping: Interval,
    /// Something arrived since the last ping, perhaps its pong.
    heard: bool,
    /// Nothing has arrived at all.
    unheard: bool,
    paused: bool,
    /// Pings in a row that nothing came after.
    missed_pongs: u32,
    /// False where there is no idle limit.
    has_idle_limit: bool,
    head: AnswerHead,
    _permit: Permit,
}

impl Socket {
    /// The subprotocol that the server selected.
    pub fn protocol(&self) -> Option<&str> {
        self.protocol.as_deref()
    }

    /// An error that was found in what the socket brought, with the answer to its handshake.
    pub(crate) fn complete(&self, error: Error) -> Error {
        self.head.complete(error)
    }

    /// The answer to its handshake.
    pub(crate) fn head(&self) -> &AnswerHead {
        &self.head
    }

    /// The close frame, once the socket has ended with one.
    pub fn closed(&self) -> Option<&Closed> {
        self.closed.as_ref()
    }

    /// Whether nothing has arrived yet, not even the connection's end.
    pub(crate) fn is_unheard(&self) -> bool {
        self.unheard
    }

    /// Lets the idle limit begin anew: what reported its end can be read on.
    pub(crate) fn forgive_silence(&mut self) {
        self.missed_pongs = 0;
    }

    /// The next message; `None` after a close frame. A connection that ends without one is an error.
    /// Cancel-safe: nothing is lost when the future is dropped, so it can stand in a `select!`.
    pub async fn next(&mut self) -> Result<Option<Message>> {
        loop {
            match self.next_event(false).await? {
                SocketEvent::Message(message) => return Ok(Some(message)),
                SocketEvent::Closed => return Ok(None),
                SocketEvent::Writable => {}
            }
        }
    }

    /// Sends what is queued and receives, until a message is there, the socket is closed or, if
    /// `wants_writable`, another message can be queued. Cancel-safe.
    pub async fn next_event(&mut self, wants_writable: bool) -> Result<SocketEvent> {
        poll_fn(|cx| self.poll_event(cx, wants_writable)).await
    }

    pub fn poll_event(&mut self, cx: &mut Context<'_>, wants_writable: bool) -> Poll<Result<SocketEvent>> {
        if self.closed.is_some() {
            return Poll::Ready(Ok(SocketEvent::Closed));
        }
        self.poll_pings(cx);
        self.poll_send(cx);
        // Neither a flood of output nor one of input may starve the other direction.
        self.reads_next = !self.reads_next;
        if wants_writable && !self.reads_next && self.is_writable() {
            return Poll::Ready(Ok(SocketEvent::Writable));
        }
        if let Poll::Ready(received) = self.poll_receive(cx) {
            return Poll::Ready(received);
        }
        if self.has_idle_limit && self.missed_pongs >= MISSED_PONGS_MAX {
            let silence = self.ping.period() * MISSED_PONGS_MAX;
            return Poll::Ready(Err(self.lost(&format!("nothing came for {silence:?}, not even a pong"))));
        }
        if wants_writable && self.is_writable() {
            return Poll::Ready(Ok(SocketEvent::Writable));
        }
        Poll::Pending
    }

    /// Keeps the socket alive (pings, unsent messages) without reading: for as long as the consumer
    /// has no room for more. Only ever ends by being dropped.
    pub async fn keep_alive(&mut self) {
        poll_fn(|cx| {
            self.poll_keep_alive(cx);
            Poll::Pending
        })
        .await
    }

    /// One poll of [`Socket::keep_alive`].
    pub fn poll_keep_alive(&mut self, cx: &mut Context<'_>) {
        self.paused = true;
        if self.closed.is_none() {
            self.poll_pings(cx);
            self.poll_send(cx);
        }
    }

    /// Whether another message may be queued without the buffer growing past its bound.
    pub fn is_writable(&self) -> bool {
        self.unsent < WRITE_BUFFER_BYTES
    }

    /// Queues a message and does not wait; [`Socket::next_event`], [`Socket::next`], [`Socket::keep_alive`] and
    /// [`Socket::flush`] send it.
    pub fn queue(&mut self, message: Message) -> Result<()> {
        let (length, message) = match message {
            Message::Binary(data) => (data.len(), Wire::Binary(data)),
            Message::Text(data) => {
                let text = Utf8Bytes::try_from(data)
                    .map_err(|_| Error::invalid("a text message must be UTF-8: send it as binary"))?;
                (text.len(), Wire::Text(text))
            }
        };
        if self.closed.is_some() || self.write_failure.is_some() {
            return Err(self.lost("it takes no more messages"));
        }
        self.start(message, length);
        Ok(())
    }

    /// Queues a message and waits until it is handed to the system. Does not read meanwhile: for a
    /// request that is answered afterwards, not for a terminal.
    pub async fn send(&mut self, message: Message) -> Result<()> {
        self.queue(message)?;
        self.flush().await
    }

    /// Waits until everything queued is handed to the system.
    pub async fn flush(&mut self) -> Result<()> {
        poll_fn(|cx| {
            self.poll_send(cx);
            match (&self.write_failure, self.unsent) {
                (Some(failure), _) => Poll::Ready(Err(self.lost(&failure.to_string()))),
                (None, 0) => Poll::Ready(Ok(())),
                _ => Poll::Pending,
            }
        })
        .await
    }

    /// Sends a ping now; the socket also does so by itself every 15 s while it is polled.
    pub fn ping(&mut self) {
        if self.closed.is_none() && self.write_failure.is_none() {
            self.start(Wire::Ping(Bytes::new()), 0);
        }
    }

    /// Sends a close frame and waits shortly for the peer's; what arrives before it is dropped.
    pub async fn close(&mut self, code: u16, reason: &str) {
        if self.closed.is_none() && self.write_failure.is_none() {
            let frame = CloseFrame { code: CloseCode::from(code), reason: reason.into() };
            self.start(Wire::Close(Some(frame)), 0);
            let _ = tokio::time::timeout(CLOSE_TIMEOUT, async {
                while let Ok(SocketEvent::Message(_)) = self.next_event(false).await {}
            })
            .await;
        }
    }

    fn start(&mut self, message: Wire, length: usize) {
        // At least 1, so that a message of nothing is flushed too.
        self.unsent += length.max(1);
        if let Err(error) = Pin::new(&mut self.stream).start_send(message) {
            self.write_failure = Some(error);
        }
    }

    fn poll_pings(&mut self, cx: &mut Context<'_>) {
        while self.ping.poll_tick(cx).is_ready() {
            // A pause in reading is not the peer's silence.
            self.missed_pongs = if self.heard || self.paused { 0 } else { self.missed_pongs + 1 };
            self.heard = false;
            self.paused = false;
            self.ping();
        }
    }

    /// Sends queued messages. A failure is kept for later: received messages may still be readable.
    fn poll_send(&mut self, cx: &mut Context<'_>) {
        if self.unsent == 0 || self.write_failure.is_some() {
            return;
        }
        match Pin::new(&mut self.stream).poll_flush(cx) {
            Poll::Pending => {}
            Poll::Ready(Ok(())) => self.unsent = 0,
            Poll::Ready(Err(error)) => self.write_failure = Some(error),
        }
    }

    fn poll_receive(&mut self, cx: &mut Context<'_>) -> Poll<Result<SocketEvent>> {
        loop {
            let received = match Pin::new(&mut self.stream).poll_next(cx) {
                Poll::Pending => return Poll::Pending,
                Poll::Ready(received) => received,
            };
            (self.heard, self.unheard) = (true, false);
            match received {
                Some(Ok(Wire::Binary(data))) => {
                    return Poll::Ready(Ok(SocketEvent::Message(Message::Binary(data))));
                }
                Some(Ok(Wire::Text(text))) => {
                    return Poll::Ready(Ok(SocketEvent::Message(Message::Text(text.into()))));
                }
                Some(Ok(Wire::Ping(_) | Wire::Pong(_) | Wire::Frame(_))) => {}
                Some(Ok(Wire::Close(Some(frame)))) if is_substitute(&frame) => {
                    let _ = Pin::new(&mut self.stream).poll_flush(cx);
                    return Poll::Ready(Err(self.misbehaved("it closed with a code that is none")));
                }
                Some(Ok(Wire::Close(frame))) => {
                    self.closed = Some(frame.map_or(Closed { code: 1005, reason: String::new() }, |frame| {
                        Closed { code: frame.code.into(), reason: frame.reason.as_str().to_owned() }
                    }));
                    // Sends the answering close frame if the connection still takes it.
                    let _ = Pin::new(&mut self.stream).poll_flush(cx);
                    return Poll::Ready(Ok(SocketEvent::Closed));
                }
                Some(Err(error)) => return Poll::Ready(Err(self.broken(&error))),
                None => return Poll::Ready(Err(self.lost("it ended without a close frame"))),
            }
        }
    }

    fn broken(&self, error: &tungstenite::Error) -> Error {
        use tungstenite::error::{CapacityError, ProtocolError};
        match error {
            tungstenite::Error::Capacity(CapacityError::MessageTooLong { size, .. }) => {
                let host = &self.host;
                let message =
                    format!("{host} sent a message of {size} bytes; at most {MESSAGE_MAX_BYTES} are taken");
                self.complete(Error::new(status::PROTOCOL, message))
            }
            tungstenite::Error::Protocol(ProtocolError::ResetWithoutClosingHandshake) => {
                self.lost("it ended without a close frame")
            }
            tungstenite::Error::Protocol(_) | tungstenite::Error::Utf8(_) => {
                self.misbehaved(&error.to_string())
            }
            other => self.lost(&other.to_string()),
        }
    }

    fn misbehaved(&self, how: &str) -> Error {
        let message = format!("{} broke the WebSocket protocol: {how}", self.host);
        self.complete(Error::new(status::PROTOCOL, message))
    }

    fn lost(&self, why: &str) -> Error {
        let mut error =
            Error::new(status::CONNECTION, format!("the WebSocket to {} was lost: {why}", self.host));
        error.detail_mut().retryable = true;
        self.complete(error)
    }
}

/// Whether this stands for a close frame whose code no endpoint may send: tungstenite hides that one behind a frame
/// of its own.
fn is_substitute(frame: &CloseFrame) -> bool {
    frame.code == CloseCode::Protocol && frame.reason.as_str() == "Protocol violation"
}

/// The client's half of an opening handshake.
pub(super) struct Handshake {
    key: String,
}

impl Handshake {
    pub(super) fn new() -> Self {
        Self { key: generate_key() }
    }

    pub(super) fn headers(&self, headers: &mut HeaderMap, protocols: &[String]) -> Result<()> {
        headers.insert(CONNECTION, HeaderValue::from_static("Upgrade"));
        headers.insert(UPGRADE, HeaderValue::from_static("websocket"));
        headers.insert("sec-websocket-version", HeaderValue::from_static("13"));
        let key = HeaderValue::from_str(&self.key);
        let protocols = HeaderValue::from_str(&protocols.join(", "));
        let (Ok(key), Ok(offered)) = (key, protocols) else {
            return Err(Error::invalid("a subprotocol has characters that no header can carry"));
        };
        headers.insert("sec-websocket-key", key);
        if !offered.is_empty() {
            headers.insert("sec-websocket-protocol", offered);
        }
        Ok(())
    }

    /// Checks the 101 and takes its connection over.
    pub(super) async fn complete(
        self,
        answer: Answer,
        head: AnswerHead,
        permit: Permit,
        host: String,
        idle: Option<Duration>,
    ) -> Result<Socket> {
        let header = |name: &str| answer.headers().get(name).and_then(|value| value.to_str().ok());
        let accepted =
            header("sec-websocket-accept") == Some(derive_accept_key(self.key.as_bytes()).as_str());
        let upgraded = header("upgrade").is_some_and(|to| to.eq_ignore_ascii_case("websocket"));
        if !accepted || !upgraded {
            let message =
                format!("{host} answered a WebSocket handshake without accepting it: is a proxy in between?");
            return Err(head.complete(Error::new(status::PROTOCOL, message)));
        }
        let protocol = header("sec-websocket-protocol").map(str::to_owned);
        let connection = answer.upgrade().await.map_err(|error| {
            let innermost = failure::innermost(&error);
            let message = format!("{host} dropped the connection at its upgrade: {innermost}");
            head.complete(Error::new(status::CONNECTION, message))
        })?;
        let limits = WebSocketConfig::default()
            .read_buffer_size(READ_BUFFER_BYTES)
            .max_message_size(Some(MESSAGE_MAX_BYTES))
            .max_frame_size(Some(MESSAGE_MAX_BYTES));
        // So that the idle limit holds for a silent socket, too.
        let every = idle.map_or(PING_INTERVAL, |idle| PING_INTERVAL.min(idle / MISSED_PONGS_MAX));
        let every = every.max(Duration::from_millis(1));
        let mut ping = tokio::time::interval_at(Instant::now() + every, every);
        ping.set_missed_tick_behavior(MissedTickBehavior::Delay);
        Ok(Socket {
            stream: WebSocketStream::from_raw_socket(FrameReads::new(connection), Role::Client, Some(limits))
                .await,
            protocol,
            host,
            closed: None,
            unsent: 0,
            write_failure: None,
            reads_next: false,
            ping,
            heard: false,
            unheard: true,
            paused: false,
            missed_pongs: 0,
            has_idle_limit: idle.is_some(),
            head,
            _permit: permit,
        })
    }
}
