//! Volumes: directories that outlive sandboxes and that several sandboxes mount at once.

use super::Client;
use super::error::{Error, Result};
use super::operation::Context;
use super::path_segment::by_id_or_name;
use super::polling::{PAUSE, PAUSE_MAX, Polling, READ_LIMIT};
use super::remote_guard::deleted;
use super::status;
use super::transport::{Json, segment};
use http::Method;
use serde::Deserialize;
use std::time::Duration;
use tokio::time::sleep_until;

crate::params! {
    pub struct Create {
        /// The name, unique in the organization.
        pub name: String,
    }
}

crate::params! {
    pub struct Named {
        /// The volume's UUID or exact name.
        pub id_or_name: String,
    }
}

crate::params! {
    pub struct List {}
}

/// A volume.
#[derive(Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(extend("absentOrNull" = true)))]
#[serde(rename_all = "camelCase")]
pub struct Volume {
    /// The id: what `volumes` of sandbox.create takes, beside the name.
    pub id: String,
    /// The name, unique in the organization.
    pub name: String,
    /// The organization that it belongs to.
    pub organization_id: String,
    /// What it is doing; only a `ready` one can be mounted.
    #[cfg_attr(feature = "schema", schemars(with = "crate::client::known::VolumeState"))]
    pub state: String,
    /// When it was created.
    #[cfg_attr(feature = "schema", schemars(extend("format" = "date-time")))]
    pub created_at: String,
    /// When it last changed.
    #[cfg_attr(feature = "schema", schemars(extend("format" = "date-time")))]
    pub updated_at: String,
    /// When a sandbox was last created with it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(extend("format" = "date-time")))]
    pub last_used_at: Option<String>,
    /// Why its state is `error`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error_reason: Option<String>,
}

/// What is read of a volume here.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Reading {
    id: String,
    state: String,
    error_reason: Option<String>,
}

impl Reading {
    fn of(json: &Json) -> Result<Self> {
        json.read("a volume")
    }
}

pub async fn create(client: Client, params: Create, _: Context) -> Result<Json> {
    let body = serde_json::json!({ "name": params.name });
    client.request(Method::POST, "volumes").json(&body).send().await?.object("a volume").await
}

pub async fn list(client: Client, _: List, _: Context) -> Result<Json> {
    client.request(Method::GET, "volumes").send().await?.list("a list of volumes").await
}

pub async fn get(client: Client, params: Named, _: Context) -> Result<Json> {
    read(&client, &params.id_or_name, None).await
}

/// The server's look-up by id knows no names.
async fn read(client: &Client, id_or_name: &str, limit: Option<Duration>) -> Result<Json> {
    let segment = segment(id_or_name)?;
    let get = async |path: String| {
        let request = client.request(Method::GET, &path).answered_within(limit);
        request.send().await?.object("a volume").await
    };
    let (by_id, by_name) = (format!("volumes/{segment}"), format!("volumes/by-name/{segment}"));
    by_id_or_name(id_or_name, get(by_id), get(by_name)).await
}

/// The server deletes by id alone.
pub async fn delete(client: Client, params: Named, _: Context) -> Result<()> {
    let delete = async |id: &str| {
        let request = client.request(Method::DELETE, &format!("volumes/{}", segment(id)?));
        match deleted(request.send().await) {
            // The request before it had its effect, and the server refuses a second one until the volume is gone.
            Err(error)
                if error.status() == status::HTTP_BAD_REQUEST
                    && error.detail().attempts > 1
                    && is_going(&client, id).await =>
            {
                Ok(())
            }
            answered => answered,
        }
    };
    let by_name = async { delete(&Reading::of(&read(&client, &params.id_or_name, None).await?)?.id).await };
    by_id_or_name(&params.id_or_name, delete(&params.id_or_name), by_name).await
}

/// Whether the volume of that id is being deleted, or gone.
async fn is_going(client: &Client, id: &str) -> bool {
    match read(client, id, None).await {
        Ok(json) => Reading::of(&json).is_ok_and(|reading| GOING.contains(&reading.state.as_str())),
        Err(error) => error.status() == status::HTTP_NOT_FOUND,
    }
}

/// The states of a volume that is being deleted, and after it.
const GOING: [&str; 3] = ["pending_delete", "deleting", "deleted"];

/// Polls until the volume is ready. A volume that failed, or is being deleted, never will be.
pub async fn wait(client: Client, params: Named, _: Context) -> Result<Json> {
    let name = &params.id_or_name;
    let (mut polling, mut pause) = (Polling::begin(), PAUSE);
    let mut state = None;
    loop {
        if let Some(json) = polling.look(read(&client, name, Some(READ_LIMIT))).await? {
            let reading = Reading::of(&json)?;
            match reading.state.as_str() {
                "ready" => return Ok(json),
                state if state == "error" || GOING.contains(&state) => return Err(failure(name, &reading)),
                _ => state = Some(reading.state),
            }
        }
        let Some(next) = polling.next_look(pause) else {
            let state = state.as_deref().unwrap_or("in an unknown state");
            let so_far = format!("volume {name} is still {state}, not ready");
            return Err(polling.late(so_far, "raise `timeoutMs`, or wait again with volume.wait"));
        };
        sleep_until(next).await;
        pause = pause.mul_f64(1.5).min(PAUSE_MAX);
    }
}

fn failure(name: &str, reading: &Reading) -> Error {
    let message = match (reading.state.as_str(), &reading.error_reason) {
        ("error", Some(reason)) => {
            format!("volume {name} is in state error: {reason}; delete it and make another")
        }
        ("error", None) => {
            format!("volume {name} is in state error, without a reason; delete it and make another")
        }
        (state, _) => format!("volume {name} will not be ready: it is {state}"),
    };
    Error::new(status::SANDBOX_FAILED, message)
}
