//! The logs of builds: of a snapshot, and of a sandbox that is made from an image.

use super::ApiCall;
use super::error::{Answer, ApiError, json_body};
use super::snapshots;
use crate::Protocol;
use crate::build::Build;
use axum::body::Body;
use axum::extract::Path;
use axum::http::header;
use axum::response::IntoResponse;
use serde_json::json;
use std::sync::Arc;

pub async fn sandbox_url(Path(id): Path<String>, call: ApiCall) -> Answer {
    let (id, build) = of_sandbox(&call, &id)?;
    url(&call, ["sandbox", "sandboxes"], &id, &build)
}

pub async fn snapshot_url(Path(id): Path<String>, call: ApiCall) -> Answer {
    let build = of_snapshot(&call, &id)?;
    url(&call, ["snapshots", "snapshots"], &id, &build)
}

pub async fn sandbox(Path(id): Path<String>, call: ApiCall) -> Answer {
    Ok(read(&call, &of_sandbox(&call, &id)?.1))
}

pub async fn snapshot(Path(id): Path<String>, call: ApiCall) -> Answer {
    let build = of_snapshot(&call, &id)?;
    Ok(read(&call, &build))
}

fn of_sandbox(call: &ApiCall, id: &str) -> Result<(String, Arc<Build>), ApiError> {
    let sandbox = call.sandbox(id)?;
    let build = sandbox.build.lock().clone();
    let missing = || ApiError::not_found(format!("Sandbox with ID {} has no build info", sandbox.id));
    Ok((sandbox.id.clone(), build.ok_or_else(missing)?))
}

fn of_snapshot(call: &ApiCall, id: &str) -> Result<Arc<Build>, ApiError> {
    if snapshots::find(call, id).is_none_or(|record| record.get("id") != Some(&json!(id))) {
        return Err(ApiError::not_found(format!("Snapshot {id} not found")));
    }
    let build = call.app.snapshot_builds.lock().get(id).cloned();
    build.ok_or_else(|| ApiError::not_found(format!("Snapshot {id} has no build info")))
}

/// The hosted service's API serves the log itself; the last self-hosted release names its proxy, once there is a
/// machine that builds.
fn url(call: &ApiCall, [api, proxy]: [&str; 2], id: &str, build: &Build) -> Answer {
    let base = &call.app.base;
    let url = match call.app.protocol {
        Protocol::V0_205 | Protocol::V0_226 => format!("{base}/api/{api}/{id}/build-logs"),
        Protocol::V0_190 if build.is_waiting() => {
            let message = format!("Timeout waiting for build runner assignment for {api} {id}");
            return Err(ApiError::not_found(message));
        }
        Protocol::V0_190 => format!("{base}/{proxy}/{id}/build-logs"),
    };
    Ok(json_body(&json!({ "url": url })))
}

/// The log so far, or with `?follow=true` until the build is over.
fn read(call: &ApiCall, build: &Build) -> axum::http::Response<Body> {
    let follow = call.parameter("follow").as_deref() == Some("true");
    let body = Body::from_stream(build.log.read(follow));
    ([(header::CONTENT_TYPE, "application/octet-stream")], body).into_response()
}
