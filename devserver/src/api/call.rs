//! An authenticated request to the control plane, with its whole body.

use super::error::ApiError;
use crate::app_state::{AppState, Organization};
use crate::sandbox::Sandbox;
use crate::timestamp;
use axum::body::Bytes;
use axum::extract::{FromRequest, OriginalUri, Request};
use axum::http::{HeaderMap, Method, Uri};
use http_body_util::{BodyExt, Limited};
use serde_json::{Value, json};
use std::sync::Arc;
use time::OffsetDateTime;

/// The largest body that the control plane takes.
const MAX_BODY_BYTES: usize = 16 << 20;

pub struct ApiCall {
    pub app: Arc<AppState>,
    pub organization: Arc<Organization>,
    pub method: Method,
    /// As the client sent it, `/api` included.
    pub uri: Uri,
    pub body: Bytes,
}

impl FromRequest<Arc<AppState>> for ApiCall {
    type Rejection = ApiError;

    async fn from_request(request: Request, app: &Arc<AppState>) -> Result<Self, ApiError> {
        let (parts, body) = request.into_parts();
        let organization = authenticate(app, &parts.headers)?.clone();
        let body = Limited::new(body, MAX_BODY_BYTES).collect().await;
        let body = body.map_err(|_| ApiError::bad_request("request entity too large"))?.to_bytes();
        let uri = parts.extensions.get::<OriginalUri>().map_or(parts.uri, |uri| uri.0.clone());
        Ok(Self { app: app.clone(), organization, method: parts.method, uri, body })
    }
}

impl ApiCall {
    /// The JSON body; none is an empty object.
    pub fn json(&self) -> Result<Value, ApiError> {
        if self.body.is_empty() {
            return Ok(json!({}));
        }
        serde_json::from_slice(&self.body)
            .map_err(|error| ApiError::bad_request(syntax_error(&self.body, &error)))
    }

    /// The query, decoded, in its order.
    pub fn query(&self) -> Vec<(String, String)> {
        serde_urlencoded::from_str(self.uri.query().unwrap_or_default()).unwrap_or_default()
    }

    pub fn parameter(&self, name: &str) -> Option<String> {
        self.query().into_iter().find(|(key, _)| key == name).map(|(_, value)| value)
    }

    /// A parameter that has to be one of these, if it is there.
    fn choice(&self, name: &str, choices: &[&str]) -> Result<Option<String>, ApiError> {
        let given = self.parameter(name);
        if given.as_deref().is_some_and(|given| !choices.contains(&given)) {
            let choices = choices.join(", ");
            return Err(ApiError::bad_request(format!(
                "{name} must be one of the following values: {choices}"
            )));
        }
        Ok(given)
    }

    /// What a list is to be sorted by, if the query says so, and whether the last comes first.
    pub fn order(&self, keys: &[&str]) -> Result<(Option<String>, bool), ApiError> {
        let order = self.choice("order", &["asc", "desc"])?;
        Ok((self.choice("sort", keys)?, order.as_deref() != Some("asc")))
    }

    /// A time of the query.
    pub fn time(&self, name: &str) -> Result<Option<OffsetDateTime>, ApiError> {
        self.parameter(name).map(|text| timestamp::parse(&text).ok_or_else(|| not_a_time(name))).transpose()
    }

    pub fn sandbox(&self, id_or_name: &str) -> Result<Arc<Sandbox>, ApiError> {
        self.app
            .sandbox(&self.organization.id, id_or_name)
            .ok_or_else(|| ApiError::not_found(format!("Sandbox with ID or name {id_or_name} not found")))
    }
}

pub fn not_a_time(name: &str) -> ApiError {
    ApiError::bad_request(format!("{name} must be a valid ISO 8601 date string"))
}

/// The message of a body that is not JSON, as V8 words it.
fn syntax_error(body: &[u8], error: &serde_json::Error) -> String {
    let text = String::from_utf8_lossy(body);
    if error.is_eof() && text.trim_end().ends_with('{') {
        return format!("Expected property name or '}}' in JSON at position {}", text.chars().count());
    }
    if error.is_eof() {
        return "Unexpected end of JSON input".to_owned();
    }
    let before: usize =
        text.split_inclusive('\n').take(error.line() - 1).map(|line| line.chars().count()).sum();
    let position = before + error.column().saturating_sub(1);
    let token = text.chars().nth(position).unwrap_or_default();
    format!("Unexpected token {token} in JSON at position {position}")
}

/// The bearer token of a request.
pub fn bearer(headers: &HeaderMap) -> Option<&str> {
    headers.get("authorization")?.to_str().ok()?.strip_prefix("Bearer ")
}

/// The organization of a request's credential.
pub fn authenticate<'w>(app: &'w AppState, headers: &HeaderMap) -> Result<&'w Arc<Organization>, ApiError> {
    let named = headers.get("x-daytona-organization-id").and_then(|value| value.to_str().ok());
    let Some(bearer) = bearer(headers) else {
        return Err(ApiError::unauthorized("Invalid credentials"));
    };
    if bearer == app.jwt && named.is_none() {
        return Err(ApiError::bad_request("X-Daytona-Organization-ID is missing: a token needs it"));
    }
    app.organization(bearer, named).ok_or_else(|| ApiError::unauthorized("Invalid credentials"))
}
