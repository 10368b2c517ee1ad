//! Settings of a sandbox: labels, intervals, visibility, network, secrets, and the environment of new processes.

use super::Sandbox;
use super::daemon::send_newer;
use crate::client::api_version::{self, V0_205, missing_in_api};
use crate::client::error::{Error, Result};
use crate::client::operation::Context;
use crate::client::transport::Json;
use http::Method;
use serde::Serialize;
use std::collections::BTreeMap;

crate::params! {
    pub struct SetLabels {
        /// Replaces all labels; values are texts.
        pub labels: BTreeMap<String, String>,
    }
}

crate::params! {
    pub struct Minutes {
        /// The interval in minutes; 0 never.
        #[cfg_attr(feature = "schema", schemars(extend("unit" = "minutes", "endless" = 0)))]
        pub minutes: i32,
    }
}

crate::params! {
    pub struct MinutesToDeletion {
        /// The interval in minutes; -1 never, 0 at once.
        #[cfg_attr(feature = "schema", schemars(extend("unit" = "minutes", "endless" = -1)))]
        pub minutes: i32,
    }
}

crate::params! {
    pub struct SetPublic {
        /// Whether preview links work without a token.
        pub is_public: bool,
    }
}

crate::params! {
    pub struct SetSecrets {
        /// Replaces all: `[{"ENV_NAME":"secret-name"}]`; an empty list takes every secret out.
        pub secrets: Vec<BTreeMap<String, String>>,
    }
}

crate::params! {
    pub struct SetNetwork {
        /// true: no network at all. Unchanged where it is not given.
        pub network_block_all: Option<bool>,
        /// Networks that may be reached, as "10.0.0.0/8,1.2.3.4/32"; empty: all. Unchanged where it is not given.
        pub network_allow_list: Option<String>,
        /// Domains that may be reached, as "example.com,*.example.org"; empty: all. Unchanged where it is not given.
        pub domain_allow_list: Option<String>,
    }
}

crate::params! {
    pub struct UpdateEnv {
        /// Variables to set, after the others are removed.
        pub set: Option<BTreeMap<String, String>>,
        /// Variables to remove.
        pub unset: Option<Vec<String>>,
        /// Removes every variable whose value begins so, unless `set` names it.
        pub unset_value_prefix: Option<String>,
    }
}

crate::params! {
    pub struct Keepalive {
        /// What kind of activity it was, for the server's records. UNSUPPORTED before 0.205.
        pub activity_type: Option<String>,
    }
}

/// The labels of a sandbox.
#[derive(serde::Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(rename = "SandboxLabels"))]
pub struct LabelsSet {
    /// All labels that it has now.
    pub labels: BTreeMap<String, String>,
}

pub async fn set_labels(sandbox: Sandbox, params: SetLabels, _: Context) -> Result<Json> {
    #[derive(Serialize)]
    struct Body<'a> {
        labels: &'a BTreeMap<String, String>,
    }
    let request = sandbox.request(Method::PUT, "/labels")?.json(&Body { labels: &params.labels });
    request.send().await?.object("labels").await
}

pub async fn set_auto_stop(sandbox: Sandbox, params: Minutes, _: Context) -> Result<Json> {
    interval(&sandbox, "sandbox.set_auto_stop", "autostop", params.minutes, 0).await
}

pub async fn set_auto_pause(sandbox: Sandbox, params: Minutes, _: Context) -> Result<Json> {
    interval(&sandbox, "sandbox.set_auto_pause", "autopause", params.minutes, 0).await
}

pub async fn set_auto_archive(sandbox: Sandbox, params: Minutes, _: Context) -> Result<Json> {
    interval(&sandbox, "sandbox.set_auto_archive", "autoarchive", params.minutes, 0).await
}

pub async fn set_auto_delete(sandbox: Sandbox, params: MinutesToDeletion, _: Context) -> Result<Json> {
    interval(&sandbox, "sandbox.set_auto_delete", "autodelete", params.minutes, -1).await
}

pub async fn set_ttl(sandbox: Sandbox, params: Minutes, _: Context) -> Result<Json> {
    interval(&sandbox, "sandbox.set_ttl", "ttl", params.minutes, 0).await
}

async fn interval(sandbox: &Sandbox, operation: &str, path: &str, minutes: i32, least: i32) -> Result<Json> {
    if minutes < least {
        return Err(Error::invalid(format!("{operation}: `minutes` is {minutes}; it goes from {least} on")));
    }
    let request = sandbox.request(Method::POST, &format!("/{path}/{minutes}"))?;
    let answer = request.send().await.map_err(|error| missing_in_api(error, operation, "0.205"))?;
    take(sandbox, answer.json().await?)
}

/// The sandbox as the answer has it.
fn take(sandbox: &Sandbox, answer: Json) -> Result<Json> {
    sandbox.take(answer)?;
    Ok(sandbox.info())
}

pub async fn set_public(sandbox: Sandbox, params: SetPublic, _: Context) -> Result<Json> {
    let request = sandbox.request(Method::POST, &format!("/public/{}", params.is_public))?;
    take(&sandbox, request.send().await?.json().await?)
}

pub async fn set_secrets(sandbox: Sandbox, params: SetSecrets, _: Context) -> Result<Json> {
    #[derive(Serialize)]
    struct Body<'a> {
        secrets: &'a [BTreeMap<String, String>],
    }
    let request = sandbox.request(Method::PUT, "/secrets")?.json(&Body { secrets: &params.secrets });
    let answer = request.send().await;
    let answer = answer.map_err(|error| missing_in_api(error, "sandbox.set_secrets", "0.205"))?;
    take(&sandbox, answer.json().await?)
}

pub async fn set_network(sandbox: Sandbox, params: SetNetwork, _: Context) -> Result<Json> {
    #[derive(Serialize)]
    #[serde(rename_all = "camelCase")]
    struct Body<'a> {
        #[serde(skip_serializing_if = "Option::is_none")]
        network_block_all: Option<bool>,
        #[serde(skip_serializing_if = "Option::is_none")]
        network_allow_list: Option<&'a str>,
        #[serde(skip_serializing_if = "Option::is_none")]
        domain_allow_list: Option<&'a str>,
    }
    let body = Body {
        network_block_all: params.network_block_all,
        network_allow_list: params.network_allow_list.as_deref(),
        domain_allow_list: params.domain_allow_list.as_deref(),
    };
    if params.network_block_all.is_none()
        && body.network_allow_list.is_none()
        && body.domain_allow_list.is_none()
    {
        return Err(Error::invalid(
            "sandbox.set_network: give `networkBlockAll`, `networkAllowList` or `domainAllowList`",
        ));
    }
    let request = sandbox.request(Method::POST, "/network-settings")?.json(&body);
    take(&sandbox, request.send().await?.json().await?)
}

pub async fn update_env(sandbox: Sandbox, params: UpdateEnv, _: Context) -> Result<()> {
    #[derive(Serialize)]
    #[serde(rename_all = "camelCase")]
    struct Body<'a> {
        #[serde(skip_serializing_if = "Option::is_none")]
        set: Option<&'a BTreeMap<String, String>>,
        #[serde(skip_serializing_if = "Option::is_none")]
        unset: Option<&'a [String]>,
        #[serde(skip_serializing_if = "Option::is_none")]
        unset_value_prefix: Option<&'a str>,
    }
    let body = Body {
        set: params.set.as_ref(),
        unset: params.unset.as_deref(),
        unset_value_prefix: params.unset_value_prefix.as_deref(),
    };
    let request = sandbox.toolbox(Method::POST, "env").await?.json(&body);
    let instead = "give the variables of a command as `env`";
    send_newer(&sandbox, "sandbox.update_env", instead, request).await.map(drop)
}

pub async fn keepalive(sandbox: Sandbox, params: Keepalive, _: Context) -> Result<()> {
    #[derive(Serialize)]
    #[serde(rename_all = "camelCase")]
    struct Body<'a> {
        activity_type: &'a str,
    }
    let options = [("activityType", params.activity_type.is_some(), V0_205)];
    api_version::requires(sandbox.client(), "sandbox.keepalive", &options).await?;
    let mut request = sandbox.request(Method::POST, "/last-activity")?;
    if let Some(activity_type) = &params.activity_type {
        request = request.json(&Body { activity_type });
    }
    request.send().await.map(drop)
}
