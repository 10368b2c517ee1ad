//! Splits a session's log into stdout and stderr. The daemon writes both into one file and puts the marker `01 01 01`
//! before every line of stdout and `02 02 02` before every line of stderr, which makes this the hottest loop of the
//! library. It scans each byte once, copies each once, and makes one chunk for each change of channel, not for each
//! marker.

use crate::client::stream::{Channel, Chunk};
use bytes::BytesMut;
use std::collections::VecDeque;
use wide::u8x32;

const MARKER_BYTES: usize = 3;
/// Bytes that are scanned together.
const BLOCK_BYTES: usize = 32;

/// Splits a log as it comes, frame by frame, wherever the frames are cut.
pub(crate) struct Demultiplexer {
    channel: Channel,
    /// Raw bytes pushed.
    seen: u64,
    /// The first raw byte to deliver; the bytes before it only determine the channel.
    from: u64,
    /// Bytes at the end of what was pushed that may be the beginning of a marker: `held` times
    /// `held_byte`, of which the first `stale` lie before `from`.
    held: usize,
    held_byte: u8,
    stale: usize,
    /// Data of `channel` that no chunk holds yet. Chunks are split off it and share its memory.
    open: BytesMut,
    ready: VecDeque<Chunk>,
    /// Bytes in `ready`.
    ready_bytes: usize,
}

impl Demultiplexer {
    /// For a log that is pushed from its beginning and wanted from raw byte `from` on.
    pub fn new(from: u64) -> Self {
        Self {
            // Bytes before the first marker are delivered as stdout.
            channel: Channel::Stdout,
            seen: 0,
            from,
            held: 0,
            held_byte: 0,
            stale: 0,
            open: BytesMut::new(),
            ready: VecDeque::new(),
            ready_bytes: 0,
        }
    }

    /// Raw bytes consumed: where to resume, once every chunk is taken.
    pub fn position(&self) -> u64 {
        (self.seen - self.held as u64).max(self.from)
    }

    /// Whether both delivered the same, and this one holds back more after it.
    pub fn reaches_beyond(&self, other: &Self) -> bool {
        self.position() == other.position() && self.seen > other.seen
    }

    /// Bytes that [`Self::take`] would give.
    pub fn waiting(&self) -> usize {
        self.ready_bytes + self.open.len()
    }

    /// Takes the next piece of the log.
    pub fn push(&mut self, frame: &[u8]) {
        let start = self.seen;
        let unwanted = self.from.saturating_sub(start).min(frame.len() as u64) as usize;
        if unwanted > 0 {
            self.scan(&frame[..unwanted], false);
            self.stale = self.held;
        }
        if unwanted < frame.len() {
            self.open.reserve(frame.len() - unwanted + self.held);
            self.scan(&frame[unwanted..], true);
        }
    }

    /// Ends the log: bytes that were held back as the possible beginning of a marker are data.
    pub fn finish(&mut self) {
        self.release();
    }

    /// The next chunk, in order.
    pub fn take(&mut self) -> Option<Chunk> {
        if let Some(chunk) = self.ready.pop_front() {
            self.ready_bytes -= chunk.data.len();
            return Some(chunk);
        }
        if self.open.is_empty() {
            return None;
        }
        Some(Chunk { channel: self.channel, data: self.open.split().freeze(), position: self.position() })
    }

    fn scan(&mut self, bytes: &[u8], wanted: bool) {
        let base = self.seen;
        self.seen += bytes.len() as u64;
        let mut data = self.complete_held(bytes, base);
        let mut search = data;
        while let Some(distance) = marker_byte(&bytes[search..]) {
            let at = search + distance;
            let byte = bytes[at];
            let run =
                1 + bytes[at + 1..].iter().take(MARKER_BYTES - 1).take_while(|next| **next == byte).count();
            if run == MARKER_BYTES {
                self.put(&bytes[data..at], wanted);
                self.switch(byte, base + at as u64);
                data = at + MARKER_BYTES;
                search = data;
            } else if at + run == bytes.len() {
                self.put(&bytes[data..at], wanted);
                self.held = run;
                self.held_byte = byte;
                return;
            } else {
                search = at + run;
            }
        }
        self.put(&bytes[data..], wanted);
    }

    /// Decides whether the held bytes begin a marker; returns how many of the following bytes belong to it.
    fn complete_held(&mut self, bytes: &[u8], base: u64) -> usize {
        if self.held == 0 {
            return 0;
        }
        let missing = MARKER_BYTES - self.held;
        let more = bytes.iter().take(missing).take_while(|byte| **byte == self.held_byte).count();
        let marker_at = base - self.held as u64;
        self.held += more;
        if self.held == MARKER_BYTES {
            self.held = 0;
            self.stale = 0;
            self.switch(self.held_byte, marker_at);
        } else if more < bytes.len() {
            self.release();
        }
        more
    }

    fn release(&mut self) {
        // Only bytes from `from` on are wanted; in front of it all held ones are stale.
        let before = self.seen <= self.from;
        if !before {
            for _ in self.stale..self.held {
                self.open.extend_from_slice(&[self.held_byte]);
            }
        }
        self.held = 0;
        self.stale = 0;
    }

    fn put(&mut self, data: &[u8], wanted: bool) {
        if wanted {
            self.open.extend_from_slice(data);
        }
    }

    /// Handles a marker at raw byte `at`; mostly it is the current channel's.
    #[inline]
    fn switch(&mut self, marker: u8, at: u64) {
        let channel = if marker == 1 { Channel::Stdout } else { Channel::Stderr };
        if channel != self.channel {
            self.switch_to(channel, at);
        }
    }

    fn switch_to(&mut self, channel: Channel, at: u64) {
        if !self.open.is_empty() {
            let data = self.open.split().freeze();
            self.ready_bytes += data.len();
            self.ready.push_back(Chunk { channel: self.channel, data, position: at.max(self.from) });
        }
        self.channel = channel;
    }
}

/// The position of the first byte that a marker may begin with. Optimized for short distances, because lines are short
/// and each begins with a marker: no call, no set-up, one mask for each block.
#[inline]
fn marker_byte(bytes: &[u8]) -> Option<usize> {
    let mut blocks = bytes.chunks_exact(BLOCK_BYTES);
    let mut at = 0;
    for block in &mut blocks {
        let found = block.first_chunk().map_or(0, marker_bytes);
        if found != 0 {
            return Some(at + found.trailing_zeros() as usize);
        }
        at += BLOCK_BYTES;
    }
    let rest = blocks.remainder().iter().position(|byte| matches!(byte, 1 | 2))?;
    Some(at + rest)
}

/// One bit for each byte of the block that is 1 or 2.
#[inline]
fn marker_bytes(block: &[u8; BLOCK_BYTES]) -> u32 {
    let block = u8x32::from(*block);
    (block.simd_eq(u8x32::splat(1)) | block.simd_eq(u8x32::splat(2))).to_bitmask()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What each raw byte of a log is: data of a channel, or part of a marker.
    fn naive(log: &[u8]) -> Vec<Option<Channel>> {
        let mut channel = Channel::Stdout;
        let mut kinds = Vec::new();
        let mut at = 0;
        while at < log.len() {
            match &log[at..] {
                [1, 1, 1, ..] => channel = Channel::Stdout,
                [2, 2, 2, ..] => channel = Channel::Stderr,
                _ => {
                    kinds.push(Some(channel));
                    at += 1;
                    continue;
                }
            }
            kinds.extend([None; MARKER_BYTES]);
            at += MARKER_BYTES;
        }
        kinds
    }

    fn expected(log: &[u8], from: usize) -> (Vec<u8>, Vec<u8>) {
        let kinds = naive(log);
        let of = |channel| {
            (from..log.len()).filter(|at| kinds[*at] == Some(channel)).map(|at| log[at]).collect::<Vec<u8>>()
        };
        (of(Channel::Stdout), of(Channel::Stderr))
    }

    /// Pushes `log` in random pieces, taking chunks at random moments, and checks every position.
    fn check(log: &[u8], from: usize, random: &mut fastrand::Rng) {
        let kinds = naive(log);
        let mut demux = Demultiplexer::new(from as u64);
        let (mut out, mut err) = (Vec::new(), Vec::new());
        let mut previous = from as u64;
        let mut rest = log;
        loop {
            let ended = rest.is_empty();
            if ended {
                demux.finish();
            } else {
                let (piece, after) = rest.split_at(random.usize(1..=rest.len().min(9)));
                demux.push(piece);
                rest = after;
            }
            if ended || random.bool() {
                while let Some(chunk) = demux.take() {
                    assert!(!chunk.data.is_empty());
                    // Between two positions lies exactly the data that was delivered between them.
                    let data: Vec<u8> = (previous..chunk.position)
                        .filter(|at| kinds[*at as usize] == Some(chunk.channel))
                        .map(|at| log[at as usize])
                        .collect();
                    assert_eq!(data, chunk.data, "{log:?} from {from}");
                    previous = chunk.position;
                    if chunk.channel == Channel::Stdout { &mut out } else { &mut err }
                        .extend_from_slice(&chunk.data);
                }
                assert_eq!(demux.waiting(), 0);
            }
            assert!(demux.held < MARKER_BYTES);
            if ended {
                break;
            }
        }
        assert_eq!((out, err), expected(log, from), "{log:?} from {from}");
        assert_eq!(demux.position(), log.len() as u64);
    }

    fn random_log(random: &mut fastrand::Rng) -> Vec<u8> {
        let mut log = Vec::new();
        for _ in 0..random.usize(0..12) {
            match random.u8(0..6) {
                0 => log.extend([1, 1, 1]),
                1 => log.extend([2, 2, 2]),
                2 => log.extend((0..random.usize(0..5)).map(|_| 1)),
                3 => log.extend((0..random.usize(0..5)).map(|_| 2)),
                _ => log.extend((0..random.usize(0..7)).map(|_| random.u8(..))),
            }
        }
        log
    }

    #[test]
    fn any_split_of_any_log_gives_the_same_bytes_and_consistent_positions() {
        let mut random = fastrand::Rng::with_seed(4366);
        for _ in 0..20_000 {
            let log = random_log(&mut random);
            check(&log, 0, &mut random);
        }
    }

    #[test]
    fn a_log_resumed_anywhere_gives_exactly_the_rest_in_its_channels() {
        let mut random = fastrand::Rng::with_seed(2606);
        for _ in 0..20_000 {
            let log = random_log(&mut random);
            let from = random.usize(0..=log.len());
            let kinds = naive(&log);
            // A cursor that somebody made up may point into a marker: its rest is no data.
            check(&log, from, &mut random);
            assert!(kinds.len() == log.len());
        }
    }

    #[test]
    fn bytes_before_any_marker_are_stdout() {
        let mut demux = Demultiplexer::new(0);
        demux.push(b"early\x02\x02\x02late");
        let first = demux.take().unwrap();
        assert_eq!((first.channel, &first.data[..], first.position), (Channel::Stdout, &b"early"[..], 5));
        let second = demux.take().unwrap();
        assert_eq!((second.channel, &second.data[..], second.position), (Channel::Stderr, &b"late"[..], 12));
    }

    #[test]
    fn lines_of_one_channel_come_as_one_chunk() {
        let mut demux = Demultiplexer::new(0);
        demux.push(&b"\x01\x01\x01a line\n".repeat(100));
        assert_eq!(demux.take().unwrap().data.len(), 700);
        assert!(demux.take().is_none());
    }

    #[test]
    fn a_cursor_beside_held_bytes_neither_loses_nor_repeats_them() {
        let mut demux = Demultiplexer::new(0);
        demux.push(b"ab\x01\x01");
        let chunk = demux.take().unwrap();
        assert_eq!((&chunk.data[..], chunk.position), (&b"ab"[..], 2));
        let mut resumed = Demultiplexer::new(chunk.position);
        resumed.push(b"ab\x01\x01c");
        assert_eq!(&resumed.take().unwrap().data[..], b"\x01\x01c");
    }
}
