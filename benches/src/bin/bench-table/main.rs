//! Runs every measure beside its peer, round by round in turn, and prints tables of medians: C's, then one for each
//! language's package.
//! `bench-table DIRECTORY LIBRARY ROUNDS LANGUAGES [MEASURE]`: where the measured programs and the library are;
//! languages by name; parts of measures' names, separated by `|`.

mod languages;
mod run;

use bench::median;
use run::{Bench, Figure};

struct Measure {
    name: &'static str,
    /// The library's program and its arguments after the port.
    ours: &'static [&'static str],
    peer: Option<(&'static str, &'static [&'static str])>,
    unit: &'static str,
    figure: Figure,
    aim: &'static str,
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
        ours: &["in-flight", "64", "20000", "0"],
        peer: Some(("bench-curl", &["in-flight", "64"])),
        unit: "calls/s",
        figure: Figure::Rate,
        aim: ">= 1.1x libcurl multi",
    },
    Measure {
        name: "1,000 in flight, one queue",
        ours: &["in-flight", "1000", "20000", "0"],
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
        ours: &["list-pages", "20"],
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

fn main() -> Result<(), String> {
    let arguments: Vec<String> = std::env::args().collect();
    let [_, programs, library, rounds, languages, rest @ ..] = arguments.as_slice() else {
        return Err("bench-table DIRECTORY LIBRARY ROUNDS LANGUAGES [MEASURE]".into());
    };
    let rounds: usize = rounds.parse().map_err(|error| format!("{rounds}: {error}"))?;
    let chosen = |name: &str| rest.first().is_none_or(|only| only.split('|').any(|part| name.contains(part)));
    let languages: Vec<&str> = languages.split_whitespace().collect();
    let bench = Bench::start(programs.into(), library.clone())?;
    if languages.contains(&"c") {
        println!("| measure | unit | libdaytona | peer | ratio | aim | memory grown, MiB (peer) |");
        println!("|---|---|---|---|---|---|---|");
        MEASURES
            .iter()
            .filter(|measure| chosen(measure.name))
            .try_for_each(|measure| row(&bench, measure, rounds))?;
    }
    languages::tables(&bench, rounds, &languages, &chosen)
}

/// Prints one row: medians over the rounds, and the median of the rounds' ratios.
fn row(bench: &Bench, measure: &Measure, rounds: usize) -> Result<(), String> {
    let (mut ours, mut peers, mut ratios) = (Vec::new(), Vec::new(), Vec::new());
    let (mut our_memory, mut peer_memory) = (Vec::new(), Vec::new());
    for _ in 0..rounds {
        let our = bench.run("bench-daytona", measure.ours)?;
        let our_figure = our.figure(measure.figure);
        ours.push(our_figure);
        our_memory.extend(our.grown_kib);
        if let Some((program, arguments)) = measure.peer {
            let peer = bench.run(program, arguments)?;
            let peer_figure = peer.figure(measure.figure);
            ratios.push(match measure.figure {
                Figure::P50 => our_figure - peer_figure,
                _ => our_figure / peer_figure,
            });
            peers.push(peer_figure);
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
