//! A stream's socket together with its input. The socket pings and detects a lost connection by itself; this
//! sends what the user writes, in messages of a size that the daemon accepts. Neither direction waits for the
//! other: input is sent while the consumer has no room and reading pauses, and output is read while the
//! server takes no input.

use super::error::Error;
use super::status;
use super::stream::Input;
use super::transport::{Message, Socket, SocketEvent};
use bytes::Bytes;
use std::future::poll_fn;
use std::task::{Context, Poll};

/// Larger messages are refused by the daemon.
const MAX_MESSAGE_BYTES: usize = 64 * 1024;

/// A frame with data, or the socket's end.
#[derive(Debug)]
pub(crate) enum Frame {
    Binary(Bytes),
    Text(Bytes),
    /// The server's close frame; code 1005 when it gave none.
    Closed {
        code: u16,
        reason: String,
    },
    /// No close frame: the connection was lost, nothing was received for the idle limit, or the server broke the
    /// protocol.
    Lost {
        status: i32,
        why: String,
    },
}

pub(crate) struct SocketIo {
    socket: Socket,
    /// Input that the socket has not taken yet.
    outgoing: Bytes,
    /// The user has finished writing, or the socket takes no more.
    input_ended: bool,
}

impl SocketIo {
    pub fn new(socket: Socket) -> Self {
        Self { socket, outgoing: Bytes::new(), input_ended: false }
    }

    /// An error that was found in what the socket brought, with the answer to its handshake.
    pub fn complete(&self, error: Error) -> Error {
        self.socket.complete(error)
    }

    /// Whether nothing has arrived yet.
    pub fn is_unheard(&self) -> bool {
        self.socket.is_unheard()
    }

    /// Lets the idle limit begin anew.
    pub fn forgive_silence(&mut self) {
        self.socket.forgive_silence();
    }

    /// The next frame with data, or the end.
    pub fn poll_frame(&mut self, cx: &mut Context<'_>, mut input: Option<&mut Input>) -> Poll<Frame> {
        loop {
            let wants_writable = self.write(cx, input.as_deref_mut());
            return Poll::Ready(match self.socket.poll_event(cx, wants_writable) {
                Poll::Pending => return Poll::Pending,
                Poll::Ready(Ok(SocketEvent::Writable)) => continue,
                Poll::Ready(Ok(SocketEvent::Message(Message::Binary(data)))) => Frame::Binary(data),
                Poll::Ready(Ok(SocketEvent::Message(Message::Text(data)))) => Frame::Text(data),
                Poll::Ready(Ok(SocketEvent::Closed)) => match self.socket.closed() {
                    Some(closed) => Frame::Closed { code: closed.code, reason: closed.reason.clone() },
                    None => Frame::Lost { status: status::CONNECTION, why: "it was closed".to_owned() },
                },
                Poll::Ready(Err(error)) => {
                    Frame::Lost { status: error.status(), why: error.detail().message.clone() }
                }
            });
        }
    }

    /// Sends pings and input without reading, and never completes: selected beside the wait for room.
    pub async fn keep_alive(&mut self, mut input: Option<&mut Input>) {
        poll_fn(|cx| {
            loop {
                let wants_writable = self.write(cx, input.as_deref_mut());
                self.socket.poll_keep_alive(cx);
                if !(wants_writable && self.socket.is_writable()) {
                    return Poll::<()>::Pending;
                }
            }
        })
        .await;
    }

    /// Queues input as far as the socket has room; true when input waits for room.
    fn write(&mut self, cx: &mut Context<'_>, input: Option<&mut Input>) -> bool {
        let Some(input) = input else { return false };
        while !self.input_ended {
            if !self.socket.is_writable() {
                return true;
            }
            if self.outgoing.is_empty() {
                match input.poll_next(cx) {
                    Poll::Pending => return false,
                    Poll::Ready(None) => self.input_ended = true,
                    Poll::Ready(Some(data)) => self.outgoing = data,
                }
                continue;
            }
            let length = self.outgoing.len().min(MAX_MESSAGE_BYTES);
            let message = Message::Binary(self.outgoing.split_to(length));
            if self.socket.queue(message).is_err() {
                // The next read reports why.
                self.outgoing.clear();
                self.input_ended = true;
            }
        }
        false
    }
}
