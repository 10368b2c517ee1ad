//! Sends one area's exchanges in order to a server of its own.

use std::{
    collections::HashMap,
    path::PathBuf,
    time::{Duration, Instant},
};

use reqwest::{Client, Method, Response, StatusCode, redirect};
use serde_json::{Value, json};
use tokio::time::{sleep, timeout};

use super::{
    answer::{self, Answer},
    recording::{self, Exchange},
    scene,
    socket::Socket,
    template::Templates,
};
use crate::git_host::GitHost;

/// The value of `<name>`.
const NAME: &str = "replay-of-transcripts";

/// The result of one area.
pub struct Outcome {
    pub area: &'static str,
    pub recorded: usize,
    pub skipped: Vec<(String, &'static str)>,
    pub differing: Vec<(String, Vec<String>)>,
}

pub struct Replay {
    pub area: &'static str,
    pub home: PathBuf,
    base: String,
    key: String,
    client: Client,
    templates: Templates,
    /// The value of `<uuid>` in a path.
    id: String,
    /// The server that git clones from.
    pub git_host: Option<GitHost>,
    /// The outcome of what was played beside an earlier exchange.
    played: HashMap<String, Vec<String>>,
}

impl Replay {
    /// `sandbox.json` talks to the API and brings its own sandbox; the others to a toolbox.
    pub async fn new(area: &'static str, server: &daytona_dev::Server) -> Self {
        let client = crate::client::http().redirect(redirect::Policy::none()).build().unwrap();
        let mut replay = Self {
            area,
            home: PathBuf::new(),
            base: server.api_url().to_owned(),
            key: server.api_key().to_owned(),
            client,
            templates: Templates::new("", NAME),
            id: String::new(),
            git_host: None,
            played: HashMap::new(),
        };
        if area == "git" {
            replay.git_host = Some(GitHost::start());
        }
        if area != "sandbox" {
            replay.base = match std::env::var("TRANSCRIPT_TOOLBOX") {
                Ok(toolbox) => toolbox,
                Err(_) => {
                    let sandbox = replay.make("/sandbox", json!({})).await;
                    let url = sandbox["toolboxProxyUrl"].as_str().expect("a sandbox names its toolbox");
                    format!("{url}/{}", sandbox["id"].as_str().expect("a sandbox has an id"))
                }
            };
            let home = replay.read("/user-home-dir").await;
            let home = home["dir"].as_str().expect("a sandbox has a home");
            replay.templates = Templates::new(home, NAME);
            replay.home = home.into();
        }
        replay
    }

    pub async fn run(mut self) -> Outcome {
        let exchanges = recording::area(self.area);
        let mut outcome = Outcome {
            area: self.area,
            recorded: exchanges.len(),
            skipped: Vec::new(),
            differing: Vec::new(),
        };
        for exchange in &exchanges {
            if let Some(reason) = scene::reason_to_skip(self.area, &exchange.name) {
                outcome.skipped.push((exchange.name.clone(), reason));
                continue;
            }
            scene::prepare(&self, &exchange.name).await;
            if scene::has_a_new_context(self.area, &exchange.name) {
                let context = self.make("/process/interpreter/context", json!({})).await;
                context["id"].as_str().expect("a context has an id").clone_into(&mut self.id);
            }
            let differences = match self.played.remove(&exchange.name) {
                Some(differences) => differences,
                None => match scene::request_during(self.area, &exchange.name) {
                    Some(during) => self.replay_with(exchange, during, &exchanges).await,
                    None => self.replay_beside_its_socket(exchange, &exchanges).await,
                },
            };
            if !differences.is_empty() {
                outcome.differing.push((exchange.name.clone(), differences));
            }
        }
        outcome
    }

    /// A socket, and the exchange that was made while it was open.
    async fn replay_with(&mut self, exchange: &Exchange, during: &str, all: &[Exchange]) -> Vec<String> {
        let during = all.iter().find(|other| other.name == during).expect("a recorded exchange");
        let mut socket = match self.open(exchange).await {
            Ok(socket) => socket,
            Err(differences) => return differences,
        };
        socket.play(exchange, &self.id).await;
        if scene::follows_output(self.area, &exchange.name) {
            socket.await_output().await;
        } else {
            socket.listen(Duration::from_secs(1)).await;
        }
        let differences = self.replay(during).await;
        self.played.insert(during.name.clone(), differences);
        socket.differences(self.area, exchange, &self.templates).await
    }

    async fn replay_beside_its_socket(&mut self, exchange: &Exchange, all: &[Exchange]) -> Vec<String> {
        let Some(name) = scene::socket_under(self.area, &exchange.name) else {
            return self.replay(exchange).await;
        };
        let beside = all.iter().find(|other| other.name == name).expect("a recorded socket");
        let opened = self.open(beside).await;
        let mut socket = match opened {
            Ok(socket) => socket,
            Err(differences) => {
                self.played.insert(name.to_owned(), differences);
                return self.replay(exchange).await;
            }
        };
        socket.play(beside, &self.id).await;
        socket.listen(Duration::from_secs(1)).await;
        let differences = self.replay(exchange).await;
        self.played.insert(name.to_owned(), socket.differences(self.area, beside, &self.templates).await);
        differences
    }

    async fn replay(&mut self, exchange: &Exchange) -> Vec<String> {
        if exchange.request.upgrade.is_some() {
            return match self.open(exchange).await {
                Ok(mut socket) => {
                    socket.play(exchange, &self.id).await;
                    socket.differences(self.area, exchange, &self.templates).await
                }
                Err(differences) => differences,
            };
        }
        let until = Instant::now() + scene::settling(self.area, &exchange.name).unwrap_or_default();
        loop {
            let differences = self.replay_once(exchange).await;
            if differences.is_empty() || Instant::now() >= until {
                return differences;
            }
            sleep(Duration::from_millis(50)).await;
        }
    }

    async fn replay_once(&mut self, exchange: &Exchange) -> Vec<String> {
        let asked = timeout(scene::patience(exchange), async {
            let response = self.send(exchange).await?;
            let (status, headers) = (response.status().as_u16(), response.headers().clone());
            Ok::<_, reqwest::Error>(Answer { status, headers, body: response.bytes().await?.to_vec() })
        });
        let answer = match asked.await {
            Ok(Ok(answer)) => answer,
            Ok(Err(error)) => return vec![format!("no answer: {error:?}")],
            Err(_) if exchange.response.status == "TimeoutError" => return Vec::new(),
            Err(_) => return vec![format!("no answer in {:?}", scene::patience(exchange))],
        };
        if !scene::keeps_the_id(&exchange.name) {
            let body: Value = serde_json::from_slice(&answer.body).unwrap_or_default();
            if let Some(id) = body["cmdId"].as_str().or_else(|| body["id"].as_str()) {
                self.id = id.to_owned();
            }
        }
        answer::differences(self.area, exchange, &answer, &self.templates)
    }

    /// Sends a recorded request; `Sec-WebSocket-...` with an upgrade.
    async fn send(&self, exchange: &Exchange) -> reqwest::Result<Response> {
        let request = &exchange.request;
        let path = self.filled(&request.path);
        let method = Method::from_bytes(request.method.as_bytes()).unwrap();
        let key = if exchange.name == "wrong key" { "wrong" } else { &self.key };
        let mut built = self.client.request(method, format!("{}{path}", self.base)).bearer_auth(key);
        if !request.headers.contains_key("X-Daytona-SDK-Version") {
            built = built.header("X-Daytona-SDK-Version", "0.205.1");
        }
        for (name, value) in request.headers.iter().filter(|(_, value)| *value != "(absent)") {
            built = built.header(name, value);
        }
        if let Some(upgrade) = &request.upgrade {
            built = built
                .header("Connection", "Upgrade")
                .header("Upgrade", upgrade)
                .header("Sec-WebSocket-Version", "13")
                .header("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ==");
            if !request.protocols.is_empty() {
                built = built.header("Sec-WebSocket-Protocol", request.protocols.join(", "));
            }
        }
        match (&request.json, &request.body) {
            (Some(json), _) => built = built.body(self.filled(&json.to_string())),
            (None, Some(Value::String(text))) => built = built.body(text.clone()),
            (None, Some(described)) => {
                let body = scene::two_files();
                let start = recording::from_hex(described["hex"].as_str().unwrap());
                assert!(described["bytes"] == body.len() && body.starts_with(&start), "{}", exchange.name);
                built = built.body(body);
            }
            (None, None) => {}
        }
        built.send().await
    }

    /// A request with the placeholders filled in.
    fn filled(&self, template: &str) -> String {
        let filled = self.templates.filled(template, NAME, &self.id);
        let filled = filled.replace("<home>", &self.home.to_string_lossy());
        match &self.git_host {
            Some(host) => filled
                .replace("<host>", &host.address)
                .replace("<sha>", &host.git("bare.git", &["rev-parse", "master"])),
            None => filled,
        }
    }

    async fn open(&mut self, exchange: &Exchange) -> Result<Socket, Vec<String>> {
        let response = self.send(exchange).await.map_err(|error| vec![format!("no answer: {error:?}")])?;
        let (status, headers) = (response.status(), response.headers().clone());
        let upgraded = if status == StatusCode::SWITCHING_PROTOCOLS {
            Some(response.upgrade().await.map_err(|error| vec![format!("no upgrade: {error:?}")])?)
        } else {
            None
        };
        // The recordings do not have the body of a refused upgrade.
        let answer = Answer { status: status.as_u16(), headers, body: Vec::new() };
        let differences = answer::differences(self.area, exchange, &answer, &self.templates);
        match upgraded {
            Some(upgraded) if differences.is_empty() => Ok(Socket::over(upgraded).await),
            _ => Err(differences),
        }
    }

    /// Sends an unrecorded POST.
    pub async fn make(&self, path: &str, body: Value) -> Value {
        let request = self.client.post(format!("{}{path}", self.base)).json(&body);
        self.unrecorded(request).await
    }

    pub async fn remove(&self, path: &str) {
        self.unrecorded(self.client.delete(format!("{}{path}", self.base))).await;
    }

    pub async fn read(&self, path: &str) -> Value {
        self.unrecorded(self.client.get(format!("{}{path}", self.base))).await
    }

    async fn unrecorded(&self, request: reqwest::RequestBuilder) -> Value {
        let response = request
            .bearer_auth(&self.key)
            .header("X-Daytona-SDK-Version", "0.205.1")
            .send()
            .await
            .expect("the server answers");
        let body = response.text().await.unwrap_or_default();
        serde_json::from_str(&body).unwrap_or(Value::String(body))
    }

    pub async fn wait_for_state(&self, state: &str) {
        for _ in 0..2400 {
            if self.read(&format!("/sandbox/{NAME}")).await["state"] == state {
                return;
            }
            sleep(Duration::from_millis(50)).await;
        }
    }
}
