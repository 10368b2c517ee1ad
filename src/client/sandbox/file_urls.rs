//! Signed URLs of files: access to one file of the sandbox by one method, without a credential.

use super::Sandbox;
use crate::client::api_version::missing_in_api;
use crate::client::error::{Error, Result};
use crate::client::lock::Mutex;
use crate::client::operation::Context;
use crate::client::status;
use crate::client::transport::Json;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::Method;
use ring::hmac;
use serde::{Deserialize, Serialize};
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use tokio::time::Instant;

/// The longest that a signing key is used without being read again: another client may have rotated it.
const KEY_LIFETIME: Duration = Duration::from_secs(15);
/// A signing key is a short text; a longer answer is something else, such as a proxy's page.
const KEY_MAX_BYTES: usize = 1024;

crate::params! {
    pub struct FileUrl {
        /// The file in the sandbox.
        pub path: String,
        /// How long the URL is valid; 0 or less: until the key is rotated.
        #[cfg_attr(feature = "schema", schemars(extend("unit" = "s")))]
        pub ttl_seconds: Option<i64> = 3600,
    }
}

/// A signed URL.
#[derive(Deserialize, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct SignedUrl {
    /// The URL, which needs no header.
    pub url: String,
    /// When it ends; 0: not by itself.
    #[cfg_attr(feature = "schema", schemars(extend("unit" = "s since 1970")))]
    pub expires: i64,
}

/// The signing key as last read.
#[derive(Default)]
pub(super) struct SigningKey(Mutex<Option<(String, Instant)>>);

impl SigningKey {
    fn fresh(&self) -> Option<String> {
        let known = self.0.lock();
        let (key, read) = known.as_ref()?;
        (read.elapsed() < KEY_LIFETIME).then(|| key.clone())
    }

    fn keep(&self, key: &str, read: Instant) {
        *self.0.lock() = Some((key.to_owned(), read));
    }
}

pub async fn download_url(sandbox: Sandbox, params: FileUrl, _: Context) -> Result<Json> {
    signed(&sandbox, "sandbox.download_url", "GET", "files/download", params).await
}

pub async fn upload_url(sandbox: Sandbox, params: FileUrl, _: Context) -> Result<Json> {
    signed(&sandbox, "sandbox.upload_url", "POST", "files/upload-v2", params).await
}

pub async fn rotate_signing_key(sandbox: Sandbox, _: super::Nothing, _: Context) -> Result<()> {
    // What is read before the rotation takes effect is the old key: until the answer there is none.
    *sandbox.0.signing_key.0.lock() = None;
    read_key(&sandbox, "sandbox.rotate_signing_key", Method::POST, "/signing-key/rotate").await.map(drop)
}

async fn signed(
    sandbox: &Sandbox,
    operation: &str,
    method: &str,
    route: &str,
    params: FileUrl,
) -> Result<Json> {
    if params.path.is_empty() {
        return Err(Error::invalid(format!("{operation}: `path` is empty")));
    }
    let key = match sandbox.0.signing_key.fresh() {
        Some(key) => key,
        None => read_key(sandbox, operation, Method::GET, "/signing-key").await?,
    };
    let base = sandbox.toolbox_url(route).await?;
    let expires = expires(params.ttl_seconds(), SystemTime::now());
    let signature = signature(&key, method, &params.path, expires);
    let mut query = url::form_urlencoded::Serializer::new(String::new());
    query.append_pair("path", &params.path);
    query.append_pair("expires", &expires.to_string());
    query.append_pair("signature", &signature);
    let signed = SignedUrl { url: format!("{base}?{}", query.finish()), expires };
    Ok(serde_json::to_vec(&signed).unwrap_or_default().into())
}

/// Seconds since 1970; 0 for a URL that does not end by itself.
fn expires(ttl_seconds: i64, now: SystemTime) -> i64 {
    if ttl_seconds <= 0 {
        return 0;
    }
    let now = now.duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs() as i64);
    now.saturating_add(ttl_seconds)
}

/// Over the path as it is, not as the URL encodes it.
fn signature(key: &str, method: &str, path: &str, expires: i64) -> String {
    let key = hmac::Key::new(hmac::HMAC_SHA256, key.as_bytes());
    let tag = hmac::sign(&key, format!("v1:files:{method}:{path}:{expires}").as_bytes());
    format!("v1_{}", URL_SAFE_NO_PAD.encode(tag))
}

/// The key stands in the answer as it is, not as JSON.
async fn read_key(sandbox: &Sandbox, operation: &str, method: Method, path: &str) -> Result<String> {
    let asked = Instant::now();
    let answer = sandbox.request(method, path)?.send().await;
    let answer = answer.map_err(|error| missing_in_api(error, operation, "0.205"))?;
    let head = answer.head();
    let key = String::from_utf8(answer.bytes().await?).ok();
    let key = key.map(|key| key.trim().trim_matches('"').to_owned()).filter(|key| is_key(key));
    // The key is a secret: no message shows it.
    let Some(key) = key else {
        let message = format!("{operation}: the server's answer is no signing key: is a proxy in between?");
        return Err(head.complete(Error::new(status::PROTOCOL, message)));
    };
    sandbox.0.signing_key.keep(&key, asked);
    Ok(key)
}

/// Whether it can be a key: a word that is neither JSON nor HTML.
fn is_key(text: &str) -> bool {
    !text.starts_with(['<', '{', '['])
        && (1..=KEY_MAX_BYTES).contains(&text.len())
        && text.bytes().all(|byte| byte.is_ascii_graphic())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_signature_covers_key_method_path_and_time() {
        // Made with Python: hmac.new(b"key", b"v1:files:GET:a b:0", "sha256").
        assert_eq!(signature("key", "GET", "a b", 0), "v1_GTZzOrdci2_V4XoMkN-xd397hNOn00Sihgkms7SqXR0");
        let others = [
            signature("k", "GET", "a b", 0),
            signature("key", "POST", "a b", 0),
            signature("key", "GET", "a", 0),
            signature("key", "GET", "a b", 1),
        ];
        assert!(others.iter().all(|other| *other != signature("key", "GET", "a b", 0)));
    }

    #[test]
    fn a_ttl_of_0_or_less_never_ends_and_a_huge_one_does_not_overflow() {
        let now = UNIX_EPOCH + Duration::from_secs(1000);
        assert_eq!([0, -1, i64::MIN].map(|ttl| expires(ttl, now)), [0, 0, 0]);
        assert_eq!(expires(60, now), 1060);
        assert_eq!(expires(i64::MAX, now), i64::MAX);
    }
}
