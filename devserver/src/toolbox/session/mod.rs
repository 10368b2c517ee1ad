//! Sessions: shells that keep their state between commands, and the logs of those commands.
//!
//! * `shell`: a session and its shell. `entrypoint`: the session of the image's command.
//! * `command`: a command and its log. `pump` copies output from the `pipe`s to the log, marked by `label`.
//!   `input`: a command's standard input.
//! * `routes`: the requests. `follow`: logs over WebSockets. `format`: the log's form by client version.

mod command;
mod entrypoint;
mod follow;
mod format;
mod input;
mod label;
mod pipe;
mod pump;
mod routes;
mod shell;

use crate::toolbox::Machine;
use entrypoint::Entrypoint;
use parking_lot::Mutex;
pub use routes::routes;
use serde_json::Value;
use shell::Session;
use std::io;
use std::sync::Arc;

/// The sessions of a sandbox in order of creation.
#[derive(Default)]
pub struct Sessions {
    all: Mutex<Vec<Arc<Session>>>,
    entrypoint: Mutex<Option<Arc<Entrypoint>>>,
}

impl Sessions {
    /// Starts the image's command, if it has one.
    pub fn start(&self, machine: &Machine) {
        if !machine.entrypoint.is_empty()
            && let Err(error) = self.entrypoint(machine)
        {
            tracing::warn!("cannot start the entrypoint of sandbox {}: {error}", machine.id);
        }
    }

    /// Ends every session.
    pub fn clear(&self) {
        for session in std::mem::take(&mut *self.all.lock()) {
            session.end();
        }
        if let Some(entrypoint) = self.entrypoint.lock().take() {
            entrypoint.command.delete();
        }
    }

    fn entrypoint(&self, machine: &Machine) -> io::Result<Arc<Entrypoint>> {
        let mut entrypoint = self.entrypoint.lock();
        if let Some(started) = &*entrypoint {
            return Ok(started.clone());
        }
        Ok(entrypoint.insert(Arc::new(Entrypoint::start(machine)?)).clone())
    }

    /// `None`: there is one with that id.
    fn create(&self, machine: &Machine, id: &str) -> io::Result<Option<()>> {
        let mut all = self.all.lock();
        if all.iter().any(|session| session.id == id) {
            return Ok(None);
        }
        all.push(Session::start(machine, id)?);
        Ok(Some(()))
    }

    fn find(&self, id: &str) -> Option<Arc<Session>> {
        self.all.lock().iter().find(|session| session.id == id).cloned()
    }

    fn remove(&self, id: &str) -> Option<Arc<Session>> {
        let mut all = self.all.lock();
        let at = all.iter().position(|session| session.id == id)?;
        Some(all.remove(at))
    }

    fn list(&self) -> Value {
        self.all.lock().iter().map(|session| session.json()).collect()
    }
}
