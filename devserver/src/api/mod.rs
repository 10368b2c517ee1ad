//! The control plane, below `/api`: who asks, and which room answers.

mod create;
pub mod error;
mod lifecycle;
mod list;
mod reach;
mod settings;
mod stock;

use crate::Protocol;
use crate::world::{Organization, World};
use axum::body::{Body, Bytes};
use axum::http::{HeaderMap, Method, Request, Response, Uri};
use error::{Answer, Refusal, json_body};
use http_body_util::{BodyExt, Limited};
use serde_json::{Value, json};
use std::sync::Arc;

/// The largest body that the control plane takes.
const BODY_MOST: usize = 16 << 20;

/// A request of somebody known.
pub struct Call<'a> {
    pub world: &'a Arc<World>,
    pub organization: &'a Organization,
    pub method: Method,
    pub uri: &'a Uri,
    pub body: Bytes,
}

impl Call<'_> {
    /// The JSON body; none is an empty object.
    pub fn json(&self) -> Result<Value, Refusal> {
        if self.body.is_empty() {
            return Ok(json!({}));
        }
        serde_json::from_slice(&self.body).map_err(|error| match self.body.as_ref() {
            b"{" => Refusal::bad_request(
                "Invalid JSON: Expecting property name enclosed in double quotes: line 1 column 2 (char 1)",
            ),
            _ => Refusal::bad_request(format!("Invalid JSON: {error}")),
        })
    }

    /// The query, decoded, in its order.
    pub fn query(&self) -> Vec<(String, String)> {
        serde_urlencoded::from_str(self.uri.query().unwrap_or_default()).unwrap_or_default()
    }

    pub fn parameter(&self, name: &str) -> Option<String> {
        self.query().into_iter().find(|(key, _)| key == name).map(|(_, value)| value)
    }

    fn sandbox(&self, id_or_name: &str) -> Result<Arc<crate::sandbox::Sandbox>, Refusal> {
        self.world
            .sandbox(&self.organization.id, id_or_name)
            .ok_or_else(|| Refusal::not_found(format!("Sandbox with ID or name {id_or_name} not found")))
    }
}

/// The bearer of a request's credential.
pub fn bearer(headers: &HeaderMap) -> Option<&str> {
    headers.get("authorization")?.to_str().ok()?.strip_prefix("Bearer ")
}

/// The organization that a request speaks for.
pub fn authenticate<'w>(world: &'w World, headers: &HeaderMap) -> Result<&'w Organization, Refusal> {
    let named = headers.get("x-daytona-organization-id").and_then(|value| value.to_str().ok());
    let Some(bearer) = bearer(headers) else {
        return Err(Refusal::unauthorized("Invalid credentials"));
    };
    if bearer == world.jwt && named.is_none() {
        return Err(Refusal::bad_request("X-Daytona-Organization-ID is missing: a token needs it"));
    }
    world.organization(bearer, named).ok_or_else(|| Refusal::unauthorized("Invalid credentials"))
}

/// Answers a request below `/api`.
pub async fn serve(world: Arc<World>, request: Request<Body>) -> Response<Body> {
    let path = request.uri().to_string();
    let shown = percent_encoding::percent_decode_str(&path).decode_utf8_lossy().into_owned();
    match answer(&world, request).await {
        Ok(response) => response,
        Err(refusal) => refusal.at(&shown),
    }
}

async fn answer(world: &Arc<World>, request: Request<Body>) -> Answer {
    let (parts, body) = request.into_parts();
    let path = parts.uri.path().strip_prefix("/api").unwrap_or_default().to_owned();
    if path == "/config" && parts.method == Method::GET {
        return Ok(config(world));
    }
    if path == "/health" && parts.method == Method::GET {
        return Ok(json_body(&json!({ "status": "ok" })));
    }
    let organization = authenticate(world, &parts.headers)?;
    let body = Limited::new(body, BODY_MOST).collect().await;
    let body = body.map_err(|_| Refusal::bad_request("request entity too large"))?.to_bytes();
    let call = Call { world, organization, method: parts.method, uri: &parts.uri, body };
    let segments: Vec<String> = path
        .split('/')
        .skip(1)
        .map(|segment| percent_encoding::percent_decode_str(segment).decode_utf8_lossy().into_owned())
        .collect();
    let segments: Vec<&str> = segments.iter().map(String::as_str).collect();
    route(&call, &segments)
        .await
        .unwrap_or_else(|| Err(Refusal::not_found(format!("Cannot {} {}", call.method, parts.uri.path()))))
}

/// `None`: no such route.
async fn route(call: &Call<'_>, path: &[&str]) -> Option<Answer> {
    let method = call.method.as_str();
    Some(match (method, path) {
        ("POST", ["sandbox"]) => create::create(call).await,
        ("GET", ["sandbox"]) => list::by_cursor(call),
        ("GET", ["sandbox", "paginated"]) => list::by_page(call),
        ("GET", ["sandbox", id]) => lifecycle::look(call, id),
        ("DELETE", ["sandbox", id]) => lifecycle::delete(call, id),
        ("POST", ["sandbox", id, "start"]) => lifecycle::start(call, id),
        ("POST", ["sandbox", id, "stop"]) => lifecycle::stop(call, id),
        ("POST", ["sandbox", id, "archive"]) => lifecycle::archive(call, id),
        ("POST", ["sandbox", id, "recover"]) => lifecycle::recover(call, id),
        ("POST", ["sandbox", id, "resize"]) => lifecycle::resize(call, id),
        ("PUT", ["sandbox", id, "labels"]) => settings::labels(call, id),
        ("POST", ["sandbox", id, "public", value]) => settings::public(call, id, value),
        ("POST", ["sandbox", id, "last-activity"]) => settings::last_activity(call, id),
        ("POST", ["sandbox", id, "signing-key", "rotate"]) => reach::rotate_signing_key(call, id),
        ("POST", ["sandbox", _, "autopause" | "ttl", _]) if call.world.protocol == Protocol::V0_190 => {
            return None;
        }
        ("POST", ["sandbox", id, interval, minutes]) => settings::interval(call, id, interval, minutes)?,
        ("GET", ["sandbox", id, "ports", port, "preview-url"]) => reach::preview(call, id, port),
        ("GET", ["sandbox", id, "ports", port, "signed-preview-url"]) => {
            reach::signed_preview(call, id, port)
        }
        ("POST", ["sandbox", id, "ports", _, "signed-preview-url", token, "expire"]) => {
            reach::expire_preview(call, id, token)
        }
        ("GET", ["sandbox", id, "toolbox-proxy-url"]) => reach::toolbox_proxy_url(call, id),
        ("GET", ["sandbox", id, "build-logs-url"]) => reach::build_logs_url(call, id),
        ("GET", ["sandbox", id, "build-logs"]) => reach::build_logs(call, id),
        ("GET", ["sandbox", id, "signing-key"]) => reach::signing_key(call, id),
        (_, ["snapshots" | "volumes" | "object-storage", ..]) => stock::route(call, path)?,
        _ => return None,
    })
}

fn config(world: &World) -> Response<Body> {
    json_body(&json!({
        "version": "rig",
        "oidc": { "issuer": world.base, "clientId": "rig", "audience": "rig" },
        "linkedAccountsEnabled": false,
        "announcements": {},
        "proxyTemplateUrl": format!("http://{{{{PORT}}}}-{{{{sandboxId}}}}.localhost:{}", world.port),
        "proxyToolboxUrl": format!("{}/toolbox", world.base),
        "defaultSnapshot": crate::sandbox::DEFAULT_SNAPSHOT,
        "dashboardUrl": world.base,
        "maxAutoArchiveInterval": 43200,
        "maintananceMode": false,
        "environment": "rig",
    }))
}
