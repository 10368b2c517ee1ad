//! Processes that are stopped for a while.

use super::system::{parent, runs, start_time};
use super::with_descendants;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use std::collections::BTreeSet;
use std::io;
use std::time::Duration;

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
