//! The part of a build inside the container's daemon: runs commands, unpacks and packs files. Only the server
//! reaches it; no client's request leads here.

use super::tree::{Found, Tree};
use crate::processes;
use crate::toolbox::Machine;
use axum::body::{Body, Bytes, to_bytes};
use axum::http::{Request, Response, StatusCode, header};
use axum::response::IntoResponse;
use futures_util::{StreamExt, TryStreamExt};
use nix::errno::Errno;
use nix::unistd::{Gid, Group, Uid, User, chown};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fs::{self, Permissions};
use std::io::{self, Read};
use std::os::fd::OwnedFd;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::Arc;
use tokio::io::AsyncReadExt;
use tokio_util::io::{ReaderStream, StreamReader, SyncIoBridge};

pub const RUN: &str = "/control/build/run";
pub const UNPACK: &str = "/control/build/unpack";
pub const PACK: &str = "/control/build/pack";
/// The answer of [`PACK`]: how many things it packs, and whether it is a single file.
pub const SINGLE_FILE: &str = "x-single-file";
/// The length of a piece of output that stands for the end; the exit code follows.
pub const END: u32 = u32::MAX;

const MAX_REQUEST_BYTES: usize = 4 << 20;
const READ_BYTES: usize = 32 << 10;

/// A command of a build. The answer is its output in pieces, each after its length, then [`END`] and the code.
#[derive(Serialize, Deserialize)]
pub struct RunRequest {
    pub argv: Vec<String>,
    pub env: BTreeMap<String, String>,
    pub cwd: String,
    pub user: Option<String>,
}

/// Where a tar stream goes.
#[derive(Serialize, Deserialize)]
pub struct UnpackRequest {
    pub destination: String,
    /// The stream is a single file, which may get the destination's name.
    pub single_file: bool,
    pub owner: Option<String>,
    pub mode: Option<u32>,
}

/// What becomes a tar stream.
#[derive(Serialize, Deserialize)]
pub struct PackRequest {
    pub sources: Vec<String>,
}

/// An account of the container.
pub struct Account {
    pub uid: Uid,
    pub gid: Gid,
    pub home: PathBuf,
}

impl Account {
    /// `NAME` or `NUMBER`, either with `:GROUP`.
    pub fn find(text: &str) -> Result<Self, String> {
        let (name, group) = text.split_once(':').map_or((text, None), |(name, group)| (name, Some(group)));
        let known = match name.parse::<u32>() {
            Ok(number) => User::from_uid(Uid::from_raw(number)).ok().flatten(),
            Err(_) => User::from_name(name).ok().flatten(),
        };
        let (uid, mut gid, home) = match (known, name.parse::<u32>()) {
            (Some(user), _) => (user.uid, user.gid, user.dir),
            (None, Ok(number)) => (Uid::from_raw(number), Gid::from_raw(0), PathBuf::from("/")),
            (None, Err(_)) => {
                return Err(format!("unable to find user {name}: no matching entries in passwd file"));
            }
        };
        if let Some(group) = group {
            gid = match group.parse::<u32>() {
                Ok(number) => Gid::from_raw(number),
                Err(_) => match Group::from_name(group).ok().flatten() {
                    Some(group) => group.gid,
                    None => {
                        return Err(format!(
                            "unable to find group {group}: no matching entries in group file"
                        ));
                    }
                },
            };
        }
        Ok(Self { uid, gid, home })
    }

    /// Lets this process go on as this user, for good; the home, or `/` where there is none.
    pub fn become_it(self) -> io::Result<PathBuf> {
        // Changes nothing for who is root already, and has no other users to become.
        if !self.uid.is_root() || self.gid.as_raw() != 0 {
            set_groups(&[self.gid.as_raw()])?;
            nix::unistd::setgid(self.gid)?;
            nix::unistd::setuid(self.uid)?;
        }
        Ok(if self.home.is_dir() { self.home } else { "/".into() })
    }
}

/// The supplementary groups of this process. nix has the call on few systems.
fn set_groups(groups: &[libc::gid_t]) -> io::Result<()> {
    // SAFETY: the list has that many groups and outlives the call. The type of the number differs between systems.
    Errno::result(unsafe { libc::setgroups(groups.len() as _, groups.as_ptr()) })?;
    Ok(())
}

/// The answer to a request below `/control/build`.
pub async fn answer(machine: &Arc<Machine>, request: Request<Body>) -> Response<Body> {
    let path = request.uri().path().to_owned();
    let (parts, body) = request.into_parts();
    let told = || {
        let header = parts.headers.get(crate::daemon::TOLD)?.as_bytes();
        base64::Engine::decode(&base64::engine::general_purpose::STANDARD, header).ok()
    };
    let answer = match path.as_str() {
        RUN => run(machine.clone(), body).await,
        UNPACK => unpack(told().unwrap_or_default(), body).await,
        PACK => pack(body).await,
        _ => return StatusCode::NOT_FOUND.into_response(),
    };
    answer.unwrap_or_else(|why| (StatusCode::UNPROCESSABLE_ENTITY, why).into_response())
}

async fn run(machine: Arc<Machine>, body: Body) -> Result<Response<Body>, String> {
    let body = to_bytes(body, MAX_REQUEST_BYTES).await.map_err(|error| error.to_string())?;
    let wanted: RunRequest = serde_json::from_slice(&body).map_err(|error| error.to_string())?;
    let account = Account::find(wanted.user.as_deref().unwrap_or("0"))?;
    let (program, arguments) = wanted.argv.split_first().ok_or("an empty command")?;
    let (output, out) = io::pipe().map_err(|error| error.to_string())?;
    let error = out.try_clone().map_err(|error| error.to_string())?;
    let mut command = tokio::process::Command::new(program);
    command.args(arguments).env_clear().env("HOME", &account.home).envs(&wanted.env);
    command.current_dir(&wanted.cwd).stdin(Stdio::null()).stdout(out).stderr(error);
    command.process_group(0).kill_on_drop(true);
    if !account.uid.is_root() || account.gid.as_raw() != 0 {
        command.uid(account.uid.as_raw()).gid(account.gid.as_raw());
    }
    let child = command.spawn();
    drop(command);
    let mut child = child.map_err(|error| format!("cannot run {program}: {error}"))?;
    let output = tokio::net::unix::pipe::Receiver::from_owned_fd(OwnedFd::from(output));
    let mut output = output.map_err(|error| error.to_string())?;
    let (sender, receiver) = tokio::sync::mpsc::channel::<Bytes>(8);
    tokio::spawn(async move {
        let mut buffer = vec![0; READ_BYTES];
        let mut status = None;
        loop {
            let read = tokio::select! {
                read = output.read(&mut buffer) => read.unwrap_or(0),
                ended = child.wait(), if status.is_none() => {
                    status = Some(ended);
                    // With the command everything ends that it has started.
                    let machine = machine.clone();
                    let gone = move || processes::kill_until_gone(|| machine.processes());
                    let _ended = tokio::task::spawn_blocking(gone).await;
                    continue;
                }
            };
            if read == 0 && status.is_some() {
                break;
            }
            if read == 0 {
                status = Some(child.wait().await);
                break;
            }
            let length = u32::try_from(read).unwrap_or_default();
            let piece = [&length.to_be_bytes(), &buffer[..read]].concat();
            if sender.send(piece.into()).await.is_err() {
                return;
            }
        }
        let code = match status {
            Some(Ok(status)) => status.code().or(status.signal().map(|signal| 128 + signal)).unwrap_or(-1),
            _ => -1,
        };
        let _gone = sender.send([END.to_be_bytes(), code.to_be_bytes()].concat().into()).await;
    });
    let pieces = futures_util::stream::unfold(receiver, |mut receiver| async move {
        let piece = receiver.recv().await?;
        Some((Ok::<_, io::Error>(piece), receiver))
    });
    Ok(Body::from_stream(pieces).into_response())
}

async fn unpack(told: Vec<u8>, body: Body) -> Result<Response<Body>, String> {
    let wanted: UnpackRequest = serde_json::from_slice(&told).map_err(|error| error.to_string())?;
    let stream = body.into_data_stream().map_err(io::Error::other);
    let mut reader = SyncIoBridge::new(StreamReader::new(stream));
    let unpacked = tokio::task::spawn_blocking(move || {
        let unpacked = unpack_from(&wanted, &mut reader);
        // An answer before the end of the body closes the connection while the sender still writes.
        let _ = io::copy(&mut reader, &mut io::sink());
        unpacked
    });
    unpacked.await.map_err(|error| error.to_string())??;
    Ok(StatusCode::NO_CONTENT.into_response())
}

fn unpack_from(wanted: &UnpackRequest, reader: impl Read) -> Result<(), String> {
    let owner = wanted.owner.as_deref().map(Account::find).transpose()?;
    let destination = Path::new(&wanted.destination);
    let takes_name = wanted.single_file && !wanted.destination.ends_with('/') && !destination.is_dir();
    let directory = if takes_name { destination.parent().unwrap_or(destination) } else { destination };
    let failed = |what: &Path, error: io::Error| format!("cannot write {}: {error}", what.display());
    fs::create_dir_all(directory).map_err(|error| failed(directory, error))?;
    let mut archive = tar::Archive::new(reader);
    archive.set_preserve_permissions(true);
    archive.set_preserve_mtime(true);
    let entries = archive.entries().map_err(|error| failed(directory, error))?;
    for entry in entries {
        let mut entry = entry.map_err(|error| failed(directory, error))?;
        let path = entry.path().map_err(|error| failed(directory, error))?.into_owned();
        let target = if takes_name { destination.to_owned() } else { directory.join(&path) };
        if takes_name {
            entry.unpack(&target).map_err(|error| failed(&target, error))?;
        } else if !entry.unpack_in(directory).map_err(|error| failed(&target, error))? {
            return Err(format!("{} leads out of {}", path.display(), directory.display()));
        }
        let is_link = entry.header().entry_type().is_symlink();
        if let Some(owner) = owner.as_ref().filter(|_| !is_link) {
            chown(&target, Some(owner.uid), Some(owner.gid))
                .map_err(|error| failed(&target, error.into()))?;
        }
        if let Some(mode) = wanted.mode.filter(|_| !is_link) {
            fs::set_permissions(&target, Permissions::from_mode(mode))
                .map_err(|error| failed(&target, error))?;
        }
    }
    Ok(())
}

async fn pack(body: Body) -> Result<Response<Body>, String> {
    let body = to_bytes(body, MAX_REQUEST_BYTES).await.map_err(|error| error.to_string())?;
    let wanted: PackRequest = serde_json::from_slice(&body).map_err(|error| error.to_string())?;
    let tree = Tree::open(Path::new("/")).map_err(|error| error.to_string())?;
    let mut found = Vec::new();
    for source in &wanted.sources {
        found.extend(tree.find(source).map_err(|error| format!("{source:?} of that stage: {error}"))?);
    }
    let single_file = matches!(&found[..], [Found { is_directory: false, .. }]);
    let mut response = packed(Arc::new(tree), found).into_response();
    let value = header::HeaderValue::from_static(if single_file { "1" } else { "0" });
    response.headers_mut().insert(SINGLE_FILE, value);
    Ok(response)
}

/// A tar stream as it is made.
pub fn packed(tree: Arc<Tree>, found: Vec<Found>) -> Body {
    const BUFFER_BYTES: usize = 256 << 10;
    let (writer, reader) = tokio::io::duplex(BUFFER_BYTES);
    let writer = SyncIoBridge::new(writer);
    let packing = tokio::task::spawn_blocking(move || tree.pack(&found, io::BufWriter::new(writer)));
    // A failure cuts the stream: what was unpacked of it is not taken for the whole.
    let end = futures_util::stream::once(async move {
        match packing.await {
            Ok(Ok(())) => Ok(Bytes::new()),
            Ok(Err(error)) => Err(error),
            Err(error) => Err(io::Error::other(error)),
        }
    });
    Body::from_stream(ReaderStream::with_capacity(reader, READ_BYTES).chain(end))
}
