//! The preview proxy: `http://{port}-{sandboxId or token}.localhost:PORT/`, to ports that a process of that
//! sandbox really listens on. Bodies stream, upgrades pass through.

use crate::sandbox::Sandbox;
use crate::world::World;
use axum::body::Body;
use axum::http::{HeaderMap, Request, Response, StatusCode, Uri, Version, header};
use axum::response::IntoResponse;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use std::collections::BTreeSet;
use std::sync::{Arc, LazyLock};

/// A host that names a sandbox's port.
pub struct Target {
    port: u16,
    name: String,
}

/// The target of a request's host, if it is a preview.
pub fn target(headers: &HeaderMap) -> Option<Target> {
    let host = headers.get(header::HOST)?.to_str().ok()?;
    let label = host.split(':').next()?.strip_suffix(".localhost")?;
    let (port, name) = label.split_once('-')?;
    Some(Target { port: port.parse().ok()?, name: name.to_owned() })
}

pub async fn serve(world: &Arc<World>, target: Target, request: Request<Body>) -> Response<Body> {
    let Some(sandbox) = allowed(world, &target, &request) else {
        return (StatusCode::NOT_FOUND, "no such preview, or no right to it\n").into_response();
    };
    if sandbox.state() != "started" {
        return (StatusCode::BAD_REQUEST, format!("sandbox {} is {}\n", sandbox.id, sandbox.state()))
            .into_response();
    }
    if !listening_ports(&sandbox).contains(&target.port) {
        let message = format!("nothing in sandbox {} listens on port {}\n", sandbox.id, target.port);
        return (StatusCode::BAD_GATEWAY, message).into_response();
    }
    let path = request.uri().path_and_query().map_or("/", |path| path.as_str()).to_owned();
    forward(target.port, &path, request).await
}

/// The sandbox, if the request may see it: it is public, or a token, a key or a signed link says so.
fn allowed(world: &World, target: &Target, request: &Request<Body>) -> Option<Arc<Sandbox>> {
    let sandboxes = world.sandboxes.read();
    if let Some(sandbox) = sandboxes.by_id(&target.name) {
        let token = request.headers().get("x-daytona-preview-token").and_then(|token| token.to_str().ok());
        let query = request.uri().query().unwrap_or_default();
        let in_query = format!("DAYTONA_SANDBOX_AUTH_KEY={}", sandbox.preview_token);
        let known = sandbox.is_public()
            || token == Some(sandbox.preview_token.as_str())
            || query.split('&').any(|pair| pair == in_query)
            || crate::api::authenticate(world, request.headers())
                .is_ok_and(|organization| organization.id == sandbox.organization);
        return known.then_some(sandbox);
    }
    let now = time::OffsetDateTime::now_utc().unix_timestamp();
    let signed = |sandbox: &&Arc<Sandbox>| {
        let links = sandbox.signed_previews.lock();
        links.get(&target.name).is_some_and(|(port, expires)| *port == target.port && *expires > now)
    };
    sandboxes.all.iter().find(signed).cloned()
}

/// Hands a request to a port of this machine, and an upgraded connection's bytes both ways.
pub async fn forward(port: u16, path: &str, mut request: Request<Body>) -> Response<Body> {
    static CLIENT: LazyLock<Client<HttpConnector, Body>> =
        LazyLock::new(|| Client::builder(TokioExecutor::new()).pool_max_idle_per_host(0).build_http());
    let Ok(uri) = format!("http://127.0.0.1:{port}{path}").parse::<Uri>() else {
        return StatusCode::BAD_REQUEST.into_response();
    };
    let upgrades = request.headers().contains_key(header::UPGRADE);
    let ours = upgrades.then(|| hyper::upgrade::on(&mut request));
    *request.uri_mut() = uri;
    *request.version_mut() = Version::HTTP_11;
    request.headers_mut().remove("x-daytona-preview-token");
    request.headers_mut().remove(header::AUTHORIZATION);
    let mut response = match CLIENT.request(request).await {
        Ok(response) => response,
        Err(error) => {
            return (StatusCode::BAD_GATEWAY, format!("port {port}: {error}\n")).into_response();
        }
    };
    if let (Some(ours), StatusCode::SWITCHING_PROTOCOLS) = (ours, response.status()) {
        let theirs = hyper::upgrade::on(&mut response);
        tokio::spawn(async move {
            let (Ok(ours), Ok(theirs)) = tokio::join!(ours, theirs) else { return };
            let mut ours = hyper_util::rt::TokioIo::new(ours);
            let mut theirs = hyper_util::rt::TokioIo::new(theirs);
            let _ = tokio::io::copy_bidirectional(&mut ours, &mut theirs).await;
        });
    }
    response.map(Body::new)
}

/// TCP ports that processes of this sandbox listen on.
pub fn listening_ports(sandbox: &Sandbox) -> BTreeSet<u16> {
    let mut sockets = BTreeSet::new();
    for pid in sandbox.processes() {
        let Ok(descriptors) = std::fs::read_dir(format!("/proc/{pid}/fd")) else { continue };
        for descriptor in descriptors.flatten() {
            let Ok(link) = std::fs::read_link(descriptor.path()) else { continue };
            let link = link.to_string_lossy();
            if let Some(inode) = link.strip_prefix("socket:[").and_then(|rest| rest.strip_suffix(']')) {
                sockets.insert(inode.to_owned());
            }
        }
    }
    let mut ports = BTreeSet::new();
    for table in ["/proc/net/tcp", "/proc/net/tcp6"] {
        let text = std::fs::read_to_string(table).unwrap_or_default();
        for line in text.lines().skip(1) {
            let fields: Vec<&str> = line.split_whitespace().collect();
            let [_, local, _, state, _, _, _, _, _, inode, ..] = fields.as_slice() else { continue };
            const LISTEN: &str = "0A";
            if *state == LISTEN && sockets.contains(*inode) {
                let port = local.rsplit(':').next().and_then(|hex| u16::from_str_radix(hex, 16).ok());
                ports.extend(port);
            }
        }
    }
    ports
}
