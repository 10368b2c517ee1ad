//! Videos of the screen, made by ffmpeg.

use super::failure::{Answer, Failure, RequestInfo};
use crate::toolbox::Machine;
use crate::toolbox::go_json::{self, FieldType, Shape};
use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{Path, State};
use axum::http::{StatusCode, header};
use axum::response::IntoResponse;
use axum::routing::{get, post};
use parking_lot::Mutex;
use serde_json::{Value, json};
use std::fs::Metadata;
use std::path::PathBuf;
use std::process::Stdio;
use std::sync::Arc;
use std::time::{Duration, SystemTime};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use time::macros::format_description;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::process::{Child, Command};

/// What ffmpeg may take until its first picture, on a machine that is busy with much else.
const BEGIN_LIMIT: Duration = Duration::from_secs(50);
/// What it has to complete its file.
const END_LIMIT: Duration = Duration::from_secs(10);
const MAX_LABEL_LENGTH: usize = 100;

pub fn routes() -> Router<Arc<Machine>> {
    Router::new()
        .route("/computeruse/recordings", get(list))
        .route("/computeruse/recordings/start", post(start))
        .route("/computeruse/recordings/stop", post(stop))
        .route("/computeruse/recordings/{id}", get(find).delete(delete))
        .route("/computeruse/recordings/{id}/download", get(download))
}

const START: Shape =
    Shape { package: "recording", name: "StartRecordingRequest", fields: &[("label", FieldType::Text)] };
const STOP: Shape =
    Shape { package: "recording", name: "StopRecordingRequest", fields: &[("id", FieldType::Text)] };

/// The recordings that run.
#[derive(Default)]
pub struct Recorder(Mutex<Vec<Active>>);

struct Active {
    recording: Recording,
    ffmpeg: Child,
}

#[derive(Clone)]
struct Recording {
    id: String,
    path: PathBuf,
    started: OffsetDateTime,
    ended: Option<OffsetDateTime>,
    duration: Option<f64>,
    size: Option<u64>,
}

impl Recording {
    fn json(&self) -> Value {
        let time = |time: OffsetDateTime| time.format(&Rfc3339).unwrap_or_default();
        let mut json = json!({
            "id": self.id,
            "fileName": self.path.file_name().unwrap_or_default().to_string_lossy(),
            "filePath": self.path,
            "startTime": time(self.started),
        });
        if let Some(ended) = self.ended {
            json["endTime"] = json!(time(ended));
        }
        json["status"] = json!(if self.ended.is_some() { "completed" } else { "recording" });
        if let Some(duration) = self.duration {
            json["durationSeconds"] = json!(duration);
        }
        if let Some(size) = self.size {
            json["sizeBytes"] = json!(size);
        }
        json
    }

    /// One whose file was found: the daemon knows no more of it than the file says.
    fn found(path: PathBuf, metadata: &Metadata) -> Option<Self> {
        let id = path.file_name()?.to_str()?.split('_').next()?.to_owned();
        uuid::Uuid::parse_str(&id).ok()?;
        let modified = OffsetDateTime::from(metadata.modified().unwrap_or(SystemTime::UNIX_EPOCH));
        let size = Some(metadata.len());
        Some(Self { id, path, started: modified, ended: Some(modified), duration: None, size })
    }

    /// Once its file is complete.
    fn complete(mut self) -> Self {
        let ended = OffsetDateTime::now_utc();
        self.ended = Some(ended);
        self.duration = Some((ended - self.started).as_seconds_f64());
        self.size = std::fs::metadata(&self.path).ok().map(|metadata| metadata.len());
        self
    }
}

impl Recorder {
    /// Those that run, without those whose ffmpeg has ended by itself.
    fn active(&self) -> Vec<Recording> {
        let mut active = self.0.lock();
        active.retain_mut(|active| matches!(active.ffmpeg.try_wait(), Ok(None)));
        active.iter().map(|active| active.recording.clone()).collect()
    }

    fn take(&self, id: &str) -> Option<Active> {
        let mut active = self.0.lock();
        let at = active.iter().position(|active| active.recording.id == id)?;
        Some(active.remove(at))
    }

    pub async fn stop_all(&self) {
        let all = std::mem::take(&mut *self.0.lock());
        for active in all {
            end(active.ffmpeg).await;
        }
    }
}

fn directory(machine: &Machine) -> PathBuf {
    machine.home.join(".daytona/recordings")
}

fn all(machine: &Machine) -> Vec<Recording> {
    let mut all = machine.desktop.recorder.active();
    let mut found: Vec<Recording> = std::fs::read_dir(directory(machine))
        .into_iter()
        .flatten()
        .flatten()
        .filter(|entry| entry.path().extension().is_some_and(|extension| extension == "mp4"))
        .filter_map(|entry| Recording::found(entry.path(), &entry.metadata().ok()?))
        .filter(|recording| all.iter().all(|active| active.id != recording.id))
        .collect();
    found.sort_by(|one, other| one.path.cmp(&other.path));
    all.append(&mut found);
    all
}

fn one(machine: &Machine, id: &str) -> Result<Recording, Failure> {
    all(machine).into_iter().find(|recording| recording.id == id).ok_or_else(not_found)
}

fn not_found() -> Failure {
    Failure::not_found("recording not found")
}

async fn list(State(machine): State<Arc<Machine>>) -> Answer {
    let recordings: Vec<Value> = all(&machine).iter().map(Recording::json).collect();
    Ok(go_json::answer(&json!({ "recordings": recordings })))
}

async fn find(State(machine): State<Arc<Machine>>, request: RequestInfo, Path(id): Path<String>) -> Answer {
    let recording = one(&machine, &id).map_err(|failure| failure.answer(&request))?;
    Ok(go_json::answer(&recording.json()))
}

async fn delete(State(machine): State<Arc<Machine>>, request: RequestInfo, Path(id): Path<String>) -> Answer {
    let recording = one(&machine, &id).map_err(|failure| failure.answer(&request))?;
    if recording.ended.is_none() {
        let failure = Failure::bad_request("cannot delete an active recording, stop it first")
            .status(StatusCode::CONFLICT)
            .code("RECORDING_STILL_ACTIVE")
            .formerly("", StatusCode::BAD_REQUEST);
        return Err(failure.answer(&request));
    }
    match std::fs::remove_file(&recording.path) {
        Ok(()) => Ok(StatusCode::NO_CONTENT.into_response()),
        Err(error) => Err(Failure::from(error).answer(&request)),
    }
}

async fn download(
    State(machine): State<Arc<Machine>>,
    request: RequestInfo,
    Path(id): Path<String>,
) -> Answer {
    let recording = one(&machine, &id).map_err(|failure| failure.answer(&request))?;
    let opened = async {
        let file = tokio::fs::File::open(&recording.path).await?;
        let length = file.metadata().await?.len();
        std::io::Result::Ok((file, length))
    };
    let (file, length) = opened.await.map_err(|_| Failure::not_found("file not found").answer(&request))?;
    let headers =
        [(header::CONTENT_TYPE, "video/mp4".to_owned()), (header::CONTENT_LENGTH, length.to_string())];
    // A video that grows is sent as long as it was.
    let body = Body::from_stream(tokio_util::io::ReaderStream::with_capacity(file.take(length), 256 * 1024));
    Ok((headers, body).into_response())
}

async fn start(State(machine): State<Arc<Machine>>, request: RequestInfo, body: Bytes) -> Answer {
    // A body that cannot be read is none.
    let fields = START.decode(&body).unwrap_or_default();
    let label = fields.get("label").and_then(Value::as_str).unwrap_or_default();
    let recording = record(&machine, label).await.map_err(|failure| failure.answer(&request))?;
    Ok((StatusCode::CREATED, go_json::answer(&recording.json())).into_response())
}

async fn record(machine: &Machine, label: &str) -> Result<Recording, Failure> {
    let Some(ffmpeg) = machine.program("ffmpeg") else {
        let message = "FFmpeg must be installed and available in PATH to use screen recording";
        return Err(Failure::missing(message)
            .code("RECORDING_FFMPEG_NOT_FOUND")
            .formerly("ffmpeg_not_found", StatusCode::BAD_REQUEST));
    };
    check_label(label)?;
    let display = machine.desktop.variable().ok_or_else(Failure::not_started)?;
    let directory = directory(machine);
    std::fs::create_dir_all(&directory)?;
    let (id, started) = (uuid::Uuid::new_v4().to_string(), OffsetDateTime::now_utc());
    let stamp = started.format(format_description!("[year][month][day]_[hour][minute][second]"));
    let label = if label.is_empty() { "session" } else { label };
    let path = directory.join(format!("{id}_{label}_{}.mp4", stamp.unwrap_or_default()));
    let recording = Recording { id, path, started, ended: None, duration: None, size: None };
    let mut child = Command::new(ffmpeg)
        .args(["-loglevel", "error", "-nostats", "-progress", "pipe:1", "-stats_period", "0.1"])
        .args(["-f", "x11grab", "-framerate", "30", "-i", &display])
        // The pixel format that every player knows has colours for two by two pixels.
        .args(["-vf", "pad=ceil(iw/2)*2:ceil(ih/2)*2", "-c:v", "libx264", "-preset", "ultrafast"])
        .args(["-pix_fmt", "yuv420p", "-y"])
        .arg(&recording.path)
        .env_clear()
        .envs(machine.command_env())
        .current_dir(&machine.home)
        .process_group(0)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()?;
    let begun = tokio::time::timeout(BEGIN_LIMIT, has_begun(&mut child)).await;
    if begun != Ok(true) {
        let limit = begun.map_or_else(|_| format!(" within {} s", BEGIN_LIMIT.as_secs()), |_| String::new());
        let said = said(child).await;
        let _not_there = std::fs::remove_file(&recording.path);
        return Err(Failure::internal(format!("failed to start ffmpeg{limit}: {said}")));
    }
    machine.desktop.recorder.0.lock().push(Active { recording: recording.clone(), ffmpeg: child });
    Ok(recording)
}

/// Waits for the first picture; `false`: it has ended.
async fn has_begun(child: &mut Child) -> bool {
    let Some(output) = child.stdout.take() else { return false };
    let mut lines = BufReader::new(output).lines();
    while let Ok(Some(line)) = lines.next_line().await {
        let frames = line.strip_prefix("frame=").and_then(|frames| frames.trim().parse::<u64>().ok());
        if frames.is_some_and(|frames| frames > 0) {
            // The rest is read, so that it is never blocked by a full pipe.
            tokio::spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
            return true;
        }
    }
    false
}

/// What ffmpeg says about its end, which is now.
async fn said(mut child: Child) -> String {
    let _gone = child.start_kill();
    let mut text = String::new();
    if let Some(mut errors) = child.stderr.take() {
        let _lost = errors.read_to_string(&mut text).await;
    }
    let ended = child.wait().await.map_or_else(|error| error.to_string(), |status| status.to_string());
    text.lines().next_back().map_or_else(|| format!("it ended with {ended}"), str::to_owned)
}

async fn stop(State(machine): State<Arc<Machine>>, request: RequestInfo, body: Bytes) -> Answer {
    let stopped = async {
        let complaint = |_| Failure::bad_request("invalid request: id is required");
        let fields = STOP.decode(&body).map_err(complaint)?;
        let id = fields.get("id").and_then(Value::as_str).unwrap_or_default();
        if id.is_empty() {
            return Err(Failure::bad_request("id is required"));
        }
        let active = machine.desktop.recorder.take(id).ok_or_else(not_found)?;
        end(active.ffmpeg).await;
        Ok(active.recording.complete())
    };
    match stopped.await {
        Ok(recording) => Ok(go_json::answer(&recording.json())),
        Err(failure) => Err(failure.answer(&request)),
    }
}

/// Asks ffmpeg to complete its file; kills it if it does not.
async fn end(mut ffmpeg: Child) {
    if let Some(mut stdin) = ffmpeg.stdin.take() {
        let _gone = stdin.write_all(b"q").await;
    }
    if tokio::time::timeout(END_LIMIT, ffmpeg.wait()).await.is_err() {
        let _gone = ffmpeg.start_kill();
        let _ended = ffmpeg.wait().await;
    }
}

fn check_label(label: &str) -> Result<(), Failure> {
    let is_safe = |letter: char| {
        letter.is_ascii_alphanumeric() || letter.is_ascii_whitespace() || "._-".contains(letter)
    };
    let is_blank = !label.is_empty() && label.trim().is_empty();
    if is_blank
        || label.len() > MAX_LABEL_LENGTH
        || label.trim().starts_with('.')
        || !label.chars().all(is_safe)
    {
        let message = "invalid label: must be 1-100 characters, cannot start with dot, cannot contain path separators \
                       (/ or \\), and can only contain letters, numbers, spaces, dots, underscores, and hyphens";
        return Err(Failure::bad_request(message).formerly("invalid_label", StatusCode::BAD_REQUEST));
    }
    Ok(())
}
