//! `process.code_run`: a program's text, run by the language's own interpreter in the sandbox.

use super::{argv, finished, whole_seconds};
use crate::client::error::Result;
use crate::client::operation::Context;
use crate::client::sandbox::Sandbox;
use crate::client::transport::Json;
use http::Method;
use serde::Serialize;
use std::collections::BTreeMap;

crate::params! {
    pub struct CodeRun {
        /// The program's text.
        pub code: String,
        /// `python`, `javascript` or `typescript`; absent: the language that the sandbox was created for.
        #[cfg_attr(feature = "schema", schemars(with = "Option<crate::client::known::Language>"))]
        pub language: Option<String>,
        /// The program's arguments.
        pub argv: Option<Vec<String>>,
        /// Environment variables beside the sandbox's own.
        pub env: Option<BTreeMap<String, String>>,
        /// Seconds, may be fractional, until the server kills the program (status 408); 0:
        /// never, and the call waits as long as the program runs. The server counts whole seconds: a
        /// fraction is rounded up. The call ends 5 s later at most, also when the server does not answer.
        #[cfg_attr(feature = "schema", schemars(extend("unit" = "s")))]
        pub timeout: Option<f64> = 0.0,
    }
}

/// The result of a finished program.
#[derive(Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(rename = "CodeRunResult"))]
#[serde(rename_all = "camelCase")]
pub struct CodeRan {
    /// The exit code.
    pub exit_code: i64,
    /// stdout and stderr together.
    pub result: String,
    /// Absent where the program drew nothing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub artifacts: Option<Artifacts>,
}

/// Results beside the output.
#[derive(Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Artifacts {
    /// What `matplotlib` showed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub charts: Option<Vec<Chart>>,
}

/// A chart: its picture, and the data in it as far as its kind is known.
#[derive(Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Chart {
    /// What it shows.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(with = "Option<crate::client::known::ChartType>"))]
    pub r#type: Option<String>,
    /// Its title.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// The picture, a PNG in base64.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub png: Option<String>,
    #[serde(flatten)]
    pub axes: ChartAxes,
    /// The data, by the chart's type: lines, bars, wedges, boxes, or the charts of a composite one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub elements: Option<Vec<ChartElement>>,
}

/// The axes of a chart that has some.
#[derive(Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ChartAxes {
    /// What the x axis is labelled with.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub x_label: Option<String>,
    /// What the y axis is labelled with.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub y_label: Option<String>,
    /// Where the ticks of the x axis are.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub x_ticks: Option<Vec<Coordinate>>,
    /// Where the ticks of the y axis are.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub y_ticks: Option<Vec<Coordinate>>,
    /// What the ticks of the x axis are labelled with.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub x_tick_labels: Option<Vec<String>>,
    /// What the ticks of the y axis are labelled with.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub y_tick_labels: Option<Vec<String>>,
    /// The scale of the x axis.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(with = "Option<crate::client::known::ChartScale>"))]
    pub x_scale: Option<String>,
    /// The scale of the y axis.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(with = "Option<crate::client::known::ChartScale>"))]
    pub y_scale: Option<String>,
}

/// A place on an axis: a number, or the text of a date or category.
#[derive(Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(inline))]
#[serde(untagged)]
pub enum Coordinate {
    Number(f64),
    Text(String),
}

/// A part of a chart: a line, the points of a scatter plot, a bar, a wedge of a pie, a box, or a whole chart
/// within a composite one. Each has the fields that it needs.
#[derive(Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ChartElement {
    /// Its name in the legend, or a bar's or wedge's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub label: Option<String>,
    /// The bars' group.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub group: Option<String>,
    /// A bar's height.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub value: Option<Coordinate>,
    /// Pairs of x and y.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub points: Option<Vec<Vec<Coordinate>>>,
    /// A wedge's angle.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(extend("unit" = "degrees")))]
    pub angle: Option<f64>,
    /// A wedge's radius.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub radius: Option<f64>,
    /// A box's lower whisker.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub min: Option<f64>,
    /// A box's first quartile.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub first_quartile: Option<f64>,
    /// A box's median.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub median: Option<f64>,
    /// A box's third quartile.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub third_quartile: Option<f64>,
    /// A box's upper whisker.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max: Option<f64>,
    /// What lies beyond a box's whiskers.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub outliers: Option<Vec<f64>>,
    /// What a chart within a composite one shows.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(with = "Option<crate::client::known::ChartType>"))]
    pub r#type: Option<String>,
    /// The title of such a chart.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    #[serde(flatten)]
    pub axes: ChartAxes,
    /// The data of such a chart.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub elements: Option<Vec<ChartElement>>,
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
    let timeout = whole_seconds("process.code_run", params.timeout())?;
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
    let request = sandbox.toolbox(Method::POST, "process/code-run").await?.json(&body);
    finished(request, timeout, "what a program left").await
}
