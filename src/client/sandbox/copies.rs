//! Copies of a sandbox: snapshots that are made of it, forks, and where it came from itself.

use super::lifecycle::change;
use super::nothing::Nothing;
use super::{Sandbox, wait};
use crate::client::api_version::missing_in_api;
use crate::client::error::{Error, Result};
use crate::client::operation::Context;
use crate::client::remote_guard::may_have_acted;
use crate::client::transport::{Json, Request, segment};
use http::Method;
use serde::Serialize;

crate::params! {
    pub struct CreateSnapshot {
        /// The name of the new snapshot.
        pub name: String,
        /// true keeps the memory as well, of virtual machines only.
        pub include_memory: Option<bool> = false,
    }
}

crate::params! {
    pub struct Fork {
        /// The name of the new sandbox; absent: one is made up, so that a fork whose answer was lost can be found.
        pub name: Option<String>,
    }
}

crate::params! {
    pub struct Forks {
        /// true lists those as well that are destroyed.
        pub include_destroyed: Option<bool> = false,
    }
}

pub async fn create_snapshot(sandbox: Sandbox, params: CreateSnapshot, _: Context) -> Result<Json> {
    #[derive(Serialize)]
    #[serde(rename_all = "camelCase")]
    struct Body<'a> {
        name: &'a str,
        #[serde(skip_serializing_if = "Option::is_none")]
        include_memory: Option<bool>,
    }
    if params.name.is_empty() {
        return Err(Error::invalid("sandbox.create_snapshot: `name` is empty"));
    }
    let body = Body { name: &params.name, include_memory: params.include_memory };
    let answer = change(&sandbox, Method::POST, "/snapshot", Some(&body)).await;
    sandbox.take(answer.map_err(|error| missing_in_api(error, "sandbox.create_snapshot", "0.190"))?)?;
    wait::until_snapshotted(&sandbox).await?;
    Ok(sandbox.info())
}

pub async fn fork(sandbox: Sandbox, params: Fork, context: Context) -> Result<(Sandbox, Json)> {
    #[derive(Serialize)]
    struct Body<'a> {
        name: &'a str,
    }
    let given = params.name.as_deref();
    if given == Some("") {
        return Err(Error::invalid("sandbox.fork: `name` is empty"));
    }
    let name = given.map_or_else(super::create::unique_name, str::to_owned);
    context.error_context.sandbox_name(&name);
    let client = sandbox.client().clone();
    let answer = async {
        let answer = change(&sandbox, Method::POST, "/fork", Some(&Body { name: &name })).await;
        let answer = answer.map_err(|error| missing_in_api(error, "sandbox.fork", "0.190"))?;
        Sandbox::read(client.clone(), answer)
    };
    let fork = match answer.await {
        Err(error) if given.is_none() && may_have_acted(&error) => {
            match client.request(Method::GET, &format!("sandbox/{}", segment(&name)?)).send().await {
                Ok(found) => Sandbox::read(client.clone(), found.json().await?)?,
                Err(_) => return Err(error),
            }
        }
        answered => answered?,
    };
    context.error_context.sandbox_id(fork.id());
    wait::until_started(&fork).await?;
    let info = fork.info();
    Ok((fork, info))
}

pub async fn forks(sandbox: Sandbox, params: Forks, _: Context) -> Result<Json> {
    let mut request = sandbox.request(Method::GET, "/forks")?;
    if let Some(include) = params.include_destroyed {
        request = request.query("includeDestroyed", if include { "true" } else { "false" });
    }
    list(request, "sandbox.forks").await
}

pub async fn parent(sandbox: Sandbox, _: Nothing, _: Context) -> Result<Json> {
    let answer = sandbox.request(Method::GET, "/parent")?.send().await;
    let answer = answer.map_err(|error| missing_in_api(error, "sandbox.parent", "0.190"))?;
    answer.object("a sandbox").await
}

pub async fn ancestors(sandbox: Sandbox, _: Nothing, _: Context) -> Result<Json> {
    list(sandbox.request(Method::GET, "/ancestors")?, "sandbox.ancestors").await
}

async fn list(request: Request, operation: &str) -> Result<Json> {
    let answer = request.send().await.map_err(|error| missing_in_api(error, operation, "0.190"))?;
    answer.list("a list of sandboxes").await
}
