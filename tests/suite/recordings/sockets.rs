//! A recorded WebSocket: a server sends its frames, and the stream has to deliver what is in them and to end as it
//! did.

use super::question::decoded;
use super::recording::{Exchange, Frame};
use super::replay::Outcome;
use crate::support::toolbox::{Reply, RequestInfo, Socket, Toolbox, ok, upgrade};
use crate::support::{Running, call, open};
use daytona::Error;
use daytona::client::sandbox::Sandbox;
use daytona::client::status;
use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::CloseFrame;

pub async fn compare(exchange: &Exchange) -> Outcome {
    let frames = &exchange.response.frames;
    let leaves = frames.iter().any(|frame| frame.kind == "(client closed)");
    if leaves && frames.iter().all(|frame| frame.kind.starts_with('(')) {
        return Outcome::Skipped("the recorder left without waiting for anything");
    }
    let (operation, mut params) = question(exchange);
    let is_silent = frames.iter().any(|frame| frame.kind == "(recorder gave up)");
    if is_silent {
        // Until the client gives up: the limit of the run, and some seconds.
        params["timeout"] = json!(0.1);
    }
    let expected = Expected::of(exchange, operation);
    let toolbox = server(exchange).await;
    let sandbox = toolbox.sandbox(json!({})).await;
    let outcome = match open(&sandbox, operation, params.clone()) {
        Ok(running) if leaves => {
            running.until_output(&expected.stdout).await;
            running.drop_it().await;
            Ok(())
        }
        Ok(running) => expected.differs(running).await,
        Err(error) => Err(format!("it does not open: {error}")),
    };
    let outcome = match (outcome, operation) {
        // The same operation as a call.
        (Ok(()), "interpreter.run") if !is_silent => expected.differs_collected(&sandbox, params).await,
        (outcome, _) => outcome,
    };
    match outcome {
        Ok(()) => Outcome::Same,
        Err(how) => Outcome::Differs(how),
    }
}

/// The stream of the endpoint, with the arguments that were recorded where the client would send them.
fn question(exchange: &Exchange) -> (&'static str, Value) {
    let path = exchange.request.path.split('?').next().unwrap();
    let segments: Vec<&str> = path.split('/').collect();
    match segments[2..] {
        ["interpreter", "execute"] => {
            let sent = exchange.response.frames.iter().find(|frame| frame.kind == "(client sent)");
            let sent = sent.and_then(|frame| serde_json::from_slice::<Value>(&frame.bytes()).ok());
            let mut params = json!({ "code": "c" });
            for (key, value) in sent.as_ref().and_then(Value::as_object).into_iter().flatten() {
                let key = if key == "envs" { "env" } else { key };
                // What the client refuses is asked without.
                let refused = value == "" || value.as_f64().is_some_and(|number| number < 0.0);
                if !refused {
                    params[key] = value.clone();
                }
            }
            ("interpreter.run", params)
        }
        ["pty", "create-connect"] => ("pty.open", json!({ "id": "n1" })),
        ["pty", id, "connect"] => ("pty.connect", json!({ "id": id })),
        ["session", id, "command", command, "logs"] => {
            ("session.follow", json!({ "id": id, "commandId": command }))
        }
        _ => panic!("no stream for {path}"),
    }
}

async fn server(exchange: &Exchange) -> Toolbox {
    let path = exchange.request.path.split('?').next().unwrap().trim_start_matches('/').to_owned();
    let (status, frames) = (exchange.response.status.clone(), exchange.response.frames.clone());
    Toolbox::start(move |asked: &RequestInfo, _| {
        let is_recorded = asked.path.split('?').next().map(decoded) == Some(path.clone());
        match status.as_u64() {
            // The log as it is, after the socket has closed.
            Some(101) if is_recorded && asked.header("sec-websocket-key").is_none() => {
                let log = frames.iter().filter(|frame| frame.kind == "binary").flat_map(Frame::bytes);
                Reply::Raw("200 OK", log.collect())
            }
            Some(101) if is_recorded => {
                let frames = frames.clone();
                upgrade(move |socket| play(socket, frames))
            }
            Some(404) if is_recorded => not_found(),
            // The command that is followed.
            _ if asked.path.contains("/command/") => ok(json!({ "id": "c", "command": "c", "exitCode": 0 })),
            _ => not_found(),
        }
    })
    .await
}

fn not_found() -> Reply {
    Reply::Json("404 Not Found", json!({ "error": "not found" }))
}

async fn play(mut socket: Socket, frames: Vec<Frame>) {
    for frame in frames {
        let message = match frame.kind.as_str() {
            "binary" => Message::binary(frame.bytes()),
            "text" => Message::text(match &frame.json {
                Some(json) => json.to_string(),
                None => String::from_utf8(frame.bytes()).unwrap(),
            }),
            "close" => {
                let reason = frame.reason.unwrap_or_default();
                Message::Close(Some(CloseFrame { code: frame.code.unwrap().into(), reason: reason.into() }))
            }
            "(recorder gave up)" | "(client closed)" => {
                while let Some(Ok(_)) = socket.next().await {}
                return;
            }
            // Sent by the recorder, or the end of a lost connection.
            _ => continue,
        };
        let is_close = message.is_close();
        if socket.send(message).await.is_err() {
            return;
        }
        if is_close {
            while let Some(Ok(_)) = socket.next().await {}
        }
    }
}

/// What is to come of the recorded frames, read in the plainest way.
#[derive(Default)]
struct Expected {
    stdout: String,
    stderr: String,
    /// An exception.
    structured: Option<Value>,
    /// 0, or the status of the failure.
    status: i32,
    /// A part of the failure's message.
    said: String,
    /// Of a good end.
    exit_code: Option<i64>,
}

impl Expected {
    fn of(exchange: &Exchange, operation: &str) -> Self {
        let mut expected = Self::default();
        let frames = &exchange.response.frames;
        if exchange.response.status == 404 {
            expected.status = status::HTTP_NOT_FOUND;
        }
        for frame in frames {
            match (frame.kind.as_str(), &frame.json) {
                ("binary", _) if operation == "session.follow" => expected.labelled(&frame.bytes()),
                ("binary", _) => expected.stdout.push_str(&String::from_utf8(frame.bytes()).unwrap()),
                ("text", Some(json)) if operation == "interpreter.run" => expected.output(json),
                ("text", Some(json)) if json["status"] == "error" => {
                    expected.status = status::HTTP_NOT_FOUND;
                    json["error"].as_str().unwrap().clone_into(&mut expected.said);
                }
                ("close", _) => {
                    expected.closed(operation, frame.code.unwrap(), frame.reason.as_deref().unwrap_or(""))
                }
                ("(recorder gave up)", _) => expected.status = status::TIMEOUT,
                _ => {}
            }
        }
        expected
    }

    /// The lines of a session's log, each behind its channel's mark.
    fn labelled(&mut self, log: &[u8]) {
        for line in String::from_utf8(log.to_vec()).unwrap().split_inclusive('\n') {
            match line.strip_prefix("\u{2}\u{2}\u{2}") {
                Some(line) => self.stderr.push_str(line),
                None => self.stdout.push_str(line.strip_prefix("\u{1}\u{1}\u{1}").unwrap_or(line)),
            }
        }
    }

    fn output(&mut self, frame: &Value) {
        let text = frame["text"].as_str().unwrap_or_default();
        match frame["type"].as_str() {
            Some("stdout") => self.stdout.push_str(text),
            Some("stderr") => self.stderr.push_str(text),
            Some("error") => {
                let [name, value, traceback] = ["name", "value", "traceback"].map(|key| &frame[key]);
                self.structured = Some(json!({ "name": name, "value": value, "traceback": traceback }));
            }
            _ => {}
        }
    }

    fn closed(&mut self, operation: &str, code: u16, reason: &str) {
        if let Some(code) = serde_json::from_str::<Value>(reason).ok().and_then(|it| it["exitCode"].as_i64())
        {
            self.exit_code = Some(code);
            return;
        }
        let missing = reason.contains("not found");
        self.status = match (operation, code) {
            (_, 1000) => 0,
            ("interpreter.run", 4008) => status::HTTP_REQUEST_TIMEOUT,
            ("interpreter.run", 1001) => status::HTTP_GONE,
            (_, 1008) if reason == "slow consumer" => status::SLOW_CONSUMER,
            ("interpreter.run", 1008) if missing => status::HTTP_NOT_FOUND,
            ("interpreter.run", 1002 | 1008) => status::HTTP_BAD_REQUEST,
            ("pty.connect", 1009) => status::PROTOCOL,
            _ => panic!("{operation} closed with {code} {reason}"),
        };
        if code != 1008 || reason != "slow consumer" {
            reason.clone_into(&mut self.said);
        }
    }

    async fn differs(&self, running: Running) -> std::result::Result<(), String> {
        let sink = running.sink.clone();
        let ended = running.ended().await;
        self.differs_from_end(ended.as_ref().map_err(Clone::clone))?;
        if let Ok(ended) = &ended
            && self.exit_code.is_some_and(|code| ended["exitCode"] != code)
        {
            return Err(format!("it ended with {ended}"));
        }
        let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
        let structured =
            serde_json::from_slice::<Value>(&sink.of(daytona::client::stream::Channel::Structured));
        let (stdout, stderr) = (text(sink.stdout()), text(sink.stderr()));
        // A terminal has one channel, which is not named.
        let stdout = if stdout.is_empty() && stderr.is_empty() { self.unnamed(&sink.all()) } else { stdout };
        match (stdout == self.stdout, stderr == self.stderr, structured.ok() == self.structured) {
            (true, true, true) => Ok(()),
            _ => Err(format!("the output is {stdout:?} and {stderr:?}")),
        }
    }

    fn unnamed(&self, all: &[u8]) -> String {
        match self.structured {
            Some(_) => String::new(),
            None => String::from_utf8_lossy(all).into_owned(),
        }
    }

    async fn differs_collected(&self, sandbox: &Sandbox, params: Value) -> std::result::Result<(), String> {
        let ran = call(sandbox, "interpreter.run", params).await;
        self.differs_from_end(ran.as_ref().map_err(Clone::clone))?;
        let expected = json!({ "stdout": self.stdout, "stderr": self.stderr, "error": self.structured });
        match ran {
            Ok(ran) if ran != expected => Err(format!("the result is {ran}")),
            _ => Ok(()),
        }
    }

    fn differs_from_end(&self, ended: std::result::Result<&Value, Error>) -> std::result::Result<(), String> {
        match ended {
            Ok(_) if self.status == 0 => Ok(()),
            Ok(ended) => Err(format!("it ended well: {ended}")),
            Err(error) if error.status() == self.status && error.detail().message.contains(&self.said) => {
                Ok(())
            }
            Err(error) => Err(format!("{}: {error}", error.status())),
        }
    }
}
