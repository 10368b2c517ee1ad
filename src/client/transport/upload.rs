//! Request bodies that know how far they are, so that an upload which stands still is noticed
//! although its connection is open.

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use parking_lot::Mutex;
use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

/// Smaller bodies leave in one write.
const PIECE: usize = 256 * 1024;

/// Bytes handed to the connection so far, and the body itself if it comes back untouched.
#[derive(Default)]
pub(super) struct Progress(Arc<Shared>);

#[derive(Default)]
struct Shared {
    moved: AtomicU64,
    untouched: Mutex<Option<reqwest::Body>>,
}

impl Progress {
    pub(super) fn moved(&self) -> u64 {
        self.0.moved.load(Ordering::Relaxed)
    }

    /// The body of a request that failed before anything asked for it, as when no connection was made.
    pub(super) fn untouched(&self) -> Option<reqwest::Body> {
        self.0.untouched.lock().take()
    }

    /// Waits for `work`; `None` when nothing moved for `limit`.
    pub(super) async fn watch<T>(&self, work: impl Future<Output = T>, limit: Option<Duration>) -> Option<T> {
        let Some(limit) = limit else { return Some(work.await) };
        let mut work = std::pin::pin!(work);
        let mut before = self.moved();
        loop {
            if let Ok(done) = tokio::time::timeout(limit, &mut work).await {
                return Some(done);
            }
            let now = self.moved();
            if now == before {
                return None;
            }
            before = now;
        }
    }
}

/// A body in memory; a large one in pieces, and watched.
pub(super) fn whole(bytes: Bytes) -> (reqwest::Body, Option<Progress>) {
    if bytes.len() <= PIECE {
        return (bytes.into(), None);
    }
    let progress = Progress::default();
    let body = reqwest::Body::wrap(Pieces { rest: bytes, shared: progress.0.clone() });
    (body, Some(progress))
}

/// A body that comes from elsewhere.
pub(super) fn watched(inner: reqwest::Body) -> (reqwest::Body, Progress) {
    let progress = Progress::default();
    let watched = Watched { inner: Some(inner), touched: false, shared: progress.0.clone() };
    (reqwest::Body::wrap(watched), progress)
}

struct Pieces {
    rest: Bytes,
    shared: Arc<Shared>,
}

impl Body for Pieces {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        if self.rest.is_empty() {
            return Poll::Ready(None);
        }
        let length = self.rest.len().min(PIECE);
        let piece = self.rest.split_to(length);
        self.shared.moved.fetch_add(length as u64, Ordering::Relaxed);
        Poll::Ready(Some(Ok(Frame::data(piece))))
    }

    fn is_end_stream(&self) -> bool {
        self.rest.is_empty()
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.rest.len() as u64)
    }
}

struct Watched {
    /// Always there until dropped.
    inner: Option<reqwest::Body>,
    touched: bool,
    shared: Arc<Shared>,
}

impl Body for Watched {
    type Data = Bytes;
    type Error = reqwest::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, reqwest::Error>>> {
        self.touched = true;
        let Some(inner) = &mut self.inner else { return Poll::Ready(None) };
        let polled = Pin::new(inner).poll_frame(cx);
        if let Poll::Ready(Some(Ok(frame))) = &polled
            && let Some(data) = frame.data_ref()
        {
            self.shared.moved.fetch_add(data.len() as u64, Ordering::Relaxed);
        }
        polled
    }

    fn is_end_stream(&self) -> bool {
        self.inner.as_ref().is_none_or(Body::is_end_stream)
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.as_ref().map(Body::size_hint).unwrap_or_default()
    }
}

impl Drop for Watched {
    fn drop(&mut self) {
        if !self.touched {
            *self.shared.untouched.lock() = self.inner.take();
        }
    }
}
