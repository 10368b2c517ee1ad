//! Both outputs of a command in one log: a marker of three bytes before each line names its channel. Only
//! whole lines are written, so that the channels never mix within one. NUL bytes are dropped, and a newline
//! is added to an unfinished last line, as the daemon does.

use memchr::{memchr, memchr_iter, memchr2};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Channel {
    Stdout,
    Stderr,
}

const MARKERS: [[u8; 3]; 2] = [[1; 3], [2; 3]];

/// The longest unfinished line in memory. A longer one is written in parts, each with a marker where the
/// other channel has written in between.
const MAX_LINE_BYTES: usize = 1024 * 1024;

/// Writes the markers.
#[derive(Default)]
pub struct Labeler {
    unfinished: [Vec<u8>; 2],
    /// The channel of an unfinished line at the end of the log.
    within: Option<Channel>,
}

impl Labeler {
    /// Appends all complete lines to `log`.
    pub fn push(&mut self, channel: Channel, bytes: &[u8], log: &mut Vec<u8>) {
        let mut start = 0;
        log.reserve(bytes.len() + bytes.len() / 8);
        for end in memchr_iter(b'\n', bytes) {
            self.begin(channel, log);
            log.append(&mut self.unfinished[channel as usize]);
            append_without_nul(log, &bytes[start..=end]);
            self.within = None;
            start = end + 1;
        }
        append_without_nul(&mut self.unfinished[channel as usize], &bytes[start..]);
        if self.unfinished[channel as usize].len() > MAX_LINE_BYTES {
            self.begin(channel, log);
            log.append(&mut self.unfinished[channel as usize]);
        }
    }

    /// Appends whole lines as stdout, before a line that stdout has not finished.
    pub fn push_lines(&mut self, lines: &[u8], log: &mut Vec<u8>) {
        for line in lines.split_inclusive(|byte| *byte == b'\n') {
            self.within = None;
            self.begin(Channel::Stdout, log);
            append_without_nul(log, line);
        }
        self.within = None;
    }

    /// Appends unfinished lines, with a newline.
    pub fn finish(&mut self, log: &mut Vec<u8>) {
        for channel in [Channel::Stdout, Channel::Stderr] {
            if !self.unfinished[channel as usize].is_empty() || self.within == Some(channel) {
                self.push(channel, b"\n", log);
            }
        }
    }

    fn begin(&mut self, channel: Channel, log: &mut Vec<u8>) {
        if self.within != Some(channel) {
            log.extend_from_slice(&MARKERS[channel as usize]);
            self.within = Some(channel);
        }
    }
}

fn append_without_nul(log: &mut Vec<u8>, bytes: &[u8]) {
    if memchr(0, bytes).is_none() {
        log.extend_from_slice(bytes);
    } else {
        log.extend(bytes.iter().filter(|byte| **byte != 0));
    }
}

/// Removes the markers from a log that is read in chunks; a marker may be split between two.
#[derive(Default)]
pub struct Unlabeler {
    channel: Option<Channel>,
    /// One or two equal bytes at the end of the last chunk that may begin a marker.
    held: Vec<u8>,
}

impl Unlabeler {
    /// Calls `take` with the output in order. Output before the first marker counts as stdout.
    pub fn push(&mut self, bytes: &[u8], mut take: impl FnMut(Channel, &[u8])) {
        let joined;
        let mut rest = bytes;
        if !self.held.is_empty() {
            self.held.extend_from_slice(bytes);
            joined = std::mem::take(&mut self.held);
            rest = &joined;
        }
        let mut from = 0;
        while let Some(at) = memchr2(1, 2, &rest[from..]).map(|at| from + at) {
            let run = rest[at..].iter().take(3).take_while(|byte| **byte == rest[at]).count();
            if run == 3 {
                self.give(&rest[..at], &mut take);
                self.channel = Some(if rest[at] == 1 { Channel::Stdout } else { Channel::Stderr });
                rest = &rest[at + 3..];
                from = 0;
            } else if at + run == rest.len() {
                self.held = rest[at..].to_vec();
                rest = &rest[..at];
                break;
            } else {
                from = at + run;
            }
        }
        self.give(rest, &mut take);
    }

    pub fn finish(&mut self, mut take: impl FnMut(Channel, &[u8])) {
        let held = std::mem::take(&mut self.held);
        self.give(&held, &mut take);
    }

    fn give(&self, bytes: &[u8], take: &mut impl FnMut(Channel, &[u8])) {
        if !bytes.is_empty() {
            take(self.channel.unwrap_or(Channel::Stdout), bytes);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use Channel::{Stderr, Stdout};

    fn labelled(parts: &[(Channel, &str)]) -> String {
        let (mut labeler, mut log) = (Labeler::default(), Vec::new());
        for (channel, text) in parts {
            labeler.push(*channel, text.as_bytes(), &mut log);
        }
        labeler.finish(&mut log);
        String::from_utf8(log).unwrap()
    }

    #[test]
    fn every_line_has_its_marker_and_the_last_one_its_newline() {
        let log = labelled(&[(Stdout, "a\n\nb"), (Stderr, "e\n"), (Stdout, "c\nd\0d")]);
        assert_eq!(log, "\x01\x01\x01a\n\x01\x01\x01\n\x02\x02\x02e\n\x01\x01\x01bc\n\x01\x01\x01dd\n");
    }

    #[test]
    fn an_endless_line_is_not_kept_in_memory() {
        let (mut labeler, mut log) = (Labeler::default(), Vec::new());
        let chunk = vec![b'x'; 300_000];
        for _ in 0..10 {
            labeler.push(Stdout, &chunk, &mut log);
            assert!(labeler.unfinished[0].len() <= MAX_LINE_BYTES + chunk.len());
        }
        labeler.push(Stderr, b"e\n", &mut log);
        labeler.finish(&mut log);
        let (mut out, mut error) = (Vec::new(), Vec::new());
        let mut unlabeler = Unlabeler::default();
        unlabeler.push(&log, |channel, bytes| match channel {
            Stdout => out.extend_from_slice(bytes),
            Stderr => error.extend_from_slice(bytes),
        });
        assert_eq!((out.len(), out.last(), error.as_slice()), (3_000_001, Some(&b'\n'), &b"e\n"[..]));
    }

    #[test]
    fn markers_are_found_however_the_log_is_split() {
        let log = b"before\x01\x01\x01a\x01b\n\x02\x02\x02e\x02\x02f\n\x01\x01\x01c\n\x02\x02";
        for size in 1..=log.len() {
            let (mut out, mut error) = (Vec::new(), Vec::new());
            let mut take = |channel, bytes: &[u8]| match channel {
                Stdout => out.extend_from_slice(bytes),
                Stderr => error.extend_from_slice(bytes),
            };
            let mut unlabeler = Unlabeler::default();
            for chunk in log.chunks(size) {
                unlabeler.push(chunk, &mut take);
            }
            unlabeler.finish(&mut take);
            assert_eq!(out, b"beforea\x01b\nc\n\x02\x02", "in parts of {size}");
            assert_eq!(error, b"e\x02\x02f\n", "in parts of {size}");
        }
    }
}
