//! A request to the control plane by a known client.

use super::error::Refusal;
use crate::sandbox::Sandbox;
use crate::world::{Organization, World};
use axum::body::Bytes;
use axum::extract::{FromRequest, OriginalUri, Request};
use axum::http::{HeaderMap, Method, Uri};
use http_body_util::{BodyExt, Limited};
use serde_json::{Value, json};
use std::sync::Arc;

/// The largest body that the control plane takes.
const MAX_BODY_BYTES: usize = 16 << 20;

pub struct Call {
    pub world: Arc<World>,
    pub organization: Arc<Organization>,
    pub method: Method,
    /// As the client sent it, `/api` included.
    pub uri: Uri,
    pub body: Bytes,
}

impl FromRequest<Arc<World>> for Call {
    type Rejection = Refusal;

    async fn from_request(request: Request, world: &Arc<World>) -> Result<Self, Refusal> {
        let (parts, body) = request.into_parts();
        let organization = authenticate(world, &parts.headers)?.clone();
        let body = Limited::new(body, MAX_BODY_BYTES).collect().await;
        let body = body.map_err(|_| Refusal::bad_request("request entity too large"))?.to_bytes();
        let uri = parts.extensions.get::<OriginalUri>().map_or(parts.uri, |uri| uri.0.clone());
        Ok(Self { world: world.clone(), organization, method: parts.method, uri, body })
    }
}

impl Call {
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

    pub fn sandbox(&self, id_or_name: &str) -> Result<Arc<Sandbox>, Refusal> {
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
pub fn authenticate<'w>(world: &'w World, headers: &HeaderMap) -> Result<&'w Arc<Organization>, Refusal> {
    let named = headers.get("x-daytona-organization-id").and_then(|value| value.to_str().ok());
    let Some(bearer) = bearer(headers) else {
        return Err(Refusal::unauthorized("Invalid credentials"));
    };
    if bearer == world.jwt && named.is_none() {
        return Err(Refusal::bad_request("X-Daytona-Organization-ID is missing: a token needs it"));
    }
    world.organization(bearer, named).ok_or_else(|| Refusal::unauthorized("Invalid credentials"))
}
