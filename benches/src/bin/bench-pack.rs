//! The peer of an image context: tar, md5sum and curl, one after the other, as one would do it by hand.
//! `bench-pack PORT FILE`

use bench::Report;
use std::path::Path;
use std::process::{Command, Stdio};

fn main() -> Result<(), String> {
    let arguments: Vec<String> = std::env::args().collect();
    let [_, port, file] = arguments.as_slice() else { return Err("bench-pack PORT FILE".into()) };
    let file = Path::new(file);
    let (directory, name) = (file.parent().unwrap_or(Path::new(".")), file.file_name().unwrap_or_default());
    let archive = directory.join("context.tar");
    let report = Report::default();
    run(Command::new("tar").arg("-cf").arg(&archive).arg("-C").arg(directory).arg(name))?;
    run(Command::new("md5sum").arg(&archive))?;
    let url = format!("http://127.0.0.1:{port}/store/bench/context.tar");
    run(Command::new("curl").args(["-sS", "-f", "-H", "Expect:", "-T"]).arg(&archive).arg(url))?;
    report.print(bench::TRANSFER_BYTES as f64 / bench::MIB as f64, "");
    std::fs::remove_file(archive).map_err(|error| error.to_string())
}

fn run(command: &mut Command) -> Result<(), String> {
    let ended = command.stdin(Stdio::null()).stdout(Stdio::null()).status();
    match ended {
        Ok(status) if status.success() => Ok(()),
        Ok(status) => Err(format!("{command:?} ended with {status}")),
        Err(error) => Err(format!("{command:?}: {error}")),
    }
}
