//! Making a snapshot: the request, the log of its build, the wait for its end.

use super::Reading;
use crate::client::Client;
use crate::client::build_log::{self, Built, Phase};
use crate::client::error::{Error, Result};
use crate::client::image::{self, BuildInfo, ImageOrName};
use crate::client::lock::RwLock;
use crate::client::operation::{Context, Progress};
use crate::client::polling::{PAUSE, PAUSE_MAX, Polling, READ_LIMIT};
use crate::client::sandbox::Resources;
use crate::client::status;
use crate::client::stream::{Ended, Io};
use crate::client::transport::{Json, segment};
use http::Method;
use serde::Serialize;
use tokio::time::sleep_until;

crate::params! {
    stream
    pub struct Create {
        /// The name, unique in the organization.
        pub name: String,
        /// An image's name with its tag, as "python:3.12-slim", or an image object.
        #[cfg_attr(feature = "schema", schemars(with = "crate::client::image::ImageOrNameShape"))]
        pub image: ImageOrName,
        /// The size of the sandboxes that are made from it.
        pub resources: Option<Resources>,
        /// The command that sandboxes start with.
        pub entrypoint: Option<Vec<String>>,
        /// The region where it is available; absent: the client's `target`.
        pub region_id: Option<String>,
    }
}

/// The body of POST /snapshots; options that were not given are absent.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Body<'a> {
    name: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    image_name: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    build_info: Option<BuildInfo>,
    #[serde(skip_serializing_if = "Option::is_none")]
    entrypoint: Option<Vec<String>>,
    #[serde(flatten)]
    resources: Option<Resources>,
    #[serde(skip_serializing_if = "Option::is_none")]
    region_id: Option<&'a str>,
}

impl Create {
    /// Refuses, before anything is sent, what the server would refuse or silently misread.
    fn check(&self) -> Result<()> {
        if self.name.trim().is_empty() {
            return Err(Error::invalid("snapshot.create: `name` is empty"));
        }
        self.image.check("snapshot.create")
    }

    async fn body<'a>(&'a self, client: &'a Client, progress: Option<Progress>) -> Result<Body<'a>> {
        let (image_name, build_info, entrypoint) = match &self.image {
            ImageOrName::Name(name) => (Some(name.as_str()), None, self.entrypoint.clone()),
            ImageOrName::Object(image) => {
                let prepared = image::prepare(client, image, self.entrypoint.as_deref(), progress).await?;
                (None, Some(prepared.build_info), prepared.entrypoint)
            }
        };
        let resources = self.resources.clone().map(Resources::for_create);
        Ok(Body {
            name: &self.name,
            image_name,
            build_info,
            entrypoint,
            resources,
            region_id: self.region_id.as_deref().or(client.target()),
        })
    }
}

/// A snapshot that is being made, as last read.
struct Making {
    client: Client,
    name: String,
    last: RwLock<(Json, Reading)>,
}

impl Making {
    async fn request(client: Client, params: &Create, progress: Option<Progress>) -> Result<Self> {
        params.check()?;
        let body = params.body(&client, progress).await?;
        let answer = client.request(Method::POST, "snapshots").json(&body).send().await?;
        let json = answer.object("a snapshot").await?;
        let reading = Reading::of(&json)?;
        Ok(Self { client, name: params.name.clone(), last: RwLock::new((json, reading)) })
    }

    fn reading(&self) -> Reading {
        self.last.read().1.clone()
    }

    fn json(&self) -> Json {
        self.last.read().0.clone()
    }

    /// Polls until the state is a final one.
    async fn ended(&self) -> Result<()> {
        let (mut polling, mut pause, mut suspected) = (Polling::begin(), PAUSE, false);
        let mut is_read = true;
        loop {
            let reading = self.reading();
            match reading.state.as_str() {
                "active" => return Ok(()),
                // A failure may be stale: it counts when it is read twice.
                state if is_read && suspected && has_failed(state) => return Err(self.failure(&reading)),
                state => suspected = has_failed(state),
            }
            let Some(next) = polling.next_look(pause) else {
                let (name, state) = (&self.name, &reading.state);
                let advice = "the build goes on: read it with snapshot.get, or raise `timeoutMs`";
                return Err(polling.late(format!("snapshot {name} is still {state}"), advice));
            };
            sleep_until(next).await;
            pause = pause.mul_f64(1.2).min(PAUSE_MAX);
            is_read = polling.look(self.reread()).await?.is_some();
        }
    }

    fn failure(&self, reading: &Reading) -> Error {
        let reason = reading.error_reason.as_deref().unwrap_or("the server gives no reason");
        let message = format!(
            "snapshot {} is {}: {reason}; its name stays taken until it is deleted with snapshot.delete",
            self.name, reading.state
        );
        Error::new(status::SANDBOX_FAILED, message)
    }
}

impl Built for Making {
    fn client(&self) -> &Client {
        &self.client
    }

    fn phase(&self) -> Phase {
        match self.reading().state.as_str() {
            "pending" => Phase::Waiting,
            "active" | "inactive" | "removing" => Phase::Over,
            state if has_failed(state) => Phase::Over,
            _ => Phase::Building,
        }
    }

    async fn reread(&self) -> Result<()> {
        let path = format!("snapshots/{}", segment(&self.reading().id)?);
        let request = self.client.request(Method::GET, &path).answered_within(Some(READ_LIMIT));
        let json = request.send().await?.object("a snapshot").await?;
        let reading = Reading::of(&json)?;
        *self.last.write() = (json, reading);
        Ok(())
    }

    async fn log_url(&self) -> Result<Json> {
        let path = format!("snapshots/{}/build-logs-url", segment(&self.reading().id)?);
        self.client.request(Method::GET, &path).send().await?.json().await
    }
}

fn has_failed(state: &str) -> bool {
    matches!(state, "error" | "build_failed")
}

pub async fn create(client: Client, params: Create, context: Context) -> Result<Json> {
    let making = Making::request(client, &params, context.progress.clone()).await?;
    making.ended().await?;
    Ok(making.json())
}

/// The same with the build log as data.
pub async fn create_stream(client: Client, params: Create, io: Io) -> Result<Ended> {
    let making = Making::request(client, &params, None).await?;
    io.opened(making.json().text);
    // Only what was built from an image object has a log.
    if matches!(params.image, ImageOrName::Object(_)) {
        build_log::follow(&making, &io).await;
    }
    making.ended().await?;
    Ok(Ended { json: making.json().text, position: None, sandbox: None })
}
