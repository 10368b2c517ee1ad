//! A process and everything that it started: also what left its process group, as every job of an
//! interactive shell does.

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use std::collections::BTreeSet;

struct Process {
    pid: i32,
    parent: i32,
    session: i32,
}

/// Kills until nothing of it is left: one may have forked meanwhile.
pub fn kill_all(leader: i32) {
    for _ in 0..50 {
        let members = members(leader, &running());
        if members.is_empty() {
            return;
        }
        for pid in members {
            let _ = kill(Pid::from_raw(pid), Signal::SIGKILL);
        }
        std::thread::sleep(std::time::Duration::from_millis(2));
    }
}

/// The session that the process leads, and the descendants of both.
fn members(leader: i32, running: &[Process]) -> BTreeSet<i32> {
    let mut members: BTreeSet<i32> = running
        .iter()
        .filter(|process| process.pid == leader || process.session == leader)
        .map(|process| process.pid)
        .collect();
    loop {
        let before = members.len();
        let children = running.iter().filter(|process| members.contains(&process.parent));
        let children: Vec<i32> = children.map(|process| process.pid).collect();
        members.extend(children);
        if members.len() == before {
            return members;
        }
    }
}

/// Every process but the zombies.
fn running() -> Vec<Process> {
    let Ok(entries) = std::fs::read_dir("/proc") else { return Vec::new() };
    entries
        .flatten()
        .filter_map(|entry| {
            let pid = entry.file_name().to_str()?.parse().ok()?;
            parse(pid, &std::fs::read_to_string(entry.path().join("stat")).ok()?)
        })
        .collect()
}

/// `PID (NAME) STATE PARENT GROUP SESSION ...`, where a name can hold anything.
fn parse(pid: i32, stat: &str) -> Option<Process> {
    let mut fields = stat.rsplit_once(')')?.1.split_whitespace();
    let state = fields.next()?;
    let parent = fields.next()?.parse().ok()?;
    let session = fields.nth(1)?.parse().ok()?;
    (!matches!(state, "Z" | "X")).then_some(Process { pid, parent, session })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_family_is_a_session_and_its_descendants() {
        let process = |pid, parent, session| Process { pid, parent, session };
        let running = [
            process(10, 1, 10),
            process(11, 10, 10),
            process(12, 1, 10),
            process(20, 11, 20),
            process(21, 20, 20),
            process(30, 1, 30),
        ];
        assert_eq!(members(10, &running), BTreeSet::from([10, 11, 12, 20, 21]));
    }

    #[test]
    fn names_with_brackets_do_not_confuse_and_zombies_do_not_count() {
        let process = parse(7, "7 (a) b) (c) S 3 7 5 0 -1").unwrap();
        assert_eq!((process.pid, process.parent, process.session), (7, 3, 5));
        assert!(parse(7, "7 (sh) Z 3 7 5 0 -1").is_none());
    }
}
