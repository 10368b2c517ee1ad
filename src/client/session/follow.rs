//! Follows a command's log to its end. The log is a file on the server, which a socket replays from its beginning and
//! then follows live; after a lost socket another one is opened, and the bytes that were already delivered are
//! skipped. The exit code is polled beside the socket, because the socket closes a second after the last output,
//! earlier, or never. The stream ends when the exit code is known and the log was read once more after that.

use super::demux::Demultiplexer;
use super::log::Log;
use crate::client::error::{Error, Result};
use crate::client::lock::Mutex;
use crate::client::socket_io::{Frame, SocketIo};
use crate::client::status;
use crate::client::stream::{Ended, Io, Sink};
use crate::client::transport::{AnswerHead, Socket};
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::time::{Instant, sleep};

/// Frames that are available together are joined into chunks up to this size; larger frames are not joined.
const BATCH_BYTES: usize = 16 * 1024;

/// A log up to this size is read again over HTTP once the exit code is known, which is faster than waiting for the
/// socket to close. A longer log is not transferred twice unless it has to be.
const SMALL_LOG_BYTES: u64 = 256 * 1024;

/// How long the socket of a long log may be silent after the exit code: the server checks for the end every second.
const SILENCE_AFTER_EXIT: Duration = Duration::from_secs(4);

/// A socket that the server closes this long after the exit code was known has delivered everything: the server reads
/// the log file every 20 ms.
const COMPLETE_AFTER_EXIT: Duration = Duration::from_millis(250);

/// Refused sockets in a row after which the log is read over HTTP instead.
const MAX_SOCKET_REFUSALS: u32 = 2;
/// Sockets in a row without new data that ended within a second or were lost, after which the log is read over HTTP
/// instead.
const MAX_EMPTY_SOCKETS: u32 = 5;
/// Failed readings of the log in a row after which the stream fails.
const MAX_READ_FAILURES: u32 = 5;
/// The same for readings that were not answered at all.
const MAX_READ_TIMEOUTS: u32 = 2;

type Watch = Pin<Box<dyn Future<Output = Result<i64>> + Send>>;

/// A stream operation: follows `log` from raw byte `from` on.
pub(crate) async fn stream(log: Log, from: u64, io: Io) -> Result<Ended> {
    let mut follower = Follower::new(log, from, io.sink, b"null".to_vec());
    // The stream takes no input: a write fails.
    drop(io.input);
    let exit_code = follower.follow().await?;
    Ok(follower.ended(exit_code))
}

pub(crate) struct Follower {
    log: Log,
    sink: Arc<dyn Sink>,
    /// OPENED's JSON, until it was delivered.
    opening: Option<Vec<u8>>,
    demux: Demultiplexer,
    /// The earlier source that came furthest. It may hold back bytes that could be the beginning of a marker,
    /// and they are lost with it unless a later source comes as far.
    furthest: Option<Demultiplexer>,
    bytes: u64,
    exited: Option<Exited>,
    /// Of the last source that was opened, for errors that have no answer of their own.
    source: Option<AnswerHead>,
    /// Why the last socket was refused, until a source can be opened again.
    refusal: Option<Error>,
    last_output: Arc<Mutex<Instant>>,
}

#[derive(Clone, Copy)]
struct Exited {
    code: i64,
    known: Instant,
}

/// How a socket ended.
enum Stopped {
    /// Everything was read for certain.
    Complete,
    /// The server closed it, and nothing is known about the end of the log.
    Closed,
    Broken,
}

impl Follower {
    pub fn new(log: Log, from: u64, sink: Arc<dyn Sink>, opening: Vec<u8>) -> Self {
        Self {
            log,
            sink,
            opening: Some(opening),
            demux: Demultiplexer::new(from),
            furthest: None,
            bytes: 0,
            exited: None,
            source: None,
            refusal: None,
            last_output: Arc::new(Mutex::new(Instant::now())),
        }
    }

    /// ENDED's JSON.
    pub fn ended(&self, exit_code: i64) -> Ended {
        let (bytes, position) = (self.bytes, self.demux.position());
        let json = format!(r#"{{"exitCode":{exit_code},"bytes":{bytes},"position":{position}}}"#);
        Ended { json: json.into_bytes(), position: Some(position), sandbox: None }
    }

    /// Adds to an error how far the stream came, and by which answer where it has none.
    pub fn complete(&self, mut error: Error) -> Error {
        if error.status() == status::PROTOCOL
            && error.detail().attempts == 0
            && let Some(source) = &self.source
        {
            error = source.complete(error);
        }
        let detail = error.detail_mut();
        detail.bytes = Some(self.bytes);
        detail.position = Some(self.demux.position());
        detail.exit_code = self.exited.map(|exited| exited.code);
        detail.sandbox_id.get_or_insert_with(|| self.log.sandbox.id().to_owned());
        error
    }

    /// Delivers everything up to the command's end, and answers its exit code.
    pub async fn follow(&mut self) -> Result<i64> {
        let followed = self.by_socket().await;
        followed.map_err(|error| self.complete(self.explained(error)))
    }

    /// A source that was opened.
    fn opened(&mut self, head: AnswerHead) {
        self.source = Some(head);
        self.refusal = None;
        if let Some(json) = self.opening.take() {
            self.sink.opened(json);
        }
    }

    /// The refusal of the socket in place of what failed for want of it.
    fn explained(&self, error: Error) -> Error {
        match &self.refusal {
            Some(refusal) if !matches!(error.status(), status::CLOSED | status::HTTP_GONE) => {
                let mut refusal = refusal.clone();
                let detail = refusal.detail_mut();
                let (why, also) = (&detail.message, &error.detail().message);
                detail.message = format!("{why}; the log cannot be read without a socket either: {also}");
                refusal
            }
            _ => error,
        }
    }

    async fn by_socket(&mut self) -> Result<i64> {
        let (mut refusals, mut empty_sockets) = (0, 0);
        loop {
            let (connected, position) = (Instant::now(), self.demux.position());
            let closed_well = match self.log.socket().await {
                Ok(socket) => {
                    self.opened(socket.head().clone());
                    refusals = 0;
                    match self.read(socket).await? {
                        Stopped::Complete => return self.code(),
                        Stopped::Closed => true,
                        Stopped::Broken => false,
                    }
                }
                Err(error) => {
                    self.refusal = Some(self.may_be_tried_otherwise(error)?);
                    refusals += 1;
                    false
                }
            };
            if self.exited.is_none() {
                match self.log.exit_code().await {
                    Ok(Some(code)) => self.exited = Some(Exited { code, known: Instant::now() }),
                    Err(error) if error.status() == status::HTTP_NOT_FOUND && self.opening.is_none() => {
                        return Err(self.log.deleted(error));
                    }
                    // Neither a socket nor an answer: reading the log over HTTP would wait in vain as well.
                    Err(error) if refusals >= MAX_SOCKET_REFUSALS && is_silence(&error) => return Err(error),
                    Ok(None) | Err(_) => {}
                }
            }
            if self.exited.is_some() {
                return self.drain(closed_well).await;
            }
            let brief = connected.elapsed() < Duration::from_secs(1);
            let vain = brief || (refusals == 0 && !closed_well);
            empty_sockets = if vain && self.demux.position() == position { empty_sockets + 1 } else { 0 };
            if refusals >= MAX_SOCKET_REFUSALS || empty_sockets >= MAX_EMPTY_SOCKETS {
                return self.by_reading().await;
            }
            if brief || refusals > 0 {
                sleep(Duration::from_millis(fastrand::u64(150..300))).await;
            }
        }
    }

    fn watch(&self) -> Watch {
        Box::pin(watch(self.log.clone(), self.last_output.clone()))
    }

    fn code(&self) -> Result<i64> {
        self.exited.map(|exited| exited.code).ok_or_else(|| {
            Error::new(status::PROTOCOL, "the command's end was reported without an exit code")
        })
    }

    /// Fails where a refused socket is the end of the stream; another way to the log is tried otherwise.
    fn may_be_tried_otherwise(&self, refusal: Error) -> Result<Error> {
        match refusal.status() {
            // The session existed when the stream was opened.
            status::HTTP_NOT_FOUND if self.opening.is_none() => Err(self.log.deleted(refusal)),
            status::HTTP_NOT_FOUND
            | status::HTTP_AUTHENTICATION
            | status::HTTP_FORBIDDEN
            | status::HTTP_GONE
            | status::CLOSED
            | status::TLS
            | status::INVALID_ARGUMENT
            | status::CONFIGURATION => Err(refusal),
            _ => Ok(refusal),
        }
    }

    /// Reads one socket until it ends, or is not needed any more.
    async fn read(&mut self, socket: Socket) -> Result<Stopped> {
        self.rewind();
        // Dropped with the socket: a poll that nobody drives any more could hold the host's last connection.
        let mut exit_code = self.watch();
        let mut socket = SocketIo::new(socket);
        let mut last = Instant::now();
        loop {
            let silence_limit = last + SILENCE_AFTER_EXIT;
            let end = tokio::select! {
                biased;
                end = poll_fn(|cx| self.poll_batch(&mut socket, cx)) => end,
                code = exit_code.as_mut(), if self.exited.is_none() => {
                    self.exited = Some(Exited { code: code?, known: Instant::now() });
                    if self.demux.position() <= SMALL_LOG_BYTES {
                        return Ok(Stopped::Broken);
                    }
                    None
                }
                () = tokio::time::sleep_until(silence_limit), if self.exited.is_some() => return Ok(Stopped::Broken),
            };
            self.deliver(Some(&mut socket)).await;
            last = Instant::now();
            match end {
                None => {}
                Some(Frame::Closed { code: 1000, .. }) => {
                    let settled =
                        self.exited.is_some_and(|exited| exited.known.elapsed() >= COMPLETE_AFTER_EXIT);
                    if !settled {
                        return Ok(Stopped::Closed);
                    }
                    self.finish().await;
                    return Ok(Stopped::Complete);
                }
                Some(_) => return Ok(Stopped::Broken),
            }
        }
    }

    /// Takes what the socket has, up to a batch; `Some` is the socket's end.
    fn poll_batch(&mut self, socket: &mut SocketIo, cx: &mut Context<'_>) -> Poll<Option<Frame>> {
        while self.demux.waiting() < BATCH_BYTES {
            match socket.poll_frame(cx, None) {
                Poll::Ready(Frame::Binary(data) | Frame::Text(data)) => self.demux.push(&data),
                Poll::Ready(end) => return Poll::Ready(Some(end)),
                Poll::Pending if self.demux.waiting() == 0 => return Poll::Pending,
                Poll::Pending => break,
            }
        }
        Poll::Ready(None)
    }

    /// Delivers the chunks as the consumer has room; the socket is kept alive meanwhile.
    async fn deliver(&mut self, mut socket: Option<&mut SocketIo>) {
        let mut delivered = false;
        while self.demux.waiting() > 0 {
            let room = poll_fn(|cx| self.sink.poll_room(cx));
            match socket.as_mut() {
                None => room.await,
                Some(socket) => tokio::select! {
                    biased;
                    () = room => {}
                    () = socket.keep_alive(None) => {}
                },
            }
            // Taken only now, so that a reading that is cut short in its wait for room loses nothing.
            let Some(chunk) = self.demux.take() else { break };
            self.bytes += chunk.data.len() as u64;
            self.sink.data(chunk);
            delivered = true;
        }
        if delivered {
            // Set after the delivery: while the consumer has no room, nothing can be received.
            *self.last_output.lock() = Instant::now();
        }
    }

    /// Prepares for another source, which begins at the beginning of the log.
    fn rewind(&mut self) {
        let next = Demultiplexer::new(self.demux.position());
        let before = std::mem::replace(&mut self.demux, next);
        if !self.furthest.as_ref().is_some_and(|furthest| furthest.reaches_beyond(&before)) {
            self.furthest = Some(before);
        }
    }

    /// Delivers what was held back as the possible beginning of a marker: nothing follows it. The last source may have
    /// failed, or replayed less, before it came that far.
    async fn finish(&mut self) {
        if let Some(furthest) = self.furthest.take().filter(|it| it.reaches_beyond(&self.demux)) {
            self.demux = furthest;
        }
        self.demux.finish();
        self.deliver(None).await;
    }

    /// Reads the rest of the log after the exit code is known.
    async fn drain(&mut self, closed_well: bool) -> Result<i64> {
        let mut failures = Failures::default();
        loop {
            match self.read_whole().await {
                Ok(()) => break,
                // The server closed the socket regularly, and the log cannot be read again.
                Err(error)
                    if closed_well && matches!(error.status(), status::PROTOCOL | status::HTTP_NOT_FOUND) =>
                {
                    break;
                }
                Err(error) => {
                    failures.note(&error);
                    if failures.are_enough() || error.status() == status::CLOSED {
                        return Err(error);
                    }
                    sleep(Duration::from_millis(200) * failures.count).await;
                }
            }
        }
        self.finish().await;
        self.code()
    }

    /// Without sockets: reads the whole log repeatedly until the exit code is known.
    async fn by_reading(&mut self) -> Result<i64> {
        let mut exit_code = self.watch();
        // Both are driven at the same time: either may hold the host's last connection.
        let code = tokio::select! {
            code = exit_code.as_mut() => code?,
            error = self.read_repeatedly() => return Err(error),
        };
        self.exited = Some(Exited { code, known: Instant::now() });
        self.drain(false).await
    }

    /// Reads the whole log again and again, until that fails for good.
    async fn read_repeatedly(&mut self) -> Error {
        let mut failures = Failures::default();
        let mut pause = Duration::from_millis(100);
        loop {
            let begun = Instant::now();
            match self.read_whole().await {
                Ok(()) => failures = Failures::default(),
                Err(error) => {
                    failures.note(&error);
                    let hopeless = matches!(error.status(), status::CLOSED | status::PROTOCOL);
                    if error.status() == status::HTTP_NOT_FOUND && self.opening.is_none() {
                        return self.log.deleted(error);
                    }
                    if self.opening.is_some() || hopeless || failures.are_enough() {
                        return error;
                    }
                }
            }
            // The pause grows with the log, so that a long one is not transferred all the time.
            pause = (pause * 3 / 2).min(Duration::from_secs(1)).max(begun.elapsed() * 10);
            sleep(pause).await;
        }
    }

    async fn read_whole(&mut self) -> Result<()> {
        self.rewind();
        let mut log = self.log.whole().await?;
        self.opened(log.head());
        while let Some(data) = log.chunk().await? {
            self.demux.push(&data);
            self.deliver(None).await;
        }
        Ok(())
    }
}

/// Failed readings of the log in a row.
#[derive(Default)]
struct Failures {
    count: u32,
    /// Of these, the ones that got no answer within their limit.
    timeouts: u32,
}

impl Failures {
    fn note(&mut self, error: &Error) {
        self.count += 1;
        self.timeouts += u32::from(is_silence(error));
    }

    /// A server that does not answer is given up sooner than one that answers with errors.
    fn are_enough(&self) -> bool {
        self.count >= MAX_READ_FAILURES || self.timeouts >= MAX_READ_TIMEOUTS
    }
}

/// Whether the server gave no answer within a limit.
fn is_silence(error: &Error) -> bool {
    error.status() == status::TIMEOUT
}

/// Polls for the exit code, often at first and once a second later. Checks the session's shell after a longer silence:
/// a command whose shell has ended never gets an exit code.
async fn watch(log: Log, last_output: Arc<Mutex<Instant>>) -> Result<i64> {
    let begun = Instant::now();
    let mut patience = log.first_pause();
    loop {
        sleep((begun.elapsed() / 8).clamp(Duration::from_millis(20), Duration::from_secs(1))).await;
        match log.exit_code().await {
            Ok(Some(code)) => return Ok(code),
            Ok(None) => {}
            Err(error) if error.status() == status::HTTP_NOT_FOUND => return Err(log.deleted(error)),
            // A lost connection is reported by the stream itself.
            Err(_) => continue,
        }
        let silence = last_output.lock().elapsed();
        if silence < log.first_pause() {
            patience = log.first_pause();
        } else if silence >= patience {
            if let Some(error) = log.ended().await {
                return match log.exit_code().await {
                    Ok(Some(code)) => Ok(code),
                    _ => Err(error),
                };
            }
            patience *= 2;
        }
    }
}
