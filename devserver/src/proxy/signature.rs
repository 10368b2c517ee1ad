//! Signed URLs: access to one file by one method until a time, signed with the sandbox's key.

use std::time::{SystemTime, UNIX_EPOCH};

use axum::http::{Method, Uri};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use ring::hmac;

use crate::toolbox::files::query_value;

/// Whether a toolbox request needs no credential because its query is signed with `key`. Only uploads and
/// downloads of one file can be signed.
pub fn is_signed(key: &str, method: &Method, toolbox_path: &str, uri: &Uri) -> bool {
    if !matches!((method.as_str(), toolbox_path), ("GET", "/files/download") | ("POST", "/files/upload-v2")) {
        return false;
    }
    let query = uri.query().unwrap_or_default();
    let text = |name| query_value(query, name).and_then(|value| value.into_string().ok());
    let (Some(path), Some(expires), Some(signature)) = (text("path"), text("expires"), text("signature"))
    else {
        return false;
    };
    let Ok(until) = expires.parse::<u64>() else {
        return false;
    };
    let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
    // 0: never expires.
    if until != 0 && until < now {
        return false;
    }
    let Some(code) = signature.strip_prefix("v1_").and_then(|code| URL_SAFE_NO_PAD.decode(code).ok()) else {
        return false;
    };
    let key = hmac::Key::new(hmac::HMAC_SHA256, key.as_bytes());
    let signed = format!("v1:files:{method}:{path}:{expires}");
    hmac::verify(&key, signed.as_bytes(), &code).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    // Made with Python: hmac.new(b"key", b"v1:files:GET:a b:0", "sha256").
    const SIGNED: &str = "/x?path=a+b&expires=0&signature=v1_GTZzOrdci2_V4XoMkN-xd397hNOn00Sihgkms7SqXR0";

    #[test]
    fn a_signature_counts_for_its_key_method_path_and_time_only() {
        let check = |key: &str, method: Method, path: &str, uri: &str| {
            is_signed(key, &method, path, &uri.parse().unwrap())
        };
        assert!(check("key", Method::GET, "/files/download", SIGNED));
        assert!(!check("other", Method::GET, "/files/download", SIGNED));
        assert!(!check("key", Method::POST, "/files/upload-v2", SIGNED));
        assert!(!check("key", Method::GET, "/files", SIGNED));
        assert!(!check("key", Method::GET, "/files/download", &SIGNED.replace("a+b", "c")));
        assert!(!check("key", Method::GET, "/files/download", &SIGNED.replace("expires=0", "expires=1")));
        assert!(!check("key", Method::GET, "/files/download", "/x?path=a+b&expires=0"));
    }

    #[test]
    fn a_signed_url_expires() {
        let uri = |expires: u64| -> Uri {
            let key = hmac::Key::new(hmac::HMAC_SHA256, b"key");
            let tag = hmac::sign(&key, format!("v1:files:GET:f:{expires}").as_bytes());
            let signature = URL_SAFE_NO_PAD.encode(tag);
            format!("/x?path=f&expires={expires}&signature=v1_{signature}").parse().unwrap()
        };
        assert!(is_signed("key", &Method::GET, "/files/download", &uri(u64::MAX)));
        assert!(!is_signed("key", &Method::GET, "/files/download", &uri(1)));
    }
}
