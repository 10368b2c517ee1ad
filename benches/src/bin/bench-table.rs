//! Runs every measure beside its peer, round by round in turn, and prints the table of medians.
//! `bench-table DIRECTORY LIBRARY [ROUNDS [MEASURE]]`: where the measured programs and the library are; parts of
//! measures' names, separated by `|`.

use bench::{DevServer, median};
use serde_json::Value;
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;

struct Measure {
    name: &'static str,
    /// The library's program and its arguments after the port.
    ours: &'static [&'static str],
    peer: Option<(&'static str, &'static [&'static str])>,
    unit: &'static str,
    figure: Figure,
    aim: &'static str,
}

#[derive(Clone, Copy)]
enum Figure {
    /// CPU microseconds a unit: less is better.
    Cpu,
    /// Units a second: more is better.
    Rate,
    /// The median round trip: less is better; compared by difference.
    P50,
    /// Wall milliseconds: less is better.
    Wall,
}

const MEASURES: &[Measure] = &[
    Measure {
        name: "execute, sequential, blocking",
        ours: &["execute"],
        peer: Some(("bench-curl", &["execute"])),
        unit: "us CPU a call",
        figure: Figure::Cpu,
        aim: "<= 1.1x libcurl easy",
    },
    Measure {
        name: "execute, submit and queue_next",
        ours: &["execute-queue"],
        peer: Some(("bench-curl", &["execute"])),
        unit: "us CPU a call",
        figure: Figure::Cpu,
        aim: "<= 1.5x libcurl easy",
    },
    Measure {
        name: "execute, submit and inline callback",
        ours: &["execute-inline"],
        peer: Some(("bench-curl", &["execute"])),
        unit: "us CPU a call",
        figure: Figure::Cpu,
        aim: "<= 1.5x libcurl easy",
    },
    Measure {
        name: "64 in flight, one queue",
        ours: &["in-flight", "64"],
        peer: Some(("bench-curl", &["in-flight", "64"])),
        unit: "calls/s",
        figure: Figure::Rate,
        aim: ">= 1.1x libcurl multi",
    },
    Measure {
        name: "1,000 in flight, one queue",
        ours: &["in-flight", "1000"],
        peer: Some(("bench-curl", &["in-flight", "1000"])),
        unit: "calls/s",
        figure: Figure::Rate,
        aim: ">= 1.15x libcurl multi",
    },
    Measure {
        name: "upload of 1 GiB",
        ours: &["upload", "FILE"],
        peer: Some(("bench-curl", &["upload", "FILE"])),
        unit: "us CPU a MiB",
        figure: Figure::Cpu,
        aim: "<= 1.2x libcurl, <= 8 MiB more memory",
    },
    Measure {
        name: "download of 1 GiB",
        ours: &["download", "COPY"],
        peer: Some(("bench-curl", &["download", "COPY"])),
        unit: "us CPU a MiB",
        figure: Figure::Cpu,
        aim: "<= 1.2x libcurl, <= 8 MiB more memory",
    },
    Measure {
        name: "image context of 1 GiB, packed, hashed and uploaded",
        ours: &["context", "FILE"],
        peer: Some(("bench-pack", &["FILE"])),
        unit: "ms",
        figure: Figure::Wall,
        aim: "<= 1.2x tar, md5sum and curl, <= 32 MiB",
    },
    Measure {
        name: "followed log of 256 MiB, a marker a line",
        ours: &["log"],
        peer: Some(("bench-raw", &["log"])),
        unit: "us CPU a MiB",
        figure: Figure::Cpu,
        aim: "<= 1.5x raw tokio-tungstenite",
    },
    Measure {
        name: "PTY echo round trip, p50",
        ours: &["echo"],
        peer: Some(("bench-raw", &["echo"])),
        unit: "us",
        figure: Figure::P50,
        aim: "<= 20 us more than raw tokio-tungstenite",
    },
    Measure {
        name: "PTY flood of 256 MiB",
        ours: &["flood"],
        peer: Some(("bench-raw", &["flood"])),
        unit: "us CPU a MiB",
        figure: Figure::Cpu,
        aim: "<= 1.5x raw tokio-tungstenite",
    },
    Measure {
        name: "interpreter, from the server's frame to its first byte, p50",
        ours: &["interpreter"],
        peer: Some(("bench-raw", &["interpreter"])),
        unit: "us",
        figure: Figure::P50,
        aim: "<= 2,000 us",
    },
    Measure {
        name: "screenshot of 8 MiB as bytes",
        ours: &["screenshot"],
        peer: Some(("bench-raw", &["screenshot"])),
        unit: "us CPU a picture",
        figure: Figure::Cpu,
        aim: "<= 1x receiving, decoding and one copy",
    },
    Measure {
        name: "files.sync_up of 10,000 files of 1 KiB to daytona-dev",
        ours: &["sync-up", "SMALL"],
        peer: Some(("bench-daytona", &["upload-each", "SMALL"])),
        unit: "ms",
        figure: Figure::Wall,
        aim: "<= 0.1x one files.upload each",
    },
    Measure {
        name: "dlopen and client.open",
        ours: &["open", "LIBRARY"],
        peer: None,
        unit: "ms",
        figure: Figure::Wall,
        aim: "<= 5 ms",
    },
    Measure {
        name: "10,000 sandboxes, listed in pages of 200",
        ours: &["list-pages"],
        peer: Some(("bench-curl", &["list-pages"])),
        unit: "us CPU a list",
        figure: Figure::Cpu,
        aim: "<= 2x libcurl, constant memory",
    },
    Measure {
        name: "10,000 sandboxes in one answer",
        ours: &["list"],
        peer: Some(("bench-curl", &["list"])),
        unit: "us CPU a list",
        figure: Figure::Cpu,
        aim: "<= 2x libcurl",
    },
    Measure {
        name: "file of 256 MiB read into memory",
        ours: &["read"],
        peer: Some(("bench-curl", &["read"])),
        unit: "us CPU a MiB",
        figure: Figure::Cpu,
        aim: "<= 1.2x libcurl, one body's memory",
    },
];

/// What one run of one program printed.
struct Run {
    figure: f64,
    grown_kib: Option<f64>,
}

struct Bench {
    programs: PathBuf,
    library: String,
    scratch: PathBuf,
    port: String,
    /// For measures that need more than canned answers.
    server: OnceLock<DevServer>,
}

impl Bench {
    fn run(&self, program: &str, arguments: &[&str], figure: Figure) -> Result<Run, String> {
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
        let output = command
            .arg(&self.port)
            .args(arguments.iter().map(fill))
            .stdin(Stdio::null())
            .stderr(Stdio::inherit())
            .output()
            .map_err(|error| format!("{program}: {error}"))?;
        let line = String::from_utf8_lossy(&output.stdout);
        let report: Value = serde_json::from_str(&line)
            .map_err(|error| format!("{program} {arguments:?}: {error}: {line:?}"))?;
        let number = |key: &str| report[key].as_f64();
        let missing = || format!("{program} {arguments:?} printed {line:?}");
        let units = number("units").ok_or_else(missing)?;
        let (cpu, wall) = (number("cpuUs").ok_or_else(missing)?, number("wallUs").ok_or_else(missing)?);
        let figure = match figure {
            Figure::Cpu => cpu / units,
            Figure::Rate => units / wall * 1e6,
            Figure::P50 => number("p50Us").ok_or_else(missing)?,
            Figure::Wall => wall / 1000.0,
        };
        Ok(Run { figure, grown_kib: number("grownKib") })
    }
}

impl Bench {
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

fn main() -> Result<(), String> {
    let arguments: Vec<String> = std::env::args().collect();
    let [_, programs, library, rest @ ..] = arguments.as_slice() else {
        return Err("bench-table DIRECTORY LIBRARY [ROUNDS [MEASURE]]".into());
    };
    let rounds: usize = rest.first().and_then(|text| text.parse().ok()).unwrap_or(5);
    let only = rest.get(1);
    let programs = PathBuf::from(programs);
    let scratch = std::env::temp_dir().join(format!("libdaytona-bench-{}", std::process::id()));
    std::fs::create_dir_all(&scratch).map_err(|error| error.to_string())?;
    let upload = std::fs::File::create(scratch.join("upload")).map_err(|error| error.to_string())?;
    let mut blocks = std::io::repeat(b'x').take(bench::TRANSFER_BYTES as u64);
    std::io::copy(&mut blocks, &mut &upload).map_err(|error| error.to_string())?;
    let (mut server, port) = start_server(&programs)?;
    let bench =
        Bench { programs, library: library.clone(), scratch: scratch.clone(), port, server: OnceLock::new() };
    println!("| measure | unit | libdaytona | peer | ratio | aim | memory grown, MiB (peer) |");
    println!("|---|---|---|---|---|---|---|");
    let outcome = MEASURES
        .iter()
        .filter(|measure| only.is_none_or(|only| only.split('|').any(|part| measure.name.contains(part))))
        .try_for_each(|measure| row(&bench, measure, rounds));
    drop(bench);
    drop(server.stdin.take());
    let _ = server.wait();
    let _ = std::fs::remove_dir_all(scratch);
    outcome
}

/// Prints one row: medians over the rounds, and the median of the rounds' ratios.
fn row(bench: &Bench, measure: &Measure, rounds: usize) -> Result<(), String> {
    let (mut ours, mut peers, mut ratios) = (Vec::new(), Vec::new(), Vec::new());
    let (mut our_memory, mut peer_memory) = (Vec::new(), Vec::new());
    for _ in 0..rounds {
        let our = bench.run("bench-daytona", measure.ours, measure.figure)?;
        ours.push(our.figure);
        our_memory.extend(our.grown_kib);
        if let Some((program, arguments)) = measure.peer {
            let peer = bench.run(program, arguments, measure.figure)?;
            ratios.push(match measure.figure {
                Figure::P50 => our.figure - peer.figure,
                _ => our.figure / peer.figure,
            });
            peers.push(peer.figure);
            peer_memory.extend(peer.grown_kib);
        }
    }
    let memory = |values: Vec<f64>| match values.is_empty() {
        true => "-".to_owned(),
        false => format!("{:.1}", median(values) / 1024.0),
    };
    let (peer, ratio) = match (measure.peer, measure.figure) {
        (None, _) => ("-".to_owned(), "-".to_owned()),
        (Some((program, _)), Figure::P50) => {
            (format!("{:.1} ({program})", median(peers)), format!("{:+.1} us", median(ratios)))
        }
        (Some((program, _)), _) => {
            (format!("{:.1} ({program})", median(peers)), format!("{:.2}x", median(ratios)))
        }
    };
    println!(
        "| {} | {} | {:.1} | {} | {} | {} | {} ({}) |",
        measure.name,
        measure.unit,
        median(ours),
        peer,
        ratio,
        measure.aim,
        memory(our_memory),
        memory(peer_memory)
    );
    Ok(())
}
