//! Copies a command's output to its log while it runs, with a marker before each line.

use super::command::Command;
use super::label::{Channel, Labeler};
use super::pipe::{Source, WriteEnd};
use std::fs::File;
use std::io::Write;
use std::os::unix::process::ExitStatusExt;
use std::sync::Arc;
use tokio::process::Child;
use tokio::sync::{mpsc, watch};

/// The default capacity of a pipe.
const CHUNK_BYTES: usize = 64 * 1024;

pub struct LogPump {
    pub command: Arc<Command>,
    pub log: File,
    pub stdout: Source,
    pub stderr: Source,
    pub ending: Ending,
    /// Dropped when the command has ended, so that the outputs can end.
    pub write_ends: Vec<WriteEnd>,
    /// The echo of the command's input.
    pub echo: Option<mpsc::Receiver<Vec<u8>>>,
}

/// The source of a command's exit code.
pub enum Ending {
    /// Its shell writes the exit code to this pipe.
    Pipe(Source),
    /// The command is this child process.
    Child(Box<Child>),
}

enum Event {
    Output(Channel, usize),
    Echo(Option<Vec<u8>>),
    Ended(Option<i32>),
    ShellGone,
}

impl LogPump {
    /// Runs until the command has ended and no process has its outputs open. A command that ended its shell
    /// never gets an exit code.
    pub async fn run(mut self, mut shell_gone: watch::Receiver<bool>) {
        let (mut out, mut error) = (vec![0; CHUNK_BYTES], vec![0; CHUNK_BYTES]);
        let (mut labeler, mut labelled, mut length) = (Labeler::default(), Vec::new(), 0);
        let (mut running, mut code) = (true, None);
        while running || self.stdout.is_open() || self.stderr.is_open() {
            tokio::task::consume_budget().await;
            let event = tokio::select! {
                read = self.stdout.read(&mut out) => Event::Output(Channel::Stdout, read),
                read = self.stderr.read(&mut error) => Event::Output(Channel::Stderr, read),
                code = self.ending.code(), if running => Event::Ended(code),
                lines = next(&mut self.echo) => Event::Echo(lines),
                _ = shell_gone.wait_for(|gone| *gone), if running => Event::ShellGone,
            };
            match event {
                Event::Output(channel, read) => {
                    let bytes = if channel == Channel::Stdout { &out[..read] } else { &error[..read] };
                    labeler.push(channel, bytes, &mut labelled);
                }
                Event::Echo(Some(lines)) => labeler.push_lines(&lines, &mut labelled),
                Event::Echo(None) => self.echo = None,
                Event::Ended(exit_code) => {
                    (running, code) = (false, exit_code);
                    self.write_ends.clear();
                }
                Event::ShellGone => {
                    running = false;
                    self.write_ends.clear();
                    // The shell may have written the exit code before it ended.
                    code = self.ending.code().await;
                }
            }
            self.append(&mut labelled, &mut length);
        }
        // The echo is queued before the input is written, so that of a command that has read it all is here.
        while let Some(lines) = self.echo.as_mut().and_then(|echo| echo.try_recv().ok()) {
            labeler.push_lines(&lines, &mut labelled);
        }
        labeler.finish(&mut labelled);
        self.append(&mut labelled, &mut length);
        if let Some(input) = &self.command.input {
            input.close();
        }
        if let Some(code) = code {
            self.command.exited(code);
        }
    }

    /// Writes on this thread: into the page cache, which takes no longer than a copy.
    fn append(&mut self, labelled: &mut Vec<u8>, length: &mut u64) {
        if labelled.is_empty() {
            return;
        }
        match self.log.write_all(labelled) {
            Ok(()) => {
                *length += labelled.len() as u64;
                self.command.grown(*length);
            }
            Err(error) => tracing::warn!("cannot write the log of command {}: {error}", self.command.id),
        }
        labelled.clear();
    }
}

async fn next(echo: &mut Option<mpsc::Receiver<Vec<u8>>>) -> Option<Vec<u8>> {
    match echo {
        Some(echo) => echo.recv().await,
        None => std::future::pending().await,
    }
}

impl Ending {
    async fn code(&mut self) -> Option<i32> {
        match self {
            Self::Pipe(source) => {
                let mut text = [0; 16];
                let read = source.read(&mut text).await;
                parse(&text[..read])
            }
            Self::Child(child) => {
                let status = child.wait().await.ok()?;
                status.code().or_else(|| status.signal().map(|signal| 128 + signal))
            }
        }
    }
}

fn parse(text: &[u8]) -> Option<i32> {
    std::str::from_utf8(text).ok()?.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ended() -> Source {
        let (read, _) = std::io::pipe().unwrap();
        Source::new(File::from(std::os::fd::OwnedFd::from(read))).unwrap()
    }

    #[tokio::test]
    async fn the_echo_of_input_is_in_the_log_though_the_command_has_ended() {
        let directory = tempfile::tempdir().unwrap();
        // Which of several ready events comes first is random.
        for round in 0..64 {
            let log = directory.path().join(format!("{round}.log"));
            let command = Arc::new(Command::new("id".into(), "text".into(), log, None));
            let (sender, echo) = mpsc::channel(2);
            sender.try_send(b"typed\n".to_vec()).unwrap();
            let pump = LogPump {
                log: command.create_log().unwrap(),
                command: command.clone(),
                stdout: ended(),
                stderr: ended(),
                ending: Ending::Pipe(ended()),
                write_ends: Vec::new(),
                echo: Some(echo),
            };
            let (_shell, shell_gone) = watch::channel(false);
            // Lets the runtime learn that the pipes have ended.
            tokio::time::sleep(std::time::Duration::from_millis(1)).await;
            pump.run(shell_gone).await;
            assert_eq!(command.read_all().await.unwrap(), b"\x01\x01\x01typed\n", "round {round}");
        }
    }
}
