//! Reads that end where a WebSocket frame ends, or leave room for one more.
//!
//! tungstenite reserves the whole length of a frame behind what its buffer holds, and where that does not fit it
//! copies everything that was read ahead to a new buffer. Filled to its end by each read, the buffer is copied for
//! every frame of a flood: three times the bytes that arrive. So a read is bounded here, by the lengths that the
//! frames' own headers give.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// Room that stays for a frame whose header was read: more than a terminal's or log's frames have.
const HEADROOM_BYTES: usize = 40 << 10;
const HEADER_MAX_BYTES: usize = 14;

/// A connection that carries the frames of one peer.
pub(super) struct FrameReads<S> {
    connection: S,
    frames: Frames,
}

impl<S> FrameReads<S> {
    pub(super) fn new(connection: S) -> Self {
        Self { connection, frames: Frames::default() }
    }
}

/// Where in a frame the bytes that arrived end.
#[derive(Default)]
struct Frames {
    /// The beginning of a header.
    header: [u8; HEADER_MAX_BYTES],
    header_len: usize,
    /// Bytes of the current frame's payload that have not arrived.
    payload_rest: u64,
}

impl Frames {
    /// How much may be read into so much room.
    fn limit(&self, room: usize) -> usize {
        let rest = usize::try_from(self.payload_rest).unwrap_or(usize::MAX);
        rest.saturating_add(HEADER_MAX_BYTES).max(room.saturating_sub(HEADROOM_BYTES)).min(room)
    }

    /// Follows the frames through what arrived.
    fn advance(&mut self, mut data: &[u8]) {
        while let Some(first) = data.first() {
            if self.payload_rest > 0 {
                let taken = usize::try_from(self.payload_rest).unwrap_or(usize::MAX).min(data.len());
                self.payload_rest -= taken as u64;
                data = &data[taken..];
                continue;
            }
            self.header[self.header_len] = *first;
            self.header_len += 1;
            data = &data[1..];
            if let Some(length) = self.payload_len() {
                self.payload_rest = length;
                self.header_len = 0;
            }
        }
    }

    /// The length in the header, once that is complete.
    fn payload_len(&self) -> Option<u64> {
        let header = &self.header[..self.header_len];
        let second = *header.get(1)?;
        let mask_len = if second & 0x80 == 0 { 0 } else { 4 };
        let (length, length_end) = match second & 0x7f {
            126 => (u64::from(u16::from_be_bytes(header.get(2..4)?.try_into().ok()?)), 4),
            127 => (u64::from_be_bytes(header.get(2..10)?.try_into().ok()?), 10),
            short => (u64::from(short), 2),
        };
        (header.len() >= length_end + mask_len).then_some(length)
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for FrameReads<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = &mut *self;
        let limit = this.frames.limit(buffer.remaining());
        let mut front = ReadBuf::new(buffer.initialize_unfilled_to(limit));
        ready!(Pin::new(&mut this.connection).poll_read(cx, &mut front))?;
        this.frames.advance(front.filled());
        let read = front.filled().len();
        buffer.advance(read);
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for FrameReads<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, data: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.connection).poll_write(cx, data)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.connection).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.connection).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A frame's header, and its length with the payload.
    fn frame(payload_len: usize, masked: bool) -> Vec<u8> {
        let mask = if masked { 0x80 } else { 0 };
        let mut frame = vec![0x82];
        match payload_len {
            0..126 => frame.push(mask | payload_len as u8),
            126..=0xffff => {
                frame.push(mask | 126);
                frame.extend((payload_len as u16).to_be_bytes());
            }
            _ => {
                frame.push(mask | 127);
                frame.extend((payload_len as u64).to_be_bytes());
            }
        }
        frame.extend(vec![0xff; if masked { 4 } else { 0 } + payload_len]);
        frame
    }

    #[test]
    fn frames_are_followed_wherever_the_reads_end() {
        let sizes = [0, 1, 125, 126, 300, 65_535, 65_536, 70_000];
        let all: Vec<u8> = [false, true]
            .into_iter()
            .flat_map(|masked| sizes.map(|size| frame(size, masked)).concat())
            .collect();
        for piece in [1, 2, 3, 7, 1000, 65_537, all.len()] {
            let mut frames = Frames::default();
            all.chunks(piece).for_each(|data| frames.advance(data));
            assert_eq!((frames.payload_rest, frames.header_len), (0, 0), "in pieces of {piece}");
        }
        let mut frames = Frames::default();
        frames.advance(&all[..all.len() - 5]);
        assert_eq!(frames.payload_rest, 5);
    }

    #[test]
    fn a_read_takes_a_frame_to_its_end_and_leaves_room_for_the_next() {
        const ROOM: usize = 128 << 10;
        let mut frames = Frames::default();
        assert_eq!(frames.limit(ROOM), ROOM - HEADROOM_BYTES);
        assert_eq!(frames.limit(HEADROOM_BYTES), HEADER_MAX_BYTES);
        assert_eq!(frames.limit(5), 5);
        frames.advance(&frame(30_000, false)[..4]);
        assert_eq!(frames.limit(ROOM), ROOM - HEADROOM_BYTES);
        assert_eq!(frames.limit(HEADROOM_BYTES), 30_000 + HEADER_MAX_BYTES);
        frames.payload_rest = u64::MAX;
        assert_eq!(frames.limit(ROOM), ROOM);
    }
}
