//! Access to a sandbox over SSH: tokens that the service's gateway accepts.

use super::Sandbox;
use crate::client::api_version::unsupported;
use crate::client::error::{Error, Result};
use crate::client::operation::Context;
use crate::client::status;
use crate::client::transport::Json;
use http::Method;
use serde::Deserialize;

crate::params! {
    pub struct CreateSshAccess {
        /// How long the token is valid.
        #[cfg_attr(feature = "schema", schemars(extend("unit" = "minutes")))]
        pub expires_in_minutes: Option<u32> = 60,
    }
}

crate::params! {
    pub struct SshToken {
        /// The token of `sandbox.create_ssh_access`.
        pub token: String,
    }
}

/// Access to a sandbox over SSH.
#[derive(Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct SshAccess {
    /// The UUID of this access.
    pub id: String,
    /// The sandbox's UUID.
    pub sandbox_id: String,
    /// The token, which is the user name of the connection.
    pub token: String,
    /// When it ends.
    #[cfg_attr(feature = "schema", schemars(extend("format" = "date-time")))]
    pub expires_at: String,
    /// When it was made.
    #[cfg_attr(feature = "schema", schemars(extend("format" = "date-time")))]
    pub created_at: String,
    /// When it last changed.
    #[cfg_attr(feature = "schema", schemars(extend("format" = "date-time")))]
    pub updated_at: String,
    /// The command that connects, as `ssh -p 2222 TOKEN@HOST`.
    pub ssh_command: String,
}

/// Whether a token is accepted.
#[derive(Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(extend("absentOrNull" = true)))]
#[serde(rename_all = "camelCase")]
pub struct SshValidation {
    /// Whether it is.
    pub valid: bool,
    /// The UUID of the sandbox that it leads to; null or absent for a token that is not accepted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sandbox_id: Option<String>,
}

pub async fn create_ssh_access(sandbox: Sandbox, params: CreateSshAccess, _: Context) -> Result<Json> {
    if params.expires_in_minutes == Some(0) {
        return Err(Error::invalid("sandbox.create_ssh_access: `expiresInMinutes` is 0; give 1 or more"));
    }
    let mut request = sandbox.request(Method::POST, "/ssh-access")?;
    if let Some(minutes) = params.expires_in_minutes {
        request = request.query("expiresInMinutes", &minutes.to_string());
    }
    request.send().await?.object("an SSH access").await
}

pub async fn revoke_ssh_access(sandbox: Sandbox, params: SshToken, _: Context) -> Result<Json> {
    given(&params.token, "sandbox.revoke_ssh_access")?;
    let request = sandbox.request(Method::DELETE, "/ssh-access")?.query("token", &params.token);
    sandbox.take(request.send().await?.json().await?)?;
    Ok(sandbox.info())
}

pub async fn validate_ssh_access(sandbox: Sandbox, params: SshToken, _: Context) -> Result<Json> {
    given(&params.token, "sandbox.validate_ssh_access")?;
    let request = sandbox.client().request(Method::GET, "sandbox/ssh-access/validate");
    let answer =
        request.query("token", &params.token).send().await.map_err(|error| match error.status() {
            // Before 0.205 this belongs to the gateway alone, whose key nobody else has.
            status::HTTP_FORBIDDEN => unsupported(error, "sandbox.validate_ssh_access", "0.205"),
            _ => error,
        })?;
    answer.object("a validation").await
}

/// An empty token would revoke every access of the sandbox.
fn given(token: &str, operation: &str) -> Result<()> {
    if token.is_empty() {
        return Err(Error::invalid(format!("{operation}: `token` is empty")));
    }
    Ok(())
}
