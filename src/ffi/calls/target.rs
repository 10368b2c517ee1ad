//! Client and sandbox handles, and what closing a client does.

use crate::catalogue::{Target, TargetRef};
use crate::client::error::{Error, Result};
use crate::client::lock::Mutex;
use crate::client::status;
use crate::ffi::runtime::cancel::Cancel;
use crate::ffi::runtime::handle::Tag;
use crate::ffi::runtime::process::Process;
use slab::Slab;
use std::sync::Arc;

/// A client handle, typed so in C.
pub type daytona_client_t = u64;
/// A sandbox handle, typed so in C.
pub type daytona_sandbox_t = u64;

/// What a client handle stands for, with everything that runs on it.
pub struct ClientTarget {
    pub target: TargetRef,
    running: Mutex<RunningWork>,
}

#[derive(Default)]
struct RunningWork {
    closed: bool,
    cancels: Slab<Arc<Cancel>>,
}

/// What a sandbox handle stands for.
pub struct SandboxTarget {
    pub target: TargetRef,
    pub client: Arc<ClientTarget>,
}

/// Takes work off its client's list when it is dropped.
pub struct RegistrationGuard {
    client: Arc<ClientTarget>,
    key: usize,
}

impl Drop for RegistrationGuard {
    fn drop(&mut self) {
        self.client.running.lock().cancels.try_remove(self.key);
    }
}

impl ClientTarget {
    pub fn new(target: TargetRef) -> Self {
        Self { target, running: Mutex::default() }
    }

    /// Registers work for the client's close to end; CLOSED when it is closed already.
    pub fn register(self: &Arc<Self>, cancel: Arc<Cancel>) -> Result<RegistrationGuard> {
        let mut running = self.running.lock();
        if running.closed {
            return Err(closed());
        }
        Ok(RegistrationGuard { client: self.clone(), key: running.cancels.insert(cancel) })
    }

    /// Ends what runs, each with CLOSED. Returns at once.
    pub fn close(&self) {
        let ended: Vec<_> = {
            let mut running = self.running.lock();
            running.closed = true;
            running.cancels.drain().collect()
        };
        for cancel in ended {
            cancel.cancel(status::CLOSED);
        }
        if let TargetRef::Client(client) = &self.target {
            client.close();
        }
    }
}

fn closed() -> Error {
    Error::new(status::CLOSED, "the client is closed; open another")
}

/// What an operation acts on: the handle's target, and the client that it belongs to. The error for what is neither
/// a client nor a sandbox names the one that is `wanted`.
pub fn resolve(process: &Process, handle: u64, wanted: Target) -> Result<(TargetRef, Arc<ClientTarget>)> {
    let is_sandbox = match Tag::of(handle) {
        Some(Tag::Sandbox) => true,
        Some(Tag::Client) => false,
        _ => wanted == Target::Sandbox,
    };
    if is_sandbox {
        let sandbox = process.sandboxes.get(handle)?;
        Ok((sandbox.target.clone(), sandbox.client.clone()))
    } else {
        let client = process.clients.get(handle)?;
        Ok((client.target.clone(), client))
    }
}
