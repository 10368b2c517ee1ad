//! Request bodies. Those of more than one chunk count the bytes sent, so that the idle limit applies to an
//! upload that stalls on an open connection.

use crate::client::lock::Mutex;
use bytes::Bytes;
use futures_util::{Stream, StreamExt};
use http_body::{Frame, SizeHint};
use http_body_util::StreamBody;
use std::error::Error as StdError;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

type Failure = Box<dyn StdError + Send + Sync>;
type Source = Pin<Box<dyn http_body::Body<Data = Bytes, Error = Failure> + Send>>;

/// A larger body in memory is sent in chunks of this size.
const CHUNK_BYTES: usize = 256 * 1024;

/// What a request carries.
#[derive(Default)]
pub struct Body {
    content: Content,
    /// Counts the bytes that are sent, for the idle limit.
    watched: Option<Arc<Shared>>,
}

#[derive(Default)]
enum Content {
    #[default]
    Empty,
    Memory(Bytes),
    /// Never contended: the lock makes the body `Sync`, which reqwest requires.
    Source {
        source: Mutex<Source>,
        touched: bool,
    },
}

impl Body {
    /// A body that arrives in pieces while it is sent; an error of the stream aborts the request.
    pub fn wrap_stream<S, E>(stream: S) -> Self
    where
        S: Stream<Item = Result<Bytes, E>> + Send + 'static,
        E: Into<Failure> + 'static,
    {
        Self::wrap(StreamBody::new(stream.map(|piece| piece.map(Frame::data).map_err(Into::into))))
    }

    /// Any HTTP body.
    pub fn wrap<B>(body: B) -> Self
    where
        B: http_body::Body<Data = Bytes> + Send + 'static,
        B::Error: Into<Failure>,
    {
        let source: Source = Box::pin(http_body_util::BodyExt::map_err(body, Into::into));
        Self { content: Content::Source { source: Mutex::new(source), touched: false }, watched: None }
    }

    /// The bytes of a body in memory, which can be sent again; `Err` gives a streamed body back.
    pub(super) fn in_memory(mut self) -> Result<Bytes, Self> {
        match std::mem::take(&mut self.content) {
            Content::Empty => Ok(Bytes::new()),
            Content::Memory(bytes) => Ok(bytes),
            source => {
                self.content = source;
                Err(self)
            }
        }
    }

    /// As a reqwest body. Up to `CHUNK_BYTES` in memory it needs no boxed stream.
    pub(super) fn into_reqwest(mut self) -> reqwest::Body {
        match std::mem::take(&mut self.content) {
            Content::Empty => reqwest::Body::default(),
            Content::Memory(bytes) if bytes.len() <= CHUNK_BYTES => bytes.into(),
            content => {
                self.content = content;
                reqwest::Body::wrap(self)
            }
        }
    }

    /// Counts the bytes sent, except for a body of one chunk.
    pub(super) fn watch(mut self) -> (Self, Option<UploadProgress>) {
        let watched = match &self.content {
            Content::Empty => false,
            Content::Memory(bytes) => bytes.len() > CHUNK_BYTES,
            Content::Source { .. } => true,
        };
        if !watched {
            return (self, None);
        }
        let shared = Arc::<Shared>::default();
        self.watched = Some(shared.clone());
        (self, Some(UploadProgress(shared)))
    }
}

impl From<Bytes> for Body {
    fn from(bytes: Bytes) -> Self {
        Self { content: Content::Memory(bytes), watched: None }
    }
}

impl From<Vec<u8>> for Body {
    fn from(bytes: Vec<u8>) -> Self {
        Bytes::from(bytes).into()
    }
}

impl From<&'static str> for Body {
    fn from(text: &'static str) -> Self {
        Bytes::from_static(text.as_bytes()).into()
    }
}

impl http_body::Body for Body {
    type Data = Bytes;
    type Error = Failure;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Failure>>> {
        let body = &mut *self;
        let polled = match &mut body.content {
            Content::Empty => Poll::Ready(None),
            Content::Memory(rest) if rest.is_empty() => Poll::Ready(None),
            Content::Memory(rest) => {
                let length = rest.len().min(CHUNK_BYTES);
                Poll::Ready(Some(Ok(Frame::data(rest.split_to(length)))))
            }
            Content::Source { source, touched } => {
                *touched = true;
                source.get_mut().as_mut().poll_frame(cx)
            }
        };
        if let (Some(shared), Poll::Ready(Some(Ok(frame)))) = (&body.watched, &polled)
            && let Some(data) = frame.data_ref()
        {
            shared.moved.fetch_add(data.len() as u64, Ordering::Relaxed);
        }
        polled
    }

    fn is_end_stream(&self) -> bool {
        match &self.content {
            Content::Empty => true,
            Content::Memory(rest) => rest.is_empty(),
            Content::Source { source, .. } => source.lock().is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match &self.content {
            Content::Empty => SizeHint::with_exact(0),
            Content::Memory(rest) => SizeHint::with_exact(rest.len() as u64),
            Content::Source { source, .. } => source.lock().size_hint(),
        }
    }
}

impl Drop for Body {
    fn drop(&mut self) {
        if let (Some(shared), Content::Source { touched: false, .. }) = (&self.watched, &self.content) {
            let content = std::mem::take(&mut self.content);
            *shared.untouched.lock() = Some(Self { content, watched: None });
        }
    }
}

/// Bytes handed to the connection so far, and the body itself if it was not read.
pub(super) struct UploadProgress(Arc<Shared>);

#[derive(Default)]
struct Shared {
    moved: AtomicU64,
    untouched: Mutex<Option<Body>>,
}

impl UploadProgress {
    pub(super) fn moved(&self) -> u64 {
        self.0.moved.load(Ordering::Relaxed)
    }

    /// The body of a request that failed before it was read, as when no connection was made.
    pub(super) fn untouched(&self) -> Option<Body> {
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
