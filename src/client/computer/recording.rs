//! Videos of the screen.

use super::desktop::ComputerNothing;
use super::{answered, posting, reading};
use crate::client::codes;
use crate::client::error::{Error, Result};
use crate::client::files::{self, Transferred};
use crate::client::operation::Context;
use crate::client::path_segment::encode_path_segment;
use crate::client::remote_guard::deleted_in;
use crate::client::sandbox::Sandbox;
use crate::client::status;
use crate::client::transport::Json;
use http::Method;
use serde::Serialize;

crate::params! {
    pub struct RecordingStart {
        /// A part of the file's name: up to 100 letters, digits, spaces and `._-`.
        pub label: Option<String> = "session",
    }
}

crate::params! {
    pub struct RecordingStop {
        /// The recording's id.
        pub id: String,
    }
}

crate::params! {
    pub struct RecordingGet {
        /// The recording's id.
        pub id: String,
    }
}

crate::params! {
    pub struct RecordingDelete {
        /// The recording's id.
        pub id: String,
    }
}

crate::params! {
    pub struct RecordingDownload {
        /// The recording's id.
        pub id: String,
        /// Its local path, name included. Missing directories are made, an existing file is replaced.
        pub local_path: String,
    }
}

/// A video of the screen.
#[derive(Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(extend("absentOrNull" = true)))]
#[serde(rename_all = "camelCase")]
pub struct Recording {
    /// Its id.
    pub id: String,
    /// The file's name.
    pub file_name: String,
    /// The file in the sandbox.
    pub file_path: String,
    /// When it began; of one that the daemon found on its disk, when it ended.
    #[cfg_attr(feature = "schema", schemars(extend("format" = "date-time")))]
    pub start_time: String,
    /// When it ended; absent while it runs.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(extend("format" = "date-time")))]
    pub end_time: Option<String>,
    /// `recording`, `completed` or `failed`.
    #[cfg_attr(feature = "schema", schemars(with = "crate::client::known::RecordingStatus"))]
    pub status: String,
    /// How long it is; absent while it runs, and of one that the daemon found on its disk.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(extend("unit" = "s")))]
    pub duration_seconds: Option<f64>,
    /// The file's length; absent while it runs.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(extend("unit" = "bytes")))]
    pub size_bytes: Option<i64>,
}

/// Videos of the screen.
#[derive(Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Recordings {
    /// Those that run, and those whose files are there.
    pub recordings: Vec<Recording>,
}

pub async fn recording_start(sandbox: Sandbox, params: RecordingStart, _: Context) -> Result<Json> {
    let request = posting(&sandbox, "recordings/start", [("label", params.label.map(Into::into))]).await?;
    answered(request, "a recording").await.map_err(|error| {
        // Without the code before 0.205.
        with_code(error, "FFmpeg must be installed", codes::RECORDING_FFMPEG_NOT_FOUND)
    })
}

pub async fn recording_stop(sandbox: Sandbox, params: RecordingStop, _: Context) -> Result<Json> {
    let request = posting(&sandbox, "recordings/stop", [("id", Some(params.id.clone().into()))]).await?;
    answered(request, "a recording").await.map_err(cannot("stop", &params.id))
}

pub async fn recording_list(sandbox: Sandbox, _: ComputerNothing, _: Context) -> Result<Json> {
    reading(&sandbox, "recordings", "a list of recordings").await
}

pub async fn recording_get(sandbox: Sandbox, params: RecordingGet, _: Context) -> Result<Json> {
    let path = format!("recordings/{}", encode_id(&params.id)?);
    reading(&sandbox, &path, "a recording").await.map_err(cannot("find", &params.id))
}

pub async fn recording_delete(sandbox: Sandbox, params: RecordingDelete, _: Context) -> Result<()> {
    let path = format!("computeruse/recordings/{}", encode_id(&params.id)?);
    let sent = sandbox.toolbox(Method::DELETE, &path).await?.send().await;
    deleted_in(&sandbox, sent).await.map_err(|error| {
        // Without the code before 0.205.
        let error = with_code(error, "cannot delete an active recording", codes::RECORDING_STILL_ACTIVE);
        cannot("delete", &params.id)(error)
    })
}

pub async fn recording_download(
    sandbox: Sandbox,
    params: RecordingDownload,
    context: Context,
) -> Result<Json> {
    let route = format!("computeruse/recordings/{}/download", encode_id(&params.id)?);
    let video = files::RemoteFile { route, path: None, media: files::Media::Video };
    let failed = || cannot("download", &params.id);
    let bytes = files::download_to(&sandbox, video, &params.local_path, context.progress, failed).await?;
    Ok(Transferred::json(bytes))
}

fn encode_id(id: &str) -> Result<String> {
    encode_path_segment("the recording's id", id)
}

/// Adds which recording the daemon speaks of.
fn cannot(doing: &str, id: &str) -> impl FnOnce(Error) -> Error + use<> {
    let what = format!("cannot {doing} the recording \"{}\"", id.escape_debug());
    move |mut error| {
        if error.detail().http_status.is_some() && error.status() != status::PROTOCOL {
            let detail = error.detail_mut();
            detail.message = format!("{what}: {}", detail.message);
        }
        error
    }
}

fn with_code(mut error: Error, words: &str, code: &str) -> Error {
    let detail = error.detail_mut();
    if detail.code.is_none() && detail.message.contains(words) {
        detail.code = Some(code.to_owned());
    }
    error
}
