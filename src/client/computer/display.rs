//! Screens and windows.

use super::desktop::ComputerNothing;
use super::reading;
use crate::client::error::Result;
use crate::client::operation::Context;
use crate::client::sandbox::Sandbox;
use crate::client::transport::Json;
use serde::{Deserialize, Serialize};

/// The screens of the desktop.
#[derive(Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct DisplayInfo {
    /// null where the desktop was not started.
    pub displays: Option<Vec<Screen>>,
}

/// One screen.
#[derive(Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct Screen {
    /// Its number.
    pub id: i64,
    /// Its left edge.
    #[cfg_attr(feature = "schema", schemars(extend("unit" = "px")))]
    pub x: i64,
    /// Its upper edge.
    #[cfg_attr(feature = "schema", schemars(extend("unit" = "px")))]
    pub y: i64,
    /// Its width.
    #[cfg_attr(feature = "schema", schemars(extend("unit" = "px")))]
    pub width: i64,
    /// Its height.
    #[cfg_attr(feature = "schema", schemars(extend("unit" = "px")))]
    pub height: i64,
    /// Whether it is in use.
    pub is_active: bool,
}

/// The windows of the desktop.
#[derive(Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Windows {
    /// In no particular order.
    pub windows: Option<Vec<Window>>,
}

/// One window. The hosted service's position and size were only seen to be 0.
#[derive(Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct Window {
    /// Its number.
    pub id: i64,
    /// Its title.
    pub title: String,
    /// Its left edge.
    #[cfg_attr(feature = "schema", schemars(extend("unit" = "px")))]
    pub x: i64,
    /// Its upper edge.
    #[cfg_attr(feature = "schema", schemars(extend("unit" = "px")))]
    pub y: i64,
    /// Its width.
    #[cfg_attr(feature = "schema", schemars(extend("unit" = "px")))]
    pub width: i64,
    /// Its height.
    #[cfg_attr(feature = "schema", schemars(extend("unit" = "px")))]
    pub height: i64,
    /// Whether the keyboard goes to it.
    pub is_active: bool,
}

pub async fn display_info(sandbox: Sandbox, _: ComputerNothing, _: Context) -> Result<Json> {
    reading(&sandbox, "display/info", "a list of screens").await
}

pub async fn windows(sandbox: Sandbox, _: ComputerNothing, _: Context) -> Result<Json> {
    reading(&sandbox, "display/windows", "a list of windows").await
}
