//! The desktop of a sandbox: an X display with its programs, its picture, mouse, keyboard and recordings.
//!
//! * `desktop`: starting and stopping it, its programs. `screenshot`: pictures, as JSON and as bytes.
//!   `mouse`, `keyboard`: input. `display`: screens and windows. `recording`: videos of the screen.
//!   `accessibility`: the tree of widgets. `version`: what daemons before 0.226 cannot do.

mod accessibility;
mod desktop;
mod display;
mod keyboard;
mod mouse;
mod recording;
mod screenshot;
mod version;

pub use accessibility::{
    A11yFind, A11yFocus, A11yInvoke, A11ySetValue, A11yTree, AccessibilityBounds, AccessibilityMatches,
    AccessibilityNode, AccessibilityTree, a11y_find, a11y_focus, a11y_invoke, a11y_set_value, a11y_tree,
};
pub use desktop::{
    ComputerNothing, ComputerProcess, DesktopChanged, DesktopStatus, ProcessErrors, ProcessErrorsText,
    ProcessLogs, ProcessLogsText, ProcessRestart, ProcessRestarted, ProcessRunning, ProcessStatus,
    process_errors, process_logs, process_restart, process_status, start, status, stop, system_status,
};
pub use display::{DisplayInfo, Screen, Window, Windows, display_info, windows};
pub use keyboard::{
    KeyDown, KeyHotkey, KeyPress, KeyType, KeyUp, key_down, key_hotkey, key_press, key_type, key_up,
};
pub use mouse::{
    MouseClick, MouseDown, MouseDrag, MouseMove, MouseScroll, MouseUp, Position, Scrolled, mouse_click,
    mouse_down, mouse_drag, mouse_move, mouse_position, mouse_scroll, mouse_up,
};
pub use recording::{
    Recording, RecordingDelete, RecordingDownload, RecordingGet, RecordingStart, RecordingStop, Recordings,
    recording_delete, recording_download, recording_get, recording_list, recording_start, recording_stop,
};
pub use screenshot::{Region, Screenshot, ScreenshotTaken, screenshot, screenshot_image};

use super::error::Result;
use super::sandbox::Sandbox;
use super::transport::{Json, Request};
use http::Method;
use serde_json::Value;

/// Nothing: the server answers an empty object.
#[derive(serde::Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(rename = "ComputerDone", extend("properties" = {})))]
pub struct Done {}

type Fields<const COUNT: usize> = [(&'static str, Option<Value>); COUNT];

/// A POST of the fields that are given.
async fn posting<const COUNT: usize>(
    sandbox: &Sandbox,
    path: &str,
    fields: Fields<COUNT>,
) -> Result<Request> {
    Ok(sandbox.toolbox(Method::POST, &format!("computeruse/{path}")).await?.json_given(fields))
}

/// The JSON object that a request is answered with; `what` names it in the error.
async fn answered(request: Request, what: &str) -> Result<Json> {
    request.send().await?.object(what).await
}

/// What a GET answers.
async fn reading(sandbox: &Sandbox, path: &str, what: &str) -> Result<Json> {
    answered(sandbox.toolbox(Method::GET, &format!("computeruse/{path}")).await?, what).await
}
