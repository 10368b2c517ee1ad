//! What a sandbox uses and which ports it listens on, now and in the past.

use super::daemon::send_newer;
use super::{Nothing, Port, Sandbox, reading};
use crate::client::error::{Error, Result};
use crate::client::operation::Context;
use crate::client::transport::{Json, Request, segment};
use http::Method;
use serde::{Deserialize, Serialize};

crate::params! {
    pub struct MetricsHistory {
        /// The beginning of the range (ISO 8601, as 2026-01-31T12:00:00Z).
        #[cfg_attr(feature = "schema", schemars(extend("format" = "date-time")))]
        pub from: String,
        /// Its end (ISO 8601).
        #[cfg_attr(feature = "schema", schemars(extend("format" = "date-time")))]
        pub to: String,
        /// Metrics by name, as `daytona.sandbox.cpu.utilization`; absent: all seven of a sandbox.
        #[cfg_attr(feature = "schema", schemars(with = "Option<Vec<crate::client::known::Metric>>"))]
        pub metric_names: Option<Vec<String>>,
    }
}

/// What a sandbox uses now.
#[derive(Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct SystemMetrics {
    /// Its processors.
    #[cfg_attr(feature = "schema", schemars(extend("unit" = "vCPU")))]
    pub cpu_count: f64,
    /// The use of them over the last sample; 0 before the first one is complete.
    #[cfg_attr(feature = "schema", schemars(extend("unit" = "percent of the limit")))]
    pub cpu_used_pct: f64,
    /// Its memory.
    #[cfg_attr(feature = "schema", schemars(extend("unit" = "bytes")))]
    pub mem_total: u64,
    /// The memory in use, without the cache.
    #[cfg_attr(feature = "schema", schemars(extend("unit" = "bytes")))]
    pub mem_used: u64,
    /// The memory of the file cache.
    #[cfg_attr(feature = "schema", schemars(extend("unit" = "bytes")))]
    pub mem_cache: u64,
    /// Its disk.
    #[cfg_attr(feature = "schema", schemars(extend("unit" = "bytes")))]
    pub disk_total: u64,
    /// The part in use.
    #[cfg_attr(feature = "schema", schemars(extend("unit" = "bytes")))]
    pub disk_used: u64,
    /// The part that is free.
    #[cfg_attr(feature = "schema", schemars(extend("unit" = "bytes")))]
    pub disk_free: u64,
    /// When it was measured.
    #[cfg_attr(feature = "schema", schemars(extend("format" = "date-time")))]
    pub timestamp: String,
    /// The same as a number.
    #[cfg_attr(feature = "schema", schemars(extend("unit" = "s since 1970")))]
    pub timestamp_unix: i64,
}

/// Metrics over a time.
#[derive(Deserialize, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct MetricsSeries {
    /// One for each metric.
    pub series: Vec<MetricSeries>,
}

/// One metric over a time.
#[derive(Deserialize, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct MetricSeries {
    /// Its name.
    #[cfg_attr(feature = "schema", schemars(with = "crate::client::known::Metric"))]
    pub metric_name: String,
    /// Its values, in the order of time.
    pub data_points: Vec<MetricPoint>,
}

/// The value of a metric at a time.
#[derive(Deserialize, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct MetricPoint {
    /// When.
    pub timestamp: String,
    /// In the metric's own unit: percent, vCPU or bytes.
    pub value: f64,
}

/// Ports.
#[derive(Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Ports {
    /// Those from 3000 to 9999 on which something listens.
    pub ports: Vec<u16>,
}

/// Whether a port is in use.
#[derive(Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct PortUse {
    /// Whether something listens on it.
    pub is_in_use: bool,
}

/// The daemon's version.
#[derive(Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct DaemonVersion {
    /// As `v0.205.1`.
    pub version: String,
}

pub async fn metrics(sandbox: Sandbox, _: Nothing, _: Context) -> Result<Json> {
    let request = sandbox.toolbox(Method::GET, "system/metrics").await?;
    let instead = "read /proc with process.execute";
    let answer = send_newer(&sandbox, "sandbox.metrics", instead, request).await?;
    answer.object("metrics").await
}

pub async fn ports(sandbox: Sandbox, _: Nothing, _: Context) -> Result<Json> {
    sandbox.toolbox(Method::GET, "port").await?.send().await?.object("a list of ports").await
}

pub async fn port_in_use(sandbox: Sandbox, params: Port, _: Context) -> Result<Json> {
    let port = params.port;
    if !(3000..=9999).contains(&port) {
        return Err(Error::invalid(format!(
            "sandbox.port_in_use: `port` is {port}; a sandbox reports on ports from 3000 to 9999"
        )));
    }
    let request = sandbox.toolbox(Method::GET, &format!("port/{port}/in-use")).await?;
    request.send().await?.object("the use of a port").await
}

pub async fn daemon_version(sandbox: Sandbox, _: Nothing, _: Context) -> Result<Json> {
    sandbox.toolbox(Method::GET, "version").await?.send().await?.object("a version").await
}

/// The metrics of a sandbox, which the official clients ask for.
const METRICS: [&str; 7] = [
    "daytona.sandbox.cpu.utilization",
    "daytona.sandbox.cpu.limit",
    "daytona.sandbox.memory.usage",
    "daytona.sandbox.memory.limit",
    "daytona.sandbox.memory.cache",
    "daytona.sandbox.filesystem.usage",
    "daytona.sandbox.filesystem.total",
];

/// From the analytics API where the deployment has one, else from the API itself.
pub async fn metrics_history(sandbox: Sandbox, params: MetricsHistory, _: Context) -> Result<Json> {
    for (name, text) in [("from", &params.from), ("to", &params.to)] {
        if text.trim().is_empty() {
            return Err(Error::invalid(format!("sandbox.metrics_history: `{name}` is empty; give a time")));
        }
    }
    let names: Vec<&str> = match &params.metric_names {
        Some(names) => names.iter().map(String::as_str).collect(),
        None => METRICS.to_vec(),
    };
    let range = |request: Request| request.query("from", &params.from).query("to", &params.to);
    if let Some(analytics) = analytics_url(&sandbox).await? {
        let organization = organization(&sandbox).await?;
        let url = format!(
            "{}/organization/{}/sandbox/{}/telemetry/metrics",
            analytics.trim_end_matches('/'),
            segment(&organization)?,
            segment(&sandbox.reading().id)?
        );
        let request = range(sandbox.client().transport().request(Method::GET, &url).authorized());
        let request = if names.is_empty() { request } else { request.query("metricNames", &names.join(",")) };
        return by_metric(&request.send().await?.json().await?);
    }
    let mut request = range(sandbox.request(Method::GET, "/telemetry/metrics")?);
    for name in names {
        request = request.query("metricNames", name);
    }
    request.send().await?.object("metrics").await
}

async fn analytics_url(sandbox: &Sandbox) -> Result<Option<String>> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Server {
        analytics_api_url: Option<String>,
    }
    let answer = sandbox.client().request(Method::GET, "config").send().await?.json().await?;
    let server: Server = reading::parse(&answer, "a configuration")?;
    Ok(server.analytics_api_url.filter(|url| !url.is_empty()))
}

async fn organization(sandbox: &Sandbox) -> Result<String> {
    if let Some(known) = sandbox.reading().organization_id {
        return Ok(known);
    }
    sandbox.reread().await?;
    Ok(sandbox.reading().organization_id.unwrap_or_default())
}

/// The analytics API answers points of all metrics in one list: sorts them into the API's own form.
fn by_metric(answer: &Json) -> Result<Json> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Point {
        metric_name: String,
        timestamp: String,
        value: f64,
    }
    let points: Vec<Point> = reading::parse(answer, "a list of metrics")?;
    let mut series: Vec<MetricSeries> = Vec::new();
    for Point { metric_name, timestamp, value } in points {
        let point = MetricPoint { timestamp, value };
        match series.iter_mut().find(|series| series.metric_name == metric_name) {
            Some(series) => series.data_points.push(point),
            None => series.push(MetricSeries { metric_name, data_points: vec![point] }),
        }
    }
    Ok(serde_json::to_vec(&MetricsSeries { series }).unwrap_or_default().into())
}
