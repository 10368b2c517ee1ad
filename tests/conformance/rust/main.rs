//! The driver of the conformance cases: it reads them and goes through the Rust SDK's public interface, by a generated
//! table from operation to typed request. Usage: `daytona-dev run -- conformance DIRECTORY [TEXT...]`

mod answers;
mod case;
mod matching;
mod parameters;
mod table;

use daytona::Client;
use futures_util::StreamExt;
use serde_json::Value;
use std::error::Error;
use std::path::Path;
use std::pin::pin;

/// The cases that Rust cannot express, with the reason.
const SKIPPED: [(&str, &str); 3] = [
    ("closing: a closed sandbox", "a sandbox has no close: what is dropped cannot be used"),
    ("bad input: a negative timeout", "a time is a Duration, which is never negative"),
    (
        "bad input: an unknown key of the configuration",
        "it is a struct of the known ones, and to read another is an error of serde",
    ),
];

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [directory, texts @ ..] = arguments.as_slice() else {
        return Err("which directory has the cases?".into());
    };
    let cases = read(Path::new(directory))?;
    for (name, _) in SKIPPED {
        if !cases.iter().any(|case| case["name"] == name) {
            return Err(format!("there is no case {name}, which is skipped").into());
        }
    }
    let client = Client::from_env()?;
    let (mut passed, mut failed, mut skipped) = (0, 0, 0);
    let name = |case: &Value| case["name"].as_str().unwrap_or_default().to_owned();
    let chosen = |case: &&Value| texts.is_empty() || texts.iter().any(|text| name(case).contains(text));
    // Faults are the server's: such a case runs alone, after the others.
    let (alone, together): (Vec<&Value>, Vec<&Value>) =
        cases.iter().filter(chosen).partition(|case| !case["faults"].is_null());
    for (cases, at_once) in [(together, 4), (alone, 1)] {
        let running = cases.into_iter().map(async |case| {
            let skipped = SKIPPED.iter().find(|it| it.0 == name(case));
            (case, skipped, if skipped.is_some() { Ok(()) } else { case::run(case, &client).await })
        });
        let mut done = pin!(futures_util::stream::iter(running).buffer_unordered(at_once));
        while let Some((case, skip, outcome)) = done.next().await {
            match (skip, outcome) {
                (Some((name, reason)), _) => {
                    skipped += 1;
                    println!("skipped {name}: {reason}");
                }
                (None, Ok(())) => {
                    passed += 1;
                    println!("ok {}", name(case));
                }
                (None, Err(reason)) => {
                    failed += 1;
                    println!("FAILED {}: {reason}", name(case));
                }
            }
        }
    }
    client.close();
    println!("{passed} passed, {failed} failed, {skipped} skipped");
    std::process::exit(i32::from(failed > 0));
}

/// The cases of all files, in the order of their names.
fn read(directory: &Path) -> Result<Vec<Value>, Box<dyn Error>> {
    let mut files: Vec<_> =
        std::fs::read_dir(directory)?.map(|entry| entry.map(|it| it.path())).collect::<Result<_, _>>()?;
    files.retain(|path| path.extension().is_some_and(|it| it == "json"));
    files.sort();
    let mut cases: Vec<Value> = Vec::new();
    for file in files {
        let mut suite: Value = serde_json::from_slice(&std::fs::read(file)?)?;
        for case in suite["cases"].as_array_mut().ok_or("a file without cases")?.drain(..) {
            if cases.iter().any(|other| other["name"] == case["name"]) {
                return Err(format!("there are two cases {}", case["name"]).into());
            }
            cases.push(case);
        }
    }
    if cases.is_empty() { Err("there are no cases".into()) } else { Ok(cases) }
}
