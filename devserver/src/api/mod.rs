//! The control plane, below `/api`: sandboxes and their states, snapshots, volumes, secrets. Every route but
//! `/config` and `/health` needs a credential, unknown ones included.

mod access;
mod build_logs;
mod call;
mod copies;
mod create;
pub mod error;
pub mod lifecycle;
mod list;
mod network;
pub mod records;
mod regions;
pub mod secrets;
mod settings;
mod snapshots;
mod socket_io;
pub mod ssh;
mod telemetry;
pub mod volumes;
mod warm_pools;

use crate::Protocol;
use crate::app_state::AppState;
use axum::Router;
use axum::body::Body;
use axum::extract::{OriginalUri, Request, State};
use axum::http::Response;
use axum::middleware::Next;
use axum::response::IntoResponse;
use axum::routing::{get, patch, post, put};
pub use call::{ApiCall, authenticate, bearer};
use error::{Answer, ApiError, json_body};
use serde_json::json;
use std::sync::Arc;

pub fn router(app: Arc<AppState>) -> Router {
    let newer = match app.protocol {
        Protocol::V0_190 => Router::new(),
        Protocol::V0_205 | Protocol::V0_226 => Router::new()
            .route("/sandbox/{id}/autopause/{minutes}", post(settings::auto_pause))
            .route("/sandbox/{id}/ttl/{minutes}", post(settings::ttl))
            .route("/sandbox/{id}/secrets", put(settings::secrets))
            .route("/sandbox/{id}/signing-key", get(access::signing_key))
            .route("/sandbox/{id}/signing-key/rotate", post(access::rotate_signing_key))
            .route("/warm-pools", get(warm_pools::list).post(warm_pools::create))
            .route("/warm-pools/{id}", patch(warm_pools::update).delete(warm_pools::delete))
            .route("/secret", get(secrets::list).post(secrets::create))
            .route("/secret/paginated", get(secrets::list_by_cursor))
            .route("/secret/{id}", get(secrets::get).patch(secrets::update).delete(secrets::delete)),
    };
    let paged = match app.protocol {
        Protocol::V0_190 | Protocol::V0_205 => Router::new().route("/sandbox/paginated", get(list::by_page)),
        Protocol::V0_226 => Router::new(),
    };
    Router::new()
        .route("/config", get(config))
        .route("/socket.io/", get(socket_io::connect))
        .route("/health", get(async || json_body(&json!({ "status": "ok" }))))
        .route("/sandbox", get(list::by_cursor).post(create::create))
        .route("/sandbox/{id}", get(lifecycle::get).delete(lifecycle::delete))
        .route("/sandbox/{id}/start", post(lifecycle::start))
        .route("/sandbox/{id}/stop", post(lifecycle::stop))
        .route("/sandbox/{id}/archive", post(lifecycle::archive))
        .route("/sandbox/{id}/pause", post(lifecycle::pause))
        .route("/sandbox/{id}/fork", post(copies::fork))
        .route("/sandbox/{id}/forks", get(copies::forks))
        .route("/sandbox/{id}/parent", get(copies::parent))
        .route("/sandbox/{id}/ancestors", get(copies::ancestors))
        .route("/sandbox/{id}/snapshot", post(copies::snapshot))
        .route("/sandbox/{id}/recover", post(lifecycle::recover))
        .route("/sandbox/{id}/resize", post(lifecycle::resize))
        .route("/sandbox/{id}/labels", put(settings::labels))
        .route("/sandbox/{id}/public/{value}", post(settings::public))
        .route("/sandbox/{id}/last-activity", post(settings::last_activity))
        .route("/sandbox/{id}/autostop/{minutes}", post(settings::auto_stop))
        .route("/sandbox/{id}/autoarchive/{minutes}", post(settings::auto_archive))
        .route("/sandbox/{id}/autodelete/{minutes}", post(settings::auto_delete))
        .route("/sandbox/{id}/ports/{port}/preview-url", get(access::preview))
        .route("/sandbox/{id}/ports/{port}/signed-preview-url", get(access::signed_preview))
        .route("/sandbox/{id}/ports/{port}/signed-preview-url/{token}/expire", post(access::expire_preview))
        .route("/sandbox/{id}/toolbox-proxy-url", get(access::toolbox_proxy_url))
        .route("/sandbox/{id}/build-logs-url", get(build_logs::sandbox_url))
        .route("/sandbox/{id}/build-logs", get(build_logs::sandbox))
        .route("/sandbox/{id}/network-settings", post(network::settings))
        .route("/sandbox/{id}/ssh-access", post(ssh::create).delete(ssh::revoke))
        .route("/sandbox/ssh-access/validate", get(ssh::validate))
        .route("/sandbox/{id}/telemetry/metrics", get(telemetry::metrics))
        .route("/snapshots", get(snapshots::list).post(snapshots::create))
        .route("/snapshots/{id}", get(snapshots::get).delete(snapshots::delete))
        .route("/snapshots/{id}/activate", post(snapshots::activate))
        .route("/snapshots/{id}/deactivate", post(snapshots::deactivate))
        .route("/snapshots/{id}/build-logs-url", get(build_logs::snapshot_url))
        .route("/snapshots/{id}/build-logs", get(build_logs::snapshot))
        .route("/volumes", get(volumes::list).post(volumes::create))
        .route("/volumes/by-name/{name}", get(volumes::get_by_name))
        .route("/volumes/{id}", get(volumes::get).delete(volumes::delete))
        .route("/regions", get(regions::list))
        .route("/object-storage/push-access", get(access::object_storage))
        .merge(paged)
        .merge(newer)
        .fallback(no_route)
        .method_not_allowed_fallback(no_route)
        .with_state(app)
        .layer(axum::middleware::from_fn(name_path))
}

/// Where the proxy of the last self-hosted release has the logs of builds.
pub fn proxied_logs(app: Arc<AppState>) -> Router {
    Router::new()
        .route("/snapshots/{id}/build-logs", get(build_logs::snapshot))
        .route("/sandboxes/{id}/build-logs", get(build_logs::sandbox))
        .with_state(app)
        .layer(axum::middleware::from_fn(name_path))
}

async fn no_route(call: ApiCall) -> Answer {
    Err(ApiError::not_found(format!("Cannot {} {}", call.method, call.uri.path())))
}

/// Fills in the path of a refused request, decoded and with its query.
async fn name_path(request: Request, next: Next) -> Response<Body> {
    let path = request.extensions().get::<OriginalUri>().map_or(request.uri(), |uri| uri).to_string();
    if percent_encoding::percent_decode_str(request.uri().path()).decode_utf8().is_err() {
        return ApiError::bad_request(format!("Failed to decode param '{}'", request.uri().path())).at(&path);
    }
    let response = next.run(request).await;
    match response.extensions().get::<ApiError>() {
        Some(refusal) => {
            let path = percent_encoding::percent_decode_str(&path).decode_utf8_lossy();
            refusal.clone().at(&path)
        }
        None => response,
    }
}

async fn config(State(app): State<Arc<AppState>>) -> impl IntoResponse {
    let version = match app.protocol {
        Protocol::V0_190 => "0.190.0",
        Protocol::V0_205 => "0.205.0",
        Protocol::V0_226 => "0.226.0",
    };
    json_body(&json!({
        "version": version,
        "oidc": { "issuer": app.base, "clientId": "daytona-dev", "audience": "daytona-dev" },
        "linkedAccountsEnabled": false,
        "announcements": {},
        "proxyTemplateUrl": format!("http://{{{{PORT}}}}-{{{{sandboxId}}}}.localhost:{}", app.port),
        "proxyToolboxUrl": format!("{}/toolbox", app.base),
        "defaultSnapshot": crate::sandbox::DEFAULT_SNAPSHOT,
        "dashboardUrl": app.base,
        "maxAutoArchiveInterval": 43200,
        "maintananceMode": false,
        "environment": "development",
    }))
}
