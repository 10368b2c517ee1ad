//! The toolbox: everything that a sandbox answers itself, on paths below its base (`/process/execute`,
//! `/files`, ...). [`router`] is the whole of it.
//!
//! The border to the server: a toolbox is made from a [`MachineConfig`], plain data that serializes, and
//! sees nothing of the server: no credential, no other sandbox, no `crate::api`, no `crate::proxy`. The
//! server reaches it through [`crate::host::ToolboxHost`] alone, so that another process can serve the same
//! router over a Unix socket. Requests arrive authenticated, with the path below the base and the query as
//! the client sent them, and with the client's connection for upgrades.

mod call;
mod computer;
mod error;
pub mod files;
mod framing;
mod git;
mod go_json;
mod interpreter;
mod lsp;
mod machine;
mod port;
mod process;
mod pty;
mod session;
mod system;
mod usage;

use axum::Router;
use axum::body::Body;
use axum::http::{Method, Request, Response, StatusCode, Uri, header};
use axum::response::IntoResponse;
pub use machine::{Machine, MachineConfig, Resources};
use std::sync::Arc;
use tower::ServiceExt;

/// The toolbox of one machine.
pub fn router(machine: Arc<Machine>) -> Router {
    let routes = Router::new()
        .merge(system::routes())
        .merge(port::routes())
        .merge(process::routes())
        .merge(session::routes())
        .merge(pty::routes())
        .merge(files::routes())
        .merge(git::routes(&machine))
        .merge(interpreter::routes())
        .merge(computer::routes(&machine))
        .merge(lsp::routes())
        .fallback(error::no_route)
        .method_not_allowed_fallback(error::no_route)
        .layer(axum::middleware::map_response(framing::as_go_frames))
        .with_state(machine);
    Router::new().fallback(move |request| route(routes.clone(), request))
}

/// What the daemon's router does differently from ours, before the routes.
async fn route(routes: Router, mut request: Request<Body>) -> Response<Body> {
    let path = request.uri().path();
    let query = request.uri().query().map(|query| format!("?{query}")).unwrap_or_default();
    // The daemon's router knows no HEAD and redirects a trailing slash.
    if request.method() == Method::HEAD || request.method() == Method::OPTIONS || path.contains("//") {
        return error::no_route().await.into_response();
    }
    let to_port = path.starts_with("/proxy/");
    if path.len() > 1 && path.ends_with('/') && path != "/files/" && !to_port {
        let location = format!("{}{query}", path.trim_end_matches('/'));
        return (StatusCode::TEMPORARY_REDIRECT, [(header::LOCATION, location)]).into_response();
    }
    // It routes by the decoded path, so that an encoded slash separates segments; not in what a port gets.
    if !to_port && (path.contains("%2F") || path.contains("%2f")) {
        let path = path.replace("%2F", "/").replace("%2f", "/");
        let Ok(uri) = format!("{path}{query}").parse::<Uri>() else {
            return error::no_route().await.into_response();
        };
        *request.uri_mut() = uri;
    }
    routes.oneshot(request).await.unwrap_or_else(|never| match never {})
}
