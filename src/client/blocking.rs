//! Work that blocks, such as disk access and the look-up of names, on the threads that Tokio has for it.

use super::error::{Error, Result};
use super::per_runtime::current_runtime;
use super::status;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;

/// Work that was begun. It goes on when this is dropped.
pub(crate) type Begun<T> = Pin<Box<dyn Future<Output = Result<T>> + Send>>;

/// Begins it at once. Where no thread can be started, Tokio panics; here that is IO.
pub(crate) fn begin<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Begun<T> {
    let begun = current_runtime().and_then(|runtime| {
        catch_unwind(AssertUnwindSafe(|| runtime.spawn_blocking(work))).map_err(|_| {
            let message =
                "no thread could be started for work that blocks: end some threads, or raise their limit";
            Error::new(status::IO, message)
        })
    });
    Box::pin(async move {
        let ended = begun?.await;
        ended.map_err(|error| Error::new(status::IO, format!("work that blocks ended early: {error}")))
    })
}

/// The same of work that can fail itself.
pub(crate) fn run<T: Send + 'static>(
    work: impl FnOnce() -> Result<T> + Send + 'static,
) -> impl Future<Output = Result<T>> {
    let begun = begin(work);
    async move { begun.await? }
}
