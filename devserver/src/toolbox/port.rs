//! The ports of a sandbox: which of them its processes listen on, and the proxy to one of them.

use super::error;
use super::machine::Machine;
use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::{Response, StatusCode, Uri, Version, header};
use axum::response::IntoResponse;
use axum::routing::any;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use std::collections::BTreeSet;
use std::sync::{Arc, LazyLock};

pub fn routes() -> Router<Arc<Machine>> {
    Router::new().route("/proxy/{port}/{*path}", any(proxy)).route("/proxy/{port}/", any(proxy))
}

/// Passes on the path as it came, still encoded, and the query.
async fn proxy(State(machine): State<Arc<Machine>>, request: Request) -> Response<Body> {
    let (method, uri) = (request.method().clone(), request.uri().clone());
    let target = uri.path_and_query().map_or("", |target| target.as_str());
    let (port, target) =
        target.strip_prefix("/proxy/").and_then(|rest| rest.split_once('/')).unwrap_or_default();
    let Ok(number) = port.parse() else {
        let message = format!(
            "bad request: failed to parse target URL: parse \"http://localhost:{port}/{target}\": invalid port \":{port}\" after host"
        );
        let status = StatusCode::BAD_REQUEST;
        return error::envelope(machine.protocol, status, "BAD_REQUEST", &message, &method, uri.path());
    };
    if !listening(&machine).contains(&number) {
        return StatusCode::BAD_GATEWAY.into_response();
    }
    forward(number, &format!("/{target}"), request).await
}

/// Sends a request to a port of this machine; of an upgraded connection, the bytes both ways.
async fn forward(port: u16, target: &str, mut request: Request) -> Response<Body> {
    static CLIENT: LazyLock<Client<HttpConnector, Body>> =
        LazyLock::new(|| Client::builder(TokioExecutor::new()).pool_max_idle_per_host(0).build_http());
    let Ok(uri) = format!("http://127.0.0.1:{port}{target}").parse::<Uri>() else {
        return StatusCode::BAD_REQUEST.into_response();
    };
    let upgrades = request.headers().contains_key(header::UPGRADE);
    let client_side = upgrades.then(|| hyper::upgrade::on(&mut request));
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
    if let (Some(client_side), StatusCode::SWITCHING_PROTOCOLS) = (client_side, response.status()) {
        let port_side = hyper::upgrade::on(&mut response);
        tokio::spawn(async move {
            let (Ok(client_side), Ok(port_side)) = tokio::join!(client_side, port_side) else { return };
            let mut client_side = hyper_util::rt::TokioIo::new(client_side);
            let mut port_side = hyper_util::rt::TokioIo::new(port_side);
            let _ = tokio::io::copy_bidirectional(&mut client_side, &mut port_side).await;
        });
    }
    response.map(Body::new)
}

/// The TCP ports that processes of this machine listen on.
pub fn listening(machine: &Machine) -> BTreeSet<u16> {
    crate::processes::listening(&machine.processes())
}
