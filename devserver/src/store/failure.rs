//! Refusals, in the codes, words and XML of S3.

use super::answer::xml;
use axum::body::Body;
use axum::http::{Response, StatusCode, header};
use axum::response::IntoResponse;
use serde::Serialize;

macro_rules! reasons {
    ($($name:ident $status:ident $message:literal)+) => {
        /// Why a request is refused.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum Reason {
            $($name),+
        }

        impl Reason {
            fn parts(self) -> (StatusCode, &'static str, &'static str) {
                match self {
                    $(Self::$name => (StatusCode::$status, stringify!($name), $message)),+
                }
            }
        }
    };
}

reasons! {
    AccessDenied FORBIDDEN "Access Denied"
    AuthorizationHeaderMalformed BAD_REQUEST "The authorization header that you provided is not valid."
    AuthorizationQueryParametersError BAD_REQUEST "The query parameters of the signature are not valid."
    BadDigest BAD_REQUEST "The checksum you specified did not match what was received."
    EntityTooLarge BAD_REQUEST "Your proposed upload exceeds the maximum allowed object size."
    EntityTooSmall BAD_REQUEST "Your proposed upload is smaller than the minimum allowed object size."
    ExpiredToken BAD_REQUEST "The provided token has expired."
    IncompleteBody BAD_REQUEST "You did not provide the number of bytes specified by the Content-Length HTTP header."
    InternalError INTERNAL_SERVER_ERROR "We encountered an internal error. Please try again."
    InvalidAccessKeyId FORBIDDEN "The AWS Access Key Id you provided does not exist in our records."
    InvalidArgument BAD_REQUEST "Invalid Argument"
    InvalidDigest BAD_REQUEST "The Content-MD5 or checksum value that you specified is not valid."
    InvalidPart BAD_REQUEST "One or more of the specified parts could not be found. The part may not have been uploaded, or the specified entity tag may not match the part's entity tag."
    InvalidPartOrder BAD_REQUEST "The list of parts was not in ascending order. The parts list must be specified in order by part number."
    InvalidRange RANGE_NOT_SATISFIABLE "The requested range is not satisfiable"
    InvalidRequest BAD_REQUEST "Invalid Request"
    InvalidToken BAD_REQUEST "The provided token is malformed or otherwise not valid."
    KeyTooLongError BAD_REQUEST "Your key is too long"
    MalformedXML BAD_REQUEST "The XML you provided was not well-formed or did not validate against our published schema"
    MalformedTrailerError BAD_REQUEST "The request contained trailing data that was not well-formed or did not conform to our published schema."
    MissingContentLength LENGTH_REQUIRED "You must provide the Content-Length HTTP header."
    MissingSecurityHeader BAD_REQUEST "Your request was missing a required header"
    NoSuchBucket NOT_FOUND "The specified bucket does not exist"
    NoSuchKey NOT_FOUND "The specified key does not exist."
    NoSuchUpload NOT_FOUND "The specified multipart upload does not exist. The upload ID may be invalid, or the upload may have been aborted or completed."
    NotImplemented NOT_IMPLEMENTED "A header or query you provided requests functionality that is not implemented."
    RequestTimeTooSkewed FORBIDDEN "The difference between the request time and the server's time is too large."
    SignatureDoesNotMatch FORBIDDEN "The request signature we calculated does not match the signature you provided. Check your key and signing method."
    SlowDown SERVICE_UNAVAILABLE "Please reduce your request rate."
    XAmzContentSHA256Mismatch BAD_REQUEST "The provided 'x-amz-content-sha256' header does not match what was computed."
}

/// A refusal; what was asked for is added where the answer is made.
#[derive(Debug)]
pub struct Failure {
    reason: Reason,
    message: Option<String>,
    key: Option<String>,
}

impl From<Reason> for Failure {
    fn from(reason: Reason) -> Self {
        Self::of(reason)
    }
}

#[derive(Serialize)]
#[serde(rename = "Error", rename_all = "PascalCase")]
struct ErrorDocument<'a> {
    code: &'a str,
    message: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    key: Option<&'a str>,
    resource: &'a str,
    request_id: &'a str,
}

impl Failure {
    pub fn of(reason: Reason) -> Self {
        Self { reason, message: None, key: None }
    }

    /// With a message that says more than S3's.
    pub fn because(reason: Reason, message: impl Into<String>) -> Self {
        Self { reason, message: Some(message.into()), key: None }
    }

    pub fn key(self, key: &str) -> Self {
        Self { key: Some(key.to_owned()), ..self }
    }

    #[cfg(test)]
    pub fn reason(&self) -> Reason {
        self.reason
    }

    /// The failure of a file operation of this machine.
    pub fn io(error: &std::io::Error) -> Self {
        tracing::warn!("the object store: {error}");
        Self::because(Reason::InternalError, format!("We encountered an internal error: {error}"))
    }

    pub fn response(&self, resource: &str, is_head: bool) -> Response<Body> {
        let (status, code, message) = self.reason.parts();
        let document = ErrorDocument {
            code,
            message: self.message.as_deref().unwrap_or(message),
            key: self.key.as_deref(),
            resource,
            request_id: "dev",
        };
        let body = if is_head { String::new() } else { xml(&document) };
        (status, [(header::CONTENT_TYPE, "application/xml")], body).into_response()
    }
}
