//! The packages of the languages: each measure runs in C, in every language and by every peer, in turn, so that all of
//! them meet the same machine; then each language has its table.

use crate::run::{Bench, Figure, Run};
use bench::median;
use std::collections::BTreeMap;

/// A measure that every language has, or most: C runs it with the first arguments.
struct Measure {
    name: &'static str,
    c: &'static [&'static str],
    ours: &'static [&'static str],
    /// The same for a peer that is slow, in less than minutes. Empty where peers have nothing like it.
    slow: &'static [&'static str],
    figures: &'static [(&'static str, Figure)],
}

const CPU_A_CALL: (&str, Figure) = ("us CPU a call", Figure::Cpu);
const CALLS: (&str, Figure) = ("calls/s", Figure::Rate);
const CPU_A_MIB: (&str, Figure) = ("us CPU a MiB", Figure::Cpu);
const PEAK: (&str, Figure) = ("MiB at most", Figure::Peak);

const BLOCKING: &str = "execute, one at a time, blocking";
const AWAITED: &str = "execute, one at a time, awaited";
const FEW: &str = "64 in flight";
const MANY: &str = "1,000 in flight";
const ECHO: &str = "echo target, 64 in flight: no server";
const UPLOAD: &str = "upload of 1 GiB";
const DOWNLOAD: &str = "download of 1 GiB";
const PTY: &str = "PTY echo round trip";
const LOG: &str = "followed log, a marker a line";
const FIRST: &str = "start of the process to its first answer";
const READ: &str = "file of 256 MiB read into memory";
const LIST: &str = "10,000 sandboxes, listed in pages of 200";

/// Calls are counted after some to warm up, the figure behind the other.
const MEASURES: &[Measure] = &[
    Measure {
        name: BLOCKING,
        c: &["execute-queue"],
        ours: &["execute", "10000", "10000"],
        slow: &["execute", "2000", "500"],
        figures: &[CPU_A_CALL, ("us a call", Figure::Time)],
    },
    Measure {
        name: AWAITED,
        c: &["execute-queue"],
        ours: &["execute-async", "10000", "10000"],
        slow: &["execute-async", "2000", "500"],
        figures: &[CPU_A_CALL, ("us a call", Figure::Time)],
    },
    Measure {
        name: FEW,
        c: &["in-flight", "64", "100000", "50000"],
        ours: &["in-flight", "64", "100000", "50000"],
        slow: &["in-flight", "64", "10000", "2500"],
        figures: &[CALLS, CPU_A_CALL],
    },
    Measure {
        name: MANY,
        c: &["in-flight", "1000", "60000", "30000"],
        ours: &["in-flight", "1000", "60000", "30000"],
        slow: &["in-flight", "1000", "10000", "2500"],
        figures: &[CALLS, CPU_A_CALL, PEAK],
    },
    Measure {
        name: ECHO,
        c: &["echo-target", "64", "600000", "600000"],
        ours: &["echo-target", "64", "600000", "600000"],
        slow: &[],
        figures: &[CPU_A_CALL],
    },
    Measure {
        name: UPLOAD,
        c: &["upload", "FILE"],
        ours: &["upload", "FILE"],
        slow: &["upload", "FILE"],
        figures: &[CPU_A_MIB, PEAK],
    },
    Measure {
        name: DOWNLOAD,
        c: &["download", "COPY"],
        ours: &["download", "COPY"],
        slow: &["download", "COPY"],
        figures: &[CPU_A_MIB, PEAK],
    },
    Measure {
        name: PTY,
        c: &["echo"],
        ours: &["echo"],
        slow: &["echo"],
        figures: &[("us, p50", Figure::P50), ("us CPU a trip", Figure::Cpu)],
    },
    Measure {
        name: LOG,
        c: &["log", "256"],
        ours: &["log", "256"],
        slow: &["log", "SLOW"],
        figures: &[("MiB/s", Figure::Rate), CPU_A_MIB],
    },
    Measure {
        name: FIRST,
        c: &["first"],
        ours: &["first"],
        slow: &["first"],
        figures: &[("ms", Figure::Start), PEAK],
    },
    Measure { name: READ, c: &["read"], ours: &["read"], slow: &["read"], figures: &[CPU_A_MIB, PEAK] },
    Measure {
        name: LIST,
        c: &["list-pages", "1"],
        ours: &["list"],
        slow: &["list"],
        figures: &[("ms", Figure::Wall), PEAK],
    },
];

/// What is wanted of a figure.
enum Aim {
    /// At least so many times C's.
    AtLeastC(f64),
    /// At most so many times the peer's, or at least.
    AtMostPeer(f64),
    AtLeastPeer(f64),
    /// At most so much more than C.
    Added(f64),
    AtLeast(f64),
}

struct Language {
    /// In the argument, and in the program's name: `bench-NAME`.
    name: &'static str,
    title: &'static str,
    /// Whether there is a package of ours, or but a peer for reference.
    is_ours: bool,
    /// The peer's program and what it is.
    peer: Option<(&'static str, &'static str)>,
    /// What the language has no call for.
    without: &'static [&'static str],
    /// For a peer that is slow: MiB of log, and fewer calls.
    slow_peer: Option<&'static str>,
    aims: &'static [(&'static str, Figure, Aim)],
}

const LANGUAGES: &[Language] = &[
    Language {
        name: "go",
        title: "Go",
        is_ours: true,
        peer: Some(("bench-go-official", "official SDK v0.205.1")),
        without: &[AWAITED],
        slow_peer: Some("256"),
        aims: &[
            (BLOCKING, Figure::Cpu, Aim::AtMostPeer(0.5)),
            (FEW, Figure::Rate, Aim::AtLeastPeer(2.0)),
            (FEW, Figure::Cpu, Aim::AtMostPeer(0.5)),
            (MANY, Figure::Rate, Aim::AtLeastPeer(2.0)),
            (MANY, Figure::Cpu, Aim::AtMostPeer(0.5)),
            (ECHO, Figure::Cpu, Aim::Added(2.0)),
            (LOG, Figure::Rate, Aim::AtLeast(500.0)),
        ],
    },
    Language {
        name: "csharp",
        title: "C#",
        is_ours: true,
        peer: Some(("bench-csharp-by-hand", "HttpClient, System.Text.Json, ClientWebSocket")),
        without: &[],
        slow_peer: None,
        aims: &[
            (AWAITED, Figure::Cpu, Aim::AtMostPeer(1.0)),
            (FEW, Figure::Rate, Aim::AtLeastC(1.0 / 1.3)),
            (FEW, Figure::Rate, Aim::AtLeastPeer(1.0)),
            (FEW, Figure::Cpu, Aim::AtMostPeer(1.0)),
            (MANY, Figure::Rate, Aim::AtLeastPeer(1.0)),
            (MANY, Figure::Cpu, Aim::AtMostPeer(1.0)),
            (ECHO, Figure::Cpu, Aim::Added(2.0)),
            (DOWNLOAD, Figure::Cpu, Aim::AtMostPeer(0.5)),
            (LOG, Figure::Rate, Aim::AtLeast(500.0)),
            (LOG, Figure::Cpu, Aim::AtMostPeer(0.5)),
            (FIRST, Figure::Start, Aim::AtMostPeer(0.75)),
        ],
    },
    Language {
        name: "node",
        title: "Node",
        is_ours: true,
        peer: Some(("bench-node-official", "@daytona/sdk 0.205.1")),
        without: &[BLOCKING],
        slow_peer: Some("4"),
        aims: &[
            (AWAITED, Figure::Cpu, Aim::AtMostPeer(0.2)),
            (FEW, Figure::Rate, Aim::AtLeastPeer(5.0)),
            (MANY, Figure::Rate, Aim::AtLeastPeer(5.0)),
            (ECHO, Figure::Cpu, Aim::Added(8.0)),
            (LOG, Figure::Rate, Aim::AtLeast(200.0)),
            (FIRST, Figure::Start, Aim::AtMostPeer(0.2)),
        ],
    },
    Language {
        name: "ruby",
        title: "Ruby",
        is_ours: true,
        peer: None,
        without: &[AWAITED],
        slow_peer: None,
        aims: &[(ECHO, Figure::Cpu, Aim::Added(12.0)), (LOG, Figure::Rate, Aim::AtLeast(200.0))],
    },
    Language {
        name: "cpp",
        title: "C++",
        is_ours: true,
        peer: None,
        without: &[],
        slow_peer: None,
        aims: &[],
    },
    Language {
        name: "python",
        title: "Python, for reference",
        is_ours: false,
        peer: Some(("bench-python-official", "daytona 0.205.1")),
        without: &[],
        slow_peer: Some("64"),
        aims: &[],
    },
];

impl Aim {
    fn text(&self, title: &str) -> String {
        let tidy = |value: f64| format!("{}", (value * 100.0).round() / 100.0);
        match self {
            Self::AtLeastC(times) => format!(">= {}x C", tidy(*times)),
            Self::AtMostPeer(times) => format!("<= {}x the peer", tidy(*times)),
            Self::AtLeastPeer(times) => format!(">= {}x the peer", tidy(*times)),
            Self::Added(value) => format!("{title} - C <= {}", tidy(*value)),
            Self::AtLeast(value) => format!(">= {}", tidy(*value)),
        }
    }

    /// Whether it is reached; nothing where what it is compared with is missing.
    fn is_reached(&self, ours: f64, to_c: f64, added: f64, to_peer: f64) -> Option<bool> {
        let known = |value: f64, reached: bool| (!value.is_nan()).then_some(reached);
        match self {
            Self::AtLeastC(times) => known(to_c, to_c >= *times),
            Self::AtMostPeer(times) => known(to_peer, to_peer <= *times),
            Self::AtLeastPeer(times) => known(to_peer, to_peer >= *times),
            Self::Added(value) => known(added, added <= *value),
            Self::AtLeast(value) => known(ours, ours >= *value),
        }
    }
}

/// The rounds of a program and a measure; a run that failed is none.
type Runs = BTreeMap<(String, &'static str), Vec<Option<Run>>>;

pub fn tables(
    bench: &Bench,
    rounds: usize,
    names: &[&str],
    chosen: &dyn Fn(&str) -> bool,
) -> Result<(), String> {
    let mut languages = Vec::new();
    for name in names.iter().filter(|name| **name != "c") {
        let known = LANGUAGES.iter().find(|language| language.name == *name);
        languages.push(known.ok_or_else(|| format!("there is no language {name}"))?);
    }
    let mut runs = Runs::new();
    let measures: Vec<&Measure> = MEASURES.iter().filter(|measure| chosen(measure.name)).collect();
    for measure in &measures {
        for _ in 0..rounds {
            round(bench, measure, &languages, &mut runs);
        }
    }
    for language in languages {
        println!("\n### {}\n", language.title);
        table(bench, language, &measures, &runs);
    }
    Ok(())
}

/// One run of a measure by C, each language and its peer.
fn round(bench: &Bench, measure: &Measure, languages: &[&Language], runs: &mut Runs) {
    let mut run = |program: &str, arguments: &[&str]| {
        if bench.has(program).is_ok() {
            let outcome = bench.run(program, arguments).map_err(|failure| eprintln!("{failure}"));
            runs.entry((program.to_owned(), measure.name)).or_default().push(outcome.ok());
        }
    };
    if languages.iter().any(|language| language.is_ours) {
        run("bench-daytona", measure.c);
    }
    for language in languages.iter().filter(|language| !language.without.contains(&measure.name)) {
        if language.is_ours {
            run(&format!("bench-{}", language.name), measure.ours);
        }
        match (language.peer, language.slow_peer) {
            (Some(_), _) if measure.slow.is_empty() => {}
            (Some((program, _)), Some(log)) => {
                let arguments = measure.slow.iter().map(|text| if *text == "SLOW" { log } else { text });
                run(program, &arguments.collect::<Vec<_>>());
            }
            (Some((program, _)), None) => run(program, measure.ours),
            (None, _) => {}
        }
    }
}

fn table(bench: &Bench, language: &Language, measures: &[&Measure], runs: &Runs) {
    let program = format!("bench-{}", language.name);
    if language.is_ours
        && let Err(missing) = bench.has(&program)
    {
        println!("Not measured: {missing}");
        return;
    }
    match language.peer.map(|(program, title)| (bench.has(program), title)) {
        Some((Ok(()), title)) => println!("The peer is {title}."),
        Some((Err(missing), title)) => println!("The peer, {title}, was not measured: {missing}"),
        None => println!("There is no peer here: C's figures are beside it."),
    }
    println!("\n| measure | unit | {} | C | ratio | peer | ratio | aim |", language.title);
    println!("|---|---|---|---|---|---|---|---|");
    for measure in measures.iter().filter(|measure| !language.without.contains(&measure.name)) {
        let of = |program: &str| runs.get(&(program.to_owned(), measure.name));
        let c = of("bench-daytona").filter(|_| language.is_ours);
        let peer = language.peer.and_then(|(program, _)| of(program));
        for (unit, figure) in measure.figures {
            let row = Row { ours: of(&program), c, peer, figure: *figure };
            println!("| {} | {unit} |{} {} |", measure.name, row.text(), row.aims(language, measure.name));
        }
    }
}

/// One figure of a measure, by language, C and peer.
struct Row<'a> {
    ours: Option<&'a Vec<Option<Run>>>,
    c: Option<&'a Vec<Option<Run>>>,
    peer: Option<&'a Vec<Option<Run>>>,
    figure: Figure,
}

impl Row<'_> {
    fn median(&self, runs: Option<&Vec<Option<Run>>>) -> f64 {
        median(runs.into_iter().flatten().flatten().map(|run| run.figure(self.figure)).collect())
    }

    /// The median over the rounds of what compares ours with another's.
    fn compared(&self, other: Option<&Vec<Option<Run>>>, by: fn(f64, f64) -> f64) -> f64 {
        let rounds = self.ours.into_iter().flatten().zip(other.into_iter().flatten());
        let both = rounds.filter_map(|(ours, other)| {
            Some(by(ours.as_ref()?.figure(self.figure), other.as_ref()?.figure(self.figure)))
        });
        median(both.collect())
    }

    fn text(&self) -> String {
        let show = |value: f64| match value {
            value if value.is_nan() => "-".to_owned(),
            value if value < 100.0 => format!("{value:.1}"),
            value => format!("{value:.0}"),
        };
        let ratio = |other| match self.compared(other, |ours, other| ours / other) {
            value if value.is_nan() => "-".to_owned(),
            value => format!("{value:.2}x"),
        };
        format!(
            " {} | {} | {} | {} | {} |",
            show(self.median(self.ours)),
            show(self.median(self.c)),
            ratio(self.c),
            show(self.median(self.peer)),
            ratio(self.peer)
        )
    }

    fn aims(&self, language: &Language, measure: &str) -> String {
        let aims =
            language.aims.iter().filter(|(name, figure, _)| *name == measure && *figure == self.figure);
        let texts = aims.map(|(_, _, aim)| {
            let added = self.compared(self.c, |ours, c| ours - c);
            let (to_c, to_peer) =
                (self.compared(self.c, |a, b| a / b), self.compared(self.peer, |a, b| a / b));
            let reached = match aim.is_reached(self.median(self.ours), to_c, added, to_peer) {
                Some(true) => "reached".to_owned(),
                Some(false) if matches!(aim, Aim::Added(_)) => format!("**missed**: {added:.1}"),
                Some(false) => "**missed**".to_owned(),
                None => "not compared".to_owned(),
            };
            format!("{}: {reached}", aim.text(language.title))
        });
        texts.collect::<Vec<_>>().join("; ")
    }
}
