//! Image objects with local files against the dev server and its object store, which checks signatures.

use crate::dev_server::{BOTH, DevServer};
use crate::support::soon;
use daytona::client::image::{Image, prepare};
use daytona::client::transport::Method;
use rusty_s3::actions::S3Action;
use rusty_s3::{Bucket, Credentials, UrlStyle};
use serde_json::{Value, json};
use std::time::Duration;

const MIB: usize = 1 << 20;

/// What the store has under a hash.
async fn stored(dev: &DevServer, hash: &str) -> daytona::Result<Vec<u8>> {
    let access = dev.client.request(Method::GET, "object-storage/push-access").send().await?.json().await?;
    let access: Value = serde_json::from_slice(&access.text).unwrap();
    let text = |key: &str| access[key].as_str().unwrap_or("us-east-1").to_owned();
    let endpoint = text("storageUrl").parse().unwrap();
    let bucket = Bucket::new(endpoint, UrlStyle::Path, text("bucket"), text("region")).unwrap();
    let credentials = Credentials::new_with_token(text("accessKey"), text("secret"), text("sessionToken"));
    let key = format!("{}/{hash}/context.tar", text("organizationId"));
    let url = bucket.get_object(Some(&credentials), &key).sign(Duration::from_secs(60));
    dev.client.transport().request(Method::GET, url.as_str()).anonymous().send().await?.bytes().await
}

#[tokio::test]
async fn contexts_of_every_size_and_style_reach_the_store_once() {
    let directory = tempfile::tempdir().unwrap();
    let write = |name: &str, length: usize| {
        let content = crate::fixture::content(length);
        std::fs::write(directory.path().join(name), &content).unwrap();
        content
    };
    let (small, large) = (write("small", 100), write("large", 11 * MIB));
    for protocol in BOTH {
        let dev = DevServer::of(protocol).await;
        for style in [Value::Null, json!("go"), json!("python"), json!("typescript"), json!("ruby")] {
            let add = |name: &str| json!({"addLocalFile": {"localPath": directory.path().join(name), "remotePath": "/x"}});
            let image =
                json!({"base": "b", "style": style, "steps": [add("small"), add("large"), add("small")]});
            let image: Image = serde_json::from_value(image).unwrap();
            let prepared = soon(prepare(&dev.client, &image, None, None)).await.unwrap();
            let again = soon(prepare(&dev.client, &image, None, None)).await.unwrap();
            assert_eq!(prepared.build_info.context_hashes, again.build_info.context_hashes);
            let hashes = &prepared.build_info.context_hashes;
            let expected = if style.is_null() { 2 } else { 3 };
            assert_eq!(hashes.len(), expected, "{style}: the same file is one context in our own style");
            for (hash, content) in hashes.iter().zip([&small, &large]) {
                let archive = soon(stored(&dev, hash)).await.unwrap();
                let mut archive = tar::Archive::new(&archive[..]);
                let mut file = archive.entries().unwrap().next().unwrap().unwrap();
                let mut found = Vec::new();
                std::io::Read::read_to_end(&mut file, &mut found).unwrap();
                assert!(found == *content, "{style}");
            }
        }
    }
}

#[tokio::test]
async fn a_sandbox_is_made_from_an_image_object_with_local_files() {
    let Some(dev) = DevServer::isolated(daytona_dev::Protocol::V0_205).await else { return };
    let image = json!({"base": "python:3.12-slim", "steps": [
        {"addLocalFile": {"localPath": "tests/suite/image/files/requirements.txt", "remotePath": "/r.txt"}},
        {"env": {"A": "it's $5"}},
    ]});
    let (_, sandbox) = dev.sandbox("sandbox.create", json!({ "image": image })).await.unwrap();
    let dockerfile = sandbox["buildInfo"]["dockerfileContent"].as_str().unwrap();
    assert_eq!(dockerfile, "FROM python:3.12-slim\nCOPY requirements.txt /r.txt\nENV A=\"it's \\$5\"\n");
    assert_eq!(sandbox["buildInfo"]["contextHashes"].as_array().unwrap().len(), 1);
    let text = json!({ "image": image.to_string() });
    let (_, same) = dev.sandbox("sandbox.create", text).await.unwrap();
    assert_eq!(same["buildInfo"]["contextHashes"], sandbox["buildInfo"]["contextHashes"]);
}
