//! Carries a command's output into its log while it runs, labelled line by line.

use super::command::Command;
use super::label::{Channel, Labels};
use super::pipe::{Hold, Source};
use std::fs::File;
use std::io::Write;
use std::os::unix::process::ExitStatusExt;
use std::sync::Arc;
use tokio::process::Child;
use tokio::sync::{mpsc, watch};

/// As much as a pipe holds.
const PART: usize = 64 * 1024;

pub struct Pump {
    pub command: Arc<Command>,
    pub log: File,
    pub stdout: Source,
    pub stderr: Source,
    pub ending: Ending,
    /// Dropped when the command has ended: only then can the outputs end.
    pub holds: Vec<Hold>,
    /// What is written to the command and belongs into its log.
    pub echo: Option<mpsc::Receiver<Vec<u8>>>,
}

/// How a command says that it has ended.
pub enum Ending {
    /// Its shell writes the code here.
    Told(Source),
    /// It is a process itself.
    Child(Box<Child>),
}

/// What happened next.
enum Event {
    Output(Channel, usize),
    Echo(Option<Vec<u8>>),
    Ended(Option<i32>),
    ShellGone,
}

impl Pump {
    /// Runs until the command has ended and nobody holds its outputs open any more. A command that ended
    /// its shell never gets a code.
    pub async fn run(mut self, mut shell_gone: watch::Receiver<bool>) {
        let (mut out, mut error) = (vec![0; PART], vec![0; PART]);
        let (mut labels, mut labelled, mut length) = (Labels::default(), Vec::new(), 0);
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
                    labels.push(channel, bytes, &mut labelled);
                }
                Event::Echo(Some(lines)) => labels.push_aside(&lines, &mut labelled),
                Event::Echo(None) => self.echo = None,
                Event::Ended(told) => {
                    (running, code) = (false, told);
                    self.holds.clear();
                }
                Event::ShellGone => {
                    running = false;
                    self.holds.clear();
                    // It may have told the code before it went; now that is certain.
                    code = self.ending.code().await;
                }
            }
            self.append(&mut labelled, &mut length);
        }
        labels.finish(&mut labelled);
        self.append(&mut labelled, &mut length);
        if let Some(input) = &self.command.input {
            input.close();
        }
        if let Some(code) = code {
            self.command.exited(code);
        }
    }

    /// Into the page cache, which takes no longer than a copy: not worth a thread.
    fn append(&mut self, labelled: &mut Vec<u8>, length: &mut u64) {
        if labelled.is_empty() {
            return;
        }
        match self.log.write_all(labelled) {
            Ok(()) => {
                *length += labelled.len() as u64;
                self.command.grown(*length);
            }
            Err(error) => tracing::warn!("output of command {} is lost: {error}", self.command.id),
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
            Self::Told(source) => {
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
