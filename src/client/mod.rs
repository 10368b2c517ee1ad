//! The Rust SDK: one file per noun, over one transport.

pub(crate) mod api_version;
pub mod background;
pub(crate) mod blocking;
pub(crate) mod build_log;
pub mod codes;
pub(crate) mod collected;
pub mod computer;
pub mod config;
pub mod echo;
pub mod error;
pub(crate) mod event_socket;
pub mod files;
pub mod git;
pub mod image;
pub mod interpreter;
pub(crate) mod json;
pub mod known;
pub(crate) mod lock;
pub mod log;
pub mod lsp;
pub mod operation;
pub mod parse;
pub(crate) mod path_segment;
pub(crate) mod per_runtime;
mod polling;
pub mod process;
pub mod pty;
pub mod region;
pub(crate) mod remote_guard;
pub mod sandbox;
pub mod secret;
pub mod sensitive;
pub mod server;
pub mod session;
pub mod snapshot;
pub(crate) mod socket_io;
pub mod status;
pub mod stream;
pub mod transport;
mod unique;
pub mod volume;
pub mod warm_pool;

use config::{Config, Options};
use error::Result;
use event_socket::{EventSocket, Subscription};
use std::sync::Arc;
use std::time::Duration;
use transport::{Method, Request, Transport};

/// The limit for an answer that does not wait for a command.
const ANSWER_LIMIT: Duration = Duration::from_secs(60);
/// The connect limit that applies where the configuration has none but an operation needs one.
const CONNECT_LIMIT: Duration = Duration::from_secs(10);

/// A configured way to Daytona. Cheap to clone; making one sends nothing.
#[derive(Clone)]
pub struct Client(Arc<Shared>);

struct Shared {
    config: Arc<Config>,
    transport: Transport,
    events: EventSocket,
    api_version: api_version::Noted,
}

impl Client {
    /// Opens a client from the configuration JSON of `client.open`, an object.
    /// Nothing is sent, no file but `caFile` is read and no thread is started.
    pub fn open(config_json: &[u8]) -> Result<Self> {
        Ok(Self::with(Config::read(config_json)?))
    }

    /// Opens a client from the environment: DAYTONA_API_KEY and its like.
    pub fn from_env() -> Result<Self> {
        Self::new(Options::default())
    }

    /// Opens a client from options over the environment.
    pub fn new(options: Options) -> Result<Self> {
        Ok(Self::with(Config::over_environment(options)?))
    }

    fn with(config: Config) -> Self {
        let config = Arc::new(config);
        Self(Arc::new(Shared {
            transport: Transport::new(config.clone()),
            events: EventSocket::default(),
            api_version: api_version::Noted::default(),
            config,
        }))
    }

    pub fn transport(&self) -> &Transport {
        &self.0.transport
    }

    pub fn config(&self) -> &Config {
        &self.0.config
    }

    /// A request to the API; `path` is below its base and already encoded, as `sandbox/paginated`.
    pub fn request(&self, method: Method, path: &str) -> Request {
        self.transport().request(method, self.api_url(path))
    }

    /// The absolute URL of an API path.
    pub fn api_url(&self, path: &str) -> String {
        let base = &self.config().api_url;
        let path = path.trim_start_matches('/');
        let mut url = String::with_capacity(base.len() + 1 + path.len());
        url.push_str(base);
        url.push('/');
        url.push_str(path);
        url
    }

    /// Where new sandboxes go, as configured.
    pub fn target(&self) -> Option<&str> {
        self.config().target.as_deref()
    }

    /// The configured organization.
    pub fn organization(&self) -> Option<&str> {
        self.config().organization.as_deref()
    }

    /// The limit for an answer that does not wait for a command: 60 s, or the idle limit if it is shorter.
    pub(crate) fn answer_limit(&self) -> Duration {
        self.at_most_idle(ANSWER_LIMIT)
    }

    /// This limit, or the idle limit if it is shorter.
    pub(crate) fn at_most_idle(&self, limit: Duration) -> Duration {
        self.config().idle_timeout.map_or(limit, |idle| idle.min(limit))
    }

    /// The limit for a connection and the first answer on it: `connectTimeoutMs`, or its default where it is 0.
    pub(crate) fn connect_limit(&self) -> Duration {
        self.config().connect_timeout.unwrap_or(CONNECT_LIMIT)
    }

    /// Listens to the events of a sandbox, by its UUID.
    pub(crate) fn subscribe(&self, sandbox_id: &str) -> Subscription {
        self.0.events.subscribe(self.transport(), sandbox_id)
    }

    /// Ends it: requests that begin afterwards answer CLOSED, idle connections are dropped. What is
    /// in flight is its caller's to cancel.
    pub fn close(&self) {
        self.0.events.close();
        self.transport().close();
    }
}
