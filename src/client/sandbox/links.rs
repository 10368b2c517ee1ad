//! A sandbox's home and working directory, and the links to its ports from outside.

use super::Sandbox;
use super::lifecycle::Nothing;
use crate::client::error::{Error, Result};
use crate::client::operation::Context;
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
    sandbox.toolbox(Method::GET, "user-home-dir").await?.send().await?.json_required().await
}

pub async fn work_dir(sandbox: Sandbox, _: Nothing, _: Context) -> Result<Json> {
    sandbox.toolbox(Method::GET, "work-dir").await?.send().await?.json_required().await
}

pub async fn preview_link(sandbox: Sandbox, params: Port, _: Context) -> Result<Json> {
    let port = params.port;
    if !(1..=65535).contains(&port) {
        return Err(Error::invalid(format!(
            "sandbox.preview_link: `port` is {port}; ports go from 1 to 65535"
        )));
    }
    sandbox.request(Method::GET, &format!("/ports/{port}/preview-url"))?.send().await?.json_required().await
}
