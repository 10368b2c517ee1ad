//! One file up: `/files/upload` (a form, 0.190) and `/files/upload-v2` (raw bytes or a form, 0.205).
//!
//! The file appears complete or not at all; a client that leaves half way leaves nothing behind.

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
    call::{Call, Place, blocking, json},
    info::base_name,
    multipart::{Form, boundary},
    refusal::{Refusal, go_path_error},
    sink::{Landing, Sink},
};

/// The rights of directories that an upload makes: the framework of 0.190 has its own mind.
const DIRECTORIES_OF_A_FORM: u32 = 0o750;
const DIRECTORIES: u32 = 0o755;

pub async fn form(call: Call) -> Result<Response, Refusal> {
    if !call.is_0_190() {
        return Err(Refusal::no_such_route());
    }
    let place = call.required_place("path");
    let form = Form::of(&call.headers, call.body)
        .ok_or_else(|| Refusal::bad_request("request Content-Type isn't multipart/form-data"))?;
    upload(Incoming::Form(Box::new(form)), place, DIRECTORIES_OF_A_FORM).await?;
    Ok(StatusCode::OK.into_response())
}

pub async fn raw_or_form(call: Call) -> Result<Response, Refusal> {
    if call.is_0_190() {
        return Err(Refusal::no_such_route());
    }
    let place = call.required_place("path");
    let incoming = if boundary(&call.headers).is_some() {
        let form = Form::of(&call.headers, call.body);
        Incoming::Form(form.map(Box::new).ok_or_else(|| Refusal::bad_request("the form has no boundary"))?)
    } else {
        Incoming::Raw(call.body.into_data_stream())
    };
    let asked = upload(incoming, place, DIRECTORIES).await?.asked;
    Ok(json(
        StatusCode::OK,
        &object!({ "name": base_name(&asked), "path": asked.to_string_lossy(), "type": "file" }),
    ))
}

/// Receives the file, and in any case the whole request: a refusal sent while the client is still
/// sending would be lost with the connection.
async fn upload(
    mut incoming: Incoming,
    place: Result<Place, Refusal>,
    directory_mode: u32,
) -> Result<Place, Refusal> {
    let received = match place {
        Ok(place) => receive(&mut incoming, &place, directory_mode).await.map(|()| place),
        Err(refusal) => Err(refusal),
    };
    incoming.drain().await;
    received
}

async fn receive(incoming: &mut Incoming, place: &Place, directory_mode: u32) -> Result<(), Refusal> {
    incoming.find_file().await?;
    let asked = place.asked.clone();
    let failed = move |error: io::Error| Refusal::bad_request(go_path_error("open", &asked, &error));
    let (file, landing) = {
        let (real, failed) = (place.real.clone(), failed.clone());
        blocking(move || Landing::prepare(&real, directory_mode).map_err(failed)).await?
    };
    let mut sink = Sink::new(file);
    while let Some(piece) = incoming.piece().await.map_err(broke_off)? {
        sink.push(piece).await.map_err(&failed)?;
    }
    sink.finish().await.map_err(&failed)?;
    match landing {
        Some(landing) => blocking(move || landing.land().map_err(failed)).await,
        None => Ok(()),
    }
}

fn broke_off(why: String) -> Refusal {
    Refusal::bad_request(format!("the upload broke off: {why}"))
}

/// Where a file's bytes come from.
enum Incoming {
    Raw(BodyDataStream),
    Form(Box<Form>),
}

impl Incoming {
    async fn piece(&mut self) -> Result<Option<Bytes>, String> {
        match self {
            Self::Raw(frames) => frames.next().await.transpose().map_err(|error| error.to_string()),
            Self::Form(form) => form.piece().await.map_err(|error| error.to_string()),
        }
    }

    /// Moves to the field `file`.
    async fn find_file(&mut self) -> Result<(), Refusal> {
        let Self::Form(form) = self else {
            return Ok(());
        };
        loop {
            match form.next_part().await {
                Ok(Some(name)) if name == "file" => return Ok(()),
                Ok(Some(_)) => {}
                Ok(None) => return Err(Refusal::bad_request("http: no such file")),
                Err(error) => return Err(Refusal::bad_request(format!("multipart: NextPart: {error}"))),
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

/// The topmost directory that is missing on the way to a path, or the path itself: the one that
/// making the way fails at.
pub fn first_missing(path: &Path, home: &Path) -> std::path::PathBuf {
    path.ancestors()
        .take_while(|ancestor| !ancestor.as_os_str().is_empty() && !home.join(ancestor).exists())
        .last()
        .unwrap_or(path)
        .to_owned()
}
