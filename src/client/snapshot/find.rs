//! Reading, listing, activating and deleting snapshots. The server reads by id or name, and changes by id alone.

use super::Reading;
use crate::client::Client;
use crate::client::error::{Error, Result};
use crate::client::operation::Context;
use crate::client::path_segment::by_id_or_name;
use crate::client::remote_guard::deleted;
use crate::client::transport::{Json, Response, segment};
use http::Method;
use serde::Deserialize;

crate::params! {
    pub struct Named {
        /// The snapshot's UUID or exact name.
        pub id_or_name: String,
    }
}

crate::params! {
    pub struct Activate {
        /// The snapshot's UUID; its exact name does as well.
        pub id: String,
    }
}

crate::params! {
    #[derive(Default)]
    pub struct List {
        /// The page, from 1 on.
        #[cfg_attr(feature = "schema", schemars(range(min = 1)))]
        pub page: Option<u32> = 1,
        /// Items a page, 1 to 200.
        #[cfg_attr(feature = "schema", schemars(range(min = 1, max = 200)))]
        pub limit: Option<u32> = 100,
    }
}

/// A page of snapshots.
#[derive(Deserialize)]
#[cfg_attr(
    feature = "schema",
    derive(schemars::JsonSchema),
    schemars(rename = "SnapshotPage", extend("absentOrNull" = true))
)]
#[serde(rename_all = "camelCase")]
pub struct Listed {
    /// The snapshots, as the server describes them; the service's own are among them.
    pub items: Vec<super::Snapshot>,
    /// How many snapshots there are.
    pub total: u64,
    /// The number of this page.
    pub page: u64,
    /// How many pages there are.
    pub total_pages: u64,
}

pub async fn get(client: Client, params: Named, _: Context) -> Result<Json> {
    read(&client, &params.id_or_name).await
}

async fn read(client: &Client, id_or_name: &str) -> Result<Json> {
    let request = client.request(Method::GET, &format!("snapshots/{}", address(id_or_name)?));
    request.send().await?.object("a snapshot").await
}

/// As a part of a path. A name with a slash is one, too, percent-encoded.
fn address(id_or_name: &str) -> Result<String> {
    if id_or_name.is_empty() {
        return Err(Error::invalid("the snapshot's name is empty; give its UUID or exact name"));
    }
    segment(id_or_name)
}

pub async fn list(client: Client, params: List, _: Context) -> Result<Json> {
    if params.page == Some(0) {
        return Err(Error::invalid("snapshot.list: `page` is 0; pages count from 1"));
    }
    if params.limit.is_some_and(|limit| !(1..=200).contains(&limit)) {
        return Err(Error::invalid("snapshot.list: `limit` is a number from 1 to 200"));
    }
    let request = client.request(Method::GET, "snapshots");
    let request = request.query_given([("page", params.page), ("limit", params.limit)]);
    request.send().await?.object("a page of snapshots").await
}

pub async fn delete(client: Client, params: Named, _: Context) -> Result<()> {
    let delete = async |id: &str| {
        let request = client.request(Method::DELETE, &format!("snapshots/{}", address(id)?));
        deleted(request.send().await)
    };
    let by_name = async { delete(&Reading::of(&read(&client, &params.id_or_name).await?)?.id).await };
    by_id_or_name(&params.id_or_name, delete(&params.id_or_name), by_name).await
}

pub async fn activate(client: Client, params: Activate, _: Context) -> Result<Json> {
    let answer = change(&client, &params.id, "/activate").await?;
    answer.object("a snapshot").await
}

pub async fn deactivate(client: Client, params: Activate, _: Context) -> Result<()> {
    change(&client, &params.id, "/deactivate").await.map(drop)
}

/// Asks by id; what is no snapshot's id may be a name, which a reading resolves.
async fn change(client: &Client, id_or_name: &str, action: &str) -> Result<Response> {
    let send = async |id: &str| {
        let path = format!("snapshots/{}{action}", address(id)?);
        client.request(Method::POST, &path).send().await
    };
    let by_name = async { send(&Reading::of(&read(client, id_or_name).await?)?.id).await };
    by_id_or_name(id_or_name, send(id_or_name), by_name).await
}
