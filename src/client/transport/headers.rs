//! The headers that requests have in common, made once for each origin and cloned for each request.
//!
//! A clone has no room to grow, and reqwest clones it twice more. So everything that nearly every request has
//! is in it, `Host` included, which hyper would otherwise format and insert for each request.

use crate::client::config::{Config, Credential};
use http::header::{
    ACCEPT, ACCEPT_ENCODING, AUTHORIZATION, CONTENT_LENGTH, CONTENT_TYPE, HOST, HeaderMap, HeaderValue,
    USER_AGENT,
};
use url::Url;

/// What a trusted origin gets, and what every other one gets.
pub(super) struct CommonHeaders {
    /// Identity, credential, the configured headers.
    identified: HeaderMap,
    anonymous: HeaderMap,
}

/// The common headers of one origin.
pub(super) struct OriginHeaders {
    plain: HeaderMap,
    /// With the headers of a JSON body, whose length has to be set.
    json: HeaderMap,
}

/// Nothing is decompressed here: answers are asked for as they are.
const IDENTITY: HeaderValue = HeaderValue::from_static("identity");
pub(super) const JSON: HeaderValue = HeaderValue::from_static("application/json");

impl CommonHeaders {
    pub(super) fn new(config: &Config) -> Self {
        Self { identified: identified(config), anonymous: anonymous(config) }
    }

    pub(super) fn for_origin(&self, root: &Url, identified: bool) -> OriginHeaders {
        let mut plain = if identified { &self.identified } else { &self.anonymous }.clone();
        // Without TLS it is always HTTP/1.1. HTTP/2 has a pseudo-header in its place.
        if root.scheme() == "http"
            && let Some(host) = host(root)
        {
            plain.entry(HOST).or_insert(host);
        }
        let mut json = plain.clone();
        json.insert(CONTENT_TYPE, JSON);
        json.insert(CONTENT_LENGTH, HeaderValue::from_static("0"));
        OriginHeaders { plain, json }
    }
}

impl OriginHeaders {
    pub(super) fn plain(&self) -> HeaderMap {
        self.plain.clone()
    }

    /// With those of a JSON body of this length.
    pub(super) fn json(&self, len_bytes: usize) -> HeaderMap {
        let mut headers = self.json.clone();
        if let Some(length) = headers.get_mut(CONTENT_LENGTH) {
            *length = HeaderValue::from(len_bytes);
        }
        headers
    }
}

/// The port is left out where it is the scheme's own.
fn host(root: &Url) -> Option<HeaderValue> {
    let name = root.host_str()?;
    let host = match root.port() {
        Some(port) => HeaderValue::try_from(format!("{name}:{port}")),
        None => HeaderValue::from_str(name),
    };
    host.ok()
}

fn identified(config: &Config) -> HeaderMap {
    let mut headers = config.headers.clone();
    // `Config` has checked that both texts can be headers.
    if let Ok(mut bearer) = HeaderValue::from_str(&format!("Bearer {}", config.credential.secret())) {
        bearer.set_sensitive(true);
        headers.insert(AUTHORIZATION, bearer);
    }
    if let (Credential::Jwt(_), Some(organization)) = (&config.credential, &config.organization)
        && let Ok(organization) = HeaderValue::from_str(organization)
    {
        headers.insert("x-daytona-organization-id", organization);
    }
    headers.insert("x-daytona-source", HeaderValue::from_static("libdaytona"));
    headers.insert("x-daytona-sdk-version", HeaderValue::from_static(crate::PROTOCOL_VERSION));
    headers.insert(USER_AGENT, config.user_agent.clone());
    headers.entry(ACCEPT).or_insert(JSON);
    headers.insert(ACCEPT_ENCODING, IDENTITY);
    headers
}

fn anonymous(config: &Config) -> HeaderMap {
    HeaderMap::from_iter([(USER_AGENT, config.user_agent.clone()), (ACCEPT_ENCODING, IDENTITY)])
}
