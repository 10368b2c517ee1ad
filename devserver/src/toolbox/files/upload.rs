//! Uploads of one file: `/files/upload` (a form, 0.190) and `/files/upload-v2` (raw bytes or a form, 0.205).
//! The file appears when it is complete; an interrupted upload leaves nothing.

use std::{io, path::Path};

use axum::{
    body::BodyDataStream,
    http::StatusCode,
    response::{IntoResponse, Response},
};
use bytes::Bytes;
use futures_util::StreamExt;
use serde_json::json as object;

use super::{
    call::{FileCall, RequestedPath, blocking, json},
    error::{FileError, go_path_error},
    info::base_name,
    multipart::{Form, boundary},
    sink::{AtomicFile, Sink},
};

/// The modes of directories that an upload creates; those of a form in 0.190 come from its framework.
const FORM_DIRECTORY_MODE: u32 = 0o750;
const DIRECTORY_MODE: u32 = 0o755;

pub async fn form(call: FileCall) -> Result<Response, FileError> {
    if !call.is_0_190() {
        return Err(FileError::no_such_route());
    }
    let place = call.required_place("path");
    let form = Form::of(&call.headers, call.body)
        .ok_or_else(|| FileError::bad_request("request Content-Type isn't multipart/form-data"))?;
    upload(UploadBody::Form(Box::new(form)), place, FORM_DIRECTORY_MODE).await?;
    Ok(StatusCode::OK.into_response())
}

pub async fn raw_or_form(call: FileCall) -> Result<Response, FileError> {
    if call.is_0_190() {
        return Err(FileError::no_such_route());
    }
    let place = call.required_place("path");
    let body = if boundary(&call.headers).is_some() {
        let form = Form::of(&call.headers, call.body);
        UploadBody::Form(
            form.map(Box::new).ok_or_else(|| FileError::bad_request("the form has no boundary"))?,
        )
    } else {
        UploadBody::Raw(call.body.into_data_stream())
    };
    let requested = upload(body, place, DIRECTORY_MODE).await?.requested;
    Ok(json(
        StatusCode::OK,
        &object!({ "name": base_name(&requested), "path": requested.to_string_lossy(), "type": "file" }),
    ))
}

/// Receives the file, and in any case the whole body: a client that is still sending might not see an
/// earlier answer.
async fn upload(
    mut body: UploadBody,
    place: Result<RequestedPath, FileError>,
    directory_mode: u32,
) -> Result<RequestedPath, FileError> {
    let received = match place {
        Ok(place) => receive(&mut body, &place, directory_mode).await.map(|()| place),
        Err(refusal) => Err(refusal),
    };
    body.drain().await;
    received
}

async fn receive(body: &mut UploadBody, place: &RequestedPath, directory_mode: u32) -> Result<(), FileError> {
    body.find_file().await?;
    let requested = place.requested.clone();
    let failed = move |error: io::Error| FileError::bad_request(go_path_error("open", &requested, &error));
    let (file, atomic_file) = {
        let (real, failed) = (place.real.clone(), failed.clone());
        blocking(move || AtomicFile::prepare(&real, directory_mode).map_err(failed)).await?
    };
    let mut sink = Sink::new(file);
    while let Some(chunk) = body.chunk().await.map_err(broke_off)? {
        sink.push(chunk).await.map_err(&failed)?;
    }
    sink.finish().await.map_err(&failed)?;
    match atomic_file {
        Some(atomic_file) => blocking(move || atomic_file.persist().map_err(failed)).await,
        None => Ok(()),
    }
}

fn broke_off(why: String) -> FileError {
    FileError::bad_request(format!("the upload broke off: {why}"))
}

/// The file in the body of a request.
enum UploadBody {
    Raw(BodyDataStream),
    Form(Box<Form>),
}

impl UploadBody {
    async fn chunk(&mut self) -> Result<Option<Bytes>, String> {
        match self {
            Self::Raw(frames) => frames.next().await.transpose().map_err(|error| error.to_string()),
            Self::Form(form) => form.chunk().await.map_err(|error| error.to_string()),
        }
    }

    /// Reads up to the field `file` of a form.
    async fn find_file(&mut self) -> Result<(), FileError> {
        let Self::Form(form) = self else {
            return Ok(());
        };
        loop {
            match form.next_part().await {
                Ok(Some(name)) if name == "file" => return Ok(()),
                Ok(Some(_)) => {}
                Ok(None) => return Err(FileError::bad_request("http: no such file")),
                Err(error) => return Err(FileError::bad_request(format!("multipart: NextPart: {error}"))),
            }
        }
    }

    async fn drain(&mut self) {
        match self {
            Self::Raw(frames) => while let Some(Ok(_)) = frames.next().await {},
            Self::Form(form) => form.drain().await,
        }
    }
}

/// The topmost missing directory of a path, which creating the path fails at; else the path itself.
pub fn first_missing(path: &Path, home: &Path) -> std::path::PathBuf {
    path.ancestors()
        .take_while(|ancestor| !ancestor.as_os_str().is_empty() && !home.join(ancestor).exists())
        .last()
        .unwrap_or(path)
        .to_owned()
}
