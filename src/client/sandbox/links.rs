//! A sandbox's home and working directory, and the links to its ports from outside.

use super::Sandbox;
use super::nothing::Nothing;
use crate::client::error::{Error, Result};
use crate::client::operation::Context;
use crate::client::path_segment::encode_path_segment;
use crate::client::transport::Json;
use http::Method;
use serde::Deserialize;

crate::params! {
    pub struct Port {
        /// The port inside the sandbox, 1 to 65535.
        #[cfg_attr(feature = "schema", schemars(range(min = 1, max = 65535)))]
        pub port: i32,
    }
}

crate::params! {
    pub struct SignPreviewLink {
        /// The port inside the sandbox, 1 to 65535.
        #[cfg_attr(feature = "schema", schemars(range(min = 1, max = 65535)))]
        pub port: i32,
        /// How long the link is valid, 1 to 86400.
        #[cfg_attr(feature = "schema", schemars(extend("unit" = "s")))]
        pub expires_in_seconds: Option<u32> = 60,
    }
}

crate::params! {
    pub struct ExpireSignedPreviewLink {
        /// The port that the link was made for.
        #[cfg_attr(feature = "schema", schemars(range(min = 1, max = 65535)))]
        pub port: i32,
        /// The link's `token`.
        pub token: String,
    }
}

/// A directory of the sandbox.
#[derive(Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Directory {
    /// The absolute path.
    pub dir: String,
}

/// How a port is reached.
#[derive(Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct PreviewLink {
    /// The sandbox's UUID.
    pub sandbox_id: String,
    /// The address of the port.
    pub url: String,
    /// For the header X-Daytona-Preview-Token, unless the sandbox is public.
    pub token: String,
}

pub async fn home_dir(sandbox: Sandbox, _: Nothing, _: Context) -> Result<Json> {
    directory(&sandbox, "user-home-dir").await.map(|(answer, _)| answer)
}

pub async fn work_dir(sandbox: Sandbox, _: Nothing, _: Context) -> Result<Json> {
    directory(&sandbox, "work-dir").await.map(|(answer, _)| answer)
}

async fn directory(sandbox: &Sandbox, endpoint: &str) -> Result<(Json, Directory)> {
    let answer = sandbox.toolbox(Method::GET, endpoint).await?.send().await?.json().await?;
    let directory = super::reading::parse(&answer, "a directory")?;
    Ok((answer, directory))
}

/// The directory that relative paths are below.
pub(crate) async fn working_directory(sandbox: &Sandbox) -> Result<String> {
    directory(sandbox, "work-dir").await.map(|(_, directory)| directory.dir)
}

/// How a port is reached without a header.
#[derive(Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct SignedPreviewLink {
    /// The sandbox's UUID.
    pub sandbox_id: String,
    /// The port.
    pub port: u16,
    /// What the address has instead of the sandbox's id.
    pub token: String,
    /// The address of the port, which needs no header.
    pub url: String,
}

fn checked(port: i32, operation: &str) -> Result<i32> {
    if (1..=65535).contains(&port) {
        return Ok(port);
    }
    Err(Error::invalid(format!("{operation}: `port` is {port}; ports go from 1 to 65535")))
}

pub async fn preview_link(sandbox: Sandbox, params: Port, _: Context) -> Result<Json> {
    let port = checked(params.port, "sandbox.preview_link")?;
    sandbox
        .request(Method::GET, &format!("/ports/{port}/preview-url"))?
        .send()
        .await?
        .object("a preview link")
        .await
}

pub async fn signed_preview_link(sandbox: Sandbox, params: SignPreviewLink, _: Context) -> Result<Json> {
    let port = checked(params.port, "sandbox.signed_preview_link")?;
    let mut request = sandbox.request(Method::GET, &format!("/ports/{port}/signed-preview-url"))?;
    if let Some(seconds) = params.expires_in_seconds {
        if !(1..=86_400).contains(&seconds) {
            return Err(Error::invalid(format!(
                "sandbox.signed_preview_link: `expiresInSeconds` is {seconds}; it goes from 1 to 86400"
            )));
        }
        request = request.query("expiresInSeconds", &seconds.to_string());
    }
    request.send().await?.object("a preview link").await
}

pub async fn expire_signed_preview_link(
    sandbox: Sandbox,
    params: ExpireSignedPreviewLink,
    _: Context,
) -> Result<()> {
    let port = checked(params.port, "sandbox.expire_signed_preview_link")?;
    let token = encode_path_segment("the token", &params.token)?;
    let path = format!("/ports/{port}/signed-preview-url/{token}/expire");
    sandbox.request(Method::POST, &path)?.send().await.map(drop)
}
