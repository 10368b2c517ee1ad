//! An open stream.

mod async_io;
mod input;

pub use input::{EndlessInput, FiniteInput, Input, NoInput, StreamInput, TakesInput};

use crate::catalogue::Operation;
use crate::client::error::{Error, Result};
use crate::client::lock::Mutex;
use crate::client::operation::BUFFER_BYTES;
use crate::client::per_runtime::current_runtime;
use crate::client::status;
use crate::client::stream::{self, Channel, Ended, ErrorContext, Io, Sink};
use crate::sdk::request::{named, read as read_json};
use crate::sdk::sandbox::Sandbox;
use crate::sdk::target::Target;
use bytes::Bytes;
use futures_util::Stream;
use serde::de::DeserializeOwned;
use std::collections::VecDeque;
use std::fmt;
use std::future::poll_fn;
use std::marker::PhantomData;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use tokio::task::AbortHandle;

/// The least that a stream buffers.
const MIN_BUFFER_BYTES: u64 = 64 << 10;

/// A piece of a stream, in order.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> daytona::Result<()> {
/// let mut output = daytona::Echo::default().stream().chunks(1).size(2).await?;
/// let chunk: daytona::Chunk = output.next().await.expect("a piece")?;
/// assert_eq!((chunk.channel, &chunk.data[..], chunk.position), (daytona::Channel::Stdout, &b"aa"[..], 2));
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct Chunk {
    /// Standard output or standard error of a command, a JSON value of an interpreter.
    pub channel: Channel,
    /// The bytes, as they came: a character may be cut at the end.
    pub data: Bytes,
    /// Raw bytes of the source consumed up to the end of this piece: the value to resume from.
    pub position: u64,
}

impl Chunk {
    /// Whether it is of standard error.
    ///
    /// ```no_run
    /// # async fn example(sandbox: daytona::Sandbox) -> daytona::Result<()> {
    /// let mut output = sandbox.process().run("make").await?;
    /// while let Some(chunk) = output.next().await {
    ///     let chunk = chunk?;
    ///     if chunk.is_stderr() { eprint!("{}", chunk.text()) } else { print!("{}", chunk.text()) }
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub fn is_stderr(&self) -> bool {
        self.channel == Channel::Stderr
    }

    /// As text; what is not UTF-8 is replaced.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> daytona::Result<()> {
    /// let mut output = daytona::Echo::default().stream().chunks(1).size(2).await?;
    /// assert_eq!(output.next().await.expect("a piece")?.text(), "aa");
    /// # Ok(())
    /// # }
    /// ```
    pub fn text(&self) -> std::borrow::Cow<'_, str> {
        String::from_utf8_lossy(&self.data)
    }
}

/// An open stream: its data with [`next`](Self::next) or as a [`Stream`], then how it ended with
/// [`finish`](Self::finish). One that takes input is also a [`tokio::io::AsyncWrite`], and every one is a
/// [`tokio::io::AsyncRead`] of its output and error output together.
///
/// `Opened` is what was known when it opened, `Finished` what it ends with, `I` whether it takes input: [`NoInput`],
/// [`EndlessInput`] or [`FiniteInput`].
///
/// Its socket is read, pinged and timed out by a task of its own, also while nobody reads; what was not read yet is
/// bounded by `buffer_bytes`. Dropping it closes the stream, which ends the remote side where the operation's
/// documentation says so.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> daytona::Result<()> {
/// let mut output = daytona::Echo::default().stream().chunks(3).size(2).await?;
/// let mut text = String::new();
/// while let Some(chunk) = output.next().await {
///     text += &chunk?.text();
/// }
/// assert_eq!(text, "aabbcc");
/// assert_eq!(output.finish().await?.bytes, 6);
/// # Ok(())
/// # }
/// ```
#[must_use = "dropping it closes the stream"]
pub struct Output<Opened, Finished, I = NoInput> {
    opened: Opened,
    target: Target,
    shared: Arc<Shared>,
    input: StreamInput<I>,
    task: AbortHandle,
    /// What `AsyncRead` has of a piece that was larger than its buffer.
    rest: Option<Chunk>,
    finished: PhantomData<fn() -> Finished>,
}

/// What a stream ends with.
pub trait Ending: Sized {
    #[doc(hidden)]
    fn read(operation: &'static Operation, target: &Target, ended: Ended) -> Result<Self>;
}

impl<T: DeserializeOwned> Ending for T {
    fn read(operation: &'static Operation, _: &Target, ended: Ended) -> Result<Self> {
        read_json(operation, &ended.json)
    }
}

impl Ending for Sandbox {
    fn read(operation: &'static Operation, target: &Target, ended: Ended) -> Result<Self> {
        let missing = || Error::new(status::PANIC, format!("{} has made no sandbox", operation.name));
        ended.sandbox.map(|sandbox| Self::of(sandbox, target)).ok_or_else(missing)
    }
}

/// What the task and the reader share.
struct Shared {
    operation: &'static Operation,
    state: Mutex<State>,
    capacity_bytes: usize,
}

#[derive(Default)]
struct State {
    opened: Option<Vec<u8>>,
    chunks: VecDeque<stream::Chunk>,
    waiting_bytes: usize,
    end: Option<Result<Ended>>,
    /// The reader had the error already.
    is_told: bool,
    reader: Option<Waker>,
    /// Who waits until what was written is complete.
    completing: Vec<Waker>,
    source: Option<Waker>,
}

impl<Opened: DeserializeOwned, Finished: Ending, I: Input> Output<Opened, Finished, I> {
    pub(super) async fn open(
        operation: &'static Operation,
        target: Target,
        begin: impl FnOnce(Box<dyn FnOnce(Option<u64>) -> Io + Send>) -> Result<crate::catalogue::StreamFuture>,
    ) -> Result<Self> {
        let runtime = current_runtime().map_err(|error| named(operation, error))?;
        let made = Arc::new(Mutex::new(None));
        let ends = made.clone();
        let work = begin(Box::new(move |buffer_bytes| {
            let capacity_bytes = usize::try_from(buffer_bytes.unwrap_or(BUFFER_BYTES).max(MIN_BUFFER_BYTES))
                .unwrap_or(usize::MAX);
            let (writer, input) = stream::input(capacity_bytes);
            let shared = Arc::new(Shared { operation, state: Mutex::default(), capacity_bytes });
            *ends.lock() = Some((shared.clone(), writer));
            Io { sink: Arc::new(SharedSink(shared)), input, error_context: ErrorContext::default() }
        }))?;
        let ends = made.lock().take();
        let (shared, input) = ends.ok_or_else(|| {
            Error::new(status::PANIC, format!("{} has not made the ends of its stream", operation.name))
        })?;
        let sharing = shared.clone();
        let life = target.clone();
        let task = runtime
            .spawn(async move {
                // Whatever becomes of the task, a panic and a shutdown of the runtime included, the reader is told.
                let told = Told(sharing);
                let end = life.while_open(work).await;
                told.0.end(end);
            })
            .abort_handle();
        let output = Unopened(Some(task));
        let opened = poll_fn(|cx| shared.poll_opened(cx)).await?;
        let opened = read_json(operation, &opened)?;
        let input = StreamInput::new(input, shared.clone());
        let (task, rest) = (output.keep(), None);
        Ok(Self { opened, target, shared, input, task, rest, finished: PhantomData })
    }

    /// Reads what is left, drops it, and gives how the stream ended. An input that can be ended is ended, unless somebody
    /// else has it by [`input`](Self::input).
    ///
    /// ```no_run
    /// # async fn example(sandbox: daytona::Sandbox) -> daytona::Result<()> {
    /// let output = sandbox.process().run("make").await?;
    /// println!("exit code {}", output.finish().await?.exit_code);
    /// # Ok(())
    /// # }
    /// ```
    pub async fn finish(mut self) -> Result<Finished> {
        if I::ENDS && self.input.is_only_one() {
            self.input.finish();
        }
        while let Some(chunk) = self.next().await {
            chunk?;
        }
        // It stays, for who still writes.
        let end = self.shared.state.lock().end.clone();
        match end {
            Some(Ok(ended)) => Finished::read(self.shared.operation, &self.target, ended),
            Some(Err(error)) => Err(error),
            None => Err(Error::new(status::PANIC, "the stream has no end")),
        }
    }
}

impl<Opened, Finished, I> Output<Opened, Finished, I> {
    /// What was known when the stream opened.
    ///
    /// ```no_run
    /// # async fn example(sandbox: daytona::Sandbox) -> daytona::Result<()> {
    /// let terminal = sandbox.pty().open("main").await?;
    /// println!("terminal {}", terminal.opened().id);
    /// # Ok(())
    /// # }
    /// ```
    pub fn opened(&self) -> &Opened {
        &self.opened
    }

    /// The next piece; `None` after a good end, an error once after a bad one.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> daytona::Result<()> {
    /// let mut output = daytona::Echo::default().stream().chunks(3).size(2).await?;
    /// let mut pieces = 0;
    /// while let Some(chunk) = output.next().await {
    ///     pieces += usize::from(!chunk?.data.is_empty());
    /// }
    /// assert_eq!(pieces, 3);
    /// # Ok(())
    /// # }
    /// ```
    pub async fn next(&mut self) -> Option<Result<Chunk>> {
        poll_fn(|cx| self.poll_chunk(cx)).await
    }

    /// What is left of a piece that `AsyncRead` gave in part, then the next piece.
    fn poll_chunk(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Chunk>>> {
        match self.rest.take() {
            Some(rest) => Poll::Ready(Some(Ok(rest))),
            None => self.shared.poll_next(cx),
        }
    }
}

// Nothing points into it.
impl<Opened, Finished, I> Unpin for Output<Opened, Finished, I> {}

impl<Opened, Finished, I> Stream for Output<Opened, Finished, I> {
    type Item = Result<Chunk>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Chunk>>> {
        self.get_mut().poll_chunk(cx)
    }
}

impl<Opened: fmt::Debug, Finished, I> fmt::Debug for Output<Opened, Finished, I> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let operation = &self.shared.operation.name;
        f.debug_struct("Output")
            .field("operation", operation)
            .field("opened", &self.opened)
            .finish_non_exhaustive()
    }
}

impl<Opened, Finished, I> Drop for Output<Opened, Finished, I> {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// The task of a stream that nobody has yet.
struct Unopened(Option<AbortHandle>);

impl Unopened {
    fn keep(mut self) -> AbortHandle {
        self.0.take().expect("only this takes it")
    }
}

impl Drop for Unopened {
    fn drop(&mut self) {
        if let Some(task) = &self.0 {
            task.abort();
        }
    }
}

struct Told(Arc<Shared>);

impl Drop for Told {
    fn drop(&mut self) {
        self.0.end(Err(Error::new(status::CLOSED, "the stream was closed, or its runtime has ended")));
    }
}

impl Shared {
    /// The first end counts.
    fn end(&self, end: Result<Ended>) {
        let mut state = self.state.lock();
        if state.end.is_none() {
            state.end = Some(end.map_err(|error| named(self.operation, error)));
        }
        let waiting: Vec<Waker> = state.reader.take().into_iter().chain(state.completing.drain(..)).collect();
        drop(state);
        waiting.into_iter().for_each(Waker::wake);
    }

    fn poll_opened(&self, cx: &mut Context<'_>) -> Poll<Result<Vec<u8>>> {
        let mut state = self.state.lock();
        if let Some(opened) = state.opened.take() {
            return Poll::Ready(Ok(opened));
        }
        match &state.end {
            Some(Err(error)) => return Poll::Ready(Err(error.clone())),
            Some(Ok(_)) => return Poll::Ready(Ok(b"null".to_vec())),
            None => state.reader = Some(cx.waker().clone()),
        }
        Poll::Pending
    }

    /// Ready when the stream has ended, or has output that nobody reads meanwhile.
    fn poll_complete(&self, cx: &mut Context<'_>) -> Poll<Result<()>> {
        let mut state = self.state.lock();
        match &state.end {
            Some(Ok(_)) => Poll::Ready(Ok(())),
            Some(Err(error)) => Poll::Ready(Err(error.clone())),
            None if !state.chunks.is_empty() => Poll::Ready(Ok(())),
            None => {
                if !state.completing.iter().any(|waker| waker.will_wake(cx.waker())) {
                    state.completing.push(cx.waker().clone());
                }
                Poll::Pending
            }
        }
    }

    fn failure(&self) -> Option<Error> {
        self.state.lock().end.as_ref().and_then(|end| end.as_ref().err().cloned())
    }

    fn poll_next(&self, cx: &mut Context<'_>) -> Poll<Option<Result<Chunk>>> {
        let mut state = self.state.lock();
        if let Some(stream::Chunk { channel, data, position }) = state.chunks.pop_front() {
            state.waiting_bytes -= stream::weight(&data);
            let source = state.source.take();
            drop(state);
            wake(source);
            return Poll::Ready(Some(Ok(Chunk { channel, data, position })));
        }
        match &state.end {
            Some(Ok(_)) => Poll::Ready(None),
            Some(Err(_)) if state.is_told => Poll::Ready(None),
            Some(Err(error)) => {
                let error = error.clone();
                state.is_told = true;
                Poll::Ready(Some(Err(error)))
            }
            None => {
                state.reader = Some(cx.waker().clone());
                Poll::Pending
            }
        }
    }
}

fn wake(waiting: Option<Waker>) {
    if let Some(waker) = waiting {
        waker.wake();
    }
}

struct SharedSink(Arc<Shared>);

impl Sink for SharedSink {
    fn opened(&self, json: Vec<u8>) {
        let mut state = self.0.state.lock();
        state.opened = Some(json);
        let reader = state.reader.take();
        drop(state);
        wake(reader);
    }

    fn poll_room(&self, cx: &mut Context<'_>) -> Poll<()> {
        let mut state = self.0.state.lock();
        if state.waiting_bytes < self.0.capacity_bytes {
            return Poll::Ready(());
        }
        state.source = Some(cx.waker().clone());
        Poll::Pending
    }

    fn data(&self, chunk: stream::Chunk) {
        let mut state = self.0.state.lock();
        state.waiting_bytes += stream::weight(&chunk.data);
        state.chunks.push_back(chunk);
        let waiting: Vec<Waker> = state.reader.take().into_iter().chain(state.completing.drain(..)).collect();
        drop(state);
        waiting.into_iter().for_each(Waker::wake);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shared(capacity_bytes: usize) -> Shared {
        let operation = const { crate::catalogue::operation("echo.stream") };
        Shared { operation, state: Mutex::default(), capacity_bytes }
    }

    #[test]
    fn who_waits_for_the_end_is_remembered_once_however_often_it_is_polled() {
        let shared = shared(1);
        for _ in 0..3 {
            assert!(shared.poll_complete(&mut Context::from_waker(Waker::noop())).is_pending());
        }
        assert_eq!(shared.state.lock().completing.len(), 1);
    }
    #[test]
    fn pieces_without_bytes_take_room_as_well() {
        let sink = SharedSink(Arc::new(shared(1 << 10)));
        let empty = || stream::Chunk { channel: Channel::Stdout, data: Bytes::new(), position: 0 };
        let room = || sink.poll_room(&mut Context::from_waker(Waker::noop())).is_ready();
        let taken = (0..1000).take_while(|_| room().then(|| sink.data(empty())).is_some()).count();
        assert!((1..1000).contains(&taken), "{taken}");
        while let Poll::Ready(Some(_)) = sink.0.poll_next(&mut Context::from_waker(Waker::noop())) {}
        assert_eq!(sink.0.state.lock().waiting_bytes, 0);
    }
}
