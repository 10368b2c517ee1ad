//! What belongs to one Tokio runtime: connections and tasks, which stand still while it is not driven and end with it.
//! A Rust program may use one client in several runtimes, at once or one after another; tests do.

use super::error::{Error, Result};
use std::future::pending;
use tokio::runtime::{Handle, Id};
use tokio::task::AbortHandle;

/// One value for each runtime that is alive.
pub(super) struct PerRuntime<T>(Vec<Owned<T>>);

struct Owned<T> {
    runtime: Id,
    /// A task that does nothing, and ends with the runtime: another one may get the same id.
    life: AbortHandle,
    value: T,
}

impl<T> Default for PerRuntime<T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<T: Default> PerRuntime<T> {
    /// The value of the current runtime. The first use by a runtime drops those of runtimes that have ended.
    pub(super) fn current(&mut self) -> Result<&mut T> {
        let runtime = current_runtime()?;
        let id = runtime.id();
        let is_it = |owned: &Owned<T>| owned.runtime == id && !owned.life.is_finished();
        let index = self.0.iter().position(is_it).unwrap_or_else(|| {
            self.0.retain(|owned| !owned.life.is_finished());
            let life = runtime.spawn(pending::<()>()).abort_handle();
            self.0.push(Owned { runtime: id, life, value: T::default() });
            self.0.len() - 1
        });
        Ok(&mut self.0[index].value)
    }

    /// Those of all runtimes.
    pub(super) fn all(&mut self) -> impl Iterator<Item = &mut T> {
        self.0.iter_mut().map(|owned| &mut owned.value)
    }
}

impl<T> Drop for Owned<T> {
    fn drop(&mut self) {
        self.life.abort();
    }
}

/// The runtime that this is called in.
pub(crate) fn current_runtime() -> Result<Handle> {
    let missing = "this needs a Tokio runtime, and is called outside of one: `#[tokio::main]`, or `block_on` of a runtime";
    Handle::try_current().map_err(|_| Error::invalid(missing))
}
