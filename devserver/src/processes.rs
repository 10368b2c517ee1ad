//! The machine's processes: which shell there is, who descends from whom, and how groups are killed.

use nix::errno::Errno;
use nix::sys::signal::{Signal, kill, killpg};
use nix::unistd::Pid;
use std::collections::{BTreeSet, HashMap};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

/// The shell of every command.
pub fn shell() -> &'static Path {
    static SHELL: LazyLock<PathBuf> = LazyLock::new(|| {
        let known = ["/usr/bin/bash", "/bin/bash"].into_iter().map(PathBuf::from);
        let path = std::env::var_os("PATH").unwrap_or_default();
        let found = known.chain(std::env::split_paths(&path).map(|directory| directory.join("bash")));
        found.into_iter().find(|shell| shell.is_file()).unwrap_or_else(|| "/bin/sh".into())
    });
    &SHELL
}

/// A text as one word of the shell.
pub fn quoted(word: &str) -> String {
    format!("'{}'", word.replace('\'', "'\\''"))
}

/// Why the system refused, in the words of C and Go.
pub fn reason(error: &io::Error) -> String {
    match error.raw_os_error() {
        Some(number) => Errno::from_raw(number).desc().to_lowercase(),
        None if error.kind() == io::ErrorKind::InvalidInput => Errno::EINVAL.desc().to_lowercase(),
        None => error.to_string(),
    }
}

/// Kills a process group by its leader's number.
pub fn kill_group(leader: u32) {
    if let Some(group) = i32::try_from(leader).ok().filter(|group| *group > 1) {
        let _gone = killpg(Pid::from_raw(group), Signal::SIGKILL);
    }
}

pub fn kill_all(processes: impl IntoIterator<Item = i32>) {
    for process in processes.into_iter().filter(|process| *process > 1) {
        let _gone = kill(Pid::from_raw(process), Signal::SIGKILL);
    }
}

/// Every process of the machine.
pub fn all() -> Vec<i32> {
    let Ok(entries) = std::fs::read_dir("/proc") else { return Vec::new() };
    entries.flatten().filter_map(|entry| entry.file_name().to_str()?.parse().ok()).collect()
}

/// These processes and everything that descends from them, with or without their groups.
pub fn with_descendants(roots: impl IntoIterator<Item = i32>) -> BTreeSet<i32> {
    let mut children: HashMap<i32, Vec<i32>> = HashMap::new();
    for process in all() {
        if let Some(parent) = parent(process) {
            children.entry(parent).or_default().push(process);
        }
    }
    let mut found = BTreeSet::new();
    let mut waiting: Vec<i32> = roots.into_iter().collect();
    while let Some(process) = waiting.pop() {
        if found.insert(process) {
            waiting.extend(children.get(&process).into_iter().flatten());
        }
    }
    found
}

/// Kills a session and everything that descends from it, until nothing of it is left: one may have forked
/// meanwhile. Every job of an interactive shell has a group of its own.
pub fn kill_session(leader: i32) {
    for _ in 0..500 {
        let members = all().into_iter().filter(|process| session(*process) == Some(leader));
        let family = with_descendants(members);
        if family.is_empty() {
            return;
        }
        kill_all(family);
        std::thread::sleep(std::time::Duration::from_millis(2));
    }
}

fn parent(process: i32) -> Option<i32> {
    stat(process)?.first()?.parse().ok()
}

fn session(process: i32) -> Option<i32> {
    stat(process)?.get(2)?.parse().ok()
}

/// What the system tells of a process, from its parent on. A zombie has no descendants worth a look and is
/// no process any more.
fn stat(process: i32) -> Option<Vec<String>> {
    let stat = std::fs::read_to_string(format!("/proc/{process}/stat")).ok()?;
    // The name in parentheses may hold anything.
    let mut rest = stat.rsplit_once(") ")?.1.split(' ');
    let state = rest.next()?;
    (state != "Z" && state != "X").then(|| rest.map(str::to_owned).collect())
}
