//! What a stream takes.

use super::{Output, Shared};
use crate::catalogue;
use crate::client::error::Result;
use crate::client::lock::Mutex;
use crate::client::stream::InputWriter;
use crate::sdk::request::named;
use std::future::poll_fn;
use std::marker::PhantomData;
use std::sync::Arc;
use std::task::{Context, Poll, Waker, ready};

/// Whether a stream takes input.
///
/// ```
/// use daytona::{Input, Output};
///
/// /// Of any stream, whether it takes input or not.
/// fn opened<Opened, Ended, I: Input>(stream: &Output<Opened, Ended, I>) -> &Opened {
///     stream.opened()
/// }
/// ```
pub trait Input: sealed::Sealed + 'static {
    #[doc(hidden)]
    const KIND: catalogue::Input;
    #[doc(hidden)]
    const ENDS: bool = matches!(Self::KIND, catalogue::Input::Finished);
}

/// A stream that takes input.
///
/// ```
/// use daytona::{Output, Result, TakesInput};
///
/// /// To a terminal as well as to a file.
/// async fn greet<Opened, Ended, I: TakesInput>(to: &Output<Opened, Ended, I>) -> Result<()> {
///     to.write(b"hello\n").await
/// }
/// ```
pub trait TakesInput: Input {}

/// The stream takes no input.
///
/// ```no_run
/// # async fn example(sandbox: daytona::Sandbox) -> daytona::Result<()> {
/// use daytona::{NoInput, Output, types::{FollowEnded, RunOpened}};
///
/// let output: Output<RunOpened, FollowEnded, NoInput> = sandbox.process().run("make").await?;
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub enum NoInput {}

/// The stream takes input as long as it is open, as a terminal does.
///
/// ```no_run
/// # async fn example(sandbox: daytona::Sandbox) -> daytona::Result<()> {
/// use daytona::{EndlessInput, Output, types::{PtyEnded, PtyOpened}};
///
/// let terminal: Output<PtyOpened, PtyEnded, EndlessInput> = sandbox.pty().open("main").await?;
/// terminal.write(b"ls\n").await?;
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub enum EndlessInput {}

/// The stream takes input until that is ended, as the writer of a file does.
///
/// ```no_run
/// # async fn example(sandbox: daytona::Sandbox) -> daytona::Result<()> {
/// use daytona::{FiniteInput, Output};
///
/// let file: Output<_, _, FiniteInput> = sandbox.files().writer("notes.txt").await?;
/// file.write(b"two\n").await?;
/// file.finish().await?;
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub enum FiniteInput {}

impl Input for NoInput {
    const KIND: catalogue::Input = catalogue::Input::None;
}
impl Input for EndlessInput {
    const KIND: catalogue::Input = catalogue::Input::Endless;
}
impl Input for FiniteInput {
    const KIND: catalogue::Input = catalogue::Input::Finished;
}
impl TakesInput for EndlessInput {}
impl TakesInput for FiniteInput {}

mod sealed {
    pub trait Sealed {}
    impl Sealed for super::NoInput {}
    impl Sealed for super::EndlessInput {}
    impl Sealed for super::FiniteInput {}
}

/// The input of a stream, by itself: one task writes while another reads the [`Output`]. It does not keep the stream open.
///
/// ```no_run
/// # async fn example(sandbox: daytona::Sandbox) -> Result<(), Box<dyn std::error::Error>> {
/// let mut terminal = sandbox.pty().open("main").await?;
/// let mut keys = terminal.input();
/// let mut script = tokio::fs::File::open("script").await?;
/// tokio::spawn(async move { tokio::io::copy(&mut script, &mut keys).await });
/// let mut log = tokio::fs::File::create("log").await?;
/// tokio::io::copy(&mut terminal, &mut log).await?;
/// # Ok(())
/// # }
/// ```
pub struct StreamInput<I> {
    writer: InputWriter,
    /// Who waits for room; the writer itself remembers one.
    waiting: Arc<Mutex<Vec<Waker>>>,
    pub(super) shared: Arc<Shared>,
    kind: PhantomData<fn() -> I>,
}

impl<I> Clone for StreamInput<I> {
    fn clone(&self) -> Self {
        let Self { writer, waiting, shared, kind } = self;
        Self { writer: writer.clone(), waiting: waiting.clone(), shared: shared.clone(), kind: *kind }
    }
}

impl<I> StreamInput<I> {
    pub(super) fn new(writer: InputWriter, shared: Arc<Shared>) -> Self {
        Self { writer, waiting: Arc::default(), shared, kind: PhantomData }
    }

    pub(super) fn poll_write(&self, cx: &mut Context<'_>, data: &[u8]) -> Poll<Result<usize>> {
        let taken = match self.writer.write(data) {
            Ok(taken) => taken,
            Err(closed) => {
                if !self.writer.is_finished() {
                    // What failed it is the reason, and comes with its end.
                    ready!(self.shared.poll_complete(cx))?;
                }
                return Poll::Ready(Err(named(self.shared.operation, closed)));
            }
        };
        if taken > 0 || data.is_empty() {
            return Poll::Ready(Ok(taken));
        }
        let mut waiting = self.waiting.lock();
        if !waiting.iter().any(|waker| waker.will_wake(cx.waker())) {
            waiting.push(cx.waker().clone());
        }
        drop(waiting);
        let waiting = Arc::downgrade(&self.waiting);
        self.writer.on_room(move || {
            let all = waiting.upgrade().map(|waiting| std::mem::take(&mut *waiting.lock()));
            all.into_iter().flatten().for_each(Waker::wake);
        });
        Poll::Pending
    }

    pub(super) fn finish(&self) {
        self.writer.finish();
    }

    /// Whether nobody else writes.
    pub(super) fn is_only_one(&self) -> bool {
        Arc::strong_count(&self.waiting) == 1
    }
}

impl<I: TakesInput> StreamInput<I> {
    /// Writes all of it to the remote side, as fast as that takes it. To a stream that has failed it fails as that did.
    ///
    /// ```no_run
    /// # async fn example(sandbox: daytona::Sandbox) -> daytona::Result<()> {
    /// let terminal = sandbox.pty().open("main").await?;
    /// let keyboard = terminal.input();
    /// tokio::spawn(async move { keyboard.write(b"ls\n").await });
    /// # Ok(())
    /// # }
    /// ```
    pub async fn write(&self, mut data: &[u8]) -> Result<()> {
        poll_fn(|cx| {
            while !data.is_empty() {
                let taken = ready!(self.poll_write(cx, data))?;
                data = &data[taken..];
            }
            Poll::Ready(Ok(()))
        })
        .await
    }
}

impl StreamInput<FiniteInput> {
    /// Says that no more will be written: a writer of a file completes it then.
    ///
    /// ```no_run
    /// # async fn example(sandbox: daytona::Sandbox) -> daytona::Result<()> {
    /// let file = sandbox.files().writer("notes.txt").await?;
    /// let content = file.input();
    /// content.write(b"two\n").await?;
    /// content.end();
    /// file.finish().await?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn end(&self) {
        self.finish();
    }
}

impl<I> std::fmt::Debug for StreamInput<I> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("StreamInput").finish_non_exhaustive()
    }
}

impl<Opened, Finished, I: TakesInput> Output<Opened, Finished, I> {
    /// Its input by itself, for a task that writes while another reads.
    ///
    /// ```no_run
    /// # async fn example(sandbox: daytona::Sandbox) -> daytona::Result<()> {
    /// let mut terminal = sandbox.pty().open("main").await?;
    /// let keyboard = terminal.input();
    /// tokio::spawn(async move { keyboard.write(b"exit\n").await });
    /// while let Some(chunk) = terminal.next().await {
    ///     print!("{}", chunk?.text());
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub fn input(&self) -> StreamInput<I> {
        self.input.clone()
    }

    /// Writes all of it to the remote side, as fast as that takes it.
    ///
    /// ```no_run
    /// # async fn example(sandbox: daytona::Sandbox) -> daytona::Result<()> {
    /// let terminal = sandbox.pty().open("main").await?;
    /// terminal.write(b"ls\n").await?;
    /// # Ok(())
    /// # }
    /// ```
    pub async fn write(&self, data: &[u8]) -> Result<()> {
        self.input.write(data).await
    }
}

impl<Opened, Finished> Output<Opened, Finished, FiniteInput> {
    /// Says that no more will be written: a writer of a file completes it then.
    ///
    /// ```no_run
    /// # async fn example(sandbox: daytona::Sandbox) -> daytona::Result<()> {
    /// let file = sandbox.files().writer("notes.txt").await?;
    /// file.write(b"two\n").await?;
    /// file.end_input();
    /// # Ok(())
    /// # }
    /// ```
    pub fn end_input(&self) {
        self.input.end();
    }
}
