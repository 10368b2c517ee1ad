//! The endpoints of sessions.

use super::command::Command;
use super::entrypoint;
use super::follow::follow;
use super::format::{LogFormat, subprotocol};
use super::label::{Channel, Unlabeler};
use super::shell::{ExecuteError, NewCommand, Session};
use crate::timestamp::now;
use crate::toolbox::Machine;
use crate::toolbox::call::{Answer, BAD_REQUEST, CONFLICT, ErrorResponse, INTERNAL, NOT_FOUND, ToolboxCall};
use crate::toolbox::go_json::{self, FieldType, Shape};
use axum::Router;
use axum::body::Body;
use axum::extract::ws::WebSocketUpgrade;
use axum::extract::{FromRequestParts, Path, Request, State};
use axum::http::request::Parts;
use axum::http::{Response, StatusCode, header};
use axum::response::IntoResponse;
use axum::routing::{get, post};
use futures_util::stream;
use serde_json::{Value, json};
use std::io;
use std::sync::Arc;

pub fn routes() -> Router<Arc<Machine>> {
    Router::new()
        .route("/process/session", get(list).post(create))
        .route("/process/session/entrypoint/logs", get(entrypoint_logs))
        .route("/process/session/{id}", get(describe).delete(delete))
        .route("/process/session/{id}/exec", post(execute))
        .route("/process/session/{id}/command/{command}", get(describe_command))
        .route("/process/session/{id}/command/{command}/logs", get(logs))
        .route("/process/session/{id}/command/{command}/input", post(input))
}

const CREATE: Shape =
    Shape { package: "session", name: "CreateSessionRequest", fields: &[("sessionId", FieldType::Text)] };

const EXECUTE: Shape = Shape {
    package: "session",
    name: "SessionExecuteRequest",
    fields: &[
        ("command", FieldType::Text),
        ("runAsync", FieldType::Flag),
        ("async", FieldType::Flag),
        ("suppressInputEcho", FieldType::Flag),
    ],
};

const INPUT: Shape =
    Shape { package: "session", name: "SessionSendInputRequest", fields: &[("data", FieldType::Text)] };

/// A log longer than this is streamed instead of being read into memory.
const STREAM_ABOVE_BYTES: u64 = 64 * 1024;

async fn list(State(machine): State<Arc<Machine>>) -> Response<Body> {
    go_json::answer(&machine.sessions.list())
}

async fn create(State(machine): State<Arc<Machine>>, request: Request) -> Answer {
    let call = ToolboxCall::read(machine, request).await?;
    let fields = call.fields(&CREATE, &["sessionId"])?;
    let id = fields["sessionId"].as_str().unwrap_or_default();
    if id == entrypoint::ID {
        let message = "bad request: provided session ID is reserved and cannot be created/overridden";
        return Err(call.refuse(BAD_REQUEST, message));
    }
    match call.machine.sessions.create(&call.machine, id) {
        Ok(Some(())) => Ok(StatusCode::CREATED.into_response()),
        Ok(None) => Err(call.refuse(CONFLICT, "conflict: session already exists")),
        Err(error) => Err(internal(&call, &error)),
    }
}

async fn describe(State(machine): State<Arc<Machine>>, Path(id): Path<String>, request: Request) -> Answer {
    let call = ToolboxCall::read(machine, request).await?;
    if id == entrypoint::ID {
        let entrypoint = call.machine.sessions.entrypoint(&call.machine);
        return Ok(go_json::answer(&entrypoint.map_err(|error| internal(&call, &error))?.json()));
    }
    Ok(go_json::answer(&session(&call, &id)?.json()))
}

async fn delete(State(machine): State<Arc<Machine>>, Path(id): Path<String>, request: Request) -> Answer {
    let call = ToolboxCall::read(machine, request).await?;
    if id == entrypoint::ID {
        return Err(call.refuse(BAD_REQUEST, "bad request: can't delete entrypoint session"));
    }
    let Some(session) = call.machine.sessions.remove(&id) else { return Err(not_found(&call, "session")) };
    // In a task of its own, so that a client that disconnects does not interrupt it.
    let ended = tokio::task::spawn_blocking(move || {
        session.kill(&call.machine);
        session.end();
    });
    let _done = ended.await;
    Ok(StatusCode::NO_CONTENT.into_response())
}

async fn execute(State(machine): State<Arc<Machine>>, Path(id): Path<String>, request: Request) -> Answer {
    let call = ToolboxCall::read(machine, request).await?;
    let malformed =
        |refusal| if call.is_0_190() { StatusCode::BAD_REQUEST.into_response().into() } else { refusal };
    let fields = call.fields(&EXECUTE, &["command"]).map_err(malformed)?;
    if id == entrypoint::ID {
        return Err(call.refuse(BAD_REQUEST, "bad request: can't execute command in entrypoint session"));
    }
    let Some(session) = call.machine.sessions.find(&id) else {
        return Err(match call.is_0_190() {
            true => not_executed("not found: session not found"),
            false => not_found(&call, "session"),
        });
    };
    let flag = |name: &str| fields.get(name).is_some_and(|flag| flag == true);
    let in_background = flag("runAsync") || flag("async");
    let new_command = NewCommand {
        text: fields["command"].as_str().unwrap_or_default().to_owned(),
        takes_input: in_background,
        suppress_echo: flag("suppressInputEcho"),
    };
    let command = session.execute(new_command).await.map_err(|error| refusal(&call, error))?;
    if in_background {
        let answer = json!({
            "cmdId": command.id, "output": null, "stdout": null, "stderr": null, "exitCode": null,
        });
        return Ok((StatusCode::ACCEPTED, go_json::answer(&answer)).into_response());
    }
    // Never over for a command that ended its shell, as in the daemon: the client's own limit ends the wait.
    let mut progress = command.watch();
    let over = progress.wait_for(|progress| progress.is_over()).await.map(|progress| *progress);
    let Some(code) = over.ok().and_then(|progress| progress.exit_code) else {
        return Err(refusal(&call, ExecuteError::ShellGone));
    };
    let log = command.read_all().await.map_err(|error| internal(&call, &error))?;
    command.tell();
    let mut answer = contents(&log, LogFormat::of(&call.headers));
    answer["exitCode"] = code.into();
    let mut with_id = json!({ "cmdId": command.id });
    if let (Some(all), Value::Object(more)) = (with_id.as_object_mut(), answer) {
        all.extend(more);
    }
    Ok(go_json::answer(&with_id))
}

async fn describe_command(
    State(machine): State<Arc<Machine>>,
    Path((id, command)): Path<(String, String)>,
    request: Request,
) -> Answer {
    let call = ToolboxCall::read(machine, request).await?;
    Ok(go_json::answer(&find(&call, &id, &command)?.json()))
}

async fn input(
    State(machine): State<Arc<Machine>>,
    Path((id, command)): Path<(String, String)>,
    request: Request,
) -> Answer {
    let call = ToolboxCall::read(machine, request).await?;
    let fields = call.fields(&INPUT, &["data"])?;
    let lines = fields["data"].as_str().unwrap_or_default().as_bytes().to_vec();
    let command = find(&call, &id, &command)?;
    let written = match &command.input {
        Some(input) => input.write(lines, command.watch()).await,
        None => Err(()),
    };
    written.map_err(|()| {
        let over = command.progress();
        if !call.is_0_190() && over.is_over() {
            let completed = (StatusCode::GONE, "COMMAND_ALREADY_COMPLETED");
            return call.refuse(completed, "gone: command already completed");
        }
        if let Some(code) = over.exit_code.filter(|_| command.is_told()) {
            let message = format!("gone: command has already completed with exit code {code}");
            return call.refuse((StatusCode::GONE, "GONE"), &message);
        }
        let path = session(&call, &id).map(|session| session.input_path(&command)).unwrap_or_default();
        let reason = format!("open {}: no such file or directory", path.display());
        call.refuse(INTERNAL, &format!("internal server error: failed to open input pipe: {reason}"))
    })?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

async fn logs(
    State(machine): State<Arc<Machine>>,
    Path((id, command)): Path<(String, String)>,
    request: Request,
) -> Answer {
    let (mut parts, _) = request.into_parts();
    let call = ToolboxCall::new(machine, parts.method.clone(), parts.uri.path(), parts.headers.clone());
    let command = find(&call, &id, &command)?;
    log_of(&call, command, &mut parts).await
}

async fn entrypoint_logs(State(machine): State<Arc<Machine>>, request: Request) -> Answer {
    let (mut parts, _) = request.into_parts();
    let call = ToolboxCall::new(machine, parts.method.clone(), parts.uri.path(), parts.headers.clone());
    let entrypoint = call.machine.sessions.entrypoint(&call.machine);
    let command = entrypoint.map_err(|error| internal(&call, &error))?.command.clone();
    log_of(&call, command, &mut parts).await
}

/// Answers over a WebSocket, as JSON or as text.
async fn log_of(call: &ToolboxCall, command: Arc<Command>, parts: &mut Parts) -> Answer {
    let format = LogFormat::of(&call.headers);
    let failed = |error| internal(call, &error);
    if let Ok(upgrade) = WebSocketUpgrade::from_request_parts(parts, &()).await {
        let reader = command.reader().map_err(failed)?;
        let live = parts.uri.query().is_some_and(|query| query.split('&').any(|pair| pair == "follow=true"));
        let upgrade = upgrade.protocols(subprotocol(&call.headers));
        return Ok(upgrade.on_upgrade(move |socket| follow(socket, command, reader, format, live)));
    }
    if format == LogFormat::Separate {
        let log = command.read_all().await.map_err(failed)?;
        return Ok(go_json::answer(&contents(&log, format)));
    }
    let text = [(header::CONTENT_TYPE, "text/plain; charset=utf-8")];
    let length = command.progress().length;
    if length <= STREAM_ABOVE_BYTES {
        let log = command.read_all().await.map_err(failed)?;
        let log = if format == LogFormat::Merged { merged(&log) } else { log };
        return Ok((text, log).into_response());
    }
    let reader = command.reader().map_err(failed)?;
    let parts =
        stream::try_unfold((reader, Unlabeler::default()), move |(mut reader, mut plain)| async move {
            let chunk = reader.next(length, STREAM_ABOVE_BYTES as usize).await?;
            let mut answer = chunk;
            if format == LogFormat::Merged {
                let mut taken = Vec::with_capacity(answer.len());
                if answer.is_empty() {
                    plain.finish(|_, bytes| taken.extend_from_slice(bytes));
                } else {
                    plain.push(&answer, |_, bytes| taken.extend_from_slice(bytes));
                }
                answer = taken;
            }
            Ok::<_, io::Error>((!answer.is_empty()).then_some((answer, (reader, plain))))
        });
    Ok((text, Body::from_stream(parts)).into_response())
}

/// The fields `output`, `stdout` and `stderr`.
fn contents(log: &[u8], format: LogFormat) -> Value {
    let mut separate = [Vec::new(), Vec::new()];
    match format {
        LogFormat::Merged => json!({ "output": go_json::text(&merged(log)), "stdout": null, "stderr": null }),
        LogFormat::Marked => json!({ "output": go_json::text(log), "stdout": null, "stderr": null }),
        LogFormat::Separate => {
            unlabeler(log, |channel, bytes| separate[channel as usize].extend_from_slice(bytes));
            let [stdout, stderr] = separate.map(|bytes| go_json::text(&bytes));
            json!({ "output": go_json::text(log), "stdout": stdout, "stderr": stderr })
        }
    }
}

fn merged(log: &[u8]) -> Vec<u8> {
    let mut merged = Vec::with_capacity(log.len());
    unlabeler(log, |_, bytes| merged.extend_from_slice(bytes));
    merged
}

fn unlabeler(log: &[u8], mut take: impl FnMut(Channel, &[u8])) {
    let mut unlabeler = Unlabeler::default();
    unlabeler.push(log, &mut take);
    unlabeler.finish(take);
}

fn session(call: &ToolboxCall, id: &str) -> Result<Arc<Session>, ErrorResponse> {
    call.machine.sessions.find(id).ok_or_else(|| not_found(call, "session"))
}

fn find(call: &ToolboxCall, id: &str, command: &str) -> Result<Arc<Command>, ErrorResponse> {
    if id == entrypoint::ID {
        let entrypoint = call.machine.sessions.entrypoint(&call.machine);
        let known = entrypoint.map_err(|error| internal(call, &error))?.command.clone();
        return if known.id == command { Ok(known) } else { Err(not_found(call, "command")) };
    }
    session(call, id)?.command(command).ok_or_else(|| not_found(call, "command"))
}

fn not_found(call: &ToolboxCall, what: &str) -> ErrorResponse {
    call.refuse(NOT_FOUND, &format!("not found: {what} not found"))
}

fn internal(call: &ToolboxCall, error: &io::Error) -> ErrorResponse {
    call.refuse(INTERNAL, &format!("internal server error: {error}"))
}

fn refusal(call: &ToolboxCall, error: ExecuteError) -> ErrorResponse {
    match error {
        ExecuteError::ShellGone if call.is_0_190() => {
            not_executed("bad request: failed to write command: write |1: broken pipe")
        }
        ExecuteError::ShellGone => {
            call.refuse((StatusCode::CONFLICT, "SESSION_ENDED"), "conflict: the session's shell has ended")
        }
        ExecuteError::Io(error) if call.is_0_190() => not_executed(&error.to_string()),
        ExecuteError::Io(error) => internal(call, &error),
    }
}

/// The only envelope of 0.190 without a code and with an empty path.
fn not_executed(reason: &str) -> ErrorResponse {
    let body = json!({
        "statusCode": 500,
        "message": format!("failed to execute command: {reason}"),
        "timestamp": now(),
        "path": "",
    });
    let body = body.to_string();
    (StatusCode::INTERNAL_SERVER_ERROR, [(header::CONTENT_TYPE, "application/json")], body)
        .into_response()
        .into()
}
