//! Both outputs of a command in one log: three bytes before a line say whose it is. Only whole lines are
//! written, so that the two never meet within one; NUL bytes vanish, and the end of a command completes
//! its last line.

use memchr::{memchr, memchr_iter, memchr2};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Channel {
    Stdout,
    Stderr,
}

const MARKERS: [[u8; 3]; 2] = [[1; 3], [2; 3]];

/// A line may be longer than what is kept of it; it is then written in parts, and marked anew where the
/// other output came between.
const LINE_MOST: usize = 1024 * 1024;

/// Puts the labels on.
#[derive(Default)]
pub struct Labels {
    unfinished: [Vec<u8>; 2],
    /// Whose line the log ends in.
    within: Option<Channel>,
}

impl Labels {
    /// Appends to `log` what is complete.
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
        if self.unfinished[channel as usize].len() > LINE_MOST {
            self.begin(channel, log);
            log.append(&mut self.unfinished[channel as usize]);
        }
    }

    /// Whole lines that do not wait for what stdout has begun.
    pub fn push_aside(&mut self, lines: &[u8], log: &mut Vec<u8>) {
        for line in lines.split_inclusive(|byte| *byte == b'\n') {
            self.within = None;
            self.begin(Channel::Stdout, log);
            append_without_nul(log, line);
        }
        self.within = None;
    }

    /// Completes the last lines.
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

/// Takes the labels off again, of a log that comes in parts: one may be cut anywhere.
#[derive(Default)]
pub struct Unlabelled {
    channel: Option<Channel>,
    /// The beginning of what may be a marker: up to two equal bytes.
    held: Vec<u8>,
}

impl Unlabelled {
    /// Gives the parts to `take`, in their order. What comes before any marker is stdout's.
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
        let (mut labels, mut log) = (Labels::default(), Vec::new());
        for (channel, text) in parts {
            labels.push(*channel, text.as_bytes(), &mut log);
        }
        labels.finish(&mut log);
        String::from_utf8(log).unwrap()
    }

    #[test]
    fn every_line_has_its_marker_and_the_last_one_its_newline() {
        let log = labelled(&[(Stdout, "a\n\nb"), (Stderr, "e\n"), (Stdout, "c\nd\0d")]);
        assert_eq!(log, "\x01\x01\x01a\n\x01\x01\x01\n\x02\x02\x02e\n\x01\x01\x01bc\n\x01\x01\x01dd\n");
    }

    #[test]
    fn a_line_without_end_is_not_kept_in_memory() {
        let (mut labels, mut log) = (Labels::default(), Vec::new());
        let part = vec![b'x'; 300_000];
        for _ in 0..10 {
            labels.push(Stdout, &part, &mut log);
            assert!(labels.unfinished[0].len() <= LINE_MOST + part.len());
        }
        labels.push(Stderr, b"e\n", &mut log);
        labels.finish(&mut log);
        let (mut out, mut error) = (Vec::new(), Vec::new());
        let mut unlabelled = Unlabelled::default();
        unlabelled.push(&log, |channel, bytes| match channel {
            Stdout => out.extend_from_slice(bytes),
            Stderr => error.extend_from_slice(bytes),
        });
        assert_eq!((out.len(), out.last(), error.as_slice()), (3_000_001, Some(&b'\n'), &b"e\n"[..]));
    }

    #[test]
    fn markers_are_found_however_the_log_is_cut() {
        let log = b"before\x01\x01\x01a\x01b\n\x02\x02\x02e\x02\x02f\n\x01\x01\x01c\n\x02\x02";
        for size in 1..=log.len() {
            let (mut out, mut error) = (Vec::new(), Vec::new());
            let mut take = |channel, bytes: &[u8]| match channel {
                Stdout => out.extend_from_slice(bytes),
                Stderr => error.extend_from_slice(bytes),
            };
            let mut unlabelled = Unlabelled::default();
            for part in log.chunks(size) {
                unlabelled.push(part, &mut take);
            }
            unlabelled.finish(&mut take);
            assert_eq!(out, b"beforea\x01b\nc\n\x02\x02", "in parts of {size}");
            assert_eq!(error, b"e\x02\x02f\n", "in parts of {size}");
        }
    }
}
