//! The part of a sandbox's JSON that the library itself reads; the rest is passed through.

use crate::client::codes;
use crate::client::error::{Error, Result};
use crate::client::status;
use crate::client::transport::Json;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use std::collections::BTreeMap;

/// The fields that are read.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Reading {
    pub id: String,
    #[serde(default)]
    pub state: String,
    pub organization_id: Option<String>,
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
            return Err(json.error("the server sent a sandbox without an id"));
        }
        Ok(reading)
    }

    /// The language that the sandbox was created for, where a label says so.
    pub fn language(&self) -> Option<&str> {
        self.labels.as_ref()?.language.as_deref()
    }

    /// Whether the state is an error state, which does not change by itself.
    pub fn has_failed(&self) -> bool {
        matches!(self.state.as_str(), "error" | "build_failed")
    }

    /// The error for a sandbox that will not reach the state that was waited for.
    pub fn failure(&self, wanted: &str) -> Error {
        let id = &self.id;
        let (code, message) = if self.queue_timed_out_at.is_some() {
            let why =
                "no runner was free within its queue timeout; nothing is left to clean up, try again later";
            (
                Some(codes::QUEUE_TIMEOUT),
                format!("sandbox {id} was given up while waiting for {wanted}: {why}"),
            )
        } else if self.spot_evicted_at.is_some() {
            let why = "spot capacity was taken back; create another, without `spot` if it must stay";
            (Some(codes::SPOT_EVICTED), format!("sandbox {id} was evicted while waiting for {wanted}: {why}"))
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

/// Parses an answer; `what` names its expected content in the error.
pub(super) fn parse<T: DeserializeOwned>(answer: &Json, what: &str) -> Result<T> {
    answer.read(&format!("{what} as it should be"))
}

/// A sandbox, as the server describes it.
#[derive(Deserialize)]
#[cfg_attr(
    feature = "schema",
    derive(schemars::JsonSchema),
    schemars(rename = "Sandbox", extend("absentOrNull" = true))
)]
#[serde(rename_all = "camelCase")]
pub struct Described {
    /// The UUID.
    pub id: String,
    /// The name, unique in the organization.
    pub name: String,
    /// The organization that it belongs to.
    pub organization_id: String,
    /// The snapshot that it was made from.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub snapshot: Option<String>,
    /// The user that processes run as.
    pub user: String,
    /// Environment variables of every process; absent in lists.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub env: Option<BTreeMap<String, String>>,
    /// Its labels; `code-toolbox-language` is the language it was created for.
    pub labels: BTreeMap<String, String>,
    /// Whether preview links work without a token.
    pub public: bool,
    /// Whether it has no network at all.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub network_block_all: Option<bool>,
    /// Networks that may be reached, separated by commas.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub network_allow_list: Option<String>,
    /// Domains that may be reached, separated by commas.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub domain_allow_list: Option<String>,
    /// The proxy that HTTP requests of the sandbox go through; absent in lists.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub outbound_proxy_url: Option<String>,
    /// Where its telemetry goes instead of the default; absent in lists.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub otel_endpoint_override: Option<String>,
    /// The region.
    pub target: String,
    /// Processors.
    #[cfg_attr(feature = "schema", schemars(extend("unit" = "vCPU")))]
    pub cpu: f64,
    /// How many GPUs.
    pub gpu: f64,
    /// Memory.
    #[cfg_attr(feature = "schema", schemars(extend("unit" = "GiB")))]
    pub memory: f64,
    /// Disk space.
    #[cfg_attr(feature = "schema", schemars(extend("unit" = "GiB")))]
    pub disk: f64,
    /// The kind of GPU.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(with = "Option<crate::client::known::GpuType>"))]
    pub gpu_type: Option<String>,
    /// Whether it is on spot capacity, which may be taken back.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub spot: Option<bool>,
    /// When spot capacity was taken back.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(extend("format" = "date-time")))]
    pub spot_evicted_at: Option<String>,
    /// When it was given up for want of a runner.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(extend("format" = "date-time")))]
    pub queue_timed_out_at: Option<String>,
    /// Its state.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(with = "Option<crate::client::known::SandboxState>"))]
    pub state: Option<String>,
    /// The state that it is on its way to.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(with = "Option<crate::client::known::SandboxDesiredState>"))]
    pub desired_state: Option<String>,
    /// Why it is in an error state.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error_reason: Option<String>,
    /// Whether that can be recovered from.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub recoverable: Option<bool>,
    /// The warm pool that it waits in.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub warm_pool_id: Option<String>,
    /// How far its backup is.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(with = "Option<crate::client::known::BackupState>"))]
    pub backup_state: Option<String>,
    /// When its last backup was made.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(extend("format" = "date-time")))]
    pub backup_created_at: Option<String>,
    /// Time without activity until it stops; 0 never.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(extend("unit" = "minutes")))]
    pub auto_stop_interval: Option<f64>,
    /// Time without activity until it pauses; 0 never.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(extend("unit" = "minutes")))]
    pub auto_pause_interval: Option<f64>,
    /// Time stopped until it is archived; 0 never.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(extend("unit" = "minutes")))]
    pub auto_archive_interval: Option<f64>,
    /// Time stopped until it is deleted; negative never, 0 at once.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(extend("unit" = "minutes")))]
    pub auto_delete_interval: Option<f64>,
    /// When it is destroyed, whatever it does.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(extend("format" = "date-time")))]
    pub auto_destroy_at: Option<String>,
    /// The volumes in it; absent in lists.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub volumes: Option<Vec<super::VolumeMount>>,
    /// What it was built from; absent in lists, and without an image.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub build_info: Option<BuildInfo>,
    /// When it was made.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(extend("format" = "date-time")))]
    pub created_at: Option<String>,
    /// When it last changed.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(extend("format" = "date-time")))]
    pub updated_at: Option<String>,
    /// When it was last used.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(extend("format" = "date-time")))]
    pub last_activity_at: Option<String>,
    /// What kind of machine it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(with = "Option<crate::client::known::SandboxClass>"))]
    pub sandbox_class: Option<String>,
    /// The version of the daemon in it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub daemon_version: Option<String>,
    /// The machine that it runs on.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub runner_id: Option<String>,
    /// The sandbox that it shares a machine with; absent in lists.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub linked_sandbox_id: Option<String>,
    /// Where its toolbox is, without the id.
    pub toolbox_proxy_url: String,
}

/// What a sandbox was built from.
#[derive(Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(extend("absentOrNull" = true)))]
#[serde(rename_all = "camelCase")]
pub struct BuildInfo {
    /// The Dockerfile.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dockerfile_content: Option<String>,
    /// The hashes of the files beside it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub context_hashes: Option<Vec<String>>,
    /// When the build was asked for.
    #[cfg_attr(feature = "schema", schemars(extend("format" = "date-time")))]
    pub created_at: String,
    /// When it last changed.
    #[cfg_attr(feature = "schema", schemars(extend("format" = "date-time")))]
    pub updated_at: String,
    /// The snapshot that came of it.
    pub snapshot_ref: String,
}
