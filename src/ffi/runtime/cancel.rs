//! How running work is ended from outside: by its caller, by its client's or its queue's close.

use crate::client::background;
use crate::client::error::{Error, Result};
use crate::client::status;
use crate::ffi::exports::guard::catch;
use futures_util::task::AtomicWaker;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicI32, Ordering};
use std::task::{Context, Poll};

/// A request to end, made once; the first reason stays.
#[derive(Default)]
pub struct Cancel {
    reason: AtomicI32,
    waker: AtomicWaker,
}

impl Cancel {
    /// `reason` is [`status::CANCELLED`] or [`status::CLOSED`].
    pub fn cancel(&self, reason: i32) {
        let _ = self.reason.compare_exchange(0, reason, Ordering::SeqCst, Ordering::SeqCst);
        self.waker.wake();
    }

    /// The error to end with, once somebody asked for the end.
    pub fn error(&self) -> Option<Error> {
        match self.reason.load(Ordering::SeqCst) {
            0 => None,
            status::CLOSED => {
                Some(Error::new(status::CLOSED, "the client was closed while this was running"))
            }
            reason => Some(Error::new(reason, "this was cancelled by its caller")),
        }
    }
}

/// Runs a future until it is ready or cancelled, and turns its panic into an error. Cancelling drops
/// the future at once, inside the runtime.
pub struct Cancellable<F> {
    cancel: Arc<Cancel>,
    epoch: usize,
    future: Option<F>,
}

impl<F> Cancellable<F> {
    pub fn new(cancel: Arc<Cancel>, future: F) -> Self {
        Self { cancel, epoch: background::epoch(), future: Some(future) }
    }
}

impl<T, F: Future<Output = Result<T>> + Unpin> Future for Cancellable<F> {
    type Output = Result<T>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<T>> {
        let this = &mut *self;
        this.cancel.waker.register(cx.waker());
        background::of_epoch(this.epoch, || {
            let outcome = catch(|| {
                if let Some(error) = this.cancel.error() {
                    this.future = None;
                    return Poll::Ready(Err(error));
                }
                match &mut this.future {
                    Some(future) => Pin::new(future).poll(cx),
                    None => Poll::Ready(Err(Error::panicked("polled again after its end"))),
                }
            })
            .unwrap_or_else(|what| Poll::Ready(Err(Error::panicked(&what))));
            if outcome.is_ready() {
                // Its destructors are part of the work: inside the runtime, under the same guard.
                let finished = this.future.take();
                let _ = catch(|| drop(finished));
            }
            outcome
        })
    }
}
