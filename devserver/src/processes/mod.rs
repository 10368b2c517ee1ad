//! The system's processes: the shell of commands, descendants, and killing.
//!
//! `system`: what the kernel tells of them, `linux` or `macos`, the latter with `procargs` and `lsof`. `held`: processes
//! that are stopped for a while.

#[cfg(target_os = "linux")]
mod held;
#[cfg(any(target_os = "macos", test))]
mod lsof;
#[cfg(any(target_os = "macos", test))]
mod procargs;
#[cfg_attr(target_os = "linux", path = "linux.rs")]
#[cfg_attr(target_os = "macos", path = "macos.rs")]
mod system;

#[cfg(target_os = "linux")]
pub use held::{Held, hold_below, release};
pub use system::{all, listening, marked, of_sandbox, processor_time, resident_bytes};

use nix::errno::Errno;
use nix::sys::signal::{Signal, kill, killpg};
use nix::unistd::Pid;
use std::collections::{BTreeSet, HashMap};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;
use std::time::Duration;
use system::{parent, session, start_time};

/// How often processes are looked for and killed again, and the pause between.
const KILL_ROUNDS: u32 = 500;
const KILL_PAUSE: Duration = Duration::from_millis(2);

/// The shell that runs every command: bash, else `/bin/sh`.
pub fn shell() -> &'static Path {
    static SHELL: LazyLock<PathBuf> = LazyLock::new(|| {
        let known = ["/usr/bin/bash", "/bin/bash"].into_iter().map(PathBuf::from);
        let path = std::env::var_os("PATH").unwrap_or_default();
        let found = known.chain(std::env::split_paths(&path).map(|directory| directory.join("bash")));
        found.into_iter().find(|shell| shell.is_file()).unwrap_or_else(|| "/bin/sh".into())
    });
    &SHELL
}

/// The text quoted as one word of the shell.
pub fn quoted(word: &str) -> String {
    format!("'{}'", word.replace('\'', "'\\''"))
}

/// A system error as C and Go describe it, in lower case.
pub fn reason(error: &io::Error) -> String {
    match error.raw_os_error() {
        Some(number) => Errno::from_raw(number).desc().to_lowercase(),
        None if error.kind() == io::ErrorKind::InvalidInput => Errno::EINVAL.desc().to_lowercase(),
        None => error.to_string(),
    }
}

/// Kills a process group by its leader's id.
pub fn kill_group(leader: u32) {
    if let Some(group) = i32::try_from(leader).ok().filter(|group| *group > 1) {
        let _gone = killpg(Pid::from_raw(group), Signal::SIGKILL);
    }
}

fn kill_all(processes: impl IntoIterator<Item = i32>) {
    for process in processes.into_iter().filter(|process| *process > 1) {
        let _gone = kill(Pid::from_raw(process), Signal::SIGKILL);
    }
}

/// These processes and all their descendants, in whatever group or session.
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

/// Kills a session and everything that descends from it, also what has left it. Blocks until they are gone.
pub fn kill_session(leader: i32) {
    kill_until_gone(|| {
        let members = all().into_iter().filter(|process| session(*process) == Some(leader));
        with_descendants(members)
    });
}

/// Kills the processes that `find` finds, again and again: one may fork meanwhile. Returns when all that were
/// ever found have ended; one that has been killed, and whose parent has ended, may not be found any more.
pub fn kill_until_gone(mut find: impl FnMut() -> BTreeSet<i32>) {
    let mut found: HashMap<i32, u64> = HashMap::new();
    for _ in 0..KILL_ROUNDS {
        found.extend(find().into_iter().filter_map(|process| Some((process, start_time(process)?))));
        // A number that was given to another process since is not ours.
        found.retain(|process, time| start_time(*process) == Some(*time));
        if found.is_empty() {
            return;
        }
        // Parents first: a shell that outlives its command would still report that it was killed.
        let mut by_age: Vec<_> = found.iter().map(|(process, time)| (*time, *process)).collect();
        by_age.sort_unstable();
        kill_all(by_age.into_iter().map(|(_, process)| process));
        std::thread::sleep(KILL_PAUSE);
    }
}

/// Kills everything that descends from a process. Blocks until it is gone.
pub fn kill_all_below(root: i32) {
    kill_until_gone(|| {
        let mut below = with_descendants([root]);
        below.remove(&root);
        below
    });
}

/// Kills every process with a sandbox's mark, and what descends from it. Blocks until they are gone.
pub fn kill_marked(id: &str) {
    kill_until_gone(|| with_descendants(marked(id)));
}

/// By this variable a process is known to be of a sandbox, however it was started.
pub const MARK: &str = "DAYTONA_SANDBOX_ID";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_killed_process_that_is_not_found_again_is_waited_for() {
        let mut child = std::process::Command::new("sleep").arg("300").spawn().unwrap();
        let pid = child.id() as i32;
        let mut found = Some(BTreeSet::from([pid]));
        kill_until_gone(|| found.take().unwrap_or_default());
        assert_eq!(start_time(pid), None);
        child.wait().unwrap();
    }
}
