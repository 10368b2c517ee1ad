//! Snapshots: images that sandboxes start from.
//!
//! * `create`: from the name of an image or from an image object, with the log of its build. `find`: the rest.

mod create;
mod find;

pub use create::{Create, create, create_stream};
pub use find::{Activate, List, Listed, Named, activate, deactivate, delete, get, list};

use super::error::Result;
use super::sandbox::BuildInfo;
use super::transport::Json;
use serde::Deserialize;

/// A snapshot.
#[derive(Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(extend("absentOrNull" = true)))]
#[serde(rename_all = "camelCase")]
pub struct Snapshot {
    /// The UUID.
    pub id: String,
    /// The name, unique in the organization: what `snapshot` of sandbox.create takes.
    pub name: String,
    /// The organization that it belongs to; absent for the service's own.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub organization_id: Option<String>,
    /// Whether it is the service's own, which everybody has.
    pub general: bool,
    /// What it is doing; only of an `active` one sandboxes can be made.
    #[cfg_attr(feature = "schema", schemars(with = "crate::client::known::SnapshotState"))]
    pub state: String,
    /// Why its state is `error` or `build_failed`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error_reason: Option<String>,
    /// The image that it was made from, where it was made from a name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub image_name: Option<String>,
    /// What it was built from, where it was made from an image object.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub build_info: Option<BuildInfo>,
    /// The command that sandboxes start with.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub entrypoint: Option<Vec<String>>,
    /// Its size; null until it is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(extend("unit" = "GiB")))]
    pub size: Option<f64>,
    /// Processors of the sandboxes made from it.
    #[cfg_attr(feature = "schema", schemars(extend("unit" = "vCPU")))]
    pub cpu: f64,
    /// GPUs of the sandboxes made from it.
    pub gpu: f64,
    /// The kind of GPU.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(with = "Option<crate::client::known::GpuType>"))]
    pub gpu_type: Option<String>,
    /// Memory of the sandboxes made from it.
    #[cfg_attr(feature = "schema", schemars(extend("unit" = "GiB")))]
    pub mem: f64,
    /// Disk space of the sandboxes made from it.
    #[cfg_attr(feature = "schema", schemars(extend("unit" = "GiB")))]
    pub disk: f64,
    /// The regions where it is available.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub region_ids: Option<Vec<String>>,
    /// The machine that builds it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub initial_runner_id: Option<String>,
    /// The reference of the image in the service's registry.
    #[serde(rename = "ref", skip_serializing_if = "Option::is_none")]
    pub reference: Option<String>,
    /// The sandbox that it was made from, where it was made from one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source_sandbox_id: Option<String>,
    /// What kind of machine the sandboxes are.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(with = "Option<crate::client::known::SandboxClass>"))]
    pub sandbox_class: Option<String>,
    /// When it was created.
    #[cfg_attr(feature = "schema", schemars(extend("format" = "date-time")))]
    pub created_at: String,
    /// When it last changed.
    #[cfg_attr(feature = "schema", schemars(extend("format" = "date-time")))]
    pub updated_at: String,
    /// When a sandbox was last made from it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(extend("format" = "date-time")))]
    pub last_used_at: Option<String>,
}

/// What is read of a snapshot here.
#[derive(Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Reading {
    id: String,
    #[serde(default)]
    state: String,
    error_reason: Option<String>,
}

impl Reading {
    fn of(json: &Json) -> Result<Self> {
        json.read("a snapshot")
    }
}
