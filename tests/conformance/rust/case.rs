//! One case while it runs: its targets and variables.

use crate::answers::{Answer, Call, Gathered, Input, On, Streaming};
use crate::matching::{bytes_of, match_bytes, matches, plain};
use crate::parameters::Parameters;
use crate::{answers, table};
use daytona::types::ClientConfig;
use daytona::{Client, Echo, Error};
use serde_json::{Map, Value, json};
use std::collections::HashMap;
use std::pin::pin;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::timeout;

/// A step that has not ended after this fails its case.
const PATIENCE: Duration = Duration::from_secs(120);

type Failed = String;

pub struct Case<'a> {
    given: &'a Value,
    dynamic: bool,
    targets: HashMap<String, On>,
    variables: Map<String, Value>,
}

pub async fn run(given: &Value, client: &Client) -> Result<(), Failed> {
    known(given, &["name", "on", "create", "faults", "dynamic", "steps"])?;
    let directory = tempfile::tempdir().map_err(|error| error.to_string())?;
    let variables = json!({
        "unique": directory.path().file_name().unwrap().to_string_lossy().replace('.', "").to_lowercase(),
        "tmp": directory.path(),
        "apiHost": server()?.0,
    });
    let Value::Object(variables) = variables else { unreachable!() };
    let targets = HashMap::from([("client".to_owned(), On::Client(client.clone()))]);
    let mut case = Case { given, dynamic: given["dynamic"] == true, targets, variables };
    let done = case.steps().await;
    if !given["faults"].is_null() {
        faults(&json!([])).await?;
    }
    if let Some(id) = case.variables.get("sandboxId") {
        // The case may have deleted it.
        if let Ok(sandbox) = client.attach(id.clone()).await {
            let _ = sandbox.delete().await;
        }
    }
    done
}

impl Case<'_> {
    async fn steps(&mut self) -> Result<(), Failed> {
        match self.given["on"].as_str() {
            Some("echo") => self.keep("echo", On::Echo(Echo::default())),
            Some("sandbox") => {
                let create = match &self.given["create"] {
                    Value::Null => json!({}),
                    create => create.clone(),
                };
                let save = json!({ "sandboxId": "/id", "sandboxName": "/name" });
                let step =
                    json!({ "call": "sandbox.create", "params": create, "as": "sandbox", "save": save });
                let dynamic = std::mem::take(&mut self.dynamic);
                self.step(&step).await?;
                self.dynamic = dynamic;
            }
            _ => {}
        }
        if !self.given["faults"].is_null() {
            faults(&self.filled(&self.given["faults"])).await?;
        }
        for (at, step) in self.given["steps"].as_array().unwrap().iter().enumerate() {
            let done =
                timeout(PATIENCE, self.step(step)).await.unwrap_or_else(|_| Err("it has not ended".into()));
            done.map_err(|failed| format!("step {}: {failed}", at + 1))?;
        }
        Ok(())
    }

    fn keep(&mut self, name: &str, on: On) {
        self.targets.insert(name.to_owned(), on);
    }

    /// A value with its variables.
    fn filled(&self, value: &Value) -> Value {
        match value {
            Value::Array(items) => items.iter().map(|item| self.filled(item)).collect(),
            Value::Object(object) => {
                let filled = object.iter().map(|(key, item)| (self.text(key), self.filled(item)));
                filled.collect::<Map<_, _>>().into()
            }
            Value::String(text) => {
                let name = text.strip_prefix("${").and_then(|rest| rest.strip_suffix('}'));
                match name.and_then(|name| self.variables.get(name)) {
                    Some(value) => value.clone(),
                    None => self.text(text).into(),
                }
            }
            other => other.clone(),
        }
    }

    fn text(&self, text: &str) -> String {
        self.variables.iter().fold(text.to_owned(), |text, (name, value)| {
            let value = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
            text.replace(&format!("${{{name}}}"), &value)
        })
    }

    async fn step(&mut self, step: &Value) -> Result<(), Failed> {
        let mut filled = Map::new();
        for (key, value) in step.as_object().unwrap() {
            // The variables of these may come from the steps within.
            let is_later = ["do", "meanwhile", "expect"].contains(&key.as_str());
            filled.insert(key.clone(), if is_later { value.clone() } else { self.filled(value) });
        }
        let step = Value::Object(filled);
        if !step["stream"].is_null() {
            known(&step, &["stream", "params", "with", "as", "save", "do", "expect"])?;
            Box::pin(self.stream(&step)).await
        } else if !step["call"].is_null() {
            known(&step, &["call", "params", "body", "with", "as", "save", "meanwhile", "cancel", "expect"])?;
            Box::pin(self.call(&step)).await
        } else {
            known(&step, &["close"])?;
            self.target(step["close"].as_str().unwrap())?.close();
            Ok(())
        }
    }

    fn target(&self, name: &str) -> Result<On, Failed> {
        self.targets.get(name).cloned().ok_or_else(|| format!("there is no handle {name}"))
    }

    fn on(&self, step: &Value, operation: &str) -> Result<On, Failed> {
        self.target(step["with"].as_str().unwrap_or_else(|| target_of(operation)))
    }

    async fn call(&mut self, step: &Value) -> Result<(), Failed> {
        let operation = step["call"].as_str().unwrap();
        let body = if step["body"].is_null() { Vec::new() } else { bytes_of(&step["body"]) };
        let params = Parameters { values: object(&step["params"]), body };
        let work = self.begin(step, operation, params)?;
        let running = tokio::spawn(work);
        for other in step["meanwhile"].as_array().into_iter().flatten() {
            self.step(other).await?;
        }
        if step["cancel"] == true {
            running.abort();
        }
        let expected = self.filled(&step["expect"]);
        match running.await {
            Ok(outcome) => self.compare(step, &expected, "result", outcome),
            // The future was dropped: in Rust that is all that its caller sees.
            Err(error) if error.is_cancelled() => {
                let is = json!({ "class": "Cancelled", "status": 5 });
                matches(&expected["error"], Some(&is), "error")
            }
            Err(error) => Err(error.to_string()),
        }
    }

    fn begin(&self, step: &Value, operation: &str, mut params: Parameters) -> Result<Call, Failed> {
        if operation == "echo.open" {
            let made = Some(On::Echo(Echo::default()));
            return Ok(Box::pin(async { Ok(Answer { made, ..Answer::default() }) }));
        }
        if operation == "client.open" {
            let config: ClientConfig = Parameters::json(Value::Object(params.values))?;
            return Ok(Box::pin(async {
                Ok(Answer { made: Some(On::Client(Client::new(config)?)), ..Answer::default() })
            }));
        }
        let on = self.on(step, operation)?;
        match table::call(operation) {
            Some(make) if !self.dynamic => make(&on, &mut params),
            // The one of these cases that gives bytes.
            _ if operation == "files.read" => {
                Ok(answers::bytes(on.operation(operation, &params.values).bytes()))
            }
            _ => Ok(answers::json(on.operation(operation, &params.values).into_future())),
        }
    }

    /// Compares what came with what is expected, and keeps what is saved.
    fn compare(
        &mut self,
        step: &Value,
        expected: &Value,
        good: &str,
        came: Result<Answer, Error>,
    ) -> Result<(), Failed> {
        known(
            expected,
            &["result", "bytes", "opened", "stdout", "stderr", "none", "structured", "ended", "error"],
        )?;
        let wanted = &expected["error"];
        let answer = match came {
            Err(error) if wanted.is_null() => return Err(format!("failed: {}", described(&error))),
            Err(error) => {
                let is = described(&error);
                return matches(wanted, Some(&is), "error")
                    .map_err(|failed| format!("{failed}; all of it: {is}"));
            }
            Ok(_) if !wanted.is_null() => return Err(format!("no error came; expected {wanted}")),
            Ok(answer) => answer,
        };
        if let (Some(made), Some(name)) = (answer.made, step["as"].as_str()) {
            self.keep(name, made);
        }
        if let Some(bytes) = expected.get("bytes") {
            return match_bytes(bytes, &answer.bytes, "bytes");
        }
        for (name, pointer) in step["save"].as_object().into_iter().flatten() {
            let pointer = pointer.as_str().unwrap();
            let value = answer.json.pointer(pointer).ok_or_else(|| format!("there is no {pointer}"))?;
            self.variables.insert(name.clone(), value.clone());
        }
        match expected.get(good) {
            Some(wanted) => matches(wanted, Some(&answer.json), good),
            None => Ok(()),
        }
    }

    async fn stream(&mut self, step: &Value) -> Result<(), Failed> {
        let operation = step["stream"].as_str().unwrap();
        let on = self.on(step, operation)?;
        let mut params = Parameters { values: object(&step["params"]), body: Vec::new() };
        let open = match table::stream(operation) {
            Some(make) if !self.dynamic => make(&on, &mut params)?,
            _ => answers::none(on.operation(operation, &params.values).stream()),
        };
        let mut stream = match open.await {
            Ok(stream) => stream,
            Err(error) => return self.compare(step, &self.filled(&step["expect"]), "ended", Err(error)),
        };
        let opened = stream.opened();
        let mut gathered = Gathered::default();
        for action in step["do"].as_array().into_iter().flatten() {
            if action["close"] == "stream" {
                drop(stream);
                let expected = self.filled(&step["expect"]);
                return compare_output(&expected, &opened, &gathered);
            }
            self.act(action, stream.as_mut(), &mut gathered).await?;
        }
        let mut outcome = Ok(true);
        while let Ok(true) = outcome {
            outcome = gathered.next(stream.as_mut()).await;
        }
        let ended = match outcome {
            Ok(_) => stream.finish().await,
            Err(error) => Err(error),
        };
        let expected = self.filled(&step["expect"]);
        compare_output(&expected, &opened, &gathered)?;
        self.compare(step, &expected, "ended", ended)
    }

    async fn act(
        &mut self,
        action: &Value,
        stream: &mut dyn Streaming,
        gathered: &mut Gathered,
    ) -> Result<(), Failed> {
        if let Some(data) = action.get("write") {
            let data = bytes_of(&self.filled(data));
            let Some(input) = stream.input() else { return Err("it takes no input".into()) };
            let mut writing = pin!(input.write(&data));
            // What comes meanwhile is taken, or an echo would stop. Where it takes no more, its end tells why.
            while let Ok(true) = tokio::select! {
                biased;
                _ = &mut writing => Ok(false),
                more = gathered.next(stream) => more,
            } {}
        } else if let Some(text) = action.get("until") {
            let text = self.text(text.as_str().unwrap());
            while !gathered.finds(&text) {
                match gathered.next(stream).await {
                    Ok(true) => {}
                    Ok(false) => return Err(format!("ended before {text:?} came")),
                    Err(error) => return Err(format!("ended before {text:?} came: {error}")),
                }
            }
        } else if action["finish"] == true {
            if let Some(Input::Finite(input)) = stream.input() {
                input.end();
            }
        } else {
            self.step(action).await?;
        }
        Ok(())
    }
}

fn compare_output(expected: &Value, opened: &Value, gathered: &Gathered) -> Result<(), Failed> {
    if let Some(wanted) = expected.get("opened") {
        matches(wanted, Some(opened), "opened")?;
    }
    for (at, channel) in ["none", "stdout", "stderr"].iter().enumerate() {
        if let Some(wanted) = expected.get(channel) {
            match_bytes(wanted, &gathered.channels[at], channel)?;
        }
    }
    match expected.get("structured") {
        Some(wanted) => matches(wanted, Some(&gathered.structured.clone().into()), "structured"),
        None => Ok(()),
    }
}

/// The target that the catalogue names.
fn target_of(operation: &str) -> &'static str {
    let (area, verb) = operation.split_once('.').unwrap_or((operation, ""));
    match area {
        "echo" => "echo",
        "sandbox" if ["create", "get", "find", "list", "attach"].contains(&verb) => "client",
        "client" | "snapshot" | "volume" | "image" | "secret" | "warm_pool" | "region" => "client",
        _ => "sandbox",
    }
}

fn object(params: &Value) -> Map<String, Value> {
    match plain(params) {
        Value::Object(object) => object,
        _ => Map::new(),
    }
}

/// An error as the cases have it.
fn described(error: &Error) -> Value {
    let mut json: Value = serde_json::from_slice(&error.json()).unwrap();
    let class = error.class();
    json["class"] = if class.name() == "Other" { Value::Null } else { class.name().into() };
    json["parent"] = class.parent().map_or(Value::Null, |parent| parent.name().into());
    json
}

pub fn known(given: &Value, keys: &[&str]) -> Result<(), Failed> {
    match given.as_object().into_iter().flatten().find(|(key, _)| !keys.contains(&key.as_str())) {
        Some((key, _)) => Err(format!("unknown key {key}")),
        None => Ok(()),
    }
}

/// Host and port, and the path before `/api`.
fn server() -> Result<(String, String), Failed> {
    let url = std::env::var("DAYTONA_API_URL").map_err(|error| format!("DAYTONA_API_URL: {error}"))?;
    let rest = url.strip_prefix("http://").ok_or("DAYTONA_API_URL is not of the dev server")?;
    let (host, path) = rest.split_once('/').unwrap_or((rest, ""));
    Ok((host.to_owned(), path.trim_end_matches("api").trim_end_matches('/').to_owned()))
}

/// Sets the dev server's faults.
async fn faults(rules: &Value) -> Result<(), Failed> {
    let (host, path) = server()?;
    let key = std::env::var("DAYTONA_API_KEY").map_err(|error| error.to_string())?;
    let body = rules.to_string();
    let request = format!(
        "POST {path}/faults HTTP/1.1\r\nHost: {host}\r\nAuthorization: Bearer {key}\r\nContent-Type: application/json\r\n\
         Content-Length: {}\r\nConnection: close\r\n\r\n{body}",
        body.len()
    );
    let mut answer = String::new();
    let exchange = async {
        let mut socket = tokio::net::TcpStream::connect(&host).await?;
        socket.write_all(request.as_bytes()).await?;
        socket.read_to_string(&mut answer).await
    };
    exchange.await.map_err(|error| error.to_string())?;
    match answer.split_ascii_whitespace().nth(1) {
        Some(status) if status.starts_with('2') => Ok(()),
        _ => Err(format!("the faults were refused: {answer}")),
    }
}
