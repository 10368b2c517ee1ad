//! Operations that change a sandbox. The server answers start, stop and delete with the old state, so each waits for
//! the new one; the result is the sandbox as last read.

use super::nothing::Nothing;
use super::{Resources, Sandbox, wait};
use crate::client::api_version::missing_in_api;
use crate::client::error::{Error, Result};
use crate::client::operation::Context;
use crate::client::status;
use crate::client::transport::Json;
use http::Method;
use serde::Serialize;
use std::time::Duration;

crate::params! {
    pub struct Stop {
        /// true kills the processes instead of asking them to end.
        pub force: Option<bool> = false,
    }
}

crate::params! {
    pub struct Delete {
        /// true returns only once the sandbox is gone.
        pub wait: Option<bool> = false,
    }
}

crate::params! {
    pub struct Recover {
        /// true leaves it stopped instead of starting it.
        pub skip_start: Option<bool> = false,
    }
}

crate::params! {
    pub struct Resize {
        /// The new size: `cpu` in vCPU, `memory` and `disk` in GiB; what is absent stays.
        pub resources: Resources,
    }
}

/// The pause before a change is requested again after "state change in progress".
const RETRY_PAUSE: Duration = Duration::from_millis(300);
const MAX_ATTEMPTS: u32 = 20;

/// Requests a change. "State change in progress" (409, formerly 400) is temporary: the request is repeated.
pub(super) async fn change(
    sandbox: &Sandbox,
    method: Method,
    path: &str,
    body: Option<&impl Serialize>,
) -> Result<Json> {
    for attempt in 1.. {
        let mut request = sandbox.request(method.clone(), path)?;
        if let Some(body) = body {
            request = request.json(body);
        }
        match request.send().await {
            Ok(response) => return response.json_or_null().await,
            Err(error) if attempt < MAX_ATTEMPTS && in_progress(&error) => {
                tokio::time::sleep(RETRY_PAUSE).await
            }
            Err(error) => return Err(error),
        }
    }
    Err(Error::new(status::PROTOCOL, "the loop over tries ended"))
}

fn in_progress(error: &Error) -> bool {
    matches!(error.status(), status::HTTP_CONFLICT | status::HTTP_BAD_REQUEST)
        && error.detail().message.to_ascii_lowercase().contains("state change in progress")
}

const NO_BODY: Option<&()> = None;

pub async fn start(sandbox: Sandbox, _: Nothing, _: Context) -> Result<Json> {
    sandbox.take(change(&sandbox, Method::POST, "/start", NO_BODY).await?)?;
    wait::until_started(&sandbox).await?;
    Ok(sandbox.info())
}

pub async fn stop(sandbox: Sandbox, params: Stop, _: Context) -> Result<Json> {
    let path = if params.force() { "/stop?force=true" } else { "/stop" };
    sandbox.take(change(&sandbox, Method::POST, path, NO_BODY).await?)?;
    wait::until_stopped(&sandbox).await?;
    Ok(sandbox.info())
}

pub async fn archive(sandbox: Sandbox, _: Nothing, _: Context) -> Result<Json> {
    change(&sandbox, Method::POST, "/archive", NO_BODY).await?;
    sandbox.reread().await?;
    Ok(sandbox.info())
}

/// A sandbox that does not exist any more is a success.
pub async fn delete(sandbox: Sandbox, params: Delete, _: Context) -> Result<Json> {
    let answer = match change(&sandbox, Method::DELETE, "", NO_BODY).await {
        Ok(answer) => answer,
        Err(error) if error.status() == status::HTTP_NOT_FOUND => return Ok(b"null".to_vec().into()),
        Err(error) => return Err(error),
    };
    if !params.wait() {
        return Ok(answer);
    }
    if !answer.text.starts_with(b"null") {
        sandbox.take(answer)?;
    }
    wait::until_destroyed(&sandbox).await?;
    Ok(sandbox.info())
}

pub async fn pause(sandbox: Sandbox, _: Nothing, _: Context) -> Result<Json> {
    let answer = change(&sandbox, Method::POST, "/pause", NO_BODY).await;
    sandbox.take(answer.map_err(|error| missing_in_api(error, "sandbox.pause", "0.190"))?)?;
    wait::until_paused(&sandbox).await?;
    Ok(sandbox.info())
}

pub async fn recover(sandbox: Sandbox, params: Recover, _: Context) -> Result<Json> {
    let skips_start = params.skip_start();
    let path = if skips_start { "/recover?skipStart=true" } else { "/recover" };
    sandbox.take(change(&sandbox, Method::POST, path, NO_BODY).await?)?;
    wait::until_recovered(&sandbox, skips_start).await?;
    Ok(sandbox.info())
}

pub async fn refresh(sandbox: Sandbox, _: Nothing, _: Context) -> Result<Json> {
    sandbox.reread().await?;
    Ok(sandbox.info())
}

pub async fn info(sandbox: Sandbox, _: Nothing, _: Context) -> Result<Json> {
    Ok(sandbox.info())
}

pub async fn resize(sandbox: Sandbox, params: Resize, _: Context) -> Result<Json> {
    let wanted = params.resources;
    if wanted.gpu.is_some() || wanted.gpu_type.is_some() {
        return Err(Error::invalid(
            "sandbox.resize: `gpu` and `gpuType` cannot change; create another sandbox",
        ));
    }
    if wanted.cpu.is_none() && wanted.memory.is_none() && wanted.disk.is_none() {
        return Err(Error::invalid("sandbox.resize: `resources` names none of `cpu`, `memory`, `disk`"));
    }
    sandbox.take(change(&sandbox, Method::POST, "/resize", Some(&wanted)).await?)?;
    wait::until_resized(&sandbox, Some(&wanted)).await?;
    Ok(sandbox.info())
}
