//! One sandbox as last read, and where its toolbox is.
//!
//! * `reading`: the part of a sandbox's JSON that the library reads. `create`, `find`, `list`: operations that
//!   return sandboxes. `lifecycle`, `copies`, `wait`: changes of state, snapshots and forks, and waiting for them.
//! * `settings`: labels, intervals, network, secrets, environment. `telemetry`: metrics and ports.
//! * `events`: state changes as they happen.
//! * `links`, `file_urls`, `ssh`: access from outside. `build`: the build log.
//! * `daemon`, `api_version`: the generation of the daemon and of the API, and what older ones lack.
//!   `desktop`: what is known of the sandbox's desktop.

mod build;
mod copies;
mod create;
mod daemon;
mod desktop;
mod events;
mod file_urls;
mod find;
mod lifecycle;
mod links;
mod list;
mod nothing;
mod reading;
mod settings;
mod ssh;
mod telemetry;
mod wait;

pub use copies::{CreateSnapshot, Fork, Forks, ancestors, create_snapshot, fork, forks, parent};
pub use create::{Create, Resources, VolumeMount, create, create_stream};
pub use events::{Events, EventsEnded, EventsOpened, events};
pub use file_urls::{FileUrl, SignedUrl, download_url, rotate_signing_key, upload_url};
pub use find::{Attach, Attached, Find, Get, SandboxId, attach, find, get};
pub use lifecycle::{
    Delete, Recover, Resize, Stop, archive, delete, info, pause, recover, refresh, resize, start, stop,
};
pub(crate) use links::working_directory;
pub use links::{
    Directory, ExpireSignedPreviewLink, Port, PreviewLink, SignPreviewLink, SignedPreviewLink,
    expire_signed_preview_link, home_dir, preview_link, signed_preview_link, work_dir,
};
pub use list::{List, Listed, list};
pub use nothing::Nothing;
pub use reading::{BuildInfo, Described};
pub use settings::{
    Keepalive, LabelsSet, Minutes, MinutesToDeletion, SetLabels, SetNetwork, SetPublic, SetSecrets,
    UpdateEnv, keepalive, set_auto_archive, set_auto_delete, set_auto_pause, set_auto_stop, set_labels,
    set_network, set_public, set_secrets, set_ttl, update_env,
};
pub use ssh::{
    CreateSshAccess, SshAccess, SshToken, SshValidation, create_ssh_access, revoke_ssh_access,
    validate_ssh_access,
};
pub use telemetry::{
    DaemonVersion, MetricPoint, MetricSeries, MetricsHistory, MetricsSeries, PortUse, Ports, SystemMetrics,
    daemon_version, metrics, metrics_history, port_in_use, ports,
};
pub use wait::{Wait, wait, wait_for_resize, wait_for_start, wait_for_stop};

pub(crate) use daemon::{Daemon, daemon_too_old, is_missing_route, send_newer};
pub(crate) use desktop::{Area, DesktopNotes};

use super::Client;
use super::error::{Error, Result};
use super::transport::{Json, Request, segment};
use super::{log, status};
use crate::client::lock::RwLock;
use http::Method;
use reading::Reading;
use serde_json::{Map, Value};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// The language of a sandbox whose creator named none.
const DEFAULT_LANGUAGE: &str = "python";

/// A sandbox of a client. Cheap to clone; dropping it does nothing to the sandbox.
#[derive(Clone)]
pub struct Sandbox(Arc<Shared>);

struct Shared {
    client: Client,
    /// As the handle was made: the UUID, unless the user attached by name.
    id: String,
    last: RwLock<Last>,
    daemon: daemon::Noted,
    desktop: DesktopNotes,
    signing_key: file_urls::SigningKey,
}

#[derive(Default)]
struct Last {
    json: Option<Arc<Vec<u8>>>,
    reading: Reading,
    toolbox: Option<Arc<Toolbox>>,
}

/// Where a sandbox's toolbox is.
struct Toolbox {
    /// `{toolboxProxyUrl}/{id}`, without a slash at the end.
    base: String,
    /// Whether its origin may be sent the credential: checked once, not at every call.
    trusted: AtomicBool,
}

impl Toolbox {
    fn new(proxy: &str, id: &str) -> Arc<Self> {
        let base = format!("{}/{id}", proxy.trim_end_matches('/'));
        Arc::new(Self { base, trusted: AtomicBool::new(false) })
    }
}

impl Sandbox {
    /// A sandbox of which nothing but the id is known.
    fn unread(client: Client, id: &str) -> Self {
        Self(Arc::new(Shared {
            client,
            id: id.to_owned(),
            last: RwLock::default(),
            daemon: daemon::Noted::default(),
            desktop: DesktopNotes::default(),
            signing_key: file_urls::SigningKey::default(),
        }))
    }

    /// A sandbox from the server's JSON.
    fn read(client: Client, json: Json) -> Result<Self> {
        let reading = Reading::parse(&json)?;
        let sandbox = Self::unread(client, &reading.id);
        sandbox.keep(json, reading);
        Ok(sandbox)
    }

    /// Stores a newer answer. The toolbox's address may have changed.
    fn take(&self, json: Json) -> Result<()> {
        let reading = Reading::parse(&json)?;
        self.keep(json, reading);
        Ok(())
    }

    fn keep(&self, json: Json, reading: Reading) {
        let mut last = self.0.last.write();
        if let Some(proxy) = reading.toolbox_proxy_url.as_deref().filter(|url| !url.is_empty()) {
            last.toolbox = Some(Toolbox::new(proxy, &reading.id));
        }
        last.json = Some(Arc::new(json.text));
        let before = std::mem::replace(&mut last.reading, reading);
        if log::listens(log::INFO) && before.state != last.reading.state {
            let state = last.reading.state.clone();
            drop(last);
            log::line(log::INFO, || format!("sandbox {} is {state}", self.id()));
        }
    }

    pub fn id(&self) -> &str {
        &self.0.id
    }

    pub fn client(&self) -> &Client {
        &self.0.client
    }

    /// What is known of the sandbox's desktop.
    pub(crate) fn desktop_notes(&self) -> &DesktopNotes {
        &self.0.desktop
    }

    /// The JSON last read; `null` when nothing was read yet.
    pub fn info(&self) -> Json {
        let last = self.0.last.read();
        let Some(json) = &last.json else { return b"null".to_vec().into() };
        let mut copy = Vec::with_capacity(json.len() + 1);
        copy.extend_from_slice(json);
        copy.into()
    }

    /// The language that the sandbox was created for, by its label.
    pub async fn language(&self) -> Result<String> {
        if self.0.last.read().json.is_none() {
            self.look_up().await?;
        }
        Ok(self.reading().language().unwrap_or(DEFAULT_LANGUAGE).to_owned())
    }

    fn reading(&self) -> Reading {
        self.0.last.read().reading.clone()
    }

    /// A request to this sandbox's toolbox; `path` is below `{sb}`, as `process/execute`.
    pub async fn toolbox(&self, method: Method, path: &str) -> Result<Request> {
        let url = self.toolbox_url(path).await?;
        Ok(self.client().transport().request(method, url).sandbox(self.id()))
    }

    /// The absolute URL of a toolbox path.
    pub async fn toolbox_url(&self, path: &str) -> Result<String> {
        let known = self.0.last.read().toolbox.clone();
        let toolbox = match known {
            Some(toolbox) => toolbox,
            // Boxed because it is rare: otherwise the future of every call would reserve space for it.
            None => Box::pin(self.find_toolbox()).await?,
        };
        if !toolbox.trusted.load(Ordering::Relaxed) {
            let trusted = self.client().transport().trust(&toolbox.base);
            trusted.map_err(|error| self.without_toolbox(error))?;
            toolbox.trusted.store(true, Ordering::Relaxed);
        }
        Ok([&toolbox.base, "/", path].concat())
    }

    /// An invalid toolbox address comes from the server, so it is PROTOCOL and no INVALID_ARGUMENT.
    fn without_toolbox(&self, mut error: Error) -> Error {
        if error.status() == status::INVALID_ARGUMENT {
            let why = &error.detail().message;
            let message = format!("the server named a toolbox for sandbox {} that is {why}", self.id());
            error = Error::new(status::PROTOCOL, message);
        }
        error.detail_mut().sandbox_id = Some(self.id().to_owned());
        error
    }

    /// Reads the toolbox's address: from the sandbox's JSON, or from an endpoint of its own.
    async fn find_toolbox(&self) -> Result<Arc<Toolbox>> {
        self.look_up().await?;
        if let Some(toolbox) = self.0.last.read().toolbox.clone() {
            return Ok(toolbox);
        }
        #[derive(serde::Deserialize)]
        struct Answer {
            url: String,
        }
        let request = self.request(Method::GET, "/toolbox-proxy-url")?;
        let request = request.answered_within(self.client().config().idle_timeout);
        let answer = request.send().await?.json().await?;
        let answer: Answer = reading::parse(&answer, "the toolbox's address")?;
        let toolbox = Toolbox::new(&answer.url, &self.reading().id);
        self.0.last.write().toolbox = Some(toolbox.clone());
        Ok(toolbox)
    }

    /// A request to the API about this sandbox; `path` begins with a slash or is empty.
    fn request(&self, method: Method, path: &str) -> Result<Request> {
        Ok(self.client().request(method, &format!("sandbox/{}{path}", segment(self.id())?)))
    }

    /// Reads the sandbox again.
    async fn reread(&self) -> Result<()> {
        self.reread_within(None).await
    }

    /// The same for an operation that may have no limit of its own: within the idle limit.
    async fn look_up(&self) -> Result<()> {
        self.reread_within(self.client().config().idle_timeout).await
    }

    /// The same, [`answered_within`](Request::answered_within) that limit.
    async fn reread_within(&self, limit: Option<Duration>) -> Result<()> {
        let request = self.request(Method::GET, "")?.answered_within(limit);
        self.take(request.send().await?.json().await?)
    }

    /// Whether it runs, as it is read now.
    pub(crate) async fn is_started(&self) -> bool {
        self.look_up().await.is_ok() && self.reading().state == "started"
    }

    /// Keeps that the sandbox is gone. The server has no JSON for that: it is the one last read, in that state.
    fn note_destroyed(&self) -> Result<()> {
        let mut json: Map<String, Value> = serde_json::from_slice(&self.info().text).unwrap_or_default();
        json.entry("id").or_insert_with(|| self.id().into());
        json.insert("state".into(), "destroyed".into());
        self.take(Value::Object(json).to_string().into_bytes().into())
    }

    /// An unreachable toolbox, or an odd refusal, often means that the sandbox is stopped, deleted or out of
    /// memory: reads the state again and puts it into the error. Other errors are returned unchanged.
    pub async fn enrich(&self, error: Error) -> Error {
        let from_toolbox = error.detail().sandbox_id.is_some();
        let said_by_daemon = error.detail().source.as_deref() == Some("DAYTONA_DAEMON");
        let misleading = matches!(error.detail().http_status, Some(400 | 404 | 410 | 502..=504))
            || error.status() == status::CONNECTION;
        if !from_toolbox || said_by_daemon || !misleading {
            return error;
        }
        let Ok(request) = self.request(Method::GET, "") else { return error };
        let read = async { request.send().await?.json().await };
        match tokio::time::timeout(EXPLANATION_LIMIT, read).await {
            Ok(Ok(json)) => match self.take(json) {
                Ok(()) => self.say_state(error),
                Err(_) => error,
            },
            Ok(Err(mut gone)) if gone.status() == status::HTTP_NOT_FOUND => {
                let detail = gone.detail_mut();
                detail.message = format!("sandbox {} does not exist any more: it was deleted", self.id());
                detail.sandbox_id = Some(self.id().to_owned());
                gone
            }
            Ok(Err(_)) | Err(_) => error,
        }
    }

    fn say_state(&self, mut error: Error) -> Error {
        let reading = self.reading();
        let advice = match reading.state.as_str() {
            // A state that was not sent explains nothing.
            "started" | "" => return error,
            "stopped" | "archived" | "paused" => "start it with sandbox.start first".to_owned(),
            "error" | "build_failed" => match &reading.error_reason {
                Some(reason) => format!("it failed: {reason}"),
                None => "it failed without a reason".to_owned(),
            },
            "destroyed" | "destroying" => "it was deleted".to_owned(),
            _ => "wait for it with sandbox.wait_for_start".to_owned(),
        };
        let detail = error.detail_mut();
        detail.message = format!("sandbox {} is {}: {advice} ({})", self.id(), reading.state, detail.message);
        detail.retryable = false;
        error
    }
}

/// The limit for reading the state that explains a failure.
const EXPLANATION_LIMIT: Duration = Duration::from_secs(5);
