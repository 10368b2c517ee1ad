//! Puts a stream's input beside its socket. The socket pings and notices silence by itself; this
//! adds what the user writes, in messages that the daemon takes, without ever waiting for it: input
//! goes on while the consumer has no room and the reading pauses, and output while the server takes
//! no input.

use super::stream::Input;
use super::transport::{Message, Socket, Turn};
use bytes::Bytes;
use std::future::poll_fn;
use std::task::{Context, Poll};

/// The daemon refuses messages over 65,536 bytes.
const LARGEST_MESSAGE: usize = 64 * 1024;

/// What came out of a socket.
#[derive(Debug)]
pub(crate) enum Frame {
    Binary(Bytes),
    Text(Bytes),
    /// The server's close frame; code 1005 when it gave none.
    Closed {
        code: u16,
        reason: String,
    },
    /// No close frame: the connection broke, or nothing was heard for too long.
    Lost(String),
}

pub(crate) struct Pump {
    socket: Socket,
    /// What the user wrote and the socket has not taken.
    outgoing: Bytes,
    /// The user writes no more, or the socket takes no more.
    input_ended: bool,
}

impl Pump {
    pub fn new(socket: Socket) -> Self {
        Self { socket, outgoing: Bytes::new(), input_ended: false }
    }

    /// The next frame with data, or the end.
    pub fn poll_frame(&mut self, cx: &mut Context<'_>, mut input: Option<&mut Input>) -> Poll<Frame> {
        loop {
            let wants_room = self.write(cx, input.as_deref_mut());
            return Poll::Ready(match self.socket.poll_turn(cx, wants_room) {
                Poll::Pending => return Poll::Pending,
                Poll::Ready(Ok(Turn::Room)) => continue,
                Poll::Ready(Ok(Turn::Message(Message::Binary(data)))) => Frame::Binary(data),
                Poll::Ready(Ok(Turn::Message(Message::Text(data)))) => Frame::Text(data),
                Poll::Ready(Ok(Turn::Closed)) => match self.socket.closed() {
                    Some(closed) => Frame::Closed { code: closed.code, reason: closed.reason.clone() },
                    None => Frame::Lost("it was closed".to_owned()),
                },
                Poll::Ready(Err(error)) => Frame::Lost(error.detail().message.clone()),
            });
        }
    }

    /// Pings and writes without reading, for ever: for as long as the consumer has no room.
    pub async fn hold(&mut self, mut input: Option<&mut Input>) {
        poll_fn(|cx| {
            loop {
                let wants_room = self.write(cx, input.as_deref_mut());
                self.socket.poll_hold(cx);
                if !(wants_room && self.socket.has_room()) {
                    return Poll::<()>::Pending;
                }
            }
        })
        .await;
    }

    /// Queues what the user wrote, as far as the socket has room; true when it ran out of that.
    fn write(&mut self, cx: &mut Context<'_>, input: Option<&mut Input>) -> bool {
        let Some(input) = input else { return false };
        while !self.input_ended {
            if !self.socket.has_room() {
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
            let length = self.outgoing.len().min(LARGEST_MESSAGE);
            let message = Message::Binary(self.outgoing.split_to(length));
            if self.socket.queue(message).is_err() {
                // The reading says why.
                self.outgoing.clear();
                self.input_ended = true;
            }
        }
        false
    }
}
