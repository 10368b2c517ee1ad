//! JSON-RPC 2.0 with a language server, in the framing of the Language Server Protocol: `Content-Length`, an empty
//! line, the message.
//!
//! Requests are answered in any order, each to the one who asked. Every buffer has a bound, and every request a
//! time limit: a server that dies, stops reading or never answers is an error of that request.

use parking_lot::Mutex;
use serde_json::value::RawValue;
use serde_json::{Value, json};
use std::collections::HashMap;
use std::fmt;
use std::io;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, BufReader};
use tokio::sync::{mpsc, oneshot};
use tokio::time::{Instant, timeout_at};

/// The largest message of a server.
const MAX_MESSAGE_BYTES: u64 = 64 << 20;
/// The largest line of a message's head, and the most lines of one.
const MAX_HEAD_LINE_BYTES: u64 = 8 << 10;
const MAX_HEAD_LINES: usize = 32;

/// Messages that wait for the server to read. With more of them a request waits, within its limit.
const OUTGOING: usize = 32;

type Waiting = HashMap<u64, oneshot::Sender<Reply>>;
type Reply = Result<Value, (i64, String)>;

pub struct Connection {
    outgoing: mpsc::Sender<Vec<u8>>,
    shared: Arc<Shared>,
}

struct Shared {
    /// `None` once the connection has ended.
    waiting: Mutex<Option<Waiting>>,
    next_id: Mutex<u64>,
}

/// Why a request has no result.
#[derive(Debug)]
pub enum Failure {
    /// The server refused: JSON-RPC's code and message.
    Refused(i64, String),
    /// The server has ended, or said what is no JSON-RPC.
    Ended,
    /// There was no answer within the limit.
    Silent(Duration),
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Refused(code, message) => write!(f, "the language server refused: {message} (code {code})"),
            Self::Ended => f.write_str("the language server has ended"),
            Self::Silent(limit) => {
                write!(f, "the language server did not answer within {} s", limit.as_secs_f64())
            }
        }
    }
}

impl Connection {
    /// Over the server's output and input. Ends when either of them does.
    pub fn new(
        output: impl AsyncRead + Send + Unpin + 'static,
        input: impl AsyncWrite + Send + Unpin + 'static,
    ) -> Self {
        let (outgoing, queue) = mpsc::channel(OUTGOING);
        let shared = Arc::new(Shared { waiting: Mutex::new(Some(Waiting::new())), next_id: Mutex::new(0) });
        let replies = outgoing.downgrade();
        let reading = shared.clone();
        tokio::spawn(async move {
            let _ended = read(output, &reading, &replies).await;
            reading.end();
        });
        let writing = shared.clone();
        tokio::spawn(async move {
            let _ended = write(input, queue).await;
            writing.end();
        });
        Self { outgoing, shared }
    }

    pub fn has_ended(&self) -> bool {
        self.shared.waiting.lock().is_none()
    }

    /// Ends the connection, though the server's pipes may still be open.
    pub fn ender(&self) -> impl FnOnce() + Send + use<> {
        let shared = self.shared.clone();
        move || shared.end()
    }

    /// The result of a request.
    pub async fn request(&self, method: &str, params: Value, limit: Duration) -> Result<Value, Failure> {
        let (id, reply) = self.shared.expect_reply().ok_or(Failure::Ended)?;
        // Forgotten also when the one who asked has left.
        let _forget = Forget { shared: &self.shared, id };
        let message = json!({ "jsonrpc": "2.0", "id": id, "method": method, "params": params });
        let deadline = Instant::now() + limit;
        let answered = timeout_at(deadline, async {
            self.outgoing.send(framed(&message)).await.map_err(|_| Failure::Ended)?;
            reply.await.map_err(|_| Failure::Ended)
        });
        match answered.await {
            Ok(Ok(Ok(result))) => Ok(result),
            Ok(Ok(Err((code, message)))) => Err(Failure::Refused(code, message)),
            Ok(Err(failure)) => Err(failure),
            Err(_) => {
                let cancel = json!({ "jsonrpc": "2.0", "method": "$/cancelRequest", "params": { "id": id } });
                let _full = self.outgoing.try_send(framed(&cancel));
                Err(Failure::Silent(limit))
            }
        }
    }

    /// Sends a notification, which has no answer.
    pub async fn notify(&self, method: &str, params: Value, limit: Duration) -> Result<(), Failure> {
        if self.has_ended() {
            return Err(Failure::Ended);
        }
        let message = framed(&json!({ "jsonrpc": "2.0", "method": method, "params": params }));
        match timeout_at(Instant::now() + limit, self.outgoing.send(message)).await {
            Ok(sent) => sent.map_err(|_| Failure::Ended),
            Err(_) => Err(Failure::Silent(limit)),
        }
    }
}

impl Shared {
    fn expect_reply(&self) -> Option<(u64, oneshot::Receiver<Reply>)> {
        let id = {
            let mut next = self.next_id.lock();
            *next += 1;
            *next
        };
        let (sender, receiver) = oneshot::channel();
        self.waiting.lock().as_mut()?.insert(id, sender);
        Some((id, receiver))
    }

    /// All that wait get [`Failure::Ended`].
    fn end(&self) {
        self.waiting.lock().take();
    }
}

struct Forget<'a> {
    shared: &'a Shared,
    id: u64,
}

impl Drop for Forget<'_> {
    fn drop(&mut self) {
        if let Some(waiting) = self.shared.waiting.lock().as_mut() {
            waiting.remove(&self.id);
        }
    }
}

fn framed(message: &Value) -> Vec<u8> {
    let body = message.to_string();
    format!("Content-Length: {}\r\n\r\n{body}", body.len()).into_bytes()
}

async fn write(mut input: impl AsyncWrite + Unpin, mut queue: mpsc::Receiver<Vec<u8>>) -> io::Result<()> {
    while let Some(message) = queue.recv().await {
        input.write_all(&message).await?;
        input.flush().await?;
    }
    Ok(())
}

/// A message of the server: an answer, a request, or a notification.
#[derive(serde::Deserialize)]
struct Message<'a> {
    #[serde(borrow)]
    id: Option<&'a RawValue>,
    method: Option<String>,
    #[serde(default)]
    params: Value,
    #[serde(default)]
    result: Value,
    error: Option<ErrorObject>,
}

#[derive(serde::Deserialize)]
struct ErrorObject {
    #[serde(default)]
    code: i64,
    #[serde(default)]
    message: String,
}

async fn read(
    output: impl AsyncRead + Unpin,
    shared: &Shared,
    replies: &mpsc::WeakSender<Vec<u8>>,
) -> io::Result<()> {
    let mut output = BufReader::new(output);
    while let Some(body) = next_message(&mut output).await? {
        let message: Message = serde_json::from_slice(&body)?;
        match (message.method, message.id) {
            (Some(method), Some(id)) => {
                // A server that asks and does not read the answers would have them collected without end.
                let reply = framed(&answer_to(&method, &message.params, id)?);
                let sent = replies.upgrade().is_some_and(|replies| replies.try_send(reply).is_ok());
                if !sent {
                    return Err(io::ErrorKind::WouldBlock.into());
                }
            }
            (None, Some(id)) => {
                let waiting =
                    id.get().parse().ok().and_then(|id: u64| shared.waiting.lock().as_mut()?.remove(&id));
                // Nobody waits for an answer that came after its limit.
                if let Some(waiting) = waiting {
                    let _left = waiting.send(match message.error {
                        Some(error) => Err((error.code, error.message)),
                        None => Ok(message.result),
                    });
                }
            }
            _ => {}
        }
    }
    Ok(())
}

/// A server may ask for settings, and tell what it can do later. It gets no settings, and may do everything.
fn answer_to(method: &str, params: &Value, id: &RawValue) -> io::Result<Value> {
    let result = match method {
        "workspace/configuration" => {
            params["items"].as_array().map(|items| vec![Value::Null; items.len()]).into()
        }
        _ => Value::Null,
    };
    let id: Value = serde_json::from_str(id.get())?;
    Ok(json!({ "jsonrpc": "2.0", "id": id, "result": result }))
}

/// The body of the next message; `None` at the end.
async fn next_message(output: &mut (impl AsyncBufReadExt + Unpin)) -> io::Result<Option<Vec<u8>>> {
    let invalid = |why: &str| io::Error::new(io::ErrorKind::InvalidData, why.to_owned());
    let mut length = None;
    for number in 0.. {
        if number == MAX_HEAD_LINES {
            return Err(invalid("too many header lines"));
        }
        let mut line = Vec::new();
        (&mut *output).take(MAX_HEAD_LINE_BYTES).read_until(b'\n', &mut line).await?;
        if line.is_empty() && number == 0 {
            return Ok(None);
        }
        let line = line.strip_suffix(b"\n").ok_or_else(|| invalid("a header line that does not end"))?;
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        if line.is_empty() {
            break;
        }
        let line = String::from_utf8_lossy(line);
        if let Some((name, value)) = line.split_once(':')
            && name.trim().eq_ignore_ascii_case("content-length")
        {
            length = value.trim().parse::<u64>().ok();
        }
    }
    let length = length.filter(|length| *length <= MAX_MESSAGE_BYTES).ok_or_else(|| invalid("no length"))?;
    let mut body = Vec::new();
    // As it arrives: the length is only what the server says.
    output.take(length).read_to_end(&mut body).await?;
    if body.len() as u64 != length {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    Ok(Some(body))
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::{DuplexStream, ReadHalf, WriteHalf, split};

    const LIMIT: Duration = Duration::from_secs(30);

    /// The server's side.
    struct Server {
        input: BufReader<ReadHalf<DuplexStream>>,
        output: WriteHalf<DuplexStream>,
    }

    impl Server {
        async fn receive(&mut self) -> Value {
            serde_json::from_slice(&next_message(&mut self.input).await.unwrap().unwrap()).unwrap()
        }

        async fn send(&mut self, message: Value) {
            self.output.write_all(&framed(&message)).await.unwrap();
        }
    }

    fn connected(buffer_bytes: usize) -> (Arc<Connection>, Server) {
        let (ours, theirs) = tokio::io::duplex(buffer_bytes);
        let (output, input) = split(ours);
        let (from_us, to_us) = split(theirs);
        let server = Server { input: BufReader::new(from_us), output: to_us };
        (Arc::new(Connection::new(output, input)), server)
    }

    fn ask(
        connection: &Arc<Connection>,
        method: &'static str,
    ) -> tokio::task::JoinHandle<Result<Value, Failure>> {
        let connection = connection.clone();
        tokio::spawn(async move { connection.request(method, json!({}), LIMIT).await })
    }

    #[tokio::test]
    async fn requests_are_answered_in_any_order() {
        let (connection, mut server) = connected(1 << 16);
        let one = ask(&connection, "one");
        let first = server.receive().await;
        let two = ask(&connection, "two");
        let second = server.receive().await;
        // Questions and news of the server come in between.
        server.send(json!({ "jsonrpc": "2.0", "method": "window/logMessage", "params": {} })).await;
        let items = json!({ "items": [{}, {}] });
        server.send(json!({ "id": "a", "method": "workspace/configuration", "params": items })).await;
        assert_eq!(server.receive().await, json!({ "jsonrpc": "2.0", "id": "a", "result": [null, null] }));
        server.send(json!({ "id": 999, "result": "nobody asked" })).await;
        server.send(json!({ "id": second["id"], "result": second["method"] })).await;
        server.send(json!({ "id": first["id"], "error": { "code": -32601, "message": "no" } })).await;
        assert_eq!(two.await.unwrap().unwrap(), "two");
        assert!(matches!(one.await.unwrap(), Err(Failure::Refused(-32601, message)) if message == "no"));
    }

    #[tokio::test]
    async fn all_that_wait_are_told_when_the_server_ends() {
        let (connection, mut server) = connected(1 << 16);
        let waiting = ask(&connection, "one");
        server.receive().await;
        drop(server);
        assert!(matches!(waiting.await.unwrap(), Err(Failure::Ended)));
        assert!(matches!(connection.request("two", json!({}), LIMIT).await, Err(Failure::Ended)));
        assert!(connection.has_ended());
    }

    #[tokio::test]
    async fn what_is_no_message_ends_the_connection() {
        for garbage in [
            "Content-Length: 5\r\n\r\n{\"a\":",
            "Content-Length: 99999999999\r\n\r\n",
            "no head at all\r\n\r\n",
            "Content-Length: 3\r\n\r\n[1]",
        ] {
            let (connection, mut server) = connected(1 << 16);
            let waiting = ask(&connection, "one");
            server.receive().await;
            server.output.write_all(garbage.as_bytes()).await.unwrap();
            assert!(matches!(waiting.await.unwrap(), Err(Failure::Ended)), "{garbage}");
        }
        let (connection, mut server) = connected(1 << 16);
        let waiting = ask(&connection, "one");
        server.receive().await;
        let endless = vec![b'x'; 2 * MAX_HEAD_LINE_BYTES as usize];
        server.output.write_all(&endless).await.unwrap();
        assert!(matches!(waiting.await.unwrap(), Err(Failure::Ended)));
    }

    #[tokio::test]
    async fn a_server_that_never_answers_or_reads_is_an_error_at_the_limit() {
        let limit = Duration::from_millis(200);
        let (connection, mut server) = connected(1 << 16);
        assert!(matches!(connection.request("one", json!({}), limit).await, Err(Failure::Silent(_))));
        let asked = server.receive().await;
        let cancelled = server.receive().await;
        assert_eq!(
            (&cancelled["method"], &cancelled["params"]["id"]),
            (&json!("$/cancelRequest"), &asked["id"])
        );
        // The late answer is nobody's; the next request has its own.
        server.send(json!({ "id": asked["id"], "result": "late" })).await;
        let next = ask(&connection, "two");
        let asked = server.receive().await;
        server.send(json!({ "id": asked["id"], "result": 2 })).await;
        assert_eq!(next.await.unwrap().unwrap(), 2);

        let (connection, _server) = connected(16);
        let text = json!({ "text": "x".repeat(1000) });
        let mut refused = false;
        for _ in 0..OUTGOING + 2 {
            refused |= connection.notify("open", text.clone(), limit).await.is_err();
        }
        assert!(refused);
    }
}
