//! The mouse.

use super::desktop::ComputerNothing;
use super::version::{requires_0_226, send_0_226};
use super::{answered, posting, reading};
use crate::client::error::{Error, Result};
use crate::client::operation::Context;
use crate::client::sandbox::Sandbox;
use crate::client::transport::Json;
use serde::Serialize;

/// The most clicks of one call.
const MAX_CLICKS: i32 = 10;

crate::params! {
    pub struct MouseMove {
        /// From the left edge of the screen.
        #[cfg_attr(feature = "schema", schemars(extend("unit" = "px")))]
        pub x: i32,
        /// From the upper edge of the screen.
        #[cfg_attr(feature = "schema", schemars(extend("unit" = "px")))]
        pub y: i32,
    }
}

crate::params! {
    pub struct MouseClick {
        /// From the left edge of the screen.
        #[cfg_attr(feature = "schema", schemars(extend("unit" = "px")))]
        pub x: i32,
        /// From the upper edge of the screen.
        #[cfg_attr(feature = "schema", schemars(extend("unit" = "px")))]
        pub y: i32,
        /// The button.
        #[cfg_attr(feature = "schema", schemars(with = "Option<crate::client::known::MouseButton>"))]
        pub button: Option<String> = "left",
        /// true: a double click.
        pub double: Option<bool> = false,
        /// How many clicks, 1 to 10; wins over `double`. Needs 0.226.
        #[cfg_attr(feature = "schema", schemars(range(min = 1, max = 10)))]
        pub clicks: Option<i32>,
        /// Keys held meanwhile: `ctrl`, `alt`, `shift`, `cmd`. Needs 0.226.
        #[cfg_attr(feature = "schema", schemars(with = "Option<Vec<crate::client::known::ModifierKey>>"))]
        pub modifiers: Option<Vec<String>>,
    }
}

crate::params! {
    pub struct MouseDrag {
        /// The start, from the left edge of the screen.
        #[cfg_attr(feature = "schema", schemars(extend("unit" = "px")))]
        pub start_x: i32,
        /// The start, from the upper edge of the screen.
        #[cfg_attr(feature = "schema", schemars(extend("unit" = "px")))]
        pub start_y: i32,
        /// The end, from the left edge of the screen.
        #[cfg_attr(feature = "schema", schemars(extend("unit" = "px")))]
        pub end_x: i32,
        /// The end, from the upper edge of the screen.
        #[cfg_attr(feature = "schema", schemars(extend("unit" = "px")))]
        pub end_y: i32,
        /// The button that is held.
        #[cfg_attr(feature = "schema", schemars(with = "Option<crate::client::known::MouseButton>"))]
        pub button: Option<String> = "left",
        /// Keys held meanwhile: `ctrl`, `alt`, `shift`, `cmd`. Needs 0.226.
        #[cfg_attr(feature = "schema", schemars(with = "Option<Vec<crate::client::known::ModifierKey>>"))]
        pub modifiers: Option<Vec<String>>,
    }
}

crate::params! {
    pub struct MouseScroll {
        /// From the left edge of the screen.
        #[cfg_attr(feature = "schema", schemars(extend("unit" = "px")))]
        pub x: i32,
        /// From the upper edge of the screen.
        #[cfg_attr(feature = "schema", schemars(extend("unit" = "px")))]
        pub y: i32,
        /// `up` or `down`; `left` and `right` need 0.226.
        #[cfg_attr(feature = "schema", schemars(with = "crate::client::known::ScrollDirection"))]
        pub direction: String,
        /// How many notches of the wheel.
        #[cfg_attr(feature = "schema", schemars(range(min = 0)))]
        pub amount: Option<i32> = 1,
        /// Keys held meanwhile: `ctrl`, `alt`, `shift`, `cmd`. Needs 0.226.
        #[cfg_attr(feature = "schema", schemars(with = "Option<Vec<crate::client::known::ModifierKey>>"))]
        pub modifiers: Option<Vec<String>>,
    }
}

crate::params! {
    pub struct MouseDown {
        /// From the left edge of the screen, together with `y`; absent: where the mouse is.
        #[cfg_attr(feature = "schema", schemars(extend("unit" = "px")))]
        pub x: Option<i32>,
        /// From the upper edge of the screen.
        #[cfg_attr(feature = "schema", schemars(extend("unit" = "px")))]
        pub y: Option<i32>,
        /// The button.
        #[cfg_attr(feature = "schema", schemars(with = "Option<crate::client::known::MouseButton>"))]
        pub button: Option<String> = "left",
    }
}

crate::params! {
    pub struct MouseUp {
        /// From the left edge of the screen, together with `y`; absent: where the mouse is.
        #[cfg_attr(feature = "schema", schemars(extend("unit" = "px")))]
        pub x: Option<i32>,
        /// From the upper edge of the screen.
        #[cfg_attr(feature = "schema", schemars(extend("unit" = "px")))]
        pub y: Option<i32>,
        /// The button.
        #[cfg_attr(feature = "schema", schemars(with = "Option<crate::client::known::MouseButton>"))]
        pub button: Option<String> = "left",
    }
}

/// Where the mouse is.
#[derive(Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(rename = "MousePosition"))]
pub struct Position {
    /// From the left edge of the screen.
    #[cfg_attr(feature = "schema", schemars(extend("unit" = "px")))]
    pub x: i64,
    /// From the upper edge of the screen.
    #[cfg_attr(feature = "schema", schemars(extend("unit" = "px")))]
    pub y: i64,
}

/// What came of scrolling.
#[derive(Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Scrolled {
    /// true.
    pub success: bool,
}

const POSITION: &str = "the mouse's position";

pub async fn mouse_position(sandbox: Sandbox, _: ComputerNothing, _: Context) -> Result<Json> {
    reading(&sandbox, "mouse/position", POSITION).await
}

pub async fn mouse_move(sandbox: Sandbox, params: MouseMove, _: Context) -> Result<Json> {
    let fields = [("x", Some(params.x.into())), ("y", Some(params.y.into()))];
    answered(posting(&sandbox, "mouse/move", fields).await?, POSITION).await
}

pub async fn mouse_click(sandbox: Sandbox, params: MouseClick, _: Context) -> Result<Json> {
    if params.clicks.is_some_and(|clicks| !(1..=MAX_CLICKS).contains(&clicks)) {
        return Err(Error::invalid(format!("computer.mouse_click: `clicks` must be from 1 to {MAX_CLICKS}")));
    }
    if params.clicks.is_some() || params.modifiers.is_some() {
        requires_0_226(&sandbox, "computer.mouse_click with `clicks` or `modifiers`").await?;
    }
    let fields = [
        ("x", Some(params.x.into())),
        ("y", Some(params.y.into())),
        ("button", params.button.map(Into::into)),
        ("double", params.double.map(Into::into)),
        ("clicks", params.clicks.map(Into::into)),
        ("modifiers", params.modifiers.map(Into::into)),
    ];
    answered(posting(&sandbox, "mouse/click", fields).await?, POSITION).await
}

pub async fn mouse_drag(sandbox: Sandbox, params: MouseDrag, _: Context) -> Result<Json> {
    if params.modifiers.is_some() {
        requires_0_226(&sandbox, "computer.mouse_drag with `modifiers`").await?;
    }
    let fields = [
        ("startX", Some(params.start_x.into())),
        ("startY", Some(params.start_y.into())),
        ("endX", Some(params.end_x.into())),
        ("endY", Some(params.end_y.into())),
        ("button", params.button.map(Into::into)),
        ("modifiers", params.modifiers.map(Into::into)),
    ];
    answered(posting(&sandbox, "mouse/drag", fields).await?, POSITION).await
}

pub async fn mouse_scroll(sandbox: Sandbox, params: MouseScroll, _: Context) -> Result<Json> {
    if params.amount.is_some_and(|amount| amount < 0) {
        return Err(Error::invalid(
            "computer.mouse_scroll: `amount` must not be negative; the direction is `direction`",
        ));
    }
    if params.modifiers.is_some() || matches!(params.direction.as_str(), "left" | "right") {
        requires_0_226(&sandbox, "computer.mouse_scroll to the side or with `modifiers`").await?;
    }
    let fields = [
        ("x", Some(params.x.into())),
        ("y", Some(params.y.into())),
        ("direction", Some(params.direction.into())),
        ("amount", params.amount.map(Into::into)),
        ("modifiers", params.modifiers.map(Into::into)),
    ];
    answered(posting(&sandbox, "mouse/scroll", fields).await?, "what came of scrolling").await
}

pub async fn mouse_down(sandbox: Sandbox, params: MouseDown, _: Context) -> Result<Json> {
    let MouseDown { x, y, button, .. } = params;
    button_at(&sandbox, "computer.mouse_down", "mouse/down", (x, y), button).await
}

pub async fn mouse_up(sandbox: Sandbox, params: MouseUp, _: Context) -> Result<Json> {
    let MouseUp { x, y, button, .. } = params;
    button_at(&sandbox, "computer.mouse_up", "mouse/up", (x, y), button).await
}

async fn button_at(
    sandbox: &Sandbox,
    operation: &str,
    path: &str,
    (x, y): (Option<i32>, Option<i32>),
    button: Option<String>,
) -> Result<Json> {
    if x.is_some() != y.is_some() {
        return Err(Error::invalid(format!("{operation}: give `x` and `y` together, or neither")));
    }
    let fields = [("x", x.map(Into::into)), ("y", y.map(Into::into)), ("button", button.map(Into::into))];
    let request = posting(sandbox, path, fields).await?;
    send_0_226(sandbox, operation, request).await?.object(POSITION).await
}
