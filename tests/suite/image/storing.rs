//! The way of contexts into an object store that answers as a test wrote down: skipped when present, whole when
//! small, in parts when large, and given up cleanly when the store fails.

use crate::canned::{Answer, RequestInfo, Server, client, json_answer, with_headers};
use crate::support::{soon, until, until_idle};
use daytona::client::image::{Image, Prepared, prepare};
use daytona::client::{Client, status};
use daytona::{Error, Result};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, Mutex};
use tokio::time::Duration;

const MIB: usize = 1 << 20;

/// What a request to the store is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Kind {
    Head,
    List,
    Put,
    Begin,
    Part(usize),
    Complete,
    Abort,
}

fn kind(asked: &RequestInfo) -> Option<Kind> {
    let (method, target) = asked.line.split_once(' ').unwrap();
    let target = target.split(' ').next().unwrap();
    let query = |name: &str| {
        let query = target.split_once('?').map_or("", |(_, query)| query);
        query.split('&').find_map(|pair| match pair.split_once('=') {
            Some((key, value)) => (key == name).then(|| value.to_owned()),
            None => (pair == name).then(String::new),
        })
    };
    Some(match method {
        "HEAD" => Kind::Head,
        "GET" if query("list-type").is_some() => Kind::List,
        "PUT" => query("partNumber").map_or(Kind::Put, |number| Kind::Part(number.parse().unwrap())),
        "POST" if query("uploads").is_some() => Kind::Begin,
        "POST" if query("uploadId").is_some() => Kind::Complete,
        "DELETE" => Kind::Abort,
        _ => return None,
    })
}

fn xml(status: &str, text: &str) -> Answer {
    Answer::Keep(with_headers(status, "Content-Type: application/xml\r\n", text.as_bytes()))
}

fn refusal(status: &str, code: &str) -> Answer {
    xml(
        status,
        &format!(
            "<?xml version=\"1.0\"?><Error><Code>{code}</Code><Message>Because {code}.</Message></Error>"
        ),
    )
}

const BEGUN: &str = "<?xml version=\"1.0\"?><InitiateMultipartUploadResult \
     xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\"><Bucket>b</Bucket><Key>k</Key><UploadId>up-1</UploadId>\
     </InitiateMultipartUploadResult>";
const EMPTY_LIST: &str = "<?xml version=\"1.0\"?><ListBucketResult \
     xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\"><Name>b</Name><Prefix></Prefix><KeyCount>0</KeyCount>\
     <MaxKeys>1</MaxKeys><IsTruncated>false</IsTruncated></ListBucketResult>";
const FULL_LIST: &str = "<?xml version=\"1.0\"?><ListBucketResult \
     xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\"><Name>b</Name><Prefix></Prefix><KeyCount>1</KeyCount>\
     <MaxKeys>1</MaxKeys><IsTruncated>false</IsTruncated><Contents><Key>k</Key>\
     <LastModified>2026-01-01T00:00:00.000Z</LastModified><ETag>&quot;x&quot;</ETag><Size>1</Size>\
     <StorageClass>STANDARD</StorageClass></Contents></ListBucketResult>";

/// A store in order, whose keys are all free.
fn usual(kind: Kind) -> Answer {
    match kind {
        Kind::Head => Answer::Keep(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n".to_vec()),
        Kind::List => xml("200 OK", EMPTY_LIST),
        Kind::Put => Answer::Keep(with_headers("200 OK", "ETag: \"whole\"\r\n", b"")),
        Kind::Begin => xml("200 OK", BEGUN),
        Kind::Part(number) => {
            Answer::Keep(with_headers("200 OK", &format!("ETag: \"tag-{number}\"\r\n"), b""))
        }
        Kind::Complete => xml("200 OK", "<CompleteMultipartUploadResult></CompleteMultipartUploadResult>"),
        Kind::Abort => Answer::Keep(b"HTTP/1.1 204 No Content\r\n\r\n".to_vec()),
    }
}

struct Store {
    server: Server,
    client: Client,
}

impl Store {
    /// `answer` has the kind of the request, and how many of that kind came before.
    async fn start(answer: impl Fn(Kind, usize) -> Option<Answer> + Send + Sync + 'static) -> Self {
        Self::with(json!({"retries": 2}), answer).await
    }

    async fn with(
        config: Value,
        answer: impl Fn(Kind, usize) -> Option<Answer> + Send + Sync + 'static,
    ) -> Self {
        let counts = Mutex::new(BTreeMap::<String, usize>::new());
        let server = Server::start(move |asked| {
            if asked.line.contains("/object-storage/push-access") {
                let access = json!({
                    "storageUrl": format!("http://{}", asked.header("host").unwrap()),
                    "accessKey": "KEY-OF-THE-API", "secret": "s3cret", "sessionToken": "to/ken",
                    "bucket": "bucket", "organizationId": "org-1", "region": "eu-central-7",
                });
                return Answer::Keep(json_answer("200 OK", &access));
            }
            let kind = kind(asked).unwrap_or_else(|| panic!("{}", asked.line));
            let before = {
                let mut counts = counts.lock().unwrap();
                let count = counts.entry(format!("{kind:?}")).or_default();
                *count += 1;
                *count - 1
            };
            answer(kind, before).unwrap_or_else(|| usual(kind))
        })
        .await;
        let client = client(&format!("{}/api", server.url()), config);
        Self { server, client }
    }

    async fn prepare(&self, image: Value) -> Result<Prepared> {
        let image: Image = serde_json::from_value(image).unwrap();
        soon(prepare(&self.client, &image, None, None)).await
    }

    async fn refuses(&self, image: Value) -> Error {
        self.prepare(image).await.expect_err("an error")
    }

    fn kinds(&self) -> Vec<Kind> {
        self.server.requests().iter().filter_map(kind).collect()
    }

    fn count(&self, wanted: Kind) -> usize {
        self.kinds().iter().filter(|kind| **kind == wanted).count()
    }

    async fn is_given_up(&self) {
        until("the upload is aborted", async || self.count(Kind::Abort) > 0).await;
        until_idle().await;
        assert_eq!(self.count(Kind::Abort), 1);
    }
}

fn directory(files: &[(&str, usize)]) -> tempfile::TempDir {
    let directory = tempfile::tempdir().unwrap();
    for (name, length) in files {
        std::fs::write(directory.path().join(name), crate::fixture::content(*length)).unwrap();
    }
    directory
}

fn image(path: &Path) -> Value {
    json!({"base": "b", "steps": [{"addLocalDir": {"localPath": path, "remotePath": "/x"}}]})
}

fn styled(path: &Path, style: &str) -> Value {
    let mut image = image(path);
    image["style"] = json!(style);
    image
}

fn unpacked(archive: &[u8]) -> BTreeMap<String, usize> {
    let mut archive = tar::Archive::new(archive);
    let entries = archive.entries().unwrap().map(|entry| {
        let entry = entry.unwrap();
        (entry.path().unwrap().file_name().unwrap().to_str().unwrap().to_owned(), entry.size() as usize)
    });
    entries.collect()
}

#[tokio::test]
async fn a_small_context_is_put_at_once_with_the_credentials_of_the_api_alone() {
    let directory = directory(&[("f", 1000)]);
    let store = Store::start(|_, _| None).await;
    let prepared = store.prepare(image(directory.path())).await.unwrap();
    assert_eq!(store.kinds(), [Kind::Head, Kind::Put]);
    let asked = store.server.requests();
    let hash = &prepared.build_info.context_hashes[0];
    for request in asked.iter().skip(1) {
        let target = request.line.split(' ').nth(1).unwrap();
        assert!(target.starts_with(&format!("/bucket/org-1/{hash}/context.tar?")), "{target}");
        assert!(target.contains("X-Amz-Credential=KEY-OF-THE-API%2F"), "{target}");
        assert!(target.contains("%2Feu-central-7%2Fs3%2Faws4_request"), "{target}");
        assert!(target.contains("X-Amz-Security-Token=to%2Fken"), "{target}");
        assert!(!target.contains("s3cret"));
        let identity = ["authorization", "x-daytona-source", "x-daytona-organization-id"];
        assert!(identity.iter().all(|name| request.header(name).is_none()), "{:?}", request.headers);
    }
    let body = &asked.last().unwrap().body;
    assert_eq!(unpacked(body)["f"], 1000);
    let digest = |bytes: &[u8]| {
        use md5::Digest;
        md5::Md5::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect::<String>()
    };
    assert_eq!(digest(body), *hash, "the hash is that of the archive");
}

#[tokio::test]
async fn a_context_that_is_there_is_not_sent_again() {
    let directory = directory(&[("f", 1000)]);
    let there = |kind, _| match kind {
        Kind::Head => Some(Answer::Keep(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n".to_vec())),
        Kind::List => Some(xml("200 OK", FULL_LIST)),
        _ => None,
    };
    for (image, looks) in [
        (image(directory.path()), Kind::Head),
        (styled(directory.path(), "python"), Kind::Head),
        (styled(directory.path(), "ruby"), Kind::Head),
        (styled(directory.path(), "typescript"), Kind::List),
        (styled(directory.path(), "go"), Kind::List),
    ] {
        let store = Store::start(there).await;
        assert_eq!(store.prepare(image).await.unwrap().build_info.context_hashes.len(), 1);
        assert_eq!(store.kinds(), [looks]);
    }
    let store = Store::start(|_, _| None).await;
    store.prepare(styled(directory.path(), "typescript")).await.unwrap();
    assert_eq!(store.kinds(), [Kind::List, Kind::Put]);
}

#[tokio::test]
async fn an_image_without_local_files_asks_for_no_store() {
    let store = Store::start(|_, _| None).await;
    let prepared = store.prepare(json!({"base": "b", "steps": [{"run": "x"}]})).await.unwrap();
    assert_eq!(
        (prepared.build_info.dockerfile_content.as_str(), prepared.build_info.context_hashes.len()),
        ("FROM b\nRUN x\n", 0)
    );
    assert!(store.server.requests().is_empty());
}

#[tokio::test]
async fn a_large_context_goes_in_parts_whose_tags_are_told_in_order() {
    let directory = directory(&[("a", 7 * MIB), ("b", 5 * MIB)]);
    let store = Store::start(|_, _| None).await;
    let progress = Arc::new(Mutex::new(Vec::new()));
    let list = progress.clone();
    let image: Image = serde_json::from_value(image(directory.path())).unwrap();
    let report = Arc::new(move |moved, total| list.lock().unwrap().push((moved, total)));
    soon(prepare(&store.client, &image, None, Some(report))).await.unwrap();
    let asked = store.server.requests();
    let mut parts = BTreeMap::new();
    for asked in &asked {
        if let Some(Kind::Part(number)) = kind(asked) {
            parts.insert(number, asked.body.clone());
        }
    }
    assert_eq!(parts.values().map(Vec::len).take(2).collect::<Vec<_>>(), [5 * MIB, 5 * MIB]);
    let whole = parts.values().flatten().copied().collect::<Vec<u8>>();
    assert_eq!((unpacked(&whole)["a"], unpacked(&whole)["b"]), (7 * MIB, 5 * MIB));
    let complete = asked.iter().find(|asked| kind(asked) == Some(Kind::Complete)).unwrap();
    let complete = String::from_utf8_lossy(&complete.body).into_owned();
    let places = [1, 2, 3].map(|number| complete.find(&format!("tag-{number}")).expect(&complete));
    assert!(places.is_sorted(), "{complete}");
    let progress = progress.lock().unwrap();
    assert_eq!(progress.last(), Some(&(whole.len() as u64, Some(whole.len() as u64))));
    assert!(progress.is_sorted(), "{progress:?}");
    assert_eq!(store.count(Kind::Abort), 0);
}

#[tokio::test]
async fn a_store_that_refuses_is_said_with_its_code() {
    let directory = directory(&[("f", 6 * MIB)]);
    for (refused, aborted) in [(Kind::Begin, false), (Kind::Part(1), true), (Kind::Complete, true)] {
        let store =
            Store::start(move |kind, _| (kind == refused).then(|| refusal("403 Forbidden", "AccessDenied")))
                .await;
        let error = store.refuses(image(directory.path())).await;
        assert_eq!(error.status(), status::HTTP_FORBIDDEN, "{error:?}");
        assert_eq!(error.detail().code.as_deref(), Some("AccessDenied"));
        assert!(error.to_string().contains("Because AccessDenied"), "{error}");
        assert!(error.to_string().contains("object store"), "{error}");
        assert!(!error.to_string().contains("KEY-OF-THE-API"), "{error}");
        assert_eq!(store.count(refused), 1, "a refusal is not repeated");
        if aborted {
            store.is_given_up().await;
        }
    }
    let store = Store::start(|kind, _| {
        let refused = b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n".to_vec();
        (kind == Kind::Head).then_some(Answer::Keep(refused))
    })
    .await;
    let error = store.refuses(image(directory.path())).await;
    assert_eq!(error.status(), status::HTTP_FORBIDDEN);
}

/// A store that refuses the first `ended` credentials of the API for all but the beginning of an upload; they are
/// `KEY-1`, `KEY-2` ... in the order in which the API hands them out.
async fn with_credentials_that_end(ended: usize) -> Store {
    let handed_out = std::sync::atomic::AtomicUsize::new(0);
    let server = Server::start(move |asked| {
        if asked.line.contains("/object-storage/push-access") {
            let number = 1 + handed_out.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
            let access = json!({
                "storageUrl": format!("http://{}", asked.header("host").unwrap()),
                "accessKey": format!("KEY-{number}"), "secret": "s3cret", "sessionToken": format!("token-{number}"),
                "bucket": "bucket", "organizationId": "org-1", "region": "eu-central-7",
            });
            return Answer::Keep(json_answer("200 OK", &access));
        }
        let kind = kind(asked).unwrap();
        let number = asked.line.split_once("Credential=KEY-").unwrap().1.split('%').next().unwrap();
        let is_ended = number.parse::<usize>().unwrap() <= ended;
        match kind {
            Kind::Part(2..) | Kind::Complete if is_ended => refusal("400 Bad Request", "ExpiredToken"),
            _ => usual(kind),
        }
    })
    .await;
    let client = client(&format!("{}/api", server.url()), json!({"retries": 2}));
    Store { server, client }
}

fn handed_out(store: &Store) -> usize {
    store.server.requests().iter().filter(|asked| asked.line.contains("push-access")).count()
}

#[tokio::test]
async fn credentials_that_end_during_an_upload_are_asked_for_once_and_the_upload_goes_on() {
    let directory = directory(&[("f", 18 * MIB)]);
    let store = with_credentials_that_end(1).await;
    store.prepare(image(directory.path())).await.unwrap();
    assert_eq!(handed_out(&store), 2);
    for asked in store.server.requests() {
        if kind(&asked) == Some(Kind::Complete) {
            assert!(asked.line.contains("Credential=KEY-2%2F"), "{}", asked.line);
            assert!(asked.line.contains("X-Amz-Security-Token=token-2"), "{}", asked.line);
        }
    }
    assert_eq!((store.count(Kind::Part(1)), store.count(Kind::Begin), store.count(Kind::Abort)), (1, 1, 0));
}

#[tokio::test]
async fn credentials_that_are_always_refused_end_the_upload() {
    let directory = directory(&[("f", 6 * MIB)]);
    let store = with_credentials_that_end(usize::MAX).await;
    let error = store.refuses(image(directory.path())).await;
    assert_eq!(error.detail().code.as_deref(), Some("ExpiredToken"), "{error:?}");
    assert!(!error.to_string().contains("KEY-") && !error.to_string().contains("token-"), "{error}");
    assert_eq!((store.count(Kind::Part(2)), handed_out(&store)), (2, 2));
    store.is_given_up().await;
}

#[tokio::test]
async fn a_store_that_fails_once_is_asked_again() {
    let directory = directory(&[("f", 6 * MIB)]);
    for failing in [Kind::Head, Kind::Begin, Kind::Part(1), Kind::Part(2), Kind::Complete] {
        for failure in [
            || refusal("500 Internal Server Error", "InternalError"),
            || refusal("503 Slow Down", "SlowDown"),
        ] {
            let store =
                Store::start(move |kind, before| (kind == failing && before == 0).then(failure)).await;
            store.prepare(image(directory.path())).await.unwrap();
            assert_eq!(store.count(failing), 2, "{failing:?}");
            assert_eq!(store.count(Kind::Abort), 0);
        }
    }
    for failing in [Kind::Head, Kind::Part(1)] {
        let store = Store::start(move |kind, before| {
            (kind == failing && before == 0).then_some(Answer::Close(Vec::new()))
        })
        .await;
        store.prepare(image(directory.path())).await.unwrap();
        assert_eq!(store.count(failing), 2, "{failing:?}");
    }
}

#[tokio::test]
async fn a_store_that_keeps_failing_ends_the_upload() {
    let directory = directory(&[("f", 12 * MIB)]);
    let store = Store::start(|kind, _| {
        (kind == Kind::Part(2)).then(|| refusal("500 Internal Server Error", "Broken"))
    })
    .await;
    let error = store.refuses(image(directory.path())).await;
    assert_eq!(error.status(), status::HTTP_INTERNAL_SERVER);
    assert_eq!(store.count(Kind::Part(2)), 3);
    assert_eq!(store.count(Kind::Complete), 0);
    store.is_given_up().await;
    let store = Store::start(|kind, _| (kind == Kind::Part(2)).then_some(Answer::Close(Vec::new()))).await;
    let error = store.refuses(image(directory.path())).await;
    assert_eq!(error.status(), status::CONNECTION, "{error:?}");
    store.is_given_up().await;
}

#[tokio::test]
async fn a_tag_that_is_wrong_or_missing_makes_no_object() {
    let directory = directory(&[("f", 6 * MIB)]);
    let store = Store::start(|kind, _| match kind {
        Kind::Part(1) => Some(Answer::Keep(with_headers("200 OK", "ETag: \"wrong\"\r\n", b""))),
        Kind::Complete => Some(refusal("400 Bad Request", "InvalidPart")),
        _ => None,
    })
    .await;
    let error = store.refuses(image(directory.path())).await;
    assert_eq!(
        (error.status(), error.detail().code.as_deref()),
        (status::HTTP_BAD_REQUEST, Some("InvalidPart"))
    );
    store.is_given_up().await;
    let store = Store::start(|kind, _| {
        (kind == Kind::Part(1)).then(|| Answer::Keep(with_headers("200 OK", "", b"")))
    })
    .await;
    let error = store.refuses(image(directory.path())).await;
    assert_eq!(error.status(), status::PROTOCOL, "{error:?}");
    store.is_given_up().await;
}

#[tokio::test]
async fn a_completion_that_fails_after_it_began_to_answer_is_an_error() {
    let directory = directory(&[("f", 6 * MIB)]);
    let store =
        Store::start(|kind, _| (kind == Kind::Complete).then(|| refusal("200 OK", "InternalError"))).await;
    let error = store.refuses(image(directory.path())).await;
    assert_eq!(error.status(), status::HTTP_INTERNAL_SERVER, "{error:?}");
    store.is_given_up().await;
}

#[tokio::test]
async fn a_completion_whose_answer_is_lost_is_looked_up() {
    let directory = directory(&[("f", 6 * MIB)]);
    let store = Store::start(|kind, before| match kind {
        Kind::Complete => Some(Answer::Close(Vec::new())),
        Kind::Head if before > 0 => {
            Some(Answer::Keep(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n".to_vec()))
        }
        _ => None,
    })
    .await;
    store.prepare(image(directory.path())).await.unwrap();
    assert_eq!((store.count(Kind::Head), store.count(Kind::Abort)), (2, 0));
}

#[tokio::test]
async fn a_store_that_stalls_is_left_within_the_idle_limit() {
    let directory = directory(&[("f", 6 * MIB)]);
    for stalling in [Kind::Head, Kind::Begin, Kind::Part(1), Kind::Complete] {
        let config = json!({"retries": 0, "idleTimeoutMs": 3000});
        let store =
            Store::with(config, move |kind, _| (kind == stalling).then_some(Answer::Stall(Vec::new()))).await;
        let error = store.refuses(image(directory.path())).await;
        assert_eq!(error.status(), status::TIMEOUT, "{stalling:?}: {error:?}");
        if !matches!(stalling, Kind::Head | Kind::Begin) {
            store.is_given_up().await;
        }
    }
}

#[tokio::test]
async fn a_cancelled_upload_is_given_up() {
    let directory = directory(&[("f", 12 * MIB)]);
    let store = Store::start(|kind, _| (kind == Kind::Part(2)).then_some(Answer::Stall(Vec::new()))).await;
    let image: Image = serde_json::from_value(image(directory.path())).unwrap();
    let client = store.client.clone();
    let upload = tokio::spawn(async move { prepare(&client, &image, None, None).await.map(drop) });
    until("the second part is under way", async || store.count(Kind::Part(2)) > 0).await;
    upload.abort();
    assert!(upload.await.unwrap_err().is_cancelled());
    store.is_given_up().await;
}

#[tokio::test]
async fn a_file_that_changes_while_it_is_sent_makes_no_object() {
    // More than the parts hold that are filled before the store has answered.
    let directory = directory(&[("a", 30 * MIB), ("b", MIB)]);
    let changed = directory.path().join("b");
    let store = Store::start(move |kind, _| {
        if kind == Kind::Begin {
            std::fs::write(&changed, "changed").unwrap();
        }
        None
    })
    .await;
    let error = store.refuses(image(directory.path())).await;
    assert_eq!(error.status(), status::IO, "{error:?}");
    assert!(error.to_string().contains("changed") && error.to_string().contains("/b"), "{error}");
    assert_eq!(store.count(Kind::Complete), 0);
    store.is_given_up().await;
}

#[tokio::test]
async fn what_is_no_object_store_is_a_protocol_error() {
    let directory = directory(&[("f", 6 * MIB)]);
    for odd in ["<html><title>Login</title></html>", "{}", ""] {
        let store = Store::start(move |kind, _| (kind == Kind::Begin).then(|| xml("200 OK", odd))).await;
        let error = store.refuses(image(directory.path())).await;
        assert_eq!(error.status(), status::PROTOCOL, "{odd}: {error:?}");
    }
    for access in [
        json!({}),
        json!([]),
        json!({"storageUrl": "nowhere", "accessKey": "a", "secret": "hidden", "organizationId": "o"}),
        json!({"storageUrl": "ftp://h", "accessKey": "a", "secret": "hidden", "organizationId": "o"}),
        json!({"storageUrl": "http://h", "accessKey": "a", "secret": "hidden", "organizationId": ""}),
        json!({"storageUrl": "http://h", "accessKey": "a", "secret": ["hidden"], "organizationId": "o"}),
    ] {
        let answer = access.clone();
        let server = Server::start(move |_| Answer::Keep(json_answer("200 OK", &answer))).await;
        let client = client(&server.url(), json!({}));
        let image: Image = serde_json::from_value(image(directory.path())).unwrap();
        let error = prepare(&client, &image, None, None).await.unwrap_err();
        assert_eq!(error.status(), status::PROTOCOL, "{access}: {error:?}");
        assert!(!error.to_string().contains("hidden"), "{error}");
    }
}

#[tokio::test]
async fn the_region_of_an_older_server_is_in_the_address() {
    let directory = directory(&[("f", 10)]);
    let server = Server::start(|asked| {
        if asked.line.contains("push-access") {
            return Answer::Keep(json_answer(
                "200 OK",
                &json!({
                    "storageUrl": format!("http://{}/deep", asked.header("host").unwrap()),
                    "accessKey": "k", "secret": "s", "sessionToken": "", "bucket": "", "organizationId": "o",
                }),
            ));
        }
        usual(kind(asked).unwrap())
    })
    .await;
    let client = client(&server.url(), json!({}));
    let image: Image = serde_json::from_value(image(directory.path())).unwrap();
    tokio::time::timeout(Duration::from_secs(60), prepare(&client, &image, None, None))
        .await
        .unwrap()
        .unwrap();
    let put = server.requests().pop().unwrap().line;
    assert!(put.starts_with("PUT /deep/daytona-volume-builds/o/"), "{put}");
    assert!(put.contains("%2Fus-east-1%2Fs3%2F") && !put.contains("Security-Token"), "{put}");
}
