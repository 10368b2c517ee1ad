//! Git's settings, and credentials that the sandbox's git remembers.

use super::posting;
use super::version::send_newer;
use crate::client::error::Result;
use crate::client::operation::Context;
use crate::client::sandbox::Sandbox;
use crate::client::transport::Json;
use http::Method;
use serde::Serialize;

crate::params! {
    pub struct ConfigSet {
        /// The key, as `user.name`.
        pub key: String,
        /// The value.
        pub value: String,
        /// `global`, `local` or `system`.
        pub scope: Option<String> = "global",
        /// The repository, for the scope `local`.
        pub path: Option<String>,
    }
}

crate::params! {
    pub struct ConfigGet {
        /// The key, as `user.name`.
        pub key: String,
        /// `global`, `local` or `system`.
        pub scope: Option<String> = "global",
        /// The repository, for the scope `local`.
        pub path: Option<String>,
    }
}

crate::params! {
    pub struct ConfigUser {
        /// The name for commits.
        pub name: String,
        /// The address for commits.
        pub email: String,
        /// `global`, `local` or `system`.
        pub scope: Option<String> = "global",
        /// The repository, for the scope `local`.
        pub path: Option<String>,
    }
}

crate::params! {
    pub struct Authenticate {
        /// The username.
        pub username: String,
        /// The password or token.
        pub password: String,
        /// The host, with its port.
        pub host: Option<String> = "github.com",
        /// `https` or `http`.
        pub protocol: Option<String> = "https",
    }
}

/// A setting.
#[derive(Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(rename = "GitConfigValue", extend("absentOrNull" = true)))]
pub struct ConfigValue {
    /// The value; null or absent where the key is not set.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub value: Option<String>,
}

pub async fn config_set(sandbox: Sandbox, params: ConfigSet, _: Context) -> Result<()> {
    let fields = [
        ("key", Some(params.key.into())),
        ("value", Some(params.value.into())),
        ("scope", params.scope.map(Into::into)),
        ("path", params.path.map(Into::into)),
    ];
    let request = posting(&sandbox, "git/config", fields).await?;
    send_newer(&sandbox, "git.config_set", request).await.map(drop)
}

pub async fn config_get(sandbox: Sandbox, params: ConfigGet, _: Context) -> Result<Json> {
    let request = sandbox.toolbox(Method::GET, "git/config").await?.query("key", &params.key);
    let request = request.query_given([("scope", params.scope), ("path", params.path)]);
    send_newer(&sandbox, "git.config_get", request).await?.object("a setting").await
}

pub async fn config_user(sandbox: Sandbox, params: ConfigUser, _: Context) -> Result<()> {
    let fields = [
        ("name", Some(params.name.into())),
        ("email", Some(params.email.into())),
        ("scope", params.scope.map(Into::into)),
        ("path", params.path.map(Into::into)),
    ];
    let request = posting(&sandbox, "git/config/user", fields).await?;
    send_newer(&sandbox, "git.config_user", request).await.map(drop)
}

pub async fn authenticate(sandbox: Sandbox, params: Authenticate, _: Context) -> Result<()> {
    let fields = [
        ("username", Some(params.username.into())),
        ("password", Some(params.password.into())),
        ("host", params.host.map(Into::into)),
        ("protocol", params.protocol.map(Into::into)),
    ];
    let request = posting(&sandbox, "git/credentials", fields).await?;
    send_newer(&sandbox, "git.authenticate", request).await.map(drop)
}
