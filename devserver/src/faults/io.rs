//! Misbehaviour of the wire itself: bytes one by one, connections that end or fall silent.

use parking_lot::Mutex;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;

/// What is wrong with one connection; its requests set it.
#[derive(Default)]
pub struct Connection(Mutex<State>);

#[derive(Default)]
struct State {
    split: bool,
    close_idle: Option<Duration>,
    /// Requests under way.
    busy: u32,
    idle_since: Option<Instant>,
    /// Set when the connection becomes a WebSocket.
    socket: Option<Socket>,
}

#[derive(Clone, Copy)]
struct Socket {
    /// Writes that still go through.
    writes: u32,
    then: Then,
}

#[derive(Clone, Copy)]
pub enum Then {
    Drop,
    Close(u16),
    Silence,
}

impl Connection {
    pub fn split(&self) {
        self.0.lock().split = true;
    }

    pub fn close_idle(&self, after: Duration) {
        self.0.lock().close_idle = Some(after);
    }

    pub fn socket(&self, writes: u32, then: Then) {
        self.0.lock().socket = Some(Socket { writes, then });
    }

    pub fn begin(&self) {
        let mut state = self.0.lock();
        state.busy += 1;
        state.idle_since = None;
    }

    pub fn end(&self) {
        let mut state = self.0.lock();
        state.busy = state.busy.saturating_sub(1);
        if state.busy == 0 {
            state.idle_since = Some(Instant::now());
        }
    }

    /// Ready when the connection was idle for as long as it may be.
    pub async fn too_idle(&self) {
        loop {
            {
                let state = self.0.lock();
                if let (Some(after), Some(since)) = (state.close_idle, state.idle_since)
                    && since.elapsed() >= after
                {
                    return;
                }
            }
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    }
}

/// A TCP stream that misbehaves as its connection says.
pub struct Wire {
    stream: TcpStream,
    connection: Arc<Connection>,
    /// The close frame on its way.
    closing: Vec<u8>,
    over: bool,
}

impl Wire {
    pub fn new(stream: TcpStream, connection: Arc<Connection>) -> Self {
        Self { stream, connection, closing: Vec::new(), over: false }
    }

    /// How much of a write goes through; `None`: this one is the first that does not.
    fn allowed(&mut self, wanted: usize) -> Result<usize, Then> {
        let mut state = self.connection.0.lock();
        if let Some(socket) = &mut state.socket {
            // The upgrade's answer is HTTP and always goes through.
            if socket.writes == 0 {
                return Err(socket.then);
            }
            socket.writes -= 1;
        }
        Ok(if state.split { wanted.min(1) } else { wanted })
    }
}

impl AsyncRead for Wire {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buffer)
    }
}

impl AsyncWrite for Wire {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        if !self.over && self.closing.is_empty() {
            match self.allowed(bytes.len()) {
                Ok(most) => return Pin::new(&mut self.stream).poll_write(cx, &bytes[..most]),
                Err(Then::Silence) => self.over = true,
                Err(Then::Drop) => return Poll::Ready(Err(io::ErrorKind::BrokenPipe.into())),
                Err(Then::Close(code)) => {
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
        // Whatever else the server says is swallowed.
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
