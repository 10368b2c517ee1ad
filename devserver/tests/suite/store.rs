//! The object store, with requests that others sign: rusty-s3 presigned URLs, curl headers. The unit tests hold
//! signatures and chunks to the examples of AWS.

use crate::client::DevServer;
use daytona_dev::Protocol;
use reqwest::{Method, Response};
use rusty_s3::actions::{
    AbortMultipartUpload, CompleteMultipartUpload, CreateMultipartUpload, ListObjectsV2, S3Action, UploadPart,
};
use rusty_s3::{Bucket, Credentials, UrlStyle};
use serde_json::Value;
use std::process::Stdio;
use std::time::Duration;
use tokio::io::AsyncWriteExt;
use tokio::process::Command;

const MINUTE: Duration = Duration::from_secs(60);

/// What a client gets from the API, and a signer that uses it.
struct Access {
    dev_server: DevServer,
    json: Value,
    bucket: Bucket,
    credentials: Credentials,
}

impl Access {
    async fn new() -> Self {
        let dev_server = DevServer::new().await;
        let json = dev_server.get("/object-storage/push-access").await.1;
        let text = |key: &str| json[key].as_str().unwrap().to_owned();
        let endpoint = text("storageUrl").parse().unwrap();
        let bucket = Bucket::new(endpoint, UrlStyle::Path, text("bucket"), text("region")).unwrap();
        let credentials =
            Credentials::new_with_token(text("accessKey"), text("secret"), text("sessionToken"));
        Self { dev_server, json, bucket, credentials }
    }

    fn key(&self, rest: &str) -> String {
        format!("{}/{rest}", self.json["organizationId"].as_str().unwrap())
    }

    async fn send<'a>(&self, method: Method, action: &impl S3Action<'a>, body: Vec<u8>) -> Response {
        self.dev_server.http.request(method, action.sign(MINUTE)).body(body).send().await.unwrap()
    }

    async fn put(&self, key: &str, body: &[u8]) -> Response {
        let action = self.bucket.put_object(Some(&self.credentials), key);
        self.send(Method::PUT, &action, body.to_vec()).await
    }

    async fn get(&self, key: &str) -> Response {
        self.send(Method::GET, &self.bucket.get_object(Some(&self.credentials), key), Vec::new()).await
    }

    /// Signs in headers, by another program; status and body.
    async fn curl(&self, method: &str, target: &str, headers: &[&str], body: &[u8]) -> (String, String) {
        let text = |key: &str| self.json[key].as_str().unwrap();
        let url = format!("{}{target}", text("storageUrl"));
        let mut curl = Command::new("curl");
        curl.args(["-s", "-X", method, "--aws-sigv4", "aws:amz:us-east-1:s3", "-w", "\n%{http_code}"])
            .args(["-H", "expect:"])
            .args(["-u", &format!("{}:{}", text("accessKey"), text("secret"))])
            .args(["-H", &format!("x-amz-security-token: {}", text("sessionToken"))]);
        let hash = ring::digest::digest(&ring::digest::SHA256, body);
        let hash: String = hash.as_ref().iter().map(|byte| format!("{byte:02x}")).collect();
        if !headers.iter().any(|header| header.starts_with("x-amz-content-sha256")) {
            curl.args(["-H", &format!("x-amz-content-sha256: {hash}")]);
        }
        for header in headers {
            curl.args(["-H", header]);
        }
        if method == "HEAD" {
            curl.arg("-I");
        } else if method != "GET" {
            curl.args(["--data-binary", "@-"]);
        }
        curl.arg(url).stdin(Stdio::piped()).stdout(Stdio::piped()).kill_on_drop(true);
        let mut curl = curl.spawn().expect("curl is needed: apt-get install curl");
        let _closed = curl.stdin.take().unwrap().write_all(body).await;
        let output = curl.wait_with_output().await.unwrap();
        let output = String::from_utf8(output.stdout).unwrap();
        let (body, status) = output.rsplit_once('\n').unwrap();
        (status.to_owned(), body.to_owned())
    }
}

async fn code(response: Response) -> (u16, String) {
    let status = response.status().as_u16();
    let text = response.text().await.unwrap();
    let code = text.split_once("<Code>").and_then(|(_, rest)| rest.split_once("</Code>"));
    (status, code.map(|(code, _)| code.to_owned()).unwrap_or(text))
}

#[tokio::test]
async fn what_is_put_is_read_listed_and_replaced() {
    let access = Access::new().await;
    let key = access.key("0f/a b+c ü/context.tar");
    assert_eq!(code(access.get(&key).await).await, (404, "NoSuchKey".into()));
    let put = access.put(&key, b"hello").await;
    assert_eq!(
        (put.status().as_u16(), put.headers()["etag"].to_str().unwrap()),
        (200, "\"5d41402abc4b2a76b9719d911017c592\"")
    );
    access.put(&access.key("0f/z"), b"").await;
    let head = access.bucket.head_object(Some(&access.credentials), &key);
    let head = access.send(Method::HEAD, &head, Vec::new()).await;
    assert_eq!((head.status().as_u16(), head.headers()["content-length"].to_str().unwrap()), (200, "5"));
    assert_eq!(access.get(&key).await.bytes().await.unwrap(), "hello");

    let listed = async |prefix: &str, max: usize, token: Option<String>| {
        let mut list = ListObjectsV2::new(&access.bucket, Some(&access.credentials));
        list.with_prefix(access.key(prefix));
        list.with_max_keys(max);
        if let Some(token) = token {
            list.with_continuation_token(token);
        }
        let answer = access.send(Method::GET, &list, Vec::new()).await.text().await.unwrap();
        ListObjectsV2::parse_response(&answer).unwrap()
    };
    let first = listed("0f/", 1, None).await;
    assert_eq!(first.contents.len(), 1);
    assert_eq!(
        (first.contents[0].size, first.contents[0].etag.as_str()),
        (5, "\"5d41402abc4b2a76b9719d911017c592\"")
    );
    let rest = listed("0f/", 1, first.next_continuation_token).await;
    assert_eq!((rest.contents[0].key.as_str(), rest.contents.len()), (access.key("0f/z").as_str(), 1));
    assert_eq!(rest.next_continuation_token, None);
    assert_eq!(listed("1f/", 10, None).await.contents.len(), 0);

    access.put(&key, b"other").await;
    assert_eq!(access.get(&key).await.bytes().await.unwrap(), "other");
}

#[tokio::test]
async fn a_large_object_goes_up_in_parts_and_comes_back_whole() {
    let access = Access::new().await;
    let key = access.key("parts/context.tar");
    let create = CreateMultipartUpload::new(&access.bucket, Some(&access.credentials), &key);
    let created = access.send(Method::POST, &create, Vec::new()).await.text().await.unwrap();
    let created = CreateMultipartUpload::parse_response(&created).unwrap();
    let upload_id = created.upload_id();
    let parts: Vec<Vec<u8>> = vec![vec![b'a'; 5 << 20], vec![b'b'; 5 << 20], b"end".to_vec()];
    let mut etags = Vec::new();
    for (number, part) in (1..).zip(&parts) {
        let action = UploadPart::new(&access.bucket, Some(&access.credentials), &key, number, upload_id);
        let answer = access.send(Method::PUT, &action, part.clone()).await;
        etags.push(answer.headers()["etag"].to_str().unwrap().to_owned());
    }
    assert_eq!(code(access.get(&key).await).await.0, 404, "not before it is complete");
    let complete = async |etags: Vec<&str>| {
        let etags = etags.into_iter();
        let action =
            CompleteMultipartUpload::new(&access.bucket, Some(&access.credentials), &key, upload_id, etags);
        let url = action.sign(MINUTE);
        access.dev_server.http.post(url).body(action.body()).send().await.unwrap()
    };
    assert_eq!(code(complete(vec!["\"0f\""]).await).await, (400, "InvalidPart".into()));
    let done = complete(etags.iter().map(String::as_str).collect()).await;
    assert_eq!(done.status(), 200);
    assert!(done.text().await.unwrap().contains("-3\"</ETag>"));
    let whole = access.get(&key).await.bytes().await.unwrap();
    assert!(whole == parts.concat());
    let range = access.bucket.get_object(Some(&access.credentials), &key).sign(MINUTE);
    let range =
        access.dev_server.http.get(range).header("range", "bytes=5242879-5242880").send().await.unwrap();
    assert_eq!((range.status().as_u16(), range.text().await.unwrap().as_str()), (206, "ab"));
    assert_eq!(code(complete(vec!["\"0f\""]).await).await, (404, "NoSuchUpload".into()));
}

#[tokio::test]
async fn an_aborted_upload_leaves_nothing() {
    let access = Access::new().await;
    let key = access.key("aborted");
    let create = CreateMultipartUpload::new(&access.bucket, Some(&access.credentials), &key);
    let created = access.send(Method::POST, &create, Vec::new()).await.text().await.unwrap();
    let created = CreateMultipartUpload::parse_response(&created).unwrap();
    let upload_id = created.upload_id();
    let part = UploadPart::new(&access.bucket, Some(&access.credentials), &key, 1, upload_id);
    assert_eq!(access.send(Method::PUT, &part, vec![0; 100]).await.status(), 200);
    let abort = AbortMultipartUpload::new(&access.bucket, Some(&access.credentials), &key, upload_id);
    assert_eq!(access.send(Method::DELETE, &abort, Vec::new()).await.status(), 204);
    assert_eq!(code(access.send(Method::PUT, &part, vec![0; 100]).await).await, (404, "NoSuchUpload".into()));
    assert_eq!(code(access.get(&key).await).await.0, 404);
}

#[tokio::test]
async fn credentials_reach_their_own_organizations_prefix_alone_and_delete_nothing() {
    let access = Access::new().await;
    let denied = (403, "AccessDenied".to_owned());
    assert_eq!(code(access.put("elsewhere/x", b"x").await).await, denied);
    assert_eq!(code(access.get("elsewhere/x").await).await, denied);
    let list = ListObjectsV2::new(&access.bucket, Some(&access.credentials));
    assert_eq!(code(access.send(Method::GET, &list, Vec::new()).await).await, denied);
    let key = access.key("x");
    access.put(&key, b"x").await;
    let delete = access.bucket.delete_object(Some(&access.credentials), &key);
    assert_eq!(code(access.send(Method::DELETE, &delete, Vec::new()).await).await, denied);
    assert_eq!(access.get(&key).await.status(), 200);

    let wrong = Credentials::new("nobody", "nothing");
    let url = access.bucket.get_object(Some(&wrong), &key).sign(MINUTE);
    let refused = access.dev_server.http.get(url).send().await.unwrap();
    assert_eq!(code(refused).await, (403, "InvalidAccessKeyId".into()));
    let no_token = Credentials::new(access.credentials.key(), access.credentials.secret());
    let url = access.bucket.get_object(Some(&no_token), &key).sign(MINUTE);
    let refused = access.dev_server.http.get(url).send().await.unwrap();
    assert_eq!(code(refused).await, (400, "InvalidToken".into()));
    let unsigned = format!("{}/daytona/{key}", access.dev_server.base());
    assert_eq!(code(access.dev_server.http.get(unsigned).send().await.unwrap()).await, denied);
}

#[tokio::test]
async fn headers_that_curl_signs_are_accepted_and_bodies_are_checked() {
    let access = Access::new().await;
    let target = format!("/daytona/{}", access.key("curl"));
    assert_eq!(access.curl("PUT", &target, &[], b"hello").await.0, "200");
    assert_eq!(access.curl("GET", &target, &[], b"").await, ("200".into(), "hello".into()));
    assert_eq!(access.curl("HEAD", &target, &[], b"").await.0, "200");
    let unsigned = ["x-amz-content-sha256: UNSIGNED-PAYLOAD"];
    assert_eq!(access.curl("PUT", &target, &unsigned, b"unsigned").await.0, "200");
    assert_eq!(access.curl("GET", &target, &[], b"").await.1, "unsigned");
    let refused = |(status, body): (String, String), code: &str| {
        assert!(status.starts_with('4') && body.contains(&format!("<Code>{code}</Code>")), "{status} {body}");
    };
    let wrong = format!("x-amz-content-sha256: {}", "0".repeat(64));
    refused(access.curl("PUT", &target, &[&wrong], b"x").await, "XAmzContentSHA256Mismatch");
    let wrong = "content-md5: XUFAKrxLKna5cZ2REBfFkg==";
    refused(access.curl("PUT", &target, &[wrong], b"x").await, "BadDigest");
    let wrong = "x-amz-checksum-crc32: AAAAAA==";
    refused(access.curl("PUT", &target, &[wrong], b"x").await, "BadDigest");
    let right = "x-amz-checksum-crc32: jNxpEA==";
    assert_eq!(
        access.curl("PUT", &target, &[unsigned[0], "x-amz-checksum-crc32: NhCmhg=="], b"hello").await.0,
        "200"
    );
    refused(access.curl("PUT", &target, &[right], b"x").await, "BadDigest");
    assert_eq!(access.curl("GET", &target, &[], b"").await.1, "hello", "what was refused changed nothing");
    refused(access.curl("GET", "/other/key", &[], b"").await, "NoSuchBucket");
}

#[tokio::test]
async fn a_checksum_may_follow_an_unsigned_body() {
    let access = Access::new().await;
    let target = format!("/daytona/{}", access.key("trailer"));
    let headers = [
        "x-amz-content-sha256: STREAMING-UNSIGNED-PAYLOAD-TRAILER",
        "content-encoding: aws-chunked",
        "x-amz-decoded-content-length: 5",
        "x-amz-trailer: x-amz-checksum-crc32",
    ];
    let body = |crc: &str| format!("3\r\nhel\r\n2\r\nlo\r\n0\r\nx-amz-checksum-crc32:{crc}\r\n\r\n");
    assert_eq!(access.curl("PUT", &target, &headers, body("NhCmhg==").as_bytes()).await.0, "200");
    assert_eq!(access.curl("GET", &target, &[], b"").await.1, "hello");
    let (status, answer) = access.curl("PUT", &target, &headers, body("AAAAAA==").as_bytes()).await;
    assert!(status == "400" && answer.contains("BadDigest"), "{status} {answer}");
}

#[tokio::test]
async fn the_last_self_hosted_release_names_no_region() {
    let dev_server = DevServer::of(Protocol::V0_190).await;
    let access = dev_server.get("/object-storage/push-access").await.1;
    assert!(access["sessionToken"].is_string() && access.get("region").is_none(), "{access}");
}
