//! `session.input`. The daemon answers for a command before the session's shell has made its input, and
//! before it begins at all where another runs; what is written then is refused. Nothing of it was taken,
//! so it is offered again for a while, as long as the command is not over.

use super::log::Log;
use super::{Input, command_path};
use crate::client::error::{Error, Result};
use crate::client::operation::Context;
use crate::client::sandbox::Sandbox;
use crate::client::status;
use http::Method;
use serde::Serialize;
use std::time::Duration;

/// Some five seconds in all: a command behind another may never begin.
const PAUSES_MS: [u64; 8] = [20, 50, 100, 200, 400, 800, 1600, 1600];

pub async fn input(sandbox: Sandbox, params: Input, _: Context) -> Result<()> {
    let mut pauses = PAUSES_MS.iter();
    loop {
        let Err(refusal) = offer(&sandbox, &params).await else { return Ok(()) };
        let Some(pause_ms) = pauses.next().filter(|_| is_without_input(&refusal)) else {
            return Err(refusal);
        };
        if is_over(&sandbox, &params).await {
            return Err(refusal);
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

/// Over, or nobody knows.
async fn is_over(sandbox: &Sandbox, params: &Input) -> bool {
    match Log::of_command(sandbox.clone(), &params.id, &params.command_id) {
        Ok(log) => !matches!(log.exit_code().await, Ok(None)),
        Err(_) => true,
    }
}
