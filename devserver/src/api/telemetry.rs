//! What sandboxes used over time: the samples that [`crate::upkeep`] takes.

use super::ApiCall;
use super::call::not_a_time;
use super::error::{Answer, json_body};
use axum::extract::Path;
use serde_json::{Value, json};

/// The name of each metric, and the field of the daemon's metrics that it is.
const METRICS: [(&str, &str); 7] = [
    ("daytona.sandbox.cpu.utilization", "cpuUsedPct"),
    ("daytona.sandbox.cpu.limit", "cpuCount"),
    ("daytona.sandbox.memory.usage", "memUsed"),
    ("daytona.sandbox.memory.limit", "memTotal"),
    ("daytona.sandbox.memory.cache", "memCache"),
    ("daytona.sandbox.filesystem.usage", "diskUsed"),
    ("daytona.sandbox.filesystem.total", "diskTotal"),
];

/// Without names: every metric.
pub async fn metrics(Path(id): Path<String>, call: ApiCall) -> Answer {
    let sandbox = call.sandbox(&id)?;
    let (from, to) = match (call.time("from")?, call.time("to")?) {
        (Some(from), Some(to)) => (from, to),
        (None, _) => return Err(not_a_time("from")),
        (_, None) => return Err(not_a_time("to")),
    };
    let wanted: Vec<String> =
        call.query().into_iter().filter(|(key, _)| key == "metricNames").map(|(_, name)| name).collect();
    let samples: Vec<Value> = {
        let usage = sandbox.upkeep.usage.lock();
        usage.iter().filter(|(at, _)| (from..=to).contains(at)).map(|(_, sample)| sample.clone()).collect()
    };
    let series: Vec<Value> = METRICS
        .iter()
        .filter(|(name, _)| wanted.is_empty() || wanted.iter().any(|wanted| wanted == name))
        .filter(|_| !samples.is_empty())
        .map(|(name, field)| {
            let points: Vec<Value> = samples
                .iter()
                .map(|sample| json!({ "timestamp": sample["timestamp"], "value": sample[*field] }))
                .collect();
            json!({ "metricName": name, "dataPoints": points })
        })
        .collect();
    Ok(json_body(&json!({ "series": series })))
}
