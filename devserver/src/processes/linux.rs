//! What the kernel tells of processes, in /proc.

use super::MARK;
use std::collections::BTreeSet;
use std::time::Duration;

/// The kernel's unit of processor time, the same on every Linux platform.
const TICKS_PER_SECOND: u32 = 100;

/// The id of every process.
pub fn all() -> Vec<i32> {
    let Ok(entries) = std::fs::read_dir("/proc") else { return Vec::new() };
    entries.flatten().filter_map(|entry| entry.file_name().to_str()?.parse().ok()).collect()
}

/// The processes with a sandbox's mark.
pub fn marked(id: &str) -> Vec<i32> {
    let mark = format!("{MARK}={id}");
    let has_mark = |pid: &i32| {
        let environ = std::fs::read(format!("/proc/{pid}/environ")).unwrap_or_default();
        environ.split(|byte| *byte == 0).any(|variable| variable == mark.as_bytes())
    };
    all().into_iter().filter(has_mark).collect()
}

/// The processes of a sandbox without isolation, as its daemon sees them: those with its mark, in whatever group,
/// and all their descendants, whatever their environment.
pub fn of_sandbox(id: &str) -> BTreeSet<i32> {
    super::with_descendants(marked(id))
}

pub fn parent(process: i32) -> Option<i32> {
    stat(process)?.first()?.parse().ok()
}

/// In clock ticks since the system started; `None` once the process has ended.
pub fn start_time(process: i32) -> Option<u64> {
    stat(process)?.get(18)?.parse().ok()
}

pub fn session(process: i32) -> Option<i32> {
    stat(process)?.get(2)?.parse().ok()
}

/// Whether a process has neither ended nor stopped.
pub fn runs(process: i32) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{process}/stat")).unwrap_or_default();
    let state = stat.rsplit_once(") ").and_then(|(_, rest)| rest.chars().next());
    state.is_some_and(|state| !['T', 't', 'Z', 'X'].contains(&state))
}

/// Processor time of a process and of those of its children that it has waited for.
pub fn processor_time(process: i32) -> Option<Duration> {
    let stat = std::fs::read_to_string(format!("/proc/{process}/stat")).ok()?;
    // The name in parentheses may contain anything.
    let (_, fields) = stat.rsplit_once(')')?;
    let times = fields.split_whitespace().skip(11).take(4);
    let ticks: u64 = times.filter_map(|ticks| ticks.parse::<u64>().ok()).sum();
    Some(Duration::from_millis(ticks * u64::from(1000 / TICKS_PER_SECOND)))
}

/// The memory of a process that is in use.
pub fn resident_bytes(process: i32) -> Option<u64> {
    let statm = std::fs::read_to_string(format!("/proc/{process}/statm")).ok()?;
    let pages: u64 = statm.split(' ').nth(1)?.parse().ok()?;
    Some(pages * rustix::param::page_size() as u64)
}

/// The TCP ports that these processes listen on.
pub fn listening(processes: &BTreeSet<i32>) -> BTreeSet<u16> {
    let mut sockets = BTreeSet::new();
    for pid in processes {
        let Ok(descriptors) = std::fs::read_dir(format!("/proc/{pid}/fd")) else { continue };
        for descriptor in descriptors.flatten() {
            let Ok(link) = std::fs::read_link(descriptor.path()) else { continue };
            let link = link.to_string_lossy();
            if let Some(inode) = link.strip_prefix("socket:[").and_then(|rest| rest.strip_suffix(']')) {
                sockets.insert(inode.to_owned());
            }
        }
    }
    let mut ports = BTreeSet::new();
    for table in ["/proc/net/tcp", "/proc/net/tcp6"] {
        let text = std::fs::read_to_string(table).unwrap_or_default();
        for line in text.lines().skip(1) {
            let fields: Vec<&str> = line.split_whitespace().collect();
            let [_, local, _, state, _, _, _, _, _, inode, ..] = fields.as_slice() else { continue };
            const LISTEN: &str = "0A";
            if *state == LISTEN && sockets.contains(*inode) {
                let port = local.rsplit(':').next().and_then(|hex| u16::from_str_radix(hex, 16).ok());
                ports.extend(port);
            }
        }
    }
    ports
}

/// The fields of `/proc/PID/stat` from the parent on; `None` for a zombie, which has ended.
fn stat(process: i32) -> Option<Vec<String>> {
    let stat = std::fs::read_to_string(format!("/proc/{process}/stat")).ok()?;
    // The name, in parentheses, may contain spaces and parentheses.
    let mut rest = stat.rsplit_once(") ")?.1.split(' ');
    let state = rest.next()?;
    (state != "Z" && state != "X").then(|| rest.map(str::to_owned).collect())
}
