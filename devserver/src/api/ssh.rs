//! SSH access: real tokens with an end. There is no SSH gateway on this machine, and `sshCommand` says so by its
//! host, which no resolver knows.

use super::ApiCall;
use super::error::{Answer, ApiError, json_body};
use crate::Protocol;
use crate::timestamp;
use axum::extract::Path;
use serde_json::{Value, json};
use std::time::{Duration, Instant};
use uuid::Uuid;

/// The host of `sshCommand`: a reserved name that leads nowhere.
const NO_GATEWAY: &str = "no-ssh-gateway.invalid";
const DEFAULT_MINUTES: u32 = 60;

/// A token of a sandbox.
pub struct SshAccess {
    token: String,
    ends: Instant,
}

impl SshAccess {
    fn is_valid(&self, token: &str) -> bool {
        self.token == token && Instant::now() < self.ends
    }
}

/// Earlier tokens of the sandbox end.
pub async fn create(Path(id): Path<String>, call: ApiCall) -> Answer {
    let sandbox = call.sandbox(&id)?;
    let minutes = match call.parameter("expiresInMinutes") {
        None => DEFAULT_MINUTES,
        Some(text) => text
            .parse()
            .ok()
            .filter(|minutes| *minutes > 0)
            .ok_or_else(|| ApiError::bad_request("expiresInMinutes must be a positive number"))?,
    };
    let validity = call.app.minute * minutes;
    let token = Uuid::new_v4().simple().to_string();
    *sandbox.ssh.lock() = vec![SshAccess { token: token.clone(), ends: Instant::now() + validity }];
    let now = timestamp::now();
    Ok(json_body(&json!({
        "id": Uuid::new_v4().to_string(),
        "sandboxId": sandbox.id,
        "token": token,
        "expiresAt": timestamp::after(Duration::from_secs(u64::from(minutes) * 60)),
        "createdAt": now,
        "updatedAt": now,
        "sshCommand": format!("ssh {token}@{NO_GATEWAY}"),
    })))
}

/// Without a token: every one of the sandbox.
pub async fn revoke(Path(id): Path<String>, call: ApiCall) -> Answer {
    let sandbox = call.sandbox(&id)?;
    match call.parameter("token").filter(|token| !token.is_empty()) {
        Some(token) => sandbox.ssh.lock().retain(|access| access.token != token),
        None => sandbox.ssh.lock().clear(),
    }
    Ok(json_body(&sandbox.json()))
}

/// Before 0.205 the gateway's own key alone may ask.
pub async fn validate(call: ApiCall) -> Answer {
    if call.app.protocol == Protocol::V0_190 {
        return Err(ApiError::forbidden("Invalid authentication context"));
    }
    let token = call.parameter("token").unwrap_or_default();
    let sandboxes = call.app.sandboxes.read();
    let found = sandboxes.all.iter().find(|sandbox| {
        sandbox.organization == call.organization.id
            && sandbox.ssh.lock().iter().any(|access| access.is_valid(&token))
    });
    let id = found.map_or(Value::Null, |sandbox| json!(sandbox.id));
    Ok(json_body(&json!({ "valid": found.is_some(), "sandboxId": id })))
}
