//! The object store that contexts go into: S3 with path-style addresses and the credentials that the API hands out.
//! Requests are signed in their queries, so the signature covers no body.

use crate::client::Client;
use crate::client::error::{Error, Result};
use crate::client::lock::Mutex;
use crate::client::remote_guard::{Remote, RemoteGuard, may_have_acted};
use crate::client::status;
use crate::client::transport::{AnswerHead, Json, Method, Request, Response, backoff};
use bytes::Bytes;
use rusty_s3::actions::{CreateMultipartUpload, ListObjectsV2, S3Action};
use rusty_s3::{Bucket, Credentials, UrlStyle};
use serde::Deserialize;
use std::sync::Arc;
use std::time::Duration;
use url::Url;

/// How long a signed request is good for.
const SIGNED_FOR: Duration = Duration::from_secs(3600);
/// The bucket where the API names none.
const DEFAULT_BUCKET: &str = "daytona-volume-builds";
/// The region where neither the API nor the address names one.
const DEFAULT_REGION: &str = "us-east-1";
/// Bodies beyond this size have the idle limit instead of one for the answer.
const WATCHED_BYTES: usize = 256 << 10;
const CONTENT_TYPE: &str = "application/x-tar";

/// A store with the credentials for one image.
#[derive(Clone)]
pub(super) struct Store(Arc<Shared>);

struct Shared {
    client: Client,
    bucket: Bucket,
    /// Those in use: they end after a while, and are then asked for again.
    credentials: Mutex<Arc<Credentials>>,
    /// Held while credentials are asked for, so that the parts under way ask once.
    renewing: tokio::sync::Mutex<()>,
    organization: String,
}

/// The answer of GET /object-storage/push-access.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct PushAccess {
    /// Of the answer itself, for errors.
    #[serde(skip)]
    answer: Json,
    storage_url: String,
    access_key: String,
    secret: String,
    #[serde(default)]
    session_token: Option<String>,
    #[serde(default)]
    bucket: Option<String>,
    organization_id: String,
    /// Since 0.205.
    #[serde(default)]
    region: Option<String>,
}

impl PushAccess {
    async fn ask(client: &Client) -> Result<Self> {
        let answer = client.request(Method::GET, "object-storage/push-access").send().await?.json().await?;
        let access: Self = serde_json::from_slice(&answer.text).map_err(|error| {
            // Not the text of the error's place: the answer holds a secret.
            let kind = error.classify();
            answer.error(format!("the server's answer does not name an object store ({kind:?} error)"))
        })?;
        Ok(Self { answer, ..access })
    }

    fn credentials(&self) -> Arc<Credentials> {
        let (key, secret) = (self.access_key.as_str(), self.secret.as_str());
        Arc::new(match self.session_token.as_deref().filter(|token| !token.is_empty()) {
            Some(token) => Credentials::new_with_token(key, secret, token),
            None => Credentials::new(key, secret),
        })
    }
}

impl Store {
    /// Asks the API for the store and its credentials.
    pub async fn open(client: &Client) -> Result<Self> {
        let access = PushAccess::ask(client).await?;
        let wrong = |what: &str| {
            access.answer.error(format!("the server named an object store whose {what} cannot be used"))
        };
        let mut endpoint = Url::parse(&access.storage_url).map_err(|_| wrong("address"))?;
        endpoint.set_query(None);
        if !endpoint.path().ends_with('/') {
            endpoint.set_path(&format!("{}/", endpoint.path()));
        }
        let given = |text: &Option<String>| text.clone().filter(|text| !text.is_empty());
        let host = endpoint.host_str().unwrap_or_default();
        let region = given(&access.region).unwrap_or_else(|| region_of(host).to_owned());
        let name = given(&access.bucket).unwrap_or_else(|| DEFAULT_BUCKET.to_owned());
        let bucket = Bucket::new(endpoint, UrlStyle::Path, name, region).map_err(|_| wrong("address"))?;
        let credentials = Mutex::new(access.credentials());
        if access.organization_id.is_empty() {
            return Err(wrong("organization"));
        }
        let organization = access.organization_id;
        let client = client.clone();
        Ok(Self(Arc::new(Shared { client, bucket, credentials, renewing: Default::default(), organization })))
    }

    fn credentials(&self) -> Arc<Credentials> {
        self.0.credentials.lock().clone()
    }

    /// Asks the API for other credentials than these, unless another request has done so already.
    async fn renew(&self, refused: &Arc<Credentials>) -> Result<()> {
        let _turn = self.0.renewing.lock().await;
        if Arc::ptr_eq(&self.credentials(), refused) {
            let access = PushAccess::ask(&self.0.client).await?;
            *self.0.credentials.lock() = access.credentials();
        }
        Ok(())
    }

    /// The key of a context.
    pub fn key(&self, hash: &str) -> String {
        format!("{}/{hash}/context.tar", self.0.organization)
    }

    /// Whether there is an object under that key.
    pub async fn has(&self, key: &str) -> Result<bool> {
        let answer = self
            .repeated(|store, credentials| {
                let url = store.0.bucket.head_object(Some(credentials), key).sign(SIGNED_FOR);
                store.request(Method::HEAD, &url)
            })
            .await;
        match answer {
            Ok(_) => Ok(true),
            Err(error) if error.status() == status::HTTP_NOT_FOUND => Ok(false),
            Err(error) => Err(self.failed("look for the context", error)),
        }
    }

    /// The same by a list of the keys with the context's prefix, as two of the official SDKs look.
    pub async fn lists(&self, hash: &str) -> Result<bool> {
        let answer = self
            .repeated(|store, credentials| {
                let mut list = store.0.bucket.list_objects_v2(Some(credentials));
                list.with_prefix(format!("{}/{hash}/", store.0.organization));
                list.with_max_keys(1);
                store.request(Method::GET, &list.sign(SIGNED_FOR))
            })
            .await;
        let list = self.read("look for the context", answer, ListObjectsV2::parse_response).await?;
        Ok(!list.contents.is_empty())
    }

    /// Puts an object that is whole in memory.
    pub async fn put(&self, key: &str, body: Bytes) -> Result<()> {
        let answer = self
            .repeated(|store, credentials| {
                let url = store.0.bucket.put_object(Some(credentials), key).sign(SIGNED_FOR);
                store.carrying(&url, body.clone())
            })
            .await;
        answer.map(drop).map_err(|error| self.failed("upload the context", error))
    }

    /// Begins an upload in parts. It is given up when it is dropped.
    pub async fn begin(&self, key: &str) -> Result<Multipart> {
        let answer = self
            .repeated(|store, credentials| {
                let action = store.0.bucket.create_multipart_upload(Some(credentials), key);
                store.request(Method::POST, &action.sign(SIGNED_FOR)).header("content-type", CONTENT_TYPE)
            })
            .await;
        let doing = "begin to upload the context";
        let begun = self.read(doing, answer, CreateMultipartUpload::parse_response).await?;
        let id = begun.upload_id().to_owned();
        let place = Place { store: self.clone(), key: key.into(), id: id.into() };
        Ok(Multipart { guard: RemoteGuard::of_existing(place.clone()), place })
    }

    /// Without the credential of the API and the headers that go with it. The answer has to begin in time; while a
    /// large body is sent the idle limit counts, as everywhere.
    fn request(&self, method: Method, url: &Url) -> Request {
        let limit = self.0.client.answer_limit();
        self.0.client.transport().request(method, url.as_str()).anonymous().deadline(Some(limit))
    }

    /// A request with a piece of an archive.
    fn carrying(&self, url: &Url, body: Bytes) -> Request {
        let is_large = body.len() > WATCHED_BYTES;
        let request = self.request(Method::PUT, url).bytes(CONTENT_TYPE, body);
        if is_large { request.deadline(None) } else { request }
    }

    /// Sends a request, again where the store failed to process it: each of these has the same effect twice as once,
    /// but for an upload that is begun and left, which the store removes by itself. Where its credentials have ended
    /// it is sent once more with new ones.
    async fn repeated(&self, request: impl Fn(&Self, &Credentials) -> Request) -> Result<Response> {
        let (mut attempt, mut renewed) = (1, false);
        loop {
            let credentials = self.credentials();
            let error = match request(self, &credentials).send().await {
                Ok(answer) => return Ok(answer),
                Err(error) => error,
            };
            if !renewed && have_ended(&error) {
                renewed = true;
                self.renew(&credentials).await?;
                continue;
            }
            let detail = error.detail();
            let passing = match detail.http_status {
                Some(408 | 500) => true,
                // The transport has repeated it where it may.
                Some(503) => detail.attempts <= 1,
                _ => error.status() == status::TIMEOUT,
            };
            if !passing || attempt > self.0.client.config().retries {
                return Err(error);
            }
            tokio::time::sleep(backoff(attempt)).await;
            attempt += 1;
        }
    }

    /// What the store's answer says, as `parse` reads it.
    async fn read<T, E>(
        &self,
        doing: &str,
        answer: Result<Response>,
        parse: impl FnOnce(&str) -> std::result::Result<T, E>,
    ) -> Result<T> {
        let answer = answer.map_err(|error| self.failed(doing, error))?;
        let head = answer.head();
        let body = answer.bytes().await?;
        parse(&String::from_utf8_lossy(&body)).map_err(|_| self.not_s3(doing, &head))
    }

    fn failed(&self, doing: &str, mut error: Error) -> Error {
        let host = self.0.bucket.base_url().host_str().unwrap_or_default();
        let detail = error.detail_mut();
        detail.message = format!("cannot {doing} at the object store {host}: {}", detail.message);
        error
    }

    fn not_s3(&self, doing: &str, answer: &AnswerHead) -> Error {
        let host = self.0.bucket.base_url().host_str().unwrap_or_default();
        let message = format!("cannot {doing} at the object store {host}: its answer is not one of S3");
        answer.complete(Error::new(status::PROTOCOL, message))
    }
}

/// Whether the store takes the credentials for ones that have ended. A refusal without a code is the answer to HEAD,
/// which has no body.
fn have_ended(error: &Error) -> bool {
    const ENDED: [&str; 5] =
        ["ExpiredToken", "InvalidToken", "InvalidTokenId", "InvalidAccessKeyId", "TokenRefreshRequired"];
    match error.detail().code.as_deref() {
        Some(code) => ENDED.contains(&code),
        None => matches!(error.detail().http_status, Some(400 | 403)),
    }
}

/// The region that an address of AWS names.
fn region_of(host: &str) -> &str {
    let region = host
        .strip_suffix(".amazonaws.com")
        .and_then(|host| host.strip_prefix("s3.").or_else(|| host.strip_prefix("s3-")));
    region.filter(|region| !region.is_empty() && !region.contains('.')).unwrap_or(DEFAULT_REGION)
}

/// An upload in parts that was begun.
pub(super) struct Multipart {
    place: Place,
    guard: RemoteGuard<Place>,
}

#[derive(Clone)]
struct Place {
    store: Store,
    key: Arc<str>,
    id: Arc<str>,
}

impl Remote for Place {
    async fn remove(&self) -> Result<()> {
        let credentials = self.store.credentials();
        let bucket = &self.store.0.bucket;
        let url = bucket.abort_multipart_upload(Some(&credentials), &self.key, &self.id).sign(SIGNED_FOR);
        self.store.request(Method::DELETE, &url).send().await.map(drop)
    }
}

impl Multipart {
    /// Uploads a part; `number` counts from 1. The answer is its tag. The future does not need the upload.
    pub fn part(&self, number: u16, body: Bytes) -> impl Future<Output = Result<String>> + use<> {
        let Place { store, key, id } = self.place.clone();
        async move {
            let answer = store
                .repeated(|store, credentials| {
                    let url =
                        store.0.bucket.upload_part(Some(credentials), &key, number, &id).sign(SIGNED_FOR);
                    store.carrying(&url, body.clone())
                })
                .await;
            let doing = format!("upload part {number} of the context");
            let answer = answer.map_err(|error| store.failed(&doing, error))?;
            let tag = answer.header("etag").map(str::to_owned);
            tag.ok_or_else(|| store.not_s3(&doing, &answer.head()))
        }
    }

    /// Makes one object of the parts.
    pub async fn complete(mut self, tags: &[String]) -> Result<()> {
        let Place { store, key, id } = self.place.clone();
        let tags = tags.iter().map(String::as_str);
        let body = store.0.bucket.complete_multipart_upload(None, &key, &id, tags.clone()).body();
        let answer = store
            .repeated(|store, credentials| {
                let action =
                    store.0.bucket.complete_multipart_upload(Some(credentials), &key, &id, tags.clone());
                let url = action.sign(SIGNED_FOR);
                store.request(Method::POST, &url).bytes("application/xml", body.clone().into_bytes().into())
            })
            .await;
        let doing = "complete the upload of the context";
        let completed = match answer {
            Ok(answer) => answer.bytes().await,
            Err(error) => Err(error),
        };
        match completed {
            // A store that fails while it puts the parts together has answered 200 already.
            Ok(body) if contains(&body, b"<Error>") => {
                let text = String::from_utf8_lossy(&body).chars().take(1_000).collect::<String>();
                return Err(store.failed(doing, Error::new(status::HTTP_INTERNAL_SERVER, text)));
            }
            Ok(_) => {}
            // The answer may be lost, or the attempt before may have been completed.
            Err(error) if may_have_acted(&error) || error.status() == status::HTTP_NOT_FOUND => {
                if !store.has(&key).await.unwrap_or(false) {
                    return Err(store.failed(doing, error));
                }
            }
            Err(error) => return Err(store.failed(doing, error)),
        }
        self.guard.disarm();
        Ok(())
    }
}

fn contains(text: &[u8], wanted: &[u8]) -> bool {
    memchr::memmem::find(text, wanted).is_some()
}

#[cfg(test)]
mod tests {
    use super::region_of;

    #[test]
    fn the_region_is_in_the_address_of_aws() {
        for (host, region) in [
            ("s3.eu-west-1.amazonaws.com", "eu-west-1"),
            ("s3-us-west-2.amazonaws.com", "us-west-2"),
            ("s3.amazonaws.com", "us-east-1"),
            ("minio.example.com", "us-east-1"),
        ] {
            assert_eq!(region_of(host), region);
        }
    }
}
