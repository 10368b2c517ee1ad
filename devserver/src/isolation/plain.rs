//! A container without isolation, as every Unix can have it: a directory, and a daemon whose processes are the
//! machine's own. The connection that is the daemon's standard input at first is the container's lifeline: when
//! the server's end closes, however the server ended, the daemon ends with everything below it.

use super::calls;
use super::container::{Container, Ended};
use super::control_groups::{Group, Hierarchies};
use super::failure::{During, Failure, Step};
use super::launch::{self, Daemon};
use super::limits::Limits;
use super::socket;
use crate::processes;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::fs;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::Shutdown;
use std::os::fd::OwnedFd;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStderr};
use std::sync::Arc;

/// A sandbox's files, limits and processes on the machine itself.
pub struct PlainContainer {
    hierarchies: Arc<Hierarchies>,
    program: PathBuf,
    id: String,
    directory: PathBuf,
    limits: Limits,
    group: Option<Group>,
    running: Option<Running>,
}

struct Running {
    lifeline: UnixStream,
    child: Child,
    stderr: Option<ChildStderr>,
}

/// What the server tells the new process, in one line of JSON; the answer is a line with a [`Started`].
#[derive(Serialize, Deserialize)]
struct Told {
    id: String,
    /// Where the daemon's socket is to be.
    directory: PathBuf,
    /// `cgroup.procs` of each control group to join.
    groups: Vec<PathBuf>,
    daemon: Value,
}

#[derive(Serialize, Deserialize)]
enum Started {
    Ready,
    Failed(String),
}

impl PlainContainer {
    /// One that has nothing yet, with a directory of its own in `state`.
    pub fn new(
        program: &Path,
        hierarchies: &Arc<Hierarchies>,
        state: &Path,
        id: &str,
        limits: Limits,
    ) -> Self {
        Self {
            hierarchies: hierarchies.clone(),
            program: program.to_owned(),
            id: id.to_owned(),
            directory: state.join(id),
            limits,
            group: None,
            running: None,
        }
    }
}

impl Container for PlainContainer {
    fn socket(&self) -> PathBuf {
        self.directory.join(socket::NAME)
    }

    fn root(&self) -> Option<PathBuf> {
        Some("/".into())
    }

    fn ended(&self) -> Option<io::Result<Ended>> {
        let running = self.running.as_ref()?;
        // The daemon says nothing more on it: readable is its end.
        let ended = running.lifeline.try_clone().and_then(|end| calls::readable(OwnedFd::from(end)));
        Some(ended.map(|ended| Box::pin(ended) as Ended))
    }

    fn take_stderr(&mut self) -> Option<ChildStderr> {
        self.running.as_mut()?.stderr.take()
    }

    fn start(&mut self, daemon: Value) -> io::Result<()> {
        self.stop();
        launch::make_directory(&self.directory)?;
        let _none = fs::remove_file(self.socket());
        let group = self.hierarchies.create(&self.id, &self.limits)?;
        let groups = group.members();
        self.group = Some(group);
        let (lifeline, theirs) = UnixStream::pair()?;
        let mut command = launch::command(&self.program, launch::PLAIN, theirs.into());
        let mut child = launch::spawn(&mut command)?;
        // With it goes this process's own copy of their end.
        drop(command);
        let directory = self.directory.clone();
        let told = Told { id: self.id.clone(), directory, groups, daemon };
        if let Err(error) = tell(&lifeline, &told) {
            let _ended = child.kill();
            let _ = child.wait();
            return Err(error);
        }
        let stderr = child.stderr.take();
        self.running = Some(Running { lifeline, child, stderr });
        Ok(())
    }

    fn stop(&mut self) {
        let Some(mut running) = self.running.take() else { return };
        // Not by closing it: a process that is being started may have it open for a moment.
        let _gone = running.lifeline.shutdown(Shutdown::Both);
        let _ = running.child.wait();
        // The daemon may have been killed before it could end the others.
        processes::kill_marked(&self.id);
        if let Some(group) = self.group.take() {
            group.kill();
            group.remove();
        }
        let _ = fs::remove_file(self.socket());
    }

    fn delete(&mut self) {
        self.stop();
        let _ = fs::remove_dir_all(&self.directory);
    }

    fn limit(&mut self, limits: Limits) -> io::Result<()> {
        self.limits = limits;
        self.group.as_ref().map_or(Ok(()), |group| group.set(&limits))
    }
}

impl Drop for PlainContainer {
    fn drop(&mut self) {
        self.delete();
    }
}

/// Tells the new process what to be, and hears how it went.
fn tell(mut lifeline: &UnixStream, told: &Told) -> io::Result<()> {
    let mut line = serde_json::to_vec(told)?;
    line.push(b'\n');
    let mut answer = String::new();
    let gone = || io::Error::other("the daemon of the sandbox ended early");
    lifeline.write_all(&line).map_err(|_| gone())?;
    // Nothing follows that line, which a buffer could swallow.
    BufReader::new(lifeline).read_line(&mut answer)?;
    match serde_json::from_str(&answer) {
        Ok(Started::Ready) => Ok(()),
        Ok(Started::Failed(why)) => Err(io::Error::other(why)),
        Err(_) => Err(gone()),
    }
}

/// The process itself: serves until it ends, or the server does.
pub fn main(daemon: Daemon) {
    calls::stop_ignoring_signals();
    let Ok(mut lifeline) = launch::take_input().map(UnixStream::from) else { return };
    let prepared = prepare(&lifeline);
    let answer = match &prepared {
        Ok(_) => Started::Ready,
        Err(Failure(text)) => Started::Failed(text.clone()),
    };
    let mut line = serde_json::to_vec(&answer).unwrap_or_default();
    line.push(b'\n');
    let _gone = lifeline.write_all(&line);
    let Ok((listener, told)) = prepared else { std::process::exit(1) };
    let id = told.id;
    std::thread::spawn(move || {
        while lifeline.read(&mut [0; 64]).is_ok_and(|read| read > 0) {}
        processes::kill_all_below(std::process::id() as i32);
        processes::kill_marked(&id);
        std::process::exit(0);
    });
    daemon(listener, told.daemon);
}

fn prepare(lifeline: &UnixStream) -> Step<(UnixListener, Told)> {
    let mut line = String::new();
    BufReader::new(lifeline).read_line(&mut line).during("read what to be")?;
    let told: Told = serde_json::from_str(&line).during("read what to be")?;
    let _leads_already = nix::unistd::setsid();
    for group in &told.groups {
        fs::write(group, "0").at("join the control group", group)?;
    }
    launch::detach_input()?;
    // From within the directory, whose name may be longer than that of a socket. This process has one thread yet.
    std::env::set_current_dir(&told.directory).at("enter", &told.directory)?;
    let listener = UnixListener::bind(socket::NAME).at("listen in", &told.directory)?;
    std::env::set_current_dir("/").during("enter /")?;
    Ok((listener, told))
}
