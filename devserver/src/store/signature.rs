//! AWS Signature Version 4, in the Authorization header or in a presigned URL's query.

use super::REGION;
use super::credentials::{Credentials, Grant};
use super::failure::{Failure, Reason};
use super::request::query;
use axum::body::Body;
use axum::http::request::Parts;
use axum::http::{HeaderMap, Request};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};
use ring::digest::{SHA256, digest};
use ring::hmac;
use time::{Duration, OffsetDateTime, PrimitiveDateTime};

const ALGORITHM: &str = "AWS4-HMAC-SHA256";
/// How far the clocks of client and server may be apart.
const MAX_SKEW: Duration = Duration::minutes(15);
/// The longest life of a presigned URL.
const MAX_EXPIRY_SECONDS: i64 = 604_800;
pub const UNSIGNED_PAYLOAD: &str = "UNSIGNED-PAYLOAD";
/// What a URI's component keeps as it is.
const RESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');
const RESERVED_IN_PATH: &AsciiSet = &RESERVED.remove(b'/');

/// A request whose signature is right.
pub struct Signed {
    pub grant: Grant,
    /// The hash of the body as the client states it, or how the body is signed instead.
    pub content_sha256: String,
    /// What signed chunks go on from.
    pub chain: Chain,
}

/// The key and scope of a signature, for the pieces of a body that are signed one by one.
#[derive(Clone)]
pub struct Chain {
    pub key: hmac::Key,
    pub date: String,
    pub scope: String,
    pub signature: String,
}

/// A signature with what it is made over.
struct Claim {
    key_id: String,
    date: String,
    scope: Scope,
    signed_headers: Vec<String>,
    signature: String,
    token: Option<String>,
    content_sha256: String,
}

struct Scope {
    day: String,
    region: String,
    text: String,
}

pub fn is_signed(request: &Request<Body>) -> bool {
    let header = request.headers().get("authorization").and_then(|value| value.to_str().ok());
    header.is_some_and(|value| value.starts_with("AWS"))
        || request.uri().query().is_some_and(|query| query.contains("X-Amz-Signature="))
}

/// Checks the signature of a request's head.
pub fn check(parts: &Parts, credentials: &Credentials) -> Result<Signed, Failure> {
    check_at(parts, credentials, OffsetDateTime::now_utc())
}

pub fn check_at(parts: &Parts, credentials: &Credentials, now: OffsetDateTime) -> Result<Signed, Failure> {
    let pairs = query(parts);
    let claim = match parts.headers.get("authorization") {
        Some(value) => in_header(parts, value.to_str().unwrap_or_default())?,
        None => in_query(&pairs, parts)?,
    };
    let is_presigned = !parts.headers.contains_key("authorization");
    check_time(&claim, &pairs, is_presigned, now)?;
    if claim.scope.region != REGION {
        let region = &claim.scope.region;
        let message = format!("the region '{region}' is wrong; expecting '{REGION}'");
        return Err(Failure::because(Reason::AuthorizationHeaderMalformed, message));
    }
    let (secret, grant) = credentials.find(&claim.key_id, claim.token.as_deref())?;
    let key = signing_key(&secret, &claim.scope);
    let canonical = canonical_request(parts, &pairs, &claim)?;
    let text = format!("{ALGORITHM}\n{}\n{}\n{}", claim.date, claim.scope.text, sha256(canonical.as_bytes()));
    verify(&key, &text, &claim.signature)?;
    let Claim { date, scope, signature, content_sha256, .. } = claim;
    Ok(Signed { grant, content_sha256, chain: Chain { key, date, scope: scope.text, signature } })
}

/// Compares a signature with that of a text, in constant time.
pub fn verify(key: &hmac::Key, text: &str, signature: &str) -> Result<(), Failure> {
    let tag = from_hex(signature).ok_or(Reason::SignatureDoesNotMatch)?;
    hmac::verify(key, text.as_bytes(), &tag).map_err(|_| Reason::SignatureDoesNotMatch.into())
}

pub fn sha256(bytes: &[u8]) -> String {
    hex(digest(&SHA256, bytes).as_ref())
}

pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn from_hex(text: &str) -> Option<Vec<u8>> {
    let digits = text.as_bytes().chunks(2);
    digits.map(|pair| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()).collect()
}

/// `AWS4-HMAC-SHA256 Credential=ID/SCOPE, SignedHeaders=A;B, Signature=HEX`
fn in_header(parts: &Parts, value: &str) -> Result<Claim, Failure> {
    let malformed = || Failure::from(Reason::AuthorizationHeaderMalformed);
    let Some(rest) = value.strip_prefix(ALGORITHM) else {
        let message = "The authorization mechanism you have provided is not supported. \
                       Please use AWS4-HMAC-SHA256.";
        return Err(Failure::because(Reason::InvalidRequest, message));
    };
    let field = |name: &str| {
        let mut fields = rest.split(',').filter_map(|field| field.trim().split_once('='));
        fields.find(|(key, _)| *key == name).map(|(_, value)| value)
    };
    let (key_id, scope) = field("Credential").and_then(scope).ok_or_else(malformed)?;
    let header = |name: &str| Some(parts.headers.get(name)?.to_str().ok()?.to_owned());
    let Some(content_sha256) = header("x-amz-content-sha256") else {
        let message = "Missing required header for this request: x-amz-content-sha256";
        return Err(Failure::because(Reason::MissingSecurityHeader, message));
    };
    Ok(Claim {
        key_id,
        date: header("x-amz-date").ok_or(Reason::AccessDenied)?,
        scope,
        signed_headers: field("SignedHeaders").ok_or_else(malformed)?.split(';').map(str::to_owned).collect(),
        signature: field("Signature").ok_or_else(malformed)?.to_owned(),
        token: header("x-amz-security-token"),
        content_sha256,
    })
}

fn in_query(pairs: &[(String, String)], parts: &Parts) -> Result<Claim, Failure> {
    let of = |name: &str| pairs.iter().find(|(key, _)| key == name).map(|(_, value)| value.clone());
    let Some(signature) = of("X-Amz-Signature") else { return Err(Reason::AccessDenied.into()) };
    let malformed = || Failure::from(Reason::AuthorizationQueryParametersError);
    if of("X-Amz-Algorithm").as_deref() != Some(ALGORITHM) {
        return Err(malformed());
    }
    let (key_id, scope) = of("X-Amz-Credential").as_deref().and_then(scope).ok_or_else(malformed)?;
    let stated = parts.headers.get("x-amz-content-sha256").and_then(|value| value.to_str().ok());
    Ok(Claim {
        key_id,
        date: of("X-Amz-Date").ok_or_else(malformed)?,
        scope,
        signed_headers: of("X-Amz-SignedHeaders")
            .ok_or_else(malformed)?
            .split(';')
            .map(str::to_owned)
            .collect(),
        signature,
        token: of("X-Amz-Security-Token"),
        content_sha256: of("X-Amz-Content-Sha256")
            .or_else(|| stated.map(str::to_owned))
            .unwrap_or_else(|| UNSIGNED_PAYLOAD.to_owned()),
    })
}

/// `ID/DAY/REGION/s3/aws4_request`
fn scope(credential: &str) -> Option<(String, Scope)> {
    let (key_id, text) = credential.split_once('/')?;
    let fields: Vec<&str> = text.split('/').collect();
    match fields[..] {
        [day, region, "s3", "aws4_request"] => {
            Some((key_id.into(), Scope { day: day.into(), region: region.into(), text: text.into() }))
        }
        _ => None,
    }
}

fn check_time(
    claim: &Claim,
    pairs: &[(String, String)],
    is_presigned: bool,
    now: OffsetDateTime,
) -> Result<(), Failure> {
    let format = time::macros::format_description!("[year][month][day]T[hour][minute][second]Z");
    let Ok(made) = PrimitiveDateTime::parse(&claim.date, &format) else {
        return Err(Failure::because(Reason::AccessDenied, "x-amz-date is not a date of ISO 8601"));
    };
    if !claim.date.starts_with(&claim.scope.day) {
        let message = "Date in the credential scope does not match x-amz-date";
        return Err(Failure::because(Reason::AuthorizationHeaderMalformed, message));
    }
    let age = now - made.assume_utc();
    if !is_presigned {
        return if age.abs() > MAX_SKEW { Err(Reason::RequestTimeTooSkewed.into()) } else { Ok(()) };
    }
    let expires = pairs.iter().find(|(key, _)| key == "X-Amz-Expires").map(|(_, value)| value.parse());
    match expires {
        Some(Ok(seconds @ 1..=MAX_EXPIRY_SECONDS)) if age > Duration::seconds(seconds) => {
            Err(Failure::because(Reason::AccessDenied, "Request has expired"))
        }
        Some(Ok(1..=MAX_EXPIRY_SECONDS)) if age < -MAX_SKEW => {
            Err(Failure::because(Reason::AccessDenied, "Request is not valid yet"))
        }
        Some(Ok(1..=MAX_EXPIRY_SECONDS)) => Ok(()),
        _ => Err(Reason::AuthorizationQueryParametersError.into()),
    }
}

fn signing_key(secret: &str, scope: &Scope) -> hmac::Key {
    let first = format!("AWS4{secret}");
    let mut key = hmac::Key::new(hmac::HMAC_SHA256, first.as_bytes());
    for part in [scope.day.as_str(), &scope.region, "s3", "aws4_request"] {
        key = hmac::Key::new(hmac::HMAC_SHA256, hmac::sign(&key, part.as_bytes()).as_ref());
    }
    key
}

fn canonical_request(parts: &Parts, pairs: &[(String, String)], claim: &Claim) -> Result<String, Failure> {
    let path: Vec<u8> = percent_decode_str(parts.uri.path()).collect();
    let path = percent_encoding::percent_encode(&path, RESERVED_IN_PATH);
    let encoded = |text: &str| utf8_percent_encode(text, RESERVED).to_string();
    let mut query: Vec<(String, String)> = pairs
        .iter()
        .filter(|(name, _)| name != "X-Amz-Signature")
        .map(|(name, value)| (encoded(name), encoded(value)))
        .collect();
    query.sort();
    let query: Vec<String> = query.into_iter().map(|(name, value)| format!("{name}={value}")).collect();
    let headers = canonical_headers(&parts.headers, &claim.signed_headers)?;
    Ok(format!(
        "{}\n{path}\n{}\n{headers}\n{}\n{}",
        parts.method,
        query.join("&"),
        claim.signed_headers.join(";"),
        claim.content_sha256
    ))
}

/// The signed headers, each on a line of its own. The host and all of S3's own have to be among them.
fn canonical_headers(headers: &HeaderMap, signed: &[String]) -> Result<String, Failure> {
    // The hash of the body is signed by itself, and some clients send it with a presigned URL.
    let needed =
        |name: &&str| *name == "host" || (name.starts_with("x-amz-") && *name != "x-amz-content-sha256");
    let mut all = headers.keys().map(|name| name.as_str()).chain(["host"]).filter(needed);
    if let Some(name) = all.find(|name| !signed.iter().any(|signed| signed == name)) {
        let message = format!("There were headers present in the request which were not signed: {name}");
        return Err(Failure::because(Reason::AccessDenied, message));
    }
    let mut text = String::new();
    for name in signed {
        let values: Vec<String> = headers
            .get_all(name.as_str())
            .iter()
            .map(|value| {
                let value = String::from_utf8_lossy(value.as_bytes());
                value.split_ascii_whitespace().collect::<Vec<_>>().join(" ")
            })
            .collect();
        text.push_str(&format!("{name}:{}\n", values.join(",")));
    }
    Ok(text)
}
