//! Follows a command's log to its end and past every accident on the way. The log is a file on the
//! server: a socket replays it from its beginning and goes on live, so a broken socket costs nothing
//! but the bytes already seen, and is no failed command. Whether the command has ended is asked
//! beside the socket, which closes only about a second after the last output, or early, or never.
//! Nothing is an end until an exit code is known and the log was read once more after it.

use super::demux::Demultiplexer;
use super::log::Log;
use crate::client::error::{Error, Result};
use crate::client::lock::Mutex;
use crate::client::socket_io::{Frame, SocketIo};
use crate::client::status;
use crate::client::stream::{Ended, Io, Sink};
use crate::client::transport::Socket;
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::time::{Instant, sleep};

/// Frames that are there already are delivered together until there is this much: small ones make no
/// crowd of chunks, large ones are not copied together.
const BATCH: usize = 16 * 1024;

/// A log shorter than this is read whole over HTTP once the exit code is known: faster than waiting
/// for the socket to close. A longer one is not transferred twice without need.
const CHEAP_LOG: u64 = 256 * 1024;

/// After the exit code, a long log's socket may be silent for so long: the server looks every second.
const LAST_WORDS: Duration = Duration::from_secs(4);

/// The server reads the log every 20 ms: a socket it closes so long after the exit code was known
/// has everything.
const SETTLED: Duration = Duration::from_millis(250);

/// In a row, before the next best thing or the error: sockets that were refused, sockets that ended
/// at once without news, reads that failed.
const SOCKET_REFUSALS: u32 = 2;
const BARREN_SOCKETS: u32 = 5;
const READ_FAILURES: u32 = 5;
const READ_SILENCES: u32 = 2;

type Watch = Pin<Box<dyn Future<Output = Result<i64>> + Send>>;

/// A stream operation: follows `log` from raw byte `from` on.
pub(crate) async fn stream(log: Log, from: u64, io: Io) -> Result<Ended> {
    let mut follower = Follower::new(log, from, io.sink, b"null".to_vec());
    // What is written to this stream goes nowhere, and says so.
    drop(io.input);
    let exit_code = follower.follow().await?;
    Ok(follower.ended(exit_code))
}

pub(crate) struct Follower {
    log: Log,
    sink: Arc<dyn Sink>,
    /// OPENED's JSON, until it was given.
    opening: Option<Vec<u8>>,
    demux: Demultiplexer,
    /// Of the sources before, the one that came furthest: what it held back is its alone, until a
    /// later one has come as far.
    furthest: Option<Demultiplexer>,
    bytes: u64,
    exited: Option<Exited>,
    heard: Arc<Mutex<Instant>>,
}

#[derive(Clone, Copy)]
struct Exited {
    code: i64,
    known: Instant,
}

/// How the reading of a socket came to an end.
enum Stopped {
    /// With proof that everything was read.
    Complete,
    /// By the server's own close, nothing known.
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
            heard: Arc::new(Mutex::new(Instant::now())),
        }
    }

    /// ENDED's JSON.
    pub fn ended(&self, exit_code: i64) -> Ended {
        let (bytes, position) = (self.bytes, self.demux.position());
        let json = format!(r#"{{"exitCode":{exit_code},"bytes":{bytes},"position":{position}}}"#);
        Ended { json: json.into_bytes(), position: Some(position), sandbox: None }
    }

    /// Adds to an error how far the stream came.
    pub fn complete(&self, mut error: Error) -> Error {
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
        followed.map_err(|error| self.complete(error))
    }

    async fn by_socket(&mut self) -> Result<i64> {
        let mut watch: Watch = Box::pin(watch(self.log.clone(), self.heard.clone()));
        let (mut refusals, mut barren) = (0, 0);
        loop {
            let mut refusal = None;
            let (connected, position) = (Instant::now(), self.demux.position());
            let closed_well = match self.log.socket().await {
                Ok(socket) => {
                    refusals = 0;
                    self.open();
                    match self.read(socket, &mut watch).await? {
                        Stopped::Complete => return self.code(),
                        Stopped::Closed => true,
                        Stopped::Broken => false,
                    }
                }
                Err(error) => {
                    self.check_refusal(&error)?;
                    refusals += 1;
                    refusal = Some(error);
                    false
                }
            };
            if self.exited.is_none() {
                match self.log.exit_code().await {
                    Ok(Some(code)) => self.exited = Some(Exited { code, known: Instant::now() }),
                    Err(error) if error.status() == status::HTTP_NOT_FOUND && self.opening.is_none() => {
                        return Err(self.log.deleted());
                    }
                    Ok(None) => {}
                    // Neither a socket nor an answer: reading the log over HTTP would wait in vain as well.
                    Err(error) => match refusal.take() {
                        Some(refusal) if refusals >= SOCKET_REFUSALS && is_silence(&error) => {
                            return Err(refusal);
                        }
                        _ => {}
                    },
                }
            }
            if self.exited.is_some() {
                return self.drain(closed_well).await;
            }
            let brief = connected.elapsed() < Duration::from_secs(1);
            barren = if brief && self.demux.position() == position { barren + 1 } else { 0 };
            if refusals >= SOCKET_REFUSALS || barren >= BARREN_SOCKETS {
                return self.by_reading(watch).await;
            }
            if brief || refusals > 0 {
                sleep(Duration::from_millis(fastrand::u64(150..300))).await;
            }
        }
    }

    fn code(&self) -> Result<i64> {
        self.exited.map(|exited| exited.code).ok_or_else(|| {
            Error::new(status::PROTOCOL, "the command's end was reported without an exit code")
        })
    }

    fn open(&mut self) {
        if let Some(json) = self.opening.take() {
            self.sink.opened(json);
        }
    }

    /// Fails where a refused socket is the end of the stream; another way to the log is tried otherwise.
    fn check_refusal(&self, error: &Error) -> Result<()> {
        match error.status() {
            // It was there when the stream was opened.
            status::HTTP_NOT_FOUND if self.opening.is_none() => Err(self.log.deleted()),
            status::HTTP_NOT_FOUND
            | status::HTTP_AUTHENTICATION
            | status::HTTP_FORBIDDEN
            | status::HTTP_GONE
            | status::CLOSED
            | status::TLS
            | status::INVALID_ARGUMENT
            | status::CONFIGURATION => Err(error.clone()),
            _ => Ok(()),
        }
    }

    /// Reads one socket until it ends, or is not needed any more.
    async fn read(&mut self, socket: Socket, watch: &mut Watch) -> Result<Stopped> {
        self.rewind();
        let mut socket = SocketIo::new(socket);
        let mut last = Instant::now();
        loop {
            let patience = last + LAST_WORDS;
            let end = tokio::select! {
                biased;
                end = poll_fn(|cx| self.poll_batch(&mut socket, cx)) => end,
                code = watch.as_mut(), if self.exited.is_none() => {
                    self.exited = Some(Exited { code: code?, known: Instant::now() });
                    if self.demux.position() <= CHEAP_LOG {
                        return Ok(Stopped::Broken);
                    }
                    None
                }
                () = tokio::time::sleep_until(patience), if self.exited.is_some() => return Ok(Stopped::Broken),
            };
            self.deliver(Some(&mut socket)).await;
            last = Instant::now();
            match end {
                None => {}
                Some(Frame::Closed { code: 1000, .. }) => {
                    let settled = self.exited.is_some_and(|exited| exited.known.elapsed() >= SETTLED);
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
        while self.demux.waiting() < BATCH {
            match socket.poll_frame(cx, None) {
                Poll::Ready(Frame::Binary(data) | Frame::Text(data)) => self.demux.push(&data),
                Poll::Ready(end) => return Poll::Ready(Some(end)),
                Poll::Pending if self.demux.waiting() == 0 => return Poll::Pending,
                Poll::Pending => break,
            }
        }
        Poll::Ready(None)
    }

    /// Hands over what waits, as the consumer has room; the socket is kept alive meanwhile.
    async fn deliver(&mut self, mut socket: Option<&mut SocketIo>) {
        let mut delivered = false;
        while let Some(chunk) = self.demux.take() {
            let room = poll_fn(|cx| self.sink.poll_room(cx));
            match socket.as_mut() {
                None => room.await,
                Some(socket) => tokio::select! {
                    biased;
                    () = room => {}
                    () = socket.keep_alive(None) => {}
                },
            }
            self.bytes += chunk.data.len() as u64;
            self.sink.data(chunk);
            delivered = true;
        }
        if delivered {
            // Afterwards: while nobody took it, nobody could hear more.
            *self.heard.lock() = Instant::now();
        }
    }

    /// Every source of the log begins at its beginning.
    fn rewind(&mut self) {
        let next = Demultiplexer::new(self.demux.position());
        let before = std::mem::replace(&mut self.demux, next);
        if !self.furthest.as_ref().is_some_and(|furthest| furthest.reaches_beyond(&before)) {
            self.furthest = Some(before);
        }
    }

    /// Nothing follows: hands over what was held back as the beginning of a marker. The last source
    /// may have failed, or replayed less, before it came to that.
    async fn finish(&mut self) {
        if let Some(furthest) = self.furthest.take().filter(|it| it.reaches_beyond(&self.demux)) {
            self.demux = furthest;
        }
        self.demux.finish();
        self.deliver(None).await;
    }

    /// The exit code is known: reads what is left of the log and ends.
    async fn drain(&mut self, closed_well: bool) -> Result<i64> {
        let mut failures = Failures::default();
        loop {
            match self.read_whole().await {
                Ok(()) => break,
                // The server said that this was all, and cannot be asked again.
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

    /// Sockets do not come through: reads the whole log again and again.
    async fn by_reading(&mut self, mut watch: Watch) -> Result<i64> {
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
                        return Err(self.log.deleted());
                    }
                    if self.opening.is_some() || hopeless || failures.are_enough() {
                        return Err(error);
                    }
                }
            }
            // A long log is not read all the time.
            pause = (pause * 3 / 2).min(Duration::from_secs(1)).max(begun.elapsed() * 10);
            tokio::select! {
                code = watch.as_mut() => {
                    self.exited = Some(Exited { code: code?, known: Instant::now() });
                    return self.drain(false).await;
                }
                () = sleep(pause) => {}
            }
        }
    }

    async fn read_whole(&mut self) -> Result<()> {
        self.rewind();
        let mut log = self.log.whole().await?;
        self.open();
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
    silences: u32,
}

impl Failures {
    fn note(&mut self, error: &Error) {
        self.count += 1;
        self.silences += u32::from(is_silence(error));
    }

    /// A server that does not answer is given up sooner than one that answers with errors.
    fn are_enough(&self) -> bool {
        self.count >= READ_FAILURES || self.silences >= READ_SILENCES
    }
}

/// Whether the server gave no answer within a limit.
fn is_silence(error: &Error) -> bool {
    error.status() == status::TIMEOUT
}

/// Asks for the exit code, often at first and once a second later. Looks at the session itself when
/// nothing was heard for long: a command whose shell has ended never gets one.
async fn watch(log: Log, heard: Arc<Mutex<Instant>>) -> Result<i64> {
    let begun = Instant::now();
    let mut patience = log.first_pause();
    loop {
        sleep((begun.elapsed() / 8).clamp(Duration::from_millis(20), Duration::from_secs(1))).await;
        match log.exit_code().await {
            Ok(Some(code)) => return Ok(code),
            Ok(None) => {}
            Err(error) if error.status() == status::HTTP_NOT_FOUND => return Err(log.deleted()),
            // The stream itself says when the connection is lost.
            Err(_) => continue,
        }
        let silence = heard.lock().elapsed();
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
