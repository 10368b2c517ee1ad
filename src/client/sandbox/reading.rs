//! What the library itself needs of a sandbox's JSON; everything else is passed through unread.

use crate::client::error::{Error, Result};
use crate::client::status;
use crate::client::transport::Json;
use serde::Deserialize;
use serde::de::DeserializeOwned;

/// The part that is read.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Reading {
    pub id: String,
    #[serde(default)]
    pub state: String,
    pub error_reason: Option<String>,
    pub toolbox_proxy_url: Option<String>,
    pub cpu: Option<f64>,
    pub memory: Option<f64>,
    pub disk: Option<f64>,
    pub queue_timed_out_at: Option<String>,
    pub spot_evicted_at: Option<String>,
    labels: Option<Labels>,
}

#[derive(Clone, Debug, Deserialize)]
struct Labels {
    #[serde(rename = "code-toolbox-language")]
    language: Option<String>,
}

impl Reading {
    pub fn parse(json: &Json) -> Result<Self> {
        let reading: Self = parse(json, "a sandbox")?;
        if reading.id.is_empty() {
            return Err(Error::new(status::PROTOCOL, "the server sent a sandbox without an id"));
        }
        Ok(reading)
    }

    /// The language that the sandbox was created for, where a label says so.
    pub fn language(&self) -> Option<&str> {
        self.labels.as_ref()?.language.as_deref()
    }

    /// States that nothing leads out of by itself.
    pub fn has_failed(&self) -> bool {
        matches!(self.state.as_str(), "error" | "build_failed")
    }

    /// The error for a sandbox that will not reach what was waited for.
    pub fn failure(&self, wanted: &str) -> Error {
        let id = &self.id;
        let (code, message) = if self.queue_timed_out_at.is_some() {
            let why =
                "no runner was free within its queue timeout; nothing is left to clean up, try again later";
            (Some("QUEUE_TIMEOUT"), format!("sandbox {id} was given up while waiting for {wanted}: {why}"))
        } else if self.spot_evicted_at.is_some() {
            let why = "spot capacity was taken back; create another, without `spot` if it must stay";
            (Some("SPOT_EVICTED"), format!("sandbox {id} was evicted while waiting for {wanted}: {why}"))
        } else if self.state == "destroyed" {
            (None, format!("sandbox {id} was destroyed while waiting for {wanted}"))
        } else {
            let reason = self.error_reason.as_deref().unwrap_or("the server gives no reason");
            (None, format!("sandbox {id} is {} instead of {wanted}: {reason}", self.state))
        };
        let mut error = Error::new(status::SANDBOX_FAILED, message);
        let detail = error.detail_mut();
        detail.code = code.map(str::to_owned);
        detail.sandbox_id = Some(id.clone());
        error
    }
}

/// Reads an answer that has to have a certain shape.
pub(super) fn parse<T: DeserializeOwned>(json: &Json, what: &str) -> Result<T> {
    serde_json::from_slice(&json.0).map_err(|error| {
        Error::new(status::PROTOCOL, format!("the server's answer is not {what} as it should be: {error}"))
    })
}

/// A sandbox, as the server describes it; a newer server's fields arrive by themselves.
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Described {
    /// The UUID.
    pub id: String,
    pub name: String,
    pub organization_id: String,
    /// The snapshot that it was made from.
    pub snapshot: Option<String>,
    pub user: String,
    pub env: Option<std::collections::BTreeMap<String, String>>,
    pub labels: std::collections::BTreeMap<String, String>,
    /// Whether preview links work without a token.
    pub public: bool,
    /// The region.
    pub target: String,
    /// vCPU.
    pub cpu: f64,
    pub gpu: f64,
    /// GiB.
    pub memory: f64,
    /// GiB.
    pub disk: f64,
    /// `creating`, `started`, `stopped`, `archived`, `error` and so on; new ones may come.
    pub state: String,
    pub desired_state: Option<String>,
    pub error_reason: Option<String>,
    /// Minutes without activity until it stops; 0 never.
    pub auto_stop_interval: Option<f64>,
    /// Minutes stopped until it is archived; 0 never.
    pub auto_archive_interval: Option<f64>,
    /// Minutes stopped until it is deleted; -1 never, 0 at once.
    pub auto_delete_interval: Option<f64>,
    pub created_at: Option<String>,
    pub updated_at: Option<String>,
    /// Where its toolbox is, without the id.
    pub toolbox_proxy_url: String,
}
