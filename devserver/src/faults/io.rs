//! Faults of the connection itself: single bytes, connections that end or fall silent.

use parking_lot::Mutex;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;

/// The faults of one connection, set by its requests.
#[derive(Default)]
pub struct Connection(Mutex<State>);

#[derive(Default)]
struct State {
    split: bool,
    close_idle: Option<(Duration, Arc<()>)>,
    /// The number of requests that are being answered.
    busy: u32,
    idle_since: Option<Instant>,
    /// Set when the connection becomes a WebSocket.
    socket: Option<Socket>,
}

impl State {
    /// A connection on which bytes move is not idle: an answer may be written late, a request arrive in parts.
    fn moved(&mut self) {
        self.idle_since = self.idle_since.map(|_| Instant::now());
    }
}

#[derive(Clone, Copy)]
struct Socket {
    /// The number of frames that are still sent.
    frames: u32,
    then: SocketFault,
    at: Position,
}

/// Where the next byte stands in what a server sends on a connection that becomes a WebSocket. Writes would
/// tell nothing: a proxy joins and splits them.
#[derive(Clone, Copy)]
enum Position {
    /// In the head of the answer to the upgrade, after this many bytes of its final blank line.
    Head(usize),
    /// In a frame's header, of which these bytes are known.
    Header([u8; 10], usize),
    /// In a payload, of which this many bytes are left.
    Payload(u64),
}

impl Socket {
    /// How many of these bytes go through, and where the connection is after them.
    fn passed(mut self, bytes: &[u8]) -> (usize, Self) {
        const BLANK_LINE: &[u8] = b"\r\n\r\n";
        let mut passed = 0;
        while passed < bytes.len() {
            match &mut self.at {
                Position::Head(matched) => {
                    let byte = bytes[passed];
                    *matched =
                        if byte == BLANK_LINE[*matched] { *matched + 1 } else { usize::from(byte == b'\r') };
                    if *matched == BLANK_LINE.len() {
                        self.at = Position::Header([0; 10], 0);
                    }
                    passed += 1;
                }
                Position::Header(_, 0) if self.frames == 0 => break,
                Position::Header(header, known) => {
                    header[*known] = bytes[passed];
                    *known += 1;
                    passed += 1;
                    if let Some(length) = payload_bytes(&header[..*known]) {
                        self.frames -= 1;
                        self.at = if length == 0 {
                            Position::Header([0; 10], 0)
                        } else {
                            Position::Payload(length)
                        };
                    }
                }
                Position::Payload(left) => {
                    let here =
                        usize::try_from(*left).map_or(usize::MAX, |left| left).min(bytes.len() - passed);
                    passed += here;
                    *left -= here as u64;
                    if *left == 0 {
                        self.at = Position::Header([0; 10], 0);
                    }
                }
            }
        }
        (passed, self)
    }
}

/// The length that a server's frame header tells, once it is complete: a server masks nothing.
fn payload_bytes(header: &[u8]) -> Option<u64> {
    let big_endian = |bytes: &[u8]| bytes.iter().fold(0, |sum, byte| sum << 8 | u64::from(*byte));
    match (header.get(1)? & 0x7f, header.len()) {
        (126, 4..) => Some(big_endian(&header[2..4])),
        (127, 10..) => Some(big_endian(&header[2..10])),
        (short @ ..126, _) => Some(short.into()),
        _ => None,
    }
}

#[derive(Clone, Copy)]
pub enum SocketFault {
    Drop,
    Close(u16),
    Silence,
}

impl Connection {
    pub fn split(&self) {
        self.0.lock().split = true;
    }

    /// Holds `struck` until the connection is closed.
    pub fn close_idle(&self, after: Duration, struck: Arc<()>) {
        self.0.lock().close_idle = Some((after, struck));
    }

    /// After this many frames of the server, `then` happens to the WebSocket.
    pub fn socket(&self, frames: u32, then: SocketFault) {
        self.0.lock().socket = Some(Socket { frames, then, at: Position::Head(0) });
    }

    /// The connection is not idle as long as this lives.
    pub fn begin(self: &Arc<Self>) -> Answering {
        let mut state = self.0.lock();
        state.busy += 1;
        state.idle_since = None;
        Answering(self.clone())
    }

    /// Counts what the server has sent.
    fn sent(&self, bytes: &[u8]) {
        let mut state = self.0.lock();
        state.moved();
        if let Some(socket) = &mut state.socket {
            *socket = socket.passed(bytes).1;
        }
    }

    /// Returns when the connection has been idle for as long as `close-idle` allows.
    pub async fn too_idle(&self) {
        loop {
            {
                let state = self.0.lock();
                if let (Some((after, _)), Some(since)) = (&state.close_idle, state.idle_since)
                    && since.elapsed() >= *after
                {
                    return;
                }
            }
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    }
}

/// A request that is being answered.
pub struct Answering(Arc<Connection>);

impl Drop for Answering {
    fn drop(&mut self) {
        let mut state = self.0.0.lock();
        state.busy -= 1;
        if state.busy == 0 {
            state.idle_since = Some(Instant::now());
        }
    }
}

/// A TCP stream with the faults of its connection.
pub struct FaultyStream {
    stream: TcpStream,
    connection: Arc<Connection>,
    /// What is left to write of the close frame.
    closing: Vec<u8>,
    over: bool,
    /// Set after a single byte, so that the reader may receive it alone.
    pauses: bool,
}

impl FaultyStream {
    pub fn new(stream: TcpStream, connection: Arc<Connection>) -> Self {
        Self { stream, connection, closing: Vec::new(), over: false, pauses: false }
    }

    /// How many bytes of a write to pass on; `Err`: none, by this fault.
    fn allowed(&self, bytes: &[u8]) -> Result<usize, SocketFault> {
        let state = self.connection.0.lock();
        let wanted = if state.split { bytes.len().min(1) } else { bytes.len() };
        let Some(socket) = &state.socket else { return Ok(wanted) };
        let passed = socket.passed(&bytes[..wanted]).0;
        if passed == 0 && wanted > 0 { Err(socket.then) } else { Ok(passed) }
    }
}

impl AsyncRead for FaultyStream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let read = Pin::new(&mut self.stream).poll_read(cx, buffer);
        if read.is_ready() {
            self.connection.0.lock().moved();
        }
        read
    }
}

impl AsyncWrite for FaultyStream {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        if std::mem::take(&mut self.pauses) {
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        if !self.over && self.closing.is_empty() {
            match self.allowed(bytes) {
                Ok(most) => {
                    let written = Pin::new(&mut self.stream).poll_write(cx, &bytes[..most]);
                    if let Poll::Ready(Ok(written)) = written {
                        self.connection.sent(&bytes[..written]);
                    }
                    self.pauses = most < bytes.len() && written.is_ready();
                    return written;
                }
                Err(SocketFault::Silence) => self.over = true,
                Err(SocketFault::Drop) => return Poll::Ready(Err(io::ErrorKind::BrokenPipe.into())),
                Err(SocketFault::Close(code)) => {
                    const FIN_CLOSE: u8 = 0x88;
                    self.closing = [&[FIN_CLOSE, 2][..], &code.to_be_bytes()].concat();
                }
            }
        }
        while !self.closing.is_empty() {
            let closing = std::mem::take(&mut self.closing);
            match Pin::new(&mut self.stream).poll_write(cx, &closing) {
                Poll::Ready(Ok(written)) => {
                    self.closing = closing[written..].to_vec();
                    self.over = self.closing.is_empty();
                }
                Poll::Ready(Err(error)) => return Poll::Ready(Err(error)),
                Poll::Pending => {
                    self.closing = closing;
                    return Poll::Pending;
                }
            }
        }
        // All later writes are discarded.
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpListener;

    async fn wire() -> (FaultyStream, Arc<Connection>, TcpStream) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let other = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        let connection = Arc::<Connection>::default();
        (FaultyStream::new(listener.accept().await.unwrap().0, connection.clone()), connection, other)
    }

    #[tokio::test]
    async fn a_split_connection_sends_single_bytes() {
        let (mut wire, connection, mut other) = wire().await;
        assert_eq!(wire.write(b"whole").await.unwrap(), 5);
        connection.split();
        for byte in b"single" {
            assert_eq!(wire.write(&[*byte; 9]).await.unwrap(), 1);
        }
        drop(wire);
        let mut all = String::new();
        other.read_to_string(&mut all).await.unwrap();
        assert_eq!(all, "wholesingle");
    }

    #[tokio::test]
    async fn a_socket_that_is_closed_says_its_code_and_nothing_more() {
        let (mut wire, connection, mut other) = wire().await;
        connection.socket(1, SocketFault::Close(4008));
        wire.write_all(b"HTTP/1.1 101 Switching Protocols\r\nA: b\r\n\r\n\x82\x05fir").await.unwrap();
        for piece in ["st\u{2}\u{3}abc", "second", "third"] {
            wire.write_all(piece.as_bytes()).await.unwrap();
        }
        drop(wire);
        let mut all = Vec::new();
        other.read_to_end(&mut all).await.unwrap();
        assert!(all.ends_with(b"\r\n\r\n\x82\x05first\x88\x02\x0f\xa8"), "{}", all.escape_ascii());
    }

    #[test]
    fn frames_are_counted_however_their_bytes_are_cut() {
        let mut bytes = b"HTTP/1.1 101\r\n\r\n\x89\x00\x82\x7e\x01\x00".to_vec();
        bytes.extend([7; 256]);
        bytes.extend(b"\x82\x7f\x00\x00\x00\x00\x00\x01\x00\x00");
        bytes.extend([7; 65_536]);
        let whole = bytes.len();
        bytes.extend(b"\x81\x01x");
        for step in [1, 3, 1000, bytes.len()] {
            let mut socket = Socket { frames: 3, then: SocketFault::Drop, at: Position::Head(0) };
            let mut total = 0;
            for piece in bytes.chunks(step) {
                let (passed, after) = socket.passed(piece);
                (total, socket) = (total + passed, after);
                if passed < piece.len() {
                    break;
                }
            }
            assert_eq!(total, whole, "{step}");
        }
    }
}
