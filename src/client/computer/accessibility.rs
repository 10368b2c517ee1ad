//! The accessibility tree: the widgets of the programs on the screen.

use super::{answered, posting};
use crate::client::error::{Error, Result};
use crate::client::operation::Context;
use crate::client::sandbox::Sandbox;
use crate::client::transport::Json;
use http::Method;
use serde::Serialize;

crate::params! {
    pub struct A11yTree {
        /// `focused`: the program that has the keyboard; `pid`: the one of `pid`; `all`.
        #[cfg_attr(feature = "schema", schemars(with = "Option<crate::client::known::AccessibilityScope>"))]
        pub scope: Option<String> = "focused",
        /// The process id for the scope `pid`.
        pub pid: Option<i32>,
        /// How many levels below the root: 0 the root alone, -1 all.
        pub max_depth: Option<i32> = -1,
    }
}

crate::params! {
    pub struct A11yFind {
        /// `focused`: the program that has the keyboard; `pid`: the one of `pid`; `all`.
        #[cfg_attr(feature = "schema", schemars(with = "Option<crate::client::known::AccessibilityScope>"))]
        pub scope: Option<String> = "focused",
        /// The process id for the scope `pid`.
        pub pid: Option<i32>,
        /// The role in any case, as `push button`.
        pub role: Option<String>,
        /// The name, compared as `nameMatch` says.
        pub name: Option<String>,
        /// `exact`, `substring` or `regex`.
        #[cfg_attr(feature = "schema", schemars(with = "Option<crate::client::known::NameMatch>"))]
        pub name_match: Option<String> = "substring",
        /// States that it must have, as `focused`, `visible`.
        pub states: Option<Vec<String>>,
        /// The most matches, up to 5,000.
        #[cfg_attr(feature = "schema", schemars(range(min = 1, max = 5000)))]
        pub limit: Option<i32> = 500,
    }
}

crate::params! {
    pub struct A11yFocus {
        /// The widget's id, from the tree.
        pub id: String,
    }
}

crate::params! {
    pub struct A11yInvoke {
        /// The widget's id, from the tree.
        pub id: String,
        /// One of its `actions`, in any case; absent: the first.
        pub action: Option<String>,
    }
}

crate::params! {
    pub struct A11ySetValue {
        /// The widget's id, from the tree.
        pub id: String,
        /// Its new text; of a slider or the like, a number.
        pub value: String,
    }
}

/// A widget and what is in it.
#[derive(Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct AccessibilityTree {
    /// The widget at the top.
    pub root: AccessibilityNode,
    /// Whether there is more than the server gives at a time, 20,000 widgets.
    pub truncated: bool,
}

/// Widgets that were found.
#[derive(Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct AccessibilityMatches {
    /// Without their children.
    pub matches: Vec<AccessibilityNode>,
    /// Whether the limit was reached.
    pub truncated: bool,
}

/// A widget.
#[derive(Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(extend("absentOrNull" = true)))]
pub struct AccessibilityNode {
    /// Its id, as long as its program runs.
    pub id: String,
    /// What it is, as `push button`.
    pub role: String,
    /// Its name.
    pub name: String,
    /// What it is for; absent where nothing is said.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// Where it is on the screen.
    pub bounds: AccessibilityBounds,
    /// As `enabled`, `focused`, `visible`; null for none.
    pub states: Option<Vec<String>>,
    /// What computer.a11y_invoke can do with it; absent for nothing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub actions: Option<Vec<String>>,
    /// What is in it; absent for nothing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub children: Option<Vec<AccessibilityNode>>,
}

/// A rectangle on the screen; all 0 where a widget has no place.
#[derive(Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct AccessibilityBounds {
    /// The left edge.
    #[cfg_attr(feature = "schema", schemars(extend("unit" = "px")))]
    pub x: i64,
    /// The upper edge.
    #[cfg_attr(feature = "schema", schemars(extend("unit" = "px")))]
    pub y: i64,
    /// The width.
    #[cfg_attr(feature = "schema", schemars(extend("unit" = "px")))]
    pub width: i64,
    /// The height.
    #[cfg_attr(feature = "schema", schemars(extend("unit" = "px")))]
    pub height: i64,
}

pub async fn a11y_tree(sandbox: Sandbox, params: A11yTree, _: Context) -> Result<Json> {
    check_scope("computer.a11y_tree", params.scope.as_deref(), params.pid)?;
    let request = sandbox.toolbox(Method::GET, "computeruse/a11y/tree").await?;
    let options = [
        ("scope", params.scope),
        ("pid", params.pid.map(|pid| pid.to_string())),
        ("maxDepth", params.max_depth.map(|depth| depth.to_string())),
    ];
    answered(request.query_given(options), "an accessibility tree").await
}

pub async fn a11y_find(sandbox: Sandbox, params: A11yFind, _: Context) -> Result<Json> {
    check_scope("computer.a11y_find", params.scope.as_deref(), params.pid)?;
    let fields = [
        ("scope", params.scope.map(Into::into)),
        ("pid", params.pid.map(Into::into)),
        ("role", params.role.map(Into::into)),
        ("name", params.name.map(Into::into)),
        ("nameMatch", params.name_match.map(Into::into)),
        ("states", params.states.map(Into::into)),
        ("limit", params.limit.map(Into::into)),
    ];
    answered(posting(&sandbox, "a11y/find", fields).await?, "a list of widgets").await
}

pub async fn a11y_focus(sandbox: Sandbox, params: A11yFocus, _: Context) -> Result<Json> {
    answered(posting(&sandbox, "a11y/node/focus", [("id", Some(params.id.into()))]).await?, DONE).await
}

pub async fn a11y_invoke(sandbox: Sandbox, params: A11yInvoke, _: Context) -> Result<Json> {
    let fields = [("id", Some(params.id.into())), ("action", params.action.map(Into::into))];
    answered(posting(&sandbox, "a11y/node/invoke", fields).await?, DONE).await
}

pub async fn a11y_set_value(sandbox: Sandbox, params: A11ySetValue, _: Context) -> Result<Json> {
    let fields = [("id", Some(params.id.into())), ("value", Some(params.value.into()))];
    answered(posting(&sandbox, "a11y/node/value", fields).await?, DONE).await
}

const DONE: &str = "what came of it";

fn check_scope(operation: &str, scope: Option<&str>, pid: Option<i32>) -> Result<()> {
    match scope {
        Some("pid") if pid.is_none_or(|pid| pid <= 0) => {
            Err(Error::invalid(format!("{operation}: the scope `pid` needs a `pid` above 0")))
        }
        _ => Ok(()),
    }
}
