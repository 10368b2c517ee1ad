//! What answers inside a sandbox: each room serves paths below the toolbox's base, with the sandbox as its
//! state.

mod call;
pub mod error;
pub mod files;
mod framing;
mod go_json;
pub mod process;
pub mod pty;
pub mod session;
mod system;

use crate::sandbox::Sandbox;
use axum::Router;
use axum::body::Body;
use axum::http::{Method, Request, Response, StatusCode, Uri, header};
use axum::response::IntoResponse;
use std::sync::{Arc, LazyLock};
use tower::ServiceExt;

/// Every route of the toolbox.
fn routes() -> Router<Arc<Sandbox>> {
    Router::new()
        .merge(system::routes())
        .merge(process::routes())
        .merge(session::routes())
        .merge(pty::routes())
        .merge(files::routes())
        .fallback(error::no_route)
        .method_not_allowed_fallback(error::no_route)
        .layer(axum::middleware::map_response(framing::as_go_cuts))
}

/// Serves `path` (below the base) of a started sandbox.
pub async fn serve(sandbox: Arc<Sandbox>, path: &str, mut request: Request<Body>) -> Response<Body> {
    static ROUTES: LazyLock<Router<Arc<Sandbox>>> = LazyLock::new(routes);
    let query = request.uri().query().map(|query| format!("?{query}")).unwrap_or_default();
    // The daemon's router knows no HEAD and redirects a trailing slash.
    if request.method() == Method::HEAD || request.method() == Method::OPTIONS || path.contains("//") {
        return error::no_route().await.into_response();
    }
    if path.len() > 1 && path.ends_with('/') && path != "/files/" && !path.starts_with("/proxy/") {
        let location = format!("{}{query}", path.trim_end_matches('/'));
        return (StatusCode::TEMPORARY_REDIRECT, [(header::LOCATION, location)]).into_response();
    }
    // It routes by the decoded path: a slash is a slash, however it came. What goes to a port is not its.
    let decoded = if path.starts_with("/proxy/") { path.to_owned() } else { with_slashes(path) };
    let Ok(uri) = format!("{decoded}{query}").parse::<Uri>() else {
        return error::no_route().await.into_response();
    };
    *request.uri_mut() = uri;
    let router = ROUTES.clone().with_state(sandbox);
    router.oneshot(request).await.unwrap_or_else(|never| match never {})
}

fn with_slashes(path: &str) -> String {
    path.replace("%2F", "/").replace("%2f", "/")
}
