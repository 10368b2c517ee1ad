//! The build log of a sandbox that is made from an image.

use super::Sandbox;
use crate::client::Client;
use crate::client::build_log::{self, Built, Phase};
use crate::client::error::Result;
use crate::client::polling::READ_LIMIT;
use crate::client::stream::Io;
use crate::client::transport::Json;
use http::Method;

/// Streams the build log until the build is over. A log that cannot be read does not fail the create.
pub(super) async fn follow(sandbox: &Sandbox, io: &Io) {
    if sandbox.phase() != Phase::Over || was_built(sandbox) {
        build_log::follow(sandbox, io).await;
    }
}

impl Built for Sandbox {
    fn client(&self) -> &Client {
        Sandbox::client(self)
    }

    fn phase(&self) -> Phase {
        match self.reading().state.as_str() {
            "pending_build" => Phase::Waiting,
            "started" | "starting" | "error" | "build_failed" | "destroyed" => Phase::Over,
            _ => Phase::Building,
        }
    }

    async fn reread(&self) -> Result<()> {
        self.reread_within(Some(READ_LIMIT)).await
    }

    async fn log_url(&self) -> Result<Json> {
        self.request(Method::GET, "/build-logs-url")?.send().await?.json().await
    }
}

/// Only what was built from an image has a log.
fn was_built(sandbox: &Sandbox) -> bool {
    #[derive(serde::Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Built {
        build_info: Option<serde::de::IgnoredAny>,
    }
    serde_json::from_slice::<Built>(&sandbox.info().text).is_ok_and(|built| built.build_info.is_some())
}
