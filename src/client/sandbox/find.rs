//! Handles of existing sandboxes: by id or name, by labels, or from JSON that is known already.

use super::Sandbox;
use super::list::{self, List};
use super::reading::parse;
use crate::client::Client;
use crate::client::error::{Error, Result};
use crate::client::json;
use crate::client::operation::Context;
use crate::client::status;
use crate::client::transport::{Json, segment};
use http::Method;
use serde_json::value::RawValue;
use std::collections::BTreeMap;

crate::params! {
    pub struct Get {
        /// The sandbox's UUID or name.
        pub id_or_name: String,
    }
}

crate::params! {
    pub struct Find {
        /// The exact name.
        pub name: Option<String>,
        /// Labels that the sandbox has, all of them; of several sandboxes the first of the list.
        pub labels: Option<BTreeMap<String, String>>,
    }
}

crate::params! {
    pub struct Attach {
        /// An item of `sandbox.list` or another result, as an object; or the sandbox's UUID.
        #[cfg_attr(feature = "schema", schemars(with = "AttachTo"))]
        pub sandbox: serde_json::Value,
    }
}

/// What a handle is made of: an id, or a sandbox's JSON.
#[cfg(feature = "schema")]
#[derive(schemars::JsonSchema)]
#[schemars(untagged, inline)]
#[allow(dead_code)] // A shape alone: the value is read by its kind.
enum AttachTo {
    Id(String),
    Sandbox(serde_json::Map<String, serde_json::Value>),
}

/// What sandbox.attach was given, back again.
#[derive(serde::Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(inline))]
#[serde(untagged)]
pub enum Attached {
    Sandbox(Box<super::Described>),
    Id(SandboxId),
}

/// A sandbox of which the id alone is known.
#[derive(serde::Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct SandboxId {
    /// The id, as it was given.
    pub id: String,
}

pub async fn get(client: Client, params: Get, _: Context) -> Result<(Sandbox, Json)> {
    read(client, &params.id_or_name).await
}

async fn read(client: Client, id_or_name: &str) -> Result<(Sandbox, Json)> {
    let path = format!("sandbox/{}", segment(id_or_name)?);
    let json = client.request(Method::GET, &path).send().await?.json().await?;
    let sandbox = Sandbox::read(client, json.clone())?;
    Ok((sandbox, json))
}

pub async fn find(client: Client, params: Find, _: Context) -> Result<(Sandbox, Json)> {
    match (params.name, params.labels) {
        (None, None) => Err(Error::invalid("sandbox.find: give a `name` or `labels`")),
        (Some(name), labels) => by_name(client, &name, labels).await,
        (None, Some(labels)) => by_labels(client, labels).await,
    }
}

/// The list's `name` filter matches prefixes in any case, so the sandbox is read by name, which is exact; because
/// that endpoint takes ids as well, the name is compared.
async fn by_name(
    client: Client,
    name: &str,
    labels: Option<BTreeMap<String, String>>,
) -> Result<(Sandbox, Json)> {
    let nothing = || no_match(format!("no sandbox is named {name:?}"));
    let (sandbox, info) = match read(client, name).await {
        Ok(found) => found,
        Err(error) if error.status() == status::HTTP_NOT_FOUND => return Err(nothing()),
        Err(error) => return Err(error),
    };
    #[derive(serde::Deserialize)]
    struct Named {
        name: String,
        #[serde(default)]
        labels: BTreeMap<String, String>,
    }
    let found: Named = parse(&info, "a sandbox")?;
    let labelled = labels.unwrap_or_default().iter().all(|(key, value)| found.labels.get(key) == Some(value));
    if found.name == name && labelled { Ok((sandbox, info)) } else { Err(nothing()) }
}

async fn by_labels(client: Client, labels: BTreeMap<String, String>) -> Result<(Sandbox, Json)> {
    #[derive(serde::Deserialize)]
    struct Page<'a> {
        #[serde(borrow)]
        items: Vec<&'a RawValue>,
    }
    let text = serde_json::to_string(&labels).unwrap_or_default();
    let page = list::page(&client, &List::labelled(labels)).await?;
    let items: Page = serde_json::from_slice(&page.text)
        .map_err(|error| page.error(format!("the list is not one: {}", json::describe(&error))))?;
    let Some(first) = items.items.first() else {
        return Err(no_match(format!("no sandbox has the labels {text}")));
    };
    let first = first.get().as_bytes().to_vec();
    let json = page.rewritten(first);
    let sandbox = Sandbox::read(client, json.clone())?;
    Ok((sandbox, json))
}

fn no_match(message: String) -> Error {
    Error::new(status::NO_MATCH, message)
}

pub async fn attach(client: Client, params: Attach, _: Context) -> Result<(Sandbox, Json)> {
    match params.sandbox {
        serde_json::Value::String(id) => {
            segment(&id)?;
            let json = Json::from(serde_json::to_vec(&serde_json::json!({ "id": id })).unwrap_or_default());
            Ok((Sandbox::unread(client, &id), json))
        }
        object @ serde_json::Value::Object(_) => {
            let json = Json::from(serde_json::to_vec(&object).unwrap_or_default());
            let sandbox = Sandbox::read(client, json.clone()).map_err(|error| {
                Error::invalid(format!("sandbox.attach: `sandbox` is no sandbox of this service: {error}"))
            })?;
            Ok((sandbox, json))
        }
        _ => Err(Error::invalid("sandbox.attach: `sandbox` has to be an object with an `id`, or an id")),
    }
}
