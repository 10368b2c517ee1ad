//! Warm pools: started sandboxes of a snapshot that wait for a create to take one.

use super::Client;
use super::error::{Error, Result};
use super::operation::Context;
use super::path_segment::encode_path_segment;
use super::remote_guard::deleted;
use super::server::send_newer;
use super::transport::Json;
use http::Method;
use serde::Deserialize;
use serde_json::json;
use std::collections::BTreeMap;

crate::params! {
    pub struct Create {
        /// The snapshot of its sandboxes, by id or name.
        pub snapshot: String,
        /// How many sandboxes wait in it, 1 or more; the organization's quota bounds it.
        #[cfg_attr(feature = "schema", schemars(range(min = 1)))]
        pub pool: i32,
        /// The region; absent: the organization's default.
        pub target: Option<String>,
    }
}

crate::params! {
    pub struct List {}
}

crate::params! {
    pub struct Update {
        /// The pool's id.
        pub id: String,
        /// How many sandboxes wait in it; 0 empties it.
        #[cfg_attr(feature = "schema", schemars(range(min = 0)))]
        pub pool: i32,
    }
}

crate::params! {
    pub struct Delete {
        /// The pool's id.
        pub id: String,
    }
}

/// A warm pool.
#[derive(Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(extend("absentOrNull" = true)))]
#[serde(rename_all = "camelCase")]
pub struct WarmPool {
    /// The id.
    pub id: String,
    /// The organization that it belongs to.
    pub organization_id: String,
    /// The snapshot of its sandboxes.
    pub snapshot: String,
    /// The region.
    pub target: String,
    /// How many sandboxes are to wait in it.
    pub pool: f64,
    /// How many are ready now.
    pub current_size: f64,
    /// Processors of each sandbox.
    #[cfg_attr(feature = "schema", schemars(extend("unit" = "vCPU")))]
    pub cpu: f64,
    /// Memory of each sandbox.
    #[cfg_attr(feature = "schema", schemars(extend("unit" = "GiB")))]
    pub mem: f64,
    /// Disk space of each sandbox.
    #[cfg_attr(feature = "schema", schemars(extend("unit" = "GiB")))]
    pub disk: f64,
    /// The user that processes run as.
    pub os_user: String,
    /// Environment variables of its sandboxes.
    pub env: BTreeMap<String, String>,
    /// Why it cannot be filled.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error_reason: Option<String>,
    /// When it was created.
    #[cfg_attr(feature = "schema", schemars(extend("format" = "date-time")))]
    pub created_at: String,
    /// When it last changed.
    #[cfg_attr(feature = "schema", schemars(extend("format" = "date-time")))]
    pub updated_at: String,
}

fn path(id: &str) -> Result<String> {
    Ok(format!("warm-pools/{}", encode_path_segment("the warm pool's id", id)?))
}

pub async fn create(client: Client, params: Create, _: Context) -> Result<Json> {
    if params.pool < 1 {
        return Err(Error::invalid(
            "warm_pool.create: `pool` is less than 1; a pool has at least one sandbox",
        ));
    }
    let mut body = json!({ "snapshot": params.snapshot, "pool": params.pool });
    if let Some(target) = params.target {
        body["target"] = target.into();
    }
    let request = client.request(Method::POST, "warm-pools").json(&body);
    send_newer("warm_pool.create", request).await?.object("a warm pool").await
}

pub async fn list(client: Client, _: List, _: Context) -> Result<Json> {
    let answer = send_newer("warm_pool.list", client.request(Method::GET, "warm-pools")).await?;
    answer.list("a list of warm pools").await
}

pub async fn update(client: Client, params: Update, _: Context) -> Result<Json> {
    if params.pool < 0 {
        return Err(Error::invalid("warm_pool.update: `pool` is negative; 0 empties the pool"));
    }
    let request = client.request(Method::PATCH, &path(&params.id)?).json(&json!({ "pool": params.pool }));
    send_newer("warm_pool.update", request).await?.object("a warm pool").await
}

pub async fn delete(client: Client, params: Delete, _: Context) -> Result<()> {
    let request = client.request(Method::DELETE, &path(&params.id)?);
    deleted(send_newer("warm_pool.delete", request).await)
}
