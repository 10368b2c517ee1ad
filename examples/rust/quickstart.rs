//! A tour of one sandbox: a command, a terminal, a large file there and back.
//!
//! It runs against whatever `DAYTONA_API_URL` and `DAYTONA_API_KEY` name: `make demo-rust` starts a server on this
//! machine; with only `DAYTONA_API_KEY` set it is Daytona's hosted service. Whatever happens, the sandbox is deleted at
//! the end.

use daytona::{Client, Result, Sandbox, SandboxSpec};
use std::io::Write;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

const FILE_MIB: usize = 64;
const STEPS: &str =
    "for i in 1 2 3; do echo step $i; sleep 0.4; echo careful $i >&2; sleep 0.4; done; exit 3";

#[tokio::main(flavor = "current_thread")]
async fn main() -> std::process::ExitCode {
    println!("libdaytona {}", daytona::VERSION);
    match run().await {
        Ok(()) => {
            println!("\nThat was one real sandbox.");
            std::process::ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("\nThe tour did not work out: {error}");
            std::process::ExitCode::FAILURE
        }
    }
}

async fn run() -> Result<()> {
    println!("\n1. A sandbox");
    let start = Instant::now();
    let client = Client::from_env()?;
    // Should this program be killed, the sandbox stops after five idle minutes and is deleted then.
    let spec = SandboxSpec::default().language("python").ephemeral(true).auto_stop_interval(5);
    let sandbox = client.create(spec).await?;
    println!("  id         {}\n  took       {:.2} s", sandbox.id(), start.elapsed().as_secs_f64());
    let toured = tour(&sandbox).await;
    println!("\n5. The sandbox deleted");
    sandbox.delete().wait(true).await?;
    println!("  it is gone, with everything that ran in it");
    toured
}

async fn tour(sandbox: &Sandbox) -> Result<()> {
    println!("\n2. A command, its stdout and stderr apart while it runs");
    let start = Instant::now();
    let mut output = sandbox.process().run(STEPS).await?;
    while let Some(chunk) = output.next().await {
        let chunk = chunk?;
        let channel = if chunk.is_stderr() { "stderr" } else { "stdout" };
        for line in chunk.text().lines() {
            println!("  {:4.1} s  {channel}  {line}", start.elapsed().as_secs_f64());
        }
    }
    println!("  exit code  {}", output.finish().await?.exit_code);

    println!("\n3. A terminal of 120x40, typed into, resized to 100x30, left with `exit 7`");
    let mut terminal = sandbox.pty().open("tour").cols(120).rows(40).await?;
    let mut screen = String::new();
    terminal.write(b"stty size\n").await?;
    while !screen.contains("40 120") {
        let Some(chunk) = terminal.next().await else { break };
        screen.push_str(&chunk?.text());
    }
    sandbox.pty().resize("tour", 100, 30).await?;
    terminal.write(b"stty size; exit 7\n").await?;
    while let Some(chunk) = terminal.next().await {
        screen.push_str(&chunk?.text());
    }
    for line in
        screen.split(['\r', '\n']).filter(|line| line.starts_with(|first: char| first.is_ascii_digit()))
    {
        println!("  | {line}");
    }
    println!("  exit code  {}", terminal.finish().await?.exit_code);

    println!("\n4. A file of {FILE_MIB} MiB up and down");
    let directory = std::env::temp_dir().join(format!("daytona-tour-{}", std::process::id()));
    std::fs::create_dir_all(&directory).expect("a directory for temporary files");
    let moved = files(sandbox, &directory).await;
    let _ = std::fs::remove_dir_all(&directory);
    moved
}

async fn files(sandbox: &Sandbox, directory: &std::path::Path) -> Result<()> {
    let (up, down) = (directory.join("up"), directory.join("down"));
    let content: Vec<u8> = (0..FILE_MIB << 20).map(|at| ((at * at) >> 7) as u8).collect();
    std::fs::write(&up, &content).expect("room for a temporary file");
    let files = sandbox.files();

    let (start, reports) = (Instant::now(), Arc::new(AtomicU32::new(0)));
    let counted = reports.clone();
    files
        .upload(&up, "tour.bin")
        .on_progress(move |_, _| {
            counted.fetch_add(1, Ordering::Relaxed);
        })
        .await?;
    tell("up", start.elapsed(), reports.load(Ordering::Relaxed));
    let hash = sandbox.process().execute("sha256sum tour.bin").await?.result;

    let start = Instant::now();
    files.download("tour.bin", &down).await?;
    tell("down", start.elapsed(), 0);
    let same = std::fs::read(&down).is_ok_and(|back| back == content);
    println!(
        "  sha256     there  {}\n  the file is {}the same",
        &hash[..64.min(hash.len())],
        if same { "" } else { "not " }
    );
    Ok(())
}

fn tell(what: &str, took: Duration, reports: u32) {
    println!("  {what:<10} {FILE_MIB} MiB in {:.2} s, {reports} reports of progress", took.as_secs_f64());
    let _ = std::io::stdout().flush();
}
