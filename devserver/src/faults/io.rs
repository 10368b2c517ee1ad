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
    close_idle: Option<Duration>,
    /// The number of requests that are being answered.
    busy: u32,
    idle_since: Option<Instant>,
    /// Set when the connection becomes a WebSocket.
    socket: Option<Socket>,
}

#[derive(Clone, Copy)]
struct Socket {
    /// The number of writes that still succeed.
    writes: u32,
    then: SocketFault,
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

    pub fn close_idle(&self, after: Duration) {
        self.0.lock().close_idle = Some(after);
    }

    pub fn socket(&self, writes: u32, then: SocketFault) {
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

    /// Returns when the connection has been idle for as long as `close-idle` allows.
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
    fn allowed(&mut self, wanted: usize) -> Result<usize, SocketFault> {
        let mut state = self.connection.0.lock();
        if let Some(socket) = &mut state.socket {
            // The upgrade response is one of the writes that succeed.
            if socket.writes == 0 {
                return Err(socket.then);
            }
            socket.writes -= 1;
        }
        Ok(if state.split { wanted.min(1) } else { wanted })
    }
}

impl AsyncRead for FaultyStream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buffer)
    }
}

impl AsyncWrite for FaultyStream {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        if std::mem::take(&mut self.pauses) {
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        if !self.over && self.closing.is_empty() {
            match self.allowed(bytes.len()) {
                Ok(most) => {
                    let written = Pin::new(&mut self.stream).poll_write(cx, &bytes[..most]);
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
        for piece in ["first", "second", "third"] {
            assert_eq!(wire.write(piece.as_bytes()).await.unwrap(), piece.len());
        }
        drop(wire);
        let mut all = Vec::new();
        other.read_to_end(&mut all).await.unwrap();
        assert_eq!(all, b"first\x88\x02\x0f\xa8");
    }
}
