//! Regions: there is one, this server.

use super::ApiCall;
use super::error::{Answer, json_body};
use crate::Protocol;
use serde_json::json;

pub async fn list(call: ApiCall) -> Answer {
    let mut region = json!({
        "id": "local",
        "name": "local",
        "organizationId": null,
        "regionType": "shared",
        "createdAt": call.app.started_at,
        "updatedAt": call.app.started_at,
        "proxyUrl": call.app.base,
        "sshGatewayUrl": null,
        "snapshotManagerUrl": null,
    });
    if call.app.protocol >= Protocol::V0_205 {
        region["otelEndpoint"] = json!(null);
    }
    Ok(json_body(&[region]))
}
