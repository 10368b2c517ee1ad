//! Creating directories, deleting, moving, and changing modes and owners.

use std::{
    fs, io,
    os::unix::fs::{DirBuilderExt, PermissionsExt, chown},
    path::Path,
};

use axum::{
    Json,
    http::StatusCode,
    response::{IntoResponse, Response},
};
use nix::unistd::{Group, User};
use serde_json::json;

use super::{
    call::{FileCall, RequestedPath, blocking, parent},
    error::FileError,
    protected::Protected,
    walk::clean,
};

pub async fn folder(call: FileCall) -> Result<Response, FileError> {
    let place = call.required_place("path")?;
    let mode = call.text("mode").map_or(Ok(0o755), |text| octal(&text))?;
    blocking(move || {
        make_directories(&place.real, mode).map_err(|error| {
            FileError::bad_request(super::error::go_path_error("mkdir", &place.requested, &error))
        })
    })
    .await?;
    Ok(StatusCode::CREATED.into_response())
}

/// Creates a directory and the missing ones above it, all with this mode, less the umask.
pub fn make_directories(path: &Path, mode: u32) -> io::Result<()> {
    fs::DirBuilder::new().recursive(true).mode(mode).create(path)
}

pub async fn delete(call: FileCall) -> Result<Response, FileError> {
    let place = call.required_place("path")?;
    let recursive = call.text("recursive").as_deref() == Some("true");
    let machine = call.machine;
    blocking(move || {
        Protected::new(&machine.protected).check_entry("remove", &place)?;
        let metadata =
            fs::metadata(&place.real).map_err(|error| FileError::of("stat", &place.requested, &error))?;
        let is_link = place.real.is_symlink();
        if metadata.is_dir() && !recursive {
            return Err(FileError::bad_request("cannot delete directory without recursive flag"));
        }
        let removed = if metadata.is_dir() && !is_link {
            fs::remove_dir_all(&place.real)
        } else {
            fs::remove_file(&place.real)
        };
        removed.map_err(|error| {
            FileError::bad_request(super::error::go_path_error("remove", &place.requested, &error))
        })
    })
    .await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

pub async fn rename(call: FileCall) -> Result<Response, FileError> {
    let (Some(source), Some(destination)) = (call.query("source"), call.query("destination")) else {
        return Err(FileError::bad_request("source and destination paths are required"));
    };
    let (source, destination) = (call.place(source), call.place(destination));
    let machine = call.machine;
    let left_behind = blocking(move || {
        let (from, to) = (clean(&source.real), clean(&destination.real));
        let entry = RequestedPath { requested: source.requested.clone(), real: from.clone() };
        Protected::new(&machine.protected).check_entry("move", &entry)?;
        fs::metadata(&from).map_err(|error| FileError::of("stat", &source.requested, &error))?;
        fs::metadata(parent(&to))
            .map_err(|error| FileError::of("stat", &parent(&clean(&destination.requested)), &error))?;
        if fs::metadata(&to).is_ok() {
            return Err(FileError::conflict("destination already exists"));
        }
        let copied = match fs::rename(&from, &to) {
            Ok(()) => return Ok(None),
            Err(error) if needs_a_copy(&error) => copy_tree(&from, &to),
            Err(error) => Err(error),
        };
        copied.map_err(|error| {
            FileError::bad_request(format!("failed to move file: {}", super::error::go_error(&error)))
        })?;
        let is_tree = from.is_dir() && !from.is_symlink();
        let removed = if is_tree { fs::remove_dir_all(&from) } else { fs::remove_file(&from) };
        Ok(removed.err().map(|error| super::error::go_path_error("unlinkat", &source.requested, &error)))
    })
    .await?;
    Ok(match left_behind {
        None => StatusCode::OK.into_response(),
        Some(why) => {
            let message = "file copied successfully but source could not be deleted";
            let error = format!("failed to delete source: {why}");
            Json(json!({ "message": message, "error": error })).into_response()
        }
    })
}

/// A move to another file system, or from where nothing may be removed.
fn needs_a_copy(error: &io::Error) -> bool {
    use io::ErrorKind::{CrossesDevices, PermissionDenied, ReadOnlyFilesystem};
    matches!(error.kind(), CrossesDevices | PermissionDenied | ReadOnlyFilesystem)
}

fn copy_tree(from: &Path, to: &Path) -> io::Result<()> {
    let kind = fs::symlink_metadata(from)?;
    if kind.is_symlink() {
        return std::os::unix::fs::symlink(fs::read_link(from)?, to);
    }
    if !kind.is_dir() {
        return fs::copy(from, to).map(drop);
    }
    make_directories(to, 0o755)?;
    for entry in fs::read_dir(from)? {
        let name = entry?.file_name();
        copy_tree(&from.join(&name), &to.join(&name))?;
    }
    fs::set_permissions(to, kind.permissions())
}

pub async fn permissions(call: FileCall) -> Result<Response, FileError> {
    let place = call.required_place("path")?;
    let (mode, owner, group) = (call.text("mode"), call.text("owner"), call.text("group"));
    let machine = call.machine;
    blocking(move || {
        Protected::new(&machine.protected).check_target("chmod", &place)?;
        fs::metadata(&place.real).map_err(|error| FileError::of("stat", &place.requested, &error))?;
        let failed = |what: &str, error: io::Error| {
            FileError::bad_request(format!(
                "failed to change {what}: {}",
                super::error::go_path_error(
                    if what == "mode" { "chmod" } else { "chown" },
                    &place.requested,
                    &error
                )
            ))
        };
        if let Some(mode) = mode {
            fs::set_permissions(&place.real, fs::Permissions::from_mode(octal(&mode)?))
                .map_err(|error| failed("mode", error))?;
        }
        let uid = owner.map(|name| user_id(&name)).transpose()?;
        let gid = group.map(|name| group_id(&name)).transpose()?;
        if uid.is_some() || gid.is_some() {
            chown(&place.real, uid, gid).map_err(|error| failed("ownership", error))?;
        }
        Ok(())
    })
    .await?;
    Ok(StatusCode::OK.into_response())
}

/// Parses an octal mode. Bits above the nine permissions are dropped, as in the daemon.
fn octal(text: &str) -> Result<u32, FileError> {
    match u32::from_str_radix(text, 8) {
        Ok(mode) if !text.starts_with('+') => Ok(mode & 0o777),
        _ => Err(FileError::bad_request("invalid mode format")),
    }
}

fn user_id(name: &str) -> Result<u32, FileError> {
    if let Ok(number) = name.parse() {
        return Ok(number);
    }
    let user =
        User::from_name(name).ok().flatten().ok_or_else(|| FileError::bad_request("user not found"))?;
    Ok(user.uid.as_raw())
}

fn group_id(name: &str) -> Result<u32, FileError> {
    if let Ok(number) = name.parse() {
        return Ok(number);
    }
    let group =
        Group::from_name(name).ok().flatten().ok_or_else(|| FileError::bad_request("group not found"))?;
    Ok(group.gid.as_raw())
}
