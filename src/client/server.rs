//! What the server says of itself.

use super::Client;
use super::error::{Error, Result};
use super::operation::Context;
use super::status;
use super::transport::{Json, Method, Request, Response};
use serde::Deserialize;
use std::collections::BTreeMap;

crate::params! {
    /// `client.config` takes nothing but a time limit.
    pub struct Get {}
}

/// How a deployment of Daytona is configured.
#[derive(Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(extend("absentOrNull" = true)))]
#[serde(rename_all = "camelCase")]
pub struct ServerConfig {
    /// The version of the API.
    pub version: String,
    /// The commit that it was built from.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub build_sha: Option<String>,
    /// How people log in.
    pub oidc: Oidc,
    /// How people of an organization log in.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sso_oidc: Option<SsoOidc>,
    /// Where the dashboard reports its use.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub posthog: Option<Posthog>,
    /// Features of the dashboard that are on in this deployment.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub forced_feature_flags: Option<Vec<String>>,
    /// Whether accounts can be linked.
    pub linked_accounts_enabled: bool,
    /// What the dashboard announces.
    pub announcements: BTreeMap<String, Announcement>,
    /// The support chat of the dashboard.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pylon_app_id: Option<String>,
    /// The form of preview links.
    pub proxy_template_url: String,
    /// Where toolboxes are.
    pub proxy_toolbox_url: String,
    /// What a sandbox is made from by default.
    pub default_snapshot: String,
    /// The address of the dashboard.
    pub dashboard_url: String,
    /// The longest time until a stopped sandbox is archived.
    #[cfg_attr(feature = "schema", schemars(extend("unit" = "minutes")))]
    pub max_auto_archive_interval: f64,
    /// Whether the service is under maintenance. The server spells it so.
    pub maintanance_mode: bool,
    /// The name of the deployment.
    pub environment: String,
    /// Where billing is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub billing_api_url: Option<String>,
    /// Where analytics are.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub analytics_api_url: Option<String>,
    /// The public key for payments.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stripe_publishable_key: Option<String>,
    /// The form of an SSH command.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ssh_gateway_command: Option<String>,
    /// The public key of the SSH gateway, in base64.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ssh_gateway_public_key: Option<String>,
    /// The rate limits.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rate_limit: Option<RateLimits>,
}

/// Where people log in.
#[derive(Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct Oidc {
    /// The issuer.
    pub issuer: String,
    /// The client id.
    pub client_id: String,
    /// The audience.
    pub audience: String,
}

/// Where the people of an organization log in.
#[derive(Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct SsoOidc {
    /// The issuer.
    pub issuer: String,
    /// The client id.
    pub client_id: String,
}

/// Where the dashboard reports its use.
#[derive(Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct Posthog {
    /// The public key.
    pub api_key: String,
    /// The address.
    pub host: String,
}

/// An announcement of the dashboard.
#[derive(Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(extend("absentOrNull" = true)))]
#[serde(rename_all = "camelCase")]
pub struct Announcement {
    /// The text.
    pub text: String,
    /// Where to read more.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub learn_more_url: Option<String>,
}

/// The rate limits of the API.
#[derive(Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(extend("absentOrNull" = true)))]
#[serde(rename_all = "camelCase")]
pub struct RateLimits {
    /// Of failed authentications.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub failed_auth: Option<RateLimit>,
    /// Of all requests.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub authenticated: Option<RateLimit>,
    /// Of creating sandboxes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sandbox_create: Option<RateLimit>,
    /// Of starting, stopping and the like.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sandbox_lifecycle: Option<RateLimit>,
    /// Of listing sandboxes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sandbox_list: Option<RateLimit>,
}

/// One rate limit.
#[derive(Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(extend("absentOrNull" = true)))]
#[serde(rename_all = "camelCase")]
pub struct RateLimit {
    /// The time that it counts over.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(extend("unit" = "s")))]
    pub ttl: Option<f64>,
    /// How many requests in that time.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub limit: Option<f64>,
}

/// What the server says of itself.
pub async fn config(client: Client, _: Get, _: Context) -> Result<Json> {
    client.request(Method::GET, "config").send().await?.object("a configuration").await
}

/// Sends a request to a route of the API that came with 0.205.
pub(crate) async fn send_newer(operation: &str, request: Request) -> Result<Response> {
    request
        .send()
        .await
        .map_err(|error| if is_missing_api_route(&error) { too_old(operation) } else { error })
}

/// Whether the API lacks the route: its router answers with the request's own line then, while a missing thing is named.
pub(crate) fn is_missing_api_route(error: &Error) -> bool {
    let detail = error.detail();
    let methods = ["GET", "POST", "PUT", "PATCH", "DELETE"];
    let names_method = |rest: &str| methods.iter().any(|method| rest.starts_with(method));
    detail.http_status == Some(404) && detail.message.strip_prefix("Cannot ").is_some_and(names_method)
}

fn too_old(operation: &str) -> Error {
    let message =
        format!("{operation} needs a server of 0.205, and this one is older; client.config has its version");
    Error::new(status::UNSUPPORTED, message)
}
