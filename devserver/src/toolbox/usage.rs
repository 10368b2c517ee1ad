//! What the processes of a machine use: processor time, memory and disk.

use super::machine::{Machine, Resources};
use crate::processes;
use parking_lot::Mutex;
use std::collections::{BTreeMap, BTreeSet};
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::time::{Duration, Instant};

/// The shortest time over which the use of the processors is told; until it has passed the value before stays.
const MIN_WINDOW: Duration = Duration::from_millis(200);
const GIB: u64 = 1 << 30;

/// The use of the processors as last told.
#[derive(Default)]
pub struct CpuUse(Mutex<Option<Sample>>);

struct Sample {
    at: Instant,
    /// Of each process, with what its ended children used.
    times: BTreeMap<i32, Duration>,
    percent: f64,
}

impl CpuUse {
    /// Percent of the limit since it was last asked; 0 at first.
    pub fn percent(&self, machine: &Machine, cpus: u64) -> f64 {
        let mut last = self.0.lock();
        let (at, elapsed) = (Instant::now(), last.as_ref().map(|last| last.at.elapsed()));
        if let (Some(last), Some(elapsed)) = (&*last, elapsed)
            && elapsed < MIN_WINDOW
        {
            return last.percent;
        }
        let times = times(machine);
        let percent = match (&*last, elapsed) {
            (Some(last), Some(elapsed)) => {
                let used = total(&times).saturating_sub(total(&last.times));
                100.0 * used.as_secs_f64() / elapsed.as_secs_f64() / cpus.max(1) as f64
            }
            _ => 0.0,
        };
        *last = Some(Sample { at, times, percent });
        percent
    }
}

fn total(times: &BTreeMap<i32, Duration>) -> Duration {
    times.values().sum()
}

/// Processor time of the machine's processes and of those that have ended: a parent has what its children used
/// once it has waited for them. The daemon and the first process wait for all others.
fn times(machine: &Machine) -> BTreeMap<i32, Duration> {
    let read = |process: i32| Some((process, processes::processor_time(process)?));
    all(machine).into_iter().filter_map(read).collect()
}

/// The machine's processes with the daemon itself and the first process, which use the sandbox's share as well.
fn all(machine: &Machine) -> BTreeSet<i32> {
    let mut processes = machine.processes();
    processes.extend(i32::try_from(std::process::id()));
    if machine.isolated {
        processes.insert(1);
    }
    processes
}

/// The resident memory of all processes in bytes.
pub fn memory(machine: &Machine) -> u64 {
    all(machine).into_iter().filter_map(processes::resident_bytes).sum()
}

/// Used and all bytes of the disk: the file system's own numbers where it has the sandbox's size, else the files of
/// the home.
pub fn disk(machine: &Machine) -> (u64, u64) {
    let Resources { disk_gib, .. } = machine.resources();
    let limit = disk_gib * GIB;
    if machine.isolated
        && let Ok(disk) = rustix::fs::statvfs("/")
        && disk.f_blocks * disk.f_frsize <= limit
    {
        return ((disk.f_blocks - disk.f_bfree) * disk.f_frsize, limit);
    }
    (occupied(&machine.home), limit)
}

/// The disk usage of a directory in bytes, without following symlinks.
fn occupied(directory: &Path) -> u64 {
    let block = 512;
    let entries = std::fs::read_dir(directory).into_iter().flatten().flatten();
    let size = |entry: std::fs::DirEntry| match entry.metadata() {
        Ok(metadata) if metadata.is_dir() => occupied(&entry.path()),
        Ok(metadata) => metadata.blocks() * block,
        Err(_) => 0,
    };
    entries.map(size).sum()
}
