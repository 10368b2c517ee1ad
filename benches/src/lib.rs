//! What the benchmark programs share: the sizes of the work, and the report that each peer prints.

use std::time::{Duration, Instant};

pub const MIB: usize = 1 << 20;
/// What a followed log and a flooding PTY deliver.
pub const STREAM_BYTES: usize = 256 * MIB;
/// What an upload and a download move.
pub const TRANSFER_BYTES: usize = 1024 * MIB;
/// One WebSocket frame of a flood.
pub const FRAME_BYTES: usize = 32 << 10;
pub const SANDBOXES: usize = 10_000;
/// The most that Daytona's API puts into one page of a list.
pub const PAGE: usize = 200;
/// What `files.read` takes into memory.
pub const READ_BYTES: usize = 256 * MIB;

/// CPU time of this process so far.
pub fn cpu() -> Duration {
    // SAFETY: getrusage fills the struct it is given.
    let usage = unsafe {
        let mut usage: libc::rusage = std::mem::zeroed();
        libc::getrusage(libc::RUSAGE_SELF, &mut usage);
        usage
    };
    let time = |at: libc::timeval| Duration::new(at.tv_sec as u64, at.tv_usec as u32 * 1000);
    time(usage.ru_utime) + time(usage.ru_stime)
}

/// Measures from its making to its report.
pub struct Report {
    cpu: Duration,
    began: Instant,
}

impl Default for Report {
    fn default() -> Self {
        Self { cpu: cpu(), began: Instant::now() }
    }
}

impl Report {
    /// One line of JSON: CPU and wall microseconds, units of work, and what else was measured.
    pub fn print(&self, units: f64, more: &str) {
        let cpu = (cpu() - self.cpu).as_micros();
        let wall = self.began.elapsed().as_micros();
        println!("{{\"cpuUs\":{cpu},\"wallUs\":{wall},\"units\":{units}{more}}}");
    }
}

/// The median of what is given.
pub fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}
