//! What macOS tells of processes: libproc, sysctl, and lsof for sockets. Of the processes of other users it tells
//! nothing, unless to root.

use super::{MARK, lsof, procargs};
use nix::libc;
use nix::unistd::{Pid, getsid};
use std::collections::BTreeSet;
use std::mem::MaybeUninit;
use std::time::Duration;

/// The id of every process.
pub fn all() -> Vec<i32> {
    // SAFETY: without a buffer only the number of processes is told.
    let count = unsafe { libc::proc_listallpids(std::ptr::null_mut(), 0) };
    // Room for some that start meanwhile.
    let mut processes = vec![0; usize::try_from(count).unwrap_or_default() + 64];
    let bytes = i32::try_from(size_of_val(processes.as_slice())).unwrap_or(i32::MAX);
    // SAFETY: the buffer has that many bytes and outlives the call.
    let count = unsafe { libc::proc_listallpids(processes.as_mut_ptr().cast(), bytes) };
    processes.truncate(usize::try_from(count).unwrap_or_default());
    processes
}

/// The processes with a sandbox's mark. The environment of the system's own programs is kept from everybody, so
/// that a mark on them is not seen.
pub fn marked(id: &str) -> Vec<i32> {
    /// The most that the arguments and the environment of a process can take.
    const ARGUMENTS_BYTES: usize = 1 << 20;
    let mark = format!("{MARK}={id}");
    let mut buffer = vec![0; ARGUMENTS_BYTES];
    let has_mark = |process: &i32| {
        let mut name = [libc::CTL_KERN, libc::KERN_PROCARGS2, *process];
        let mut length = buffer.len();
        // SAFETY: name and buffer have the lengths that are given, and outlive the call; nothing is set.
        let result = unsafe {
            libc::sysctl(
                name.as_mut_ptr(),
                name.len() as libc::c_uint,
                buffer.as_mut_ptr().cast(),
                &mut length,
                std::ptr::null_mut(),
                0,
            )
        };
        result == 0 && procargs::environment(&buffer[..length]).any(|variable| variable == mark.as_bytes())
    };
    all().into_iter().filter(has_mark).collect()
}

/// The processes of a sandbox without isolation, as its daemon sees them: those with its mark and all their
/// descendants, and the daemon's own descendants, whose marks may not be seen.
pub fn of_sandbox(id: &str) -> BTreeSet<i32> {
    let own = std::process::id() as i32;
    let mut found = super::with_descendants(marked(id).into_iter().chain([own]));
    found.remove(&own);
    found
}

pub fn parent(process: i32) -> Option<i32> {
    i32::try_from(describe(process)?.pbi_ppid).ok()
}

/// In microseconds since 1970; `None` once the process has ended.
pub fn start_time(process: i32) -> Option<u64> {
    let found = describe(process)?;
    Some(found.pbi_start_tvsec * 1_000_000 + found.pbi_start_tvusec)
}

pub fn session(process: i32) -> Option<i32> {
    describe(process)?;
    getsid(Some(Pid::from_raw(process))).ok().map(Pid::as_raw)
}

/// Processor time of a process and of those of its children that it has waited for.
pub fn processor_time(process: i32) -> Option<Duration> {
    let used = usage(process)?;
    let ticks = used.ri_user_time + used.ri_system_time + used.ri_child_user_time + used.ri_child_system_time;
    Some(Duration::from_nanos(nanoseconds(ticks)))
}

/// The memory of a process that is in use.
pub fn resident_bytes(process: i32) -> Option<u64> {
    Some(usage(process)?.ri_resident_size)
}

/// The TCP ports that these processes listen on.
pub fn listening(processes: &BTreeSet<i32>) -> BTreeSet<u16> {
    lsof::listening("/usr/sbin/lsof", processes)
}

/// Nothing for one that has ended, also while nobody has waited for it.
fn describe(process: i32) -> Option<libc::proc_bsdinfo> {
    const BYTES: i32 = size_of::<libc::proc_bsdinfo>() as i32;
    let mut found = MaybeUninit::<libc::proc_bsdinfo>::zeroed();
    // SAFETY: the buffer has that many bytes and outlives the call.
    let written =
        unsafe { libc::proc_pidinfo(process, libc::PROC_PIDTBSDINFO, 0, found.as_mut_ptr().cast(), BYTES) };
    // SAFETY: integers alone, for which zero is a value; all of them are written.
    let found = (written == BYTES).then(|| unsafe { found.assume_init() })?;
    (found.pbi_status != libc::SZOMB).then_some(found)
}

fn usage(process: i32) -> Option<libc::rusage_info_v1> {
    let mut found = MaybeUninit::<libc::rusage_info_v1>::zeroed();
    // SAFETY: the buffer is of the version that is asked for, and outlives the call.
    let result = unsafe { libc::proc_pid_rusage(process, libc::RUSAGE_INFO_V1, found.as_mut_ptr().cast()) };
    // SAFETY: integers alone, for which zero is a value.
    (result == 0).then(|| unsafe { found.assume_init() })
}

/// Ticks of the system's clock, in which it counts processor time, as nanoseconds.
#[expect(deprecated, reason = "one call is no reason for another crate")]
fn nanoseconds(ticks: u64) -> u64 {
    let mut base = libc::mach_timebase_info { numer: 1, denom: 1 };
    // SAFETY: the struct outlives the call.
    unsafe { libc::mach_timebase_info(&mut base) };
    let nanoseconds = u128::from(ticks) * u128::from(base.numer) / u128::from(base.denom.max(1));
    u64::try_from(nanoseconds).unwrap_or(u64::MAX)
}
