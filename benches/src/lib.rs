//! What the benchmark programs share: the sizes of the work, the report that each peer prints, and a running dev
//! server.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
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
/// The picture of a 4K screen, as PNG.
pub const SCREENSHOT_BYTES: usize = 8 * MIB;
/// Screenshots of one run.
pub const SCREENSHOTS: usize = 20;
/// The directory that is synchronised: so many directories with so many files of this size each.
pub const SMALL_DIRECTORIES: usize = 100;
pub const SMALL_FILES_EACH: usize = 100;
pub const SMALL_FILE_BYTES: usize = 1 << 10;

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

/// Microseconds of the clock that every process of this machine shares.
pub fn monotonic_us() -> f64 {
    let mut now = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: clock_gettime fills the struct it is given.
    unsafe { libc::clock_gettime(libc::CLOCK_MONOTONIC, &mut now) };
    now.tv_sec as f64 * 1e6 + now.tv_nsec as f64 / 1e3
}

/// The most memory that this process had so far, in KiB.
pub fn peak_kib() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    peak.and_then(|line| line.trim().trim_end_matches(" kB").parse().ok()).unwrap_or(0)
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

/// A running `daytona-dev`. Dropped, it is asked to end, and takes its sandboxes along.
pub struct DevServer {
    process: Child,
    pub url: String,
    pub key: String,
}

impl DevServer {
    pub fn start(binary: &std::path::Path, arguments: &[&str]) -> Result<Self, String> {
        let failed = |error: std::io::Error| format!("{}: {error}", binary.display());
        let mut process =
            Command::new(binary).args(arguments).stdout(Stdio::piped()).spawn().map_err(failed)?;
        let output = process.stdout.take().ok_or("daytona-dev has no output")?;
        let mut exports = BufReader::new(output).lines().map_while(Result::ok);
        let mut exported = |name: &str| {
            let prefix = format!("export {name}=");
            let found = exports.find_map(|line| line.strip_prefix(&prefix).map(str::to_owned));
            found.ok_or_else(|| format!("daytona-dev did not print {name}"))
        };
        let (url, key) = (exported("DAYTONA_API_URL")?, exported("DAYTONA_API_KEY")?);
        Ok(Self { process, url, key })
    }
}

impl Drop for DevServer {
    fn drop(&mut self) {
        let _ = Command::new("kill").arg(self.process.id().to_string()).status();
        let _ = self.process.wait();
    }
}
