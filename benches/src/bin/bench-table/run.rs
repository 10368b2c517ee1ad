//! The canned server, the programs that are run against it, and what they print.

use bench::DevServer;
use serde_json::Value;
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::time::{Duration, Instant};

#[derive(Clone, Copy, PartialEq)]
pub enum Figure {
    /// CPU microseconds a unit: less is better.
    Cpu,
    /// Wall microseconds a unit: less is better.
    Time,
    /// Units a second: more is better.
    Rate,
    /// The median round trip: less is better; compared by difference.
    P50,
    /// Wall milliseconds: less is better.
    Wall,
    /// Milliseconds from the program's start to its line: less is better.
    Start,
    /// The most memory of the program, in MiB: less is better.
    Peak,
}

/// What one run of one program printed, which is a line of JSON, and when.
pub struct Run {
    cpu_us: f64,
    wall_us: f64,
    units: f64,
    p50_us: Option<f64>,
    started: Duration,
    peak_kib: Option<f64>,
    pub grown_kib: Option<f64>,
}

impl Run {
    fn new(line: &str, started: Duration) -> Option<Self> {
        let report: Value = serde_json::from_str(line).ok()?;
        let number = |key: &str| report[key].as_f64();
        Some(Self {
            cpu_us: number("cpuUs")?,
            wall_us: number("wallUs")?,
            units: number("units")?,
            p50_us: number("p50Us"),
            started,
            peak_kib: number("peakKib"),
            grown_kib: number("grownKib"),
        })
    }

    pub fn figure(&self, figure: Figure) -> f64 {
        match figure {
            Figure::Cpu => self.cpu_us / self.units,
            Figure::Time => self.wall_us / self.units,
            Figure::Rate => self.units / self.wall_us * 1e6,
            Figure::P50 => self.p50_us.unwrap_or(f64::NAN),
            Figure::Wall => self.wall_us / 1000.0,
            Figure::Start => self.started.as_secs_f64() * 1000.0,
            Figure::Peak => self.peak_kib.map_or(f64::NAN, |kib| kib / 1024.0),
        }
    }
}

pub struct Bench {
    programs: PathBuf,
    library: String,
    scratch: PathBuf,
    canned: Child,
    port: String,
    /// For measures that need more than canned answers.
    server: OnceLock<DevServer>,
}

impl Bench {
    pub fn start(programs: PathBuf, library: String) -> Result<Self, String> {
        let scratch = std::env::temp_dir().join(format!("libdaytona-bench-{}", std::process::id()));
        std::fs::create_dir_all(&scratch).map_err(|error| error.to_string())?;
        let upload = std::fs::File::create(scratch.join("upload")).map_err(|error| error.to_string())?;
        let mut blocks = std::io::repeat(b'x').take(bench::TRANSFER_BYTES as u64);
        std::io::copy(&mut blocks, &mut &upload).map_err(|error| error.to_string())?;
        let (canned, port) = start_server(&programs)?;
        Ok(Self { programs, library, scratch, canned, port, server: OnceLock::new() })
    }

    /// Where a program is that was built, or what stands beside it where it could not be.
    pub fn has(&self, program: &str) -> Result<(), String> {
        if self.programs.join(program).exists() {
            return Ok(());
        }
        let missing = std::fs::read_to_string(self.programs.join(format!("{program}.missing")));
        Err(missing.map_or_else(|_| format!("{program} was not built"), |text| text.trim().to_owned()))
    }

    pub fn run(&self, program: &str, arguments: &[&str]) -> Result<Run, String> {
        let fill = |argument: &&str| match *argument {
            "FILE" => self.scratch.join("upload").display().to_string(),
            "COPY" => self.scratch.join("download").display().to_string(),
            "SMALL" => self.scratch.join("small").display().to_string(),
            "LIBRARY" => self.library.clone(),
            other => other.to_owned(),
        };
        let mut command = Command::new(self.programs.join(program));
        if arguments.contains(&"SMALL") {
            let server = self.dev_server()?;
            command.env("DAYTONA_API_URL", &server.url).env("DAYTONA_API_KEY", &server.key);
        }
        command
            .env("LIBDAYTONA_PATH", &self.library)
            .arg(&self.port)
            .args(arguments.iter().map(fill))
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(std::fs::File::create(self.scratch.join("stderr")).map_err(|error| error.to_string())?);
        let failed = |error: std::io::Error| format!("{program}: {error}");
        let began = Instant::now();
        let mut process = command.spawn().map_err(failed)?;
        let mut line = String::new();
        let output = process.stdout.take().ok_or("a program without output")?;
        BufReader::new(output).read_line(&mut line).map_err(failed)?;
        let started = began.elapsed();
        let status = process.wait().map_err(failed)?;
        let report = Run::new(&line, started).filter(|_| status.success());
        report.ok_or_else(|| {
            let said = std::fs::read_to_string(self.scratch.join("stderr")).unwrap_or_default();
            format!("{program} {arguments:?} ended with {status} and printed {line:?}\n{said}")
        })
    }

    /// The server that has real files, and the small files for it.
    fn dev_server(&self) -> Result<&DevServer, String> {
        if let Some(server) = self.server.get() {
            return Ok(server);
        }
        small_files(&self.scratch.join("small")).map_err(|error| error.to_string())?;
        let server = DevServer::start(&self.programs.join("daytona-dev"), &[])?;
        Ok(self.server.get_or_init(|| server))
    }
}

impl Drop for Bench {
    fn drop(&mut self) {
        drop(self.canned.stdin.take());
        let _ = self.canned.wait();
        let _ = std::fs::remove_dir_all(&self.scratch);
    }
}

fn small_files(directory: &Path) -> std::io::Result<()> {
    for each in 0..bench::SMALL_DIRECTORIES {
        let directory = directory.join(each.to_string());
        std::fs::create_dir_all(&directory)?;
        for file in 0..bench::SMALL_FILES_EACH {
            std::fs::write(directory.join(file.to_string()), [b'x'; bench::SMALL_FILE_BYTES])?;
        }
    }
    Ok(())
}

fn start_server(programs: &Path) -> Result<(Child, String), String> {
    let mut server = Command::new(programs.join("bench-server"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .map_err(|error| format!("bench-server: {error}"))?;
    let mut port = String::new();
    let stdout = server.stdout.take().ok_or("bench-server has no output")?;
    BufReader::new(stdout).read_line(&mut port).map_err(|error| error.to_string())?;
    Ok((server, port.trim().to_owned()))
}
