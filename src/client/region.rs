//! Regions: where sandboxes can be.

use super::Client;
use super::error::Result;
use super::operation::Context;
use super::transport::Json;
use http::Method;
use serde::Deserialize;

crate::params! {
    pub struct List {}
}

/// A region.
#[derive(Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(extend("absentOrNull" = true)))]
#[serde(rename_all = "camelCase")]
pub struct Region {
    /// The id: what `target` of sandbox.create takes.
    pub id: String,
    /// The name.
    pub name: String,
    /// The organization that it belongs to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub organization_id: Option<String>,
    /// Whose it is.
    #[cfg_attr(feature = "schema", schemars(with = "crate::client::known::RegionType"))]
    pub region_type: String,
    /// When it was created.
    #[cfg_attr(feature = "schema", schemars(extend("format" = "date-time")))]
    pub created_at: String,
    /// When it last changed.
    #[cfg_attr(feature = "schema", schemars(extend("format" = "date-time")))]
    pub updated_at: String,
    /// The proxy before its sandboxes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub proxy_url: Option<String>,
    /// The SSH gateway before its sandboxes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ssh_gateway_url: Option<String>,
    /// Where its snapshots are kept.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub snapshot_manager_url: Option<String>,
    /// Where its sandboxes send their telemetry.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub otel_endpoint: Option<String>,
}

pub async fn list(client: Client, _: List, _: Context) -> Result<Json> {
    client.request(Method::GET, "regions").send().await?.list("a list of regions").await
}
