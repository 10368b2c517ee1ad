//! Secrets of the organization. A sandbox that is created with one has a placeholder in an environment variable;
//! the service puts the value in its place in requests to the secret's hosts. The value never comes back.

use super::Client;
use super::error::{Error, Result};
use super::operation::Context;
use super::path_segment::encode_path_segment;
use super::remote_guard::deleted;
use super::sensitive::Sensitive;
use super::server::send_newer;
use super::transport::{Json, Request, Response};
use http::Method;
use serde::Deserialize;

crate::params! {
    pub struct Create {
        /// The name, unique in the organization: letters, digits, hyphens and underscores.
        pub name: String,
        /// The value. No answer, error or log line has it.
        pub value: Sensitive,
        /// What it is for.
        pub description: Option<String>,
        /// The hosts that the value may be sent to, as `api.example.com` or `*.example.com`.
        pub hosts: Option<Vec<String>>,
    }
}

crate::params! {
    pub struct Get {
        /// The secret's id.
        pub id: String,
    }
}

crate::params! {
    pub struct List {
        /// `nextCursor` of the page before.
        pub cursor: Option<String>,
        /// Items a page, 1 to 200.
        #[cfg_attr(feature = "schema", schemars(range(min = 1, max = 200)))]
        pub limit: Option<u32> = 100,
        /// A part of the name.
        pub name: Option<String>,
        /// What the list is sorted by.
        #[cfg_attr(feature = "schema", schemars(with = "Option<crate::client::known::SecretSort>"))]
        pub sort: Option<String> = "createdAt",
        /// The direction.
        #[cfg_attr(feature = "schema", schemars(with = "Option<crate::client::known::SortOrder>"))]
        pub order: Option<String> = "desc",
    }
}

crate::params! {
    pub struct Update {
        /// The secret's id.
        pub id: String,
        /// A new value; absent: it stays. No answer, error or log line has it.
        pub value: Option<Sensitive>,
        /// A new description; absent: it stays.
        pub description: Option<String>,
        /// All hosts that the value may be sent to; absent: they stay.
        pub hosts: Option<Vec<String>>,
    }
}

/// A secret without its value.
#[derive(Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(extend("absentOrNull" = true)))]
#[serde(rename_all = "camelCase")]
pub struct Secret {
    /// The id.
    pub id: String,
    /// The name: what `secrets` of sandbox.create takes.
    pub name: String,
    /// What it is for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// What stands in the environment of sandboxes in place of the value.
    pub placeholder: String,
    /// The hosts that the value may be sent to.
    pub hosts: Vec<String>,
    /// When it was created.
    #[cfg_attr(feature = "schema", schemars(extend("format" = "date-time")))]
    pub created_at: String,
    /// When it last changed.
    #[cfg_attr(feature = "schema", schemars(extend("format" = "date-time")))]
    pub updated_at: String,
}

/// A page of secrets.
#[derive(Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct SecretPage {
    /// The secrets, without their values.
    pub items: Vec<Secret>,
    /// How many match, on all pages.
    pub total: u64,
    /// The cursor of the next page; null after the last.
    pub next_cursor: Option<String>,
}

/// Sends a request whose body has a value, which no error then shows: a server may quote what it refuses.
async fn send_with_value(operation: &str, request: Request, value: Option<&Sensitive>) -> Result<Response> {
    let hide = |mut error: Error| {
        if let Some(value) = value {
            let detail = error.detail_mut();
            detail.message = value.hide_in(&detail.message);
        }
        error
    };
    send_newer(operation, request).await.map_err(hide)
}

fn path(id: &str) -> Result<String> {
    Ok(format!("secret/{}", encode_path_segment("the secret's id", id)?))
}

pub async fn create(client: Client, params: Create, _: Context) -> Result<Json> {
    let fields = [
        ("name", Some(params.name.into())),
        ("value", Some(params.value.reveal().into())),
        ("description", params.description.map(Into::into)),
        ("hosts", params.hosts.map(Into::into)),
    ];
    let request = client.request(Method::POST, "secret").json_given(fields);
    let answer = send_with_value("secret.create", request, Some(&params.value)).await?;
    answer.object("a secret").await
}

pub async fn get(client: Client, params: Get, _: Context) -> Result<Json> {
    let request = client.request(Method::GET, &path(&params.id)?);
    send_newer("secret.get", request).await?.object("a secret").await
}

pub async fn list(client: Client, params: List, _: Context) -> Result<Json> {
    let request = client.request(Method::GET, "secret/paginated");
    let filters = [
        ("cursor", params.cursor),
        ("limit", params.limit.map(|limit| limit.to_string())),
        ("name", params.name),
        ("sort", params.sort),
        ("order", params.order),
    ];
    let request = request.query_given(filters);
    send_newer("secret.list", request).await?.object("a list of secrets").await
}

pub async fn update(client: Client, params: Update, _: Context) -> Result<Json> {
    let fields = [
        ("value", params.value.as_ref().map(|value| value.reveal().into())),
        ("description", params.description.map(Into::into)),
        ("hosts", params.hosts.map(Into::into)),
    ];
    if fields.iter().all(|(_, value)| value.is_none()) {
        return Err(Error::invalid("secret.update: give `value`, `description` or `hosts`"));
    }
    let request = client.request(Method::PATCH, &path(&params.id)?).json_given(fields);
    let answer = send_with_value("secret.update", request, params.value.as_ref()).await?;
    answer.object("a secret").await
}

pub async fn delete(client: Client, params: Get, _: Context) -> Result<()> {
    let request = client.request(Method::DELETE, &path(&params.id)?);
    deleted(send_newer("secret.delete", request).await)
}
