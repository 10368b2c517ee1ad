//! A stream as Tokio's `AsyncRead` and `AsyncWrite`.

use super::{Output, StreamInput, TakesInput};
use crate::client::error::Error;
use crate::client::status;
use crate::client::stream::Channel;
use crate::sdk::ErrorClass;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// The output of all channels in the order in which it came, but no JSON values of an interpreter. A stream that has failed
/// fails every read: it is no end of file.
impl<Opened, Finished, I> AsyncRead for Output<Opened, Finished, I> {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        while buffer.remaining() > 0 {
            let mut chunk = match ready!(this.poll_chunk(cx)) {
                None => match this.shared.failure() {
                    Some(error) => return Poll::Ready(Err(error.into())),
                    None => break,
                },
                Some(Err(error)) => return Poll::Ready(Err(error.into())),
                Some(Ok(chunk)) => chunk,
            };
            if chunk.channel == Channel::Structured || chunk.data.is_empty() {
                continue;
            }
            let taken = chunk.data.split_to(chunk.data.len().min(buffer.remaining()));
            buffer.put_slice(&taken);
            this.rest = (!chunk.data.is_empty()).then_some(chunk);
            break;
        }
        Poll::Ready(Ok(()))
    }
}

/// Written data is on its way at once. Shutting down ends the input where it can be ended, and waits until the remote side
/// has completed what was written: the writer of a file is then done.
impl<I: TakesInput> AsyncWrite for StreamInput<I> {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, data: &[u8]) -> Poll<io::Result<usize>> {
        StreamInput::poll_write(&self, cx, data).map_err(io::Error::from)
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if !I::ENDS {
            return Poll::Ready(Ok(()));
        }
        self.finish();
        self.shared.poll_complete(cx).map_err(io::Error::from)
    }
}

/// As [`StreamInput`].
impl<Opened, Finished, I: TakesInput> AsyncWrite for Output<Opened, Finished, I> {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, data: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.get_mut().input).poll_write(cx, data)
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().input).poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().input).poll_shutdown(cx)
    }
}

/// The kind is that of the status, and the error itself can be taken out again.
impl From<Error> for io::Error {
    fn from(error: Error) -> Self {
        let kind = match error.status() {
            status::TIMEOUT => io::ErrorKind::TimedOut,
            status::CLOSED => io::ErrorKind::BrokenPipe,
            status::CONNECTION => io::ErrorKind::ConnectionAborted,
            status::INVALID_ARGUMENT => io::ErrorKind::InvalidInput,
            status::UNSUPPORTED => io::ErrorKind::Unsupported,
            401 => io::ErrorKind::PermissionDenied,
            _ if error.is(ErrorClass::NotFound) => io::ErrorKind::NotFound,
            _ if error.is(ErrorClass::Forbidden) => io::ErrorKind::PermissionDenied,
            _ => io::ErrorKind::Other,
        };
        Self::new(kind, error)
    }
}
