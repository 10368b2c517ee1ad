//! `session.input`. The daemon returns a command's id before the session's shell has opened the command's input, and
//! while another command still runs; it refuses input until then. Nothing of a refused input was taken, so it is sent
//! again for about five seconds. One of 0.190 says that a command has ended only once its exit code was asked for.

use super::log::Log;
use super::{Input, command_path};
use crate::client::error::{Error, Result};
use crate::client::operation::Context;
use crate::client::sandbox::Sandbox;
use crate::client::status;
use http::Method;
use serde::Serialize;
use std::time::Duration;

/// About five seconds in total; a command that waits for another one may never begin.
const PAUSES_MS: [u64; 8] = [20, 50, 100, 200, 400, 800, 1600, 1600];

pub async fn input(sandbox: Sandbox, params: Input, _: Context) -> Result<()> {
    let mut pauses = PAUSES_MS.iter();
    loop {
        let Err(refusal) = offer(&sandbox, &params).await else { return Ok(()) };
        let Some(pause_ms) = pauses.next().filter(|_| is_without_input(&refusal)) else {
            return Err(refusal);
        };
        if has_ended(&sandbox, &params).await {
            return offer(&sandbox, &params).await;
        }
        tokio::time::sleep(Duration::from_millis(*pause_ms)).await;
    }
}

async fn offer(sandbox: &Sandbox, params: &Input) -> Result<()> {
    #[derive(Serialize)]
    struct Body<'a> {
        data: &'a str,
    }
    let path = command_path(&params.id, &params.command_id, "/input")?;
    sandbox.toolbox(Method::POST, &path).await?.json(&Body { data: &params.data }).send().await?;
    Ok(())
}

fn is_without_input(refusal: &Error) -> bool {
    refusal.status() == status::HTTP_INTERNAL_SERVER
        && refusal.detail().message.contains("failed to open input pipe")
}

/// Whether the command has ended, or its state cannot be read.
async fn has_ended(sandbox: &Sandbox, params: &Input) -> bool {
    match Log::of_command(sandbox.clone(), &params.id, &params.command_id) {
        Ok(log) => !matches!(log.exit_code().await, Ok(None)),
        Err(_) => true,
    }
}
