//! The object store for image contexts: the part of S3 that its clients use, one bucket, path style. Objects are
//! files in the server's state directory; bodies are streamed in both directions.
//!
//! * `credentials`: keys that are handed out, each good for one organization's prefix. `signature`: AWS
//!   Signature Version 4, of headers and of presigned URLs.
//! * `request`: which operation a request is. `payload`: bodies, plain or in signed chunks, and their checksums.
//! * `objects`: what is stored, lists, multipart uploads. `answer`, `failure`: headers and XML.

mod answer;
mod credentials;
mod failure;
mod objects;
mod payload;
mod request;
mod signature;
#[cfg(test)]
mod vectors;

use answer::{CompletedUpload, CreatedUpload, Location, with_xml};
use axum::body::Body;
use axum::http::request::Parts;
use axum::http::{Method, Request, Response, StatusCode, header};
use axum::response::IntoResponse;
pub use credentials::Access;
use credentials::{Action, Credentials};
use failure::{Failure, Reason};
pub use objects::Object;
use objects::Objects;
use request::Operation;
use std::path::Path;

/// The bucket of a server.
pub const BUCKET: &str = "daytona";
/// Its region, which every signature names.
pub const REGION: &str = "us-east-1";

pub struct Store {
    objects: Objects,
    credentials: Credentials,
}

impl Store {
    /// An empty one, with its files in this directory.
    pub fn new(directory: &Path) -> Self {
        Self { objects: Objects::new(directory), credentials: Credentials::default() }
    }

    /// New credentials for the objects of an organization.
    pub fn hand_out(&self, organization: &str) -> Access {
        self.credentials.hand_out(organization)
    }

    pub fn object(&self, key: &str) -> Option<Object> {
        self.objects.find(key)
    }

    /// Whether a request is one for the store: it names the bucket, or has a signature.
    pub fn is_meant(request: &Request<Body>) -> bool {
        let path = request.uri().path().strip_prefix('/').unwrap_or_default();
        path.split('/').next() == Some(BUCKET) || signature::is_signed(request)
    }

    pub async fn serve(&self, request: Request<Body>) -> Response<Body> {
        let (parts, body) = request.into_parts();
        let resource = parts.uri.path().to_owned();
        let is_head = parts.method == Method::HEAD;
        let answer = self.answer(&parts, body).await;
        let mut response = answer.unwrap_or_else(|failure| failure.response(&resource, is_head));
        answer::identify(response.headers_mut());
        response
    }

    async fn answer(&self, parts: &Parts, body: Body) -> Result<Response<Body>, Failure> {
        let signed = signature::check(parts, &self.credentials)?;
        let (key, operation) = request::operation(parts)?;
        let allowed = |action: Action<'_>| {
            if signed.grant.allows(action) { Ok(()) } else { Err(Failure::of(Reason::AccessDenied)) }
        };
        let content_type = || {
            parts.headers.get(header::CONTENT_TYPE).and_then(|value| Some(value.to_str().ok()?.to_owned()))
        };
        match operation {
            Operation::Location => Ok(with_xml(&Location::EMPTY)),
            Operation::HeadBucket => Ok(StatusCode::OK.into_response()),
            Operation::List(wanted) => {
                allowed(Action::List(&wanted.prefix))?;
                Ok(with_xml(&self.objects.list(&wanted)))
            }
            Operation::Put => {
                allowed(Action::Put(&key))?;
                let stored = payload::store(&self.objects, parts, &signed, body).await?;
                let etag = self.objects.insert(&key, stored, content_type());
                Ok(answer::etag(&etag))
            }
            Operation::Get | Operation::Head => {
                allowed(Action::Get(&key))?;
                let object = self.object(&key).ok_or_else(|| Failure::of(Reason::NoSuchKey).key(&key))?;
                answer::object(&object, &parts.headers, operation == Operation::Head)
            }
            Operation::Delete => {
                allowed(Action::Delete)?;
                self.objects.remove(&key);
                Ok(StatusCode::NO_CONTENT.into_response())
            }
            Operation::CreateUpload => {
                allowed(Action::Put(&key))?;
                let upload_id = self.objects.uploads.create(&key, content_type())?;
                Ok(with_xml(&CreatedUpload::of(BUCKET, &key, &upload_id)))
            }
            Operation::UploadPart { upload_id, number } => {
                allowed(Action::Put(&key))?;
                self.objects.uploads.check(&key, &upload_id)?;
                let stored = payload::store(&self.objects, parts, &signed, body).await?;
                let etag = self.objects.uploads.insert(&key, &upload_id, number, stored)?;
                Ok(answer::etag(&etag))
            }
            Operation::CompleteUpload { upload_id } => {
                allowed(Action::Put(&key))?;
                let wanted = payload::small(parts, &signed, body).await?;
                let parts = answer::parse_parts(&wanted)?;
                let etag = self.objects.complete(&key, &upload_id, &parts)?;
                Ok(with_xml(&CompletedUpload::of(BUCKET, &key, &etag)))
            }
            Operation::AbortUpload { upload_id } => {
                allowed(Action::Put(&key))?;
                self.objects.uploads.abort(&key, &upload_id)?;
                Ok(StatusCode::NO_CONTENT.into_response())
            }
        }
    }
}
