//! The system's processes: the shell of commands, descendants, and killing.

use nix::errno::Errno;
use nix::sys::signal::{Signal, kill, killpg};
use nix::unistd::Pid;
use std::collections::{BTreeSet, HashMap};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;
use std::time::Duration;

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

/// The id of every process.
pub fn all() -> Vec<i32> {
    let Ok(entries) = std::fs::read_dir("/proc") else { return Vec::new() };
    entries.flatten().filter_map(|entry| entry.file_name().to_str()?.parse().ok()).collect()
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

/// How long processes have to stop, a millisecond a round.
const HOLD_ROUNDS: u32 = 10_000;

/// Processes that [`hold_below`] stopped: their ids and when they started.
#[derive(Debug)]
pub struct Held(Vec<(i32, u64)>);

/// Stops everything that descends from a process, which itself goes on. Parents before children: a shell is
/// not to see that its command has stopped. Blocks until all have stopped.
pub fn hold_below(root: i32) -> io::Result<Held> {
    let mut held = Held(Vec::new());
    let mut clean = false;
    for _ in 0..HOLD_ROUNDS {
        let mut below = with_descendants([root]);
        below.remove(&root);
        let running: BTreeSet<i32> = below.into_iter().filter(|process| runs(*process)).collect();
        if running.is_empty() {
            // One that was started during the last look is seen in the next.
            if clean {
                return Ok(held);
            }
            clean = true;
            continue;
        }
        clean = false;
        for process in &running {
            if parent(*process).is_some_and(|parent| running.contains(&parent)) {
                continue;
            }
            let Some(time) = start_time(*process) else { continue };
            if !held.0.contains(&(*process, time)) {
                held.0.push((*process, time));
            }
            let _gone = kill(Pid::from_raw(*process), Signal::SIGSTOP);
        }
        std::thread::sleep(Duration::from_millis(1));
    }
    release(held);
    Err(io::Error::other("a process of the sandbox waits for the kernel and cannot be held"))
}

/// Lets them go on, children before parents.
pub fn release(held: Held) {
    for (process, time) in held.0.into_iter().rev() {
        if start_time(process) == Some(time) {
            let _gone = kill(Pid::from_raw(process), Signal::SIGCONT);
        }
    }
}

/// Whether a process has neither ended nor stopped.
fn runs(process: i32) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{process}/stat")).unwrap_or_default();
    let state = stat.rsplit_once(") ").and_then(|(_, rest)| rest.chars().next());
    state.is_some_and(|state| !['T', 't', 'Z', 'X'].contains(&state))
}

/// Kills every process with a sandbox's mark, and what descends from it. Blocks until they are gone.
pub fn kill_marked(id: &str) {
    kill_until_gone(|| with_descendants(marked(id)));
}

/// By this variable a process is known to be of a sandbox, however it was started.
pub const MARK: &str = "DAYTONA_SANDBOX_ID";

/// The processes with a sandbox's mark.
pub fn marked(id: &str) -> Vec<i32> {
    let mark = format!("{MARK}={id}");
    let has_mark = |pid: &i32| {
        let environ = std::fs::read(format!("/proc/{pid}/environ")).unwrap_or_default();
        environ.split(|byte| *byte == 0).any(|variable| variable == mark.as_bytes())
    };
    all().into_iter().filter(has_mark).collect()
}

fn parent(process: i32) -> Option<i32> {
    stat(process)?.first()?.parse().ok()
}

/// In clock ticks since the system started; `None` once the process has ended.
fn start_time(process: i32) -> Option<u64> {
    stat(process)?.get(18)?.parse().ok()
}

fn session(process: i32) -> Option<i32> {
    stat(process)?.get(2)?.parse().ok()
}

/// The fields of `/proc/PID/stat` from the parent on; `None` for a zombie, which has ended.
fn stat(process: i32) -> Option<Vec<String>> {
    let stat = std::fs::read_to_string(format!("/proc/{process}/stat")).ok()?;
    // The name, in parentheses, may contain spaces and parentheses.
    let mut rest = stat.rsplit_once(") ")?.1.split(' ');
    let state = rest.next()?;
    (state != "Z" && state != "X").then(|| rest.map(str::to_owned).collect())
}

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
