//! `process.code_run`: a program's text, run by the language's own interpreter in the sandbox.

use super::{argv, deadline, whole_seconds};
use crate::client::error::Result;
use crate::client::operation::Context;
use crate::client::sandbox::Sandbox;
use crate::client::transport::{Json, shaped};
use http::Method;
use serde::Serialize;
use std::collections::BTreeMap;

crate::params! {
    pub struct CodeRun {
        /// The program's text.
        pub code: String,
        /// `python`, `javascript` or `typescript`; absent: the language that the sandbox was created for.
        pub language: Option<String>,
        /// The program's arguments.
        pub argv: Option<Vec<String>>,
        /// Environment variables beside the sandbox's own.
        pub env: Option<BTreeMap<String, String>>,
        /// Seconds, may be fractional, until the server kills the program (status 408); 0 or absent:
        /// never. The server counts whole seconds: a fraction is rounded up.
        pub timeout: Option<f64>,
    }
}

/// The result of a finished program.
#[derive(Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct CodeRan {
    /// The exit code; absent is 0.
    pub exit_code: Option<i64>,
    /// stdout and stderr together.
    pub result: String,
    /// Absent where the program drew nothing.
    pub artifacts: Option<Artifacts>,
}

/// Results beside the output.
#[derive(Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Artifacts {
    /// What `matplotlib` showed.
    pub charts: Option<Vec<Chart>>,
}

/// A chart: its picture, and the data in it as far as its kind is known.
#[derive(Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Chart {
    /// `line`, `scatter`, `bar`, `pie`, `box_and_whisker`, `composite_chart`, or unknown.
    pub r#type: Option<String>,
    pub title: Option<String>,
    /// The picture in base64.
    pub png: Option<String>,
    pub x_label: Option<String>,
    pub y_label: Option<String>,
    pub x_ticks: Option<Vec<f64>>,
    pub y_ticks: Option<Vec<f64>>,
    pub x_tick_labels: Option<Vec<String>>,
    pub y_tick_labels: Option<Vec<String>>,
    pub x_scale: Option<String>,
    pub y_scale: Option<String>,
    /// The data, of a shape that depends on the kind.
    pub elements: Option<Vec<serde_json::Value>>,
}

pub async fn code_run(sandbox: Sandbox, params: CodeRun, _: Context) -> Result<Json> {
    #[derive(Serialize)]
    struct Body<'a> {
        code: &'a str,
        language: &'a str,
        #[serde(skip_serializing_if = "Option::is_none")]
        argv: Option<&'a [String]>,
        #[serde(rename = "envs", skip_serializing_if = "Option::is_none")]
        env: Option<&'a BTreeMap<String, String>>,
        #[serde(skip_serializing_if = "Option::is_none")]
        timeout: Option<u32>,
    }
    let timeout = whole_seconds("process.code_run", params.timeout)?;
    let language = match params.language {
        Some(language) => language,
        None => sandbox.language().await?,
    };
    let argv = match params.argv {
        Some(argv) => Some(argv::quoted_as_needed(&sandbox, &language, argv).await?),
        None => None,
    };
    let body = Body {
        code: &params.code,
        language: &language,
        argv: argv.as_deref(),
        env: params.env.as_ref(),
        timeout,
    };
    let request = sandbox.toolbox(Method::POST, "process/code-run").await?;
    let answer = request.json(&body).deadline(deadline(timeout)).send().await?.answer().await?;
    shaped(answer, b'{', "what a program left")
}
