//! The `/files` endpoints of the newer protocol, over the wire; the replay holds the older one to its
//! recordings.

use std::{io::Write, path::PathBuf, time::Duration};

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use daytona_dev::outside::{Outside, as_owner_of};
use daytona_dev::{Options, Protocol, Server};
use reqwest::{Client, Method, RequestBuilder, Response, multipart};
use serde_json::{Value, json};

/// A server with one sandbox, and its toolbox.
struct Toolbox {
    server: Server,
    client: Client,
    url: String,
    id: String,
    home: PathBuf,
}

impl Toolbox {
    async fn of(protocol: Protocol) -> Self {
        let server = Server::start(Options { protocol, ..Options::default() }).await.unwrap();
        let client = crate::client::http().build().unwrap();
        let created = client.post(format!("{}/sandbox", server.api_url())).bearer_auth(server.api_key());
        let sandbox: Value = parsed(created.json(&json!({})).send().await.unwrap()).await;
        let id = sandbox["id"].as_str().unwrap().to_owned();
        let url = format!("{}/{id}", sandbox["toolboxProxyUrl"].as_str().unwrap());
        let mut toolbox = Self { server, client, url, id, home: PathBuf::new() };
        let home: Value = parsed(toolbox.send(Method::GET, "/user-home-dir").await).await;
        toolbox.home = Outside::of(&toolbox.server, &toolbox.id).unwrap().path(home["dir"].as_str().unwrap());
        toolbox
    }

    async fn new() -> Self {
        Self::of(Protocol::V0_205).await
    }

    fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.client.request(method, format!("{}{path}", self.url)).bearer_auth(self.server.api_key())
    }

    async fn send(&self, method: Method, path: &str) -> Response {
        self.request(method, path).send().await.unwrap()
    }

    async fn get(&self, path: &str) -> Response {
        self.send(Method::GET, path).await
    }

    async fn upload(&self, path: &str, content: impl Into<reqwest::Body>) -> Response {
        self.request(Method::POST, &format!("/files/upload-v2?path={path}"))
            .body(content)
            .send()
            .await
            .unwrap()
    }

    async fn download(&self, path: &str) -> Vec<u8> {
        let response = self.get(&format!("/files/download?path={path}")).await;
        assert_eq!(response.status(), 200);
        response.bytes().await.unwrap().to_vec()
    }

    /// A pipe that nobody writes to.
    async fn make_pipe(&self) {
        let body = json!({ "command": "mkfifo pipe" });
        let made = self.request(Method::POST, "/process/execute").json(&body).send().await.unwrap();
        assert_eq!(parsed(made).await["exitCode"], 0);
    }

    async fn signing_key(&self) -> String {
        let url = format!("{}/sandbox/{}/signing-key", self.server.api_url(), self.id);
        let response = self.client.get(url).bearer_auth(self.server.api_key()).send().await.unwrap();
        response.text().await.unwrap()
    }

    async fn signed(&self, method: &str, endpoint: &str, path: &str, expires: u64) -> String {
        let key = ring::hmac::Key::new(ring::hmac::HMAC_SHA256, self.signing_key().await.as_bytes());
        let tag = ring::hmac::sign(&key, format!("v1:files:{method}:{path}:{expires}").as_bytes());
        let signature = URL_SAFE_NO_PAD.encode(tag);
        format!("{}{endpoint}?path={path}&expires={expires}&signature=v1_{signature}", self.url)
    }
}

async fn parsed(response: Response) -> Value {
    let (status, text) = (response.status(), response.text().await.unwrap());
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{status} {text:?}: {error}"))
}

/// Bytes that hold many beginnings of a multipart boundary.
fn hard_bytes(length: usize) -> Vec<u8> {
    let pattern = b"\r\n--\r\n-\r\rDAYTONA-FILE-BOUNDARY\n\x00\xff";
    (0..length).map(|index| pattern[index % pattern.len()] ^ (index / 4096 % 2) as u8).collect()
}

#[tokio::test]
async fn a_raw_upload_arrives_whole_and_makes_its_directories() {
    let toolbox = Toolbox::new().await;
    let content = hard_bytes(3 * 1024 * 1024 + 17);
    let response = toolbox.upload("new/dir/f.bin", content.clone()).await;
    assert_eq!(response.status(), 200);
    assert_eq!(parsed(response).await, json!({ "name": "f.bin", "path": "new/dir/f.bin", "type": "file" }));
    assert!(std::fs::read(toolbox.home.join("new/dir/f.bin")).unwrap() == content);
    assert!(toolbox.download("new/dir/f.bin").await == content);
}

#[tokio::test]
async fn a_form_upload_arrives_whole() {
    let toolbox = Toolbox::new().await;
    let content = hard_bytes(2 * 1024 * 1024 + 1);
    let form = multipart::Form::new().part("file", multipart::Part::bytes(content.clone()).file_name("x"));
    let response =
        toolbox.request(Method::POST, "/files/upload-v2?path=f.bin").multipart(form).send().await.unwrap();
    assert_eq!(response.status(), 200);
    assert!(toolbox.download("f.bin").await == content);
}

#[tokio::test]
async fn an_upload_replaces_the_file_and_keeps_its_mode() {
    let toolbox = Toolbox::new().await;
    toolbox.upload("f.sh", "long old content").await;
    toolbox.send(Method::POST, "/files/permissions?path=f.sh&mode=0755").await;
    toolbox.upload("f.sh", "new").await;
    assert_eq!(toolbox.download("f.sh").await, b"new");
    let info = parsed(toolbox.get("/files/info?path=f.sh").await).await;
    assert_eq!(info["permissions"], "0755");
}

#[tokio::test]
async fn an_upload_that_breaks_off_leaves_nothing() {
    let toolbox = Toolbox::new().await;
    let (host, path) = toolbox.url.trim_start_matches("http://").split_once('/').unwrap();
    let head = format!(
        "POST /{path}/files/upload-v2?path=d/f HTTP/1.1\r\nHost: {host}\r\nAuthorization: Bearer {}\r\nContent-Length: 1000000\r\n\r\n",
        toolbox.server.api_key()
    );
    let mut socket = std::net::TcpStream::connect(host).unwrap();
    socket.write_all(head.as_bytes()).unwrap();
    socket.write_all(&vec![b'x'; 600_000]).unwrap();
    let names = || {
        let entries = std::fs::read_dir(toolbox.home.join("d")).ok().into_iter().flatten();
        entries.map(|entry| entry.unwrap().file_name()).collect::<Vec<_>>()
    };
    while names().is_empty() {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    drop(socket);
    while !names().is_empty() {
        assert!(!names().contains(&"f".into()), "half a file under its name");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

#[tokio::test]
async fn an_upload_over_a_directory_is_refused() {
    let toolbox = Toolbox::new().await;
    toolbox.send(Method::POST, "/files/folder?path=d&mode=0755").await;
    let response = toolbox.upload("d", vec![b'x'; 1024 * 1024]).await;
    assert_eq!(response.status(), 400);
    let error = parsed(response).await;
    assert_eq!(error["code"], "BAD_REQUEST");
    assert_eq!(error["message"], "open d: is a directory");
}

#[tokio::test]
async fn an_error_is_an_envelope_from_the_daemon() {
    let toolbox = Toolbox::new().await;
    let response = toolbox.get("/files/info?path=nope").await;
    assert_eq!(response.status(), 404);
    let mut error = parsed(response).await;
    assert!(error["timestamp"].take().is_string());
    assert_eq!(
        error,
        json!({
            "statusCode": 404,
            "message": "stat nope: no such file or directory",
            "code": "FILE_NOT_FOUND",
            "source": "DAYTONA_DAEMON",
            "timestamp": null,
            "path": "/files/info",
            "method": "GET",
        })
    );
}

#[tokio::test]
async fn a_depth_lists_what_is_below_with_its_path() {
    let toolbox = Toolbox::new().await;
    toolbox.upload("a/b/c.txt", "c").await;
    toolbox.upload("a/z.txt", "z").await;
    as_owner_of(&toolbox.home, || std::os::unix::fs::symlink("..", toolbox.home.join("a/up"))).unwrap();
    let listed = async |depth: &str| {
        let entries = parsed(toolbox.get(&format!("/files?path=a{depth}")).await).await;
        let paths: Vec<String> = entries
            .as_array()
            .unwrap()
            .iter()
            .map(|entry| entry["path"].as_str().unwrap().to_owned())
            .collect();
        paths
    };
    assert_eq!(listed("").await, ["a/b", "a/up", "a/z.txt"]);
    assert_eq!(listed("&depth=9").await, ["a/b", "a/b/c.txt", "a/up", "a/z.txt"]);
    for wrong in ["0", "-1", "x"] {
        assert_eq!(toolbox.get(&format!("/files?path=a&depth={wrong}")).await.status(), 400);
    }
}

#[tokio::test]
async fn a_range_is_part_of_a_file() {
    let toolbox = Toolbox::new().await;
    toolbox.upload("f", "0123456789").await;
    let ranged = async |range: &str| {
        toolbox.request(Method::GET, "/files/download?path=f").header("Range", range).send().await.unwrap()
    };
    let part = ranged("bytes=2-4").await;
    assert_eq!(part.status(), 206);
    assert_eq!(part.headers()["content-range"], "bytes 2-4/10");
    assert_eq!(part.text().await.unwrap(), "234");
    let beyond = ranged("bytes=10-").await;
    assert_eq!(beyond.status(), 416);
    assert_eq!(beyond.headers()["content-range"], "bytes */10");
}

#[tokio::test]
async fn a_file_name_is_latin_1_in_the_header_as_the_daemon_sends_it() {
    let toolbox = Toolbox::new().await;
    toolbox.upload("%C3%BC%E6%97%A5.txt", "x").await;
    let response = toolbox.get("/files/download?path=%C3%BC%E6%97%A5.txt").await;
    let disposition = response.headers()["content-disposition"].as_bytes();
    assert_eq!(disposition, b"attachment; filename=\"\xfc_.txt\"; filename*=utf-8''%C3%BC%E6%97%A5.txt");
}

#[tokio::test]
async fn a_bulk_download_tells_each_file_and_each_error() {
    let toolbox = Toolbox::new().await;
    let content = hard_bytes(700_001);
    toolbox.upload("f.bin", content.clone()).await;
    toolbox.make_pipe().await;
    let response = toolbox
        .request(Method::POST, "/files/bulk-download")
        .json(&json!({ "paths": ["f.bin", "nope", "pipe"] }))
        .send()
        .await
        .unwrap();
    let boundary = multer::parse_boundary(response.headers()["content-type"].to_str().unwrap()).unwrap();
    let mut parts = multer::Multipart::new(response.bytes_stream(), boundary);
    let file = parts.next_field().await.unwrap().unwrap();
    assert_eq!(file.name(), Some("file"));
    assert_eq!(file.headers()["content-length"], content.len().to_string());
    assert!(file.bytes().await.unwrap() == content);
    let error = parts.next_field().await.unwrap().unwrap();
    assert_eq!(error.name(), Some("error"));
    let error: Value = serde_json::from_slice(&error.bytes().await.unwrap()).unwrap();
    assert_eq!(error["code"], "FILE_NOT_FOUND");
    assert_eq!(error["source"], "DAYTONA_DAEMON");
    let error = parts.next_field().await.unwrap().unwrap().bytes().await.unwrap();
    assert_eq!(serde_json::from_slice::<Value>(&error).unwrap()["code"], "INVALID_FILE_PATH");
    assert!(parts.next_field().await.unwrap().is_none());
}

#[tokio::test]
async fn a_bulk_upload_of_large_files_arrives_whole() {
    let toolbox = Toolbox::new().await;
    let contents = [hard_bytes(1_500_000), Vec::new(), hard_bytes(42)];
    let form = contents.iter().enumerate().fold(multipart::Form::new(), |form, (index, content)| {
        form.text(format!("files[{index}].path"), format!("up/{index}"))
            .part(format!("files[{index}].file"), multipart::Part::bytes(content.clone()).file_name("x"))
    });
    let response = toolbox.request(Method::POST, "/files/bulk-upload").multipart(form).send().await.unwrap();
    assert_eq!(response.status(), 200);
    let files = parsed(response).await;
    assert_eq!(files["files"][0], json!({ "path": "up/0", "bytes": 1_500_000 }));
    for (index, content) in contents.iter().enumerate() {
        assert!(std::fs::read(toolbox.home.join(format!("up/{index}"))).unwrap() == *content, "{index}");
    }
}

#[tokio::test]
async fn a_signed_url_needs_no_key() {
    let toolbox = Toolbox::new().await;
    let far = u32::MAX.into();
    let up = toolbox.signed("POST", "/files/upload-v2", "s/f", far).await;
    let response = toolbox.client.post(up).body("signed").send().await.unwrap();
    assert_eq!(response.status(), 200);
    for expires in [far, 0] {
        let down = toolbox.signed("GET", "/files/download", "s/f", expires).await;
        let response = toolbox.client.get(down).send().await.unwrap();
        assert_eq!(response.text().await.unwrap(), "signed");
    }
}

#[tokio::test]
async fn a_signed_url_is_good_for_nothing_else() {
    let toolbox = Toolbox::new().await;
    toolbox.upload("f", "f").await;
    let far = u32::MAX.into();
    let status = async |url: String| toolbox.client.get(url).send().await.unwrap().status();
    let good = toolbox.signed("GET", "/files/download", "f", far).await;
    assert_eq!(status(good.clone()).await, 200);
    assert_eq!(status(good.replace("path=f", "path=g")).await, 401);
    assert_eq!(status(good.replace("/files/download", "/files/info")).await, 401);
    assert_eq!(status(toolbox.signed("POST", "/files/download", "f", far).await).await, 401);
    assert_eq!(status(toolbox.signed("GET", "/files/download", "f", 1).await).await, 401);
    assert_eq!(status(format!("{}/files/download?path=f", toolbox.url)).await, 401);
    assert_eq!(status(format!("{good}x")).await, 401);
}

#[tokio::test]
async fn each_protocol_has_its_own_upload() {
    for (protocol, here, absent) in [
        (Protocol::V0_190, "/files/upload", "/files/upload-v2"),
        (Protocol::V0_205, "/files/upload-v2", "/files/upload"),
    ] {
        let toolbox = Toolbox::of(protocol).await;
        let status = async |path: &str| {
            let form = multipart::Form::new().part("file", multipart::Part::text("x"));
            let request = toolbox.request(Method::POST, &format!("{path}?path=f")).multipart(form);
            request.send().await.unwrap().status()
        };
        assert_eq!(status(here).await, 200);
        assert_eq!(status(absent).await, 404);
    }
}

#[tokio::test]
async fn a_replacement_keeps_bytes_that_are_no_text() {
    let toolbox = Toolbox::new().await;
    toolbox.upload("f", &b"\xff old \xfe old"[..]).await;
    let body = json!({ "files": ["f"], "pattern": "old", "newValue": "" });
    let response = toolbox.request(Method::POST, "/files/replace").json(&body).send().await.unwrap();
    assert_eq!(parsed(response).await, json!([{ "file": "f", "success": true }]));
    assert_eq!(toolbox.download("f").await, b"\xff  \xfe ");
    toolbox.make_pipe().await;
    let body = json!({ "files": ["pipe"], "pattern": "old", "newValue": "" });
    let response = toolbox.request(Method::POST, "/files/replace").json(&body).send().await.unwrap();
    assert_eq!(parsed(response).await[0]["success"], false);
}

#[tokio::test]
async fn a_search_for_text_passes_binary_files_by() {
    let toolbox = Toolbox::new().await;
    toolbox.upload("d/binary", &b"needle\0"[..]).await;
    toolbox.upload("d/text", "hay\r\nneedle here\r\nhay\nlast needle").await;
    let found = parsed(toolbox.get("/files/find?path=d&pattern=needle").await).await;
    assert_eq!(
        found,
        json!([
            { "file": "d/text", "line": 2, "content": "needle here" },
            { "file": "d/text", "line": 4, "content": "last needle" },
        ])
    );
}

#[tokio::test]
async fn a_directory_moves_with_what_is_in_it() {
    let toolbox = Toolbox::new().await;
    toolbox.upload("a/b/c", "c").await;
    let response = toolbox.send(Method::POST, "/files/move?source=a&destination=z").await;
    assert_eq!(response.status(), 200);
    assert_eq!(toolbox.download("z/b/c").await, b"c");
    assert_eq!(toolbox.get("/files?path=a").await.status(), 404);
    let again = toolbox.send(Method::POST, "/files/move?source=z&destination=z").await;
    assert_eq!(again.status(), 409);
    assert_eq!(parsed(again).await["code"], "CONFLICT");
}

#[tokio::test]
async fn an_absolute_path_is_the_machines_own() {
    let toolbox = Toolbox::new().await;
    let outside = tempfile::tempdir().unwrap();
    let path = outside.path().join("f").to_string_lossy().into_owned();
    assert_eq!(toolbox.upload(&path, "outside").await.status(), 200);
    let seen = Outside::of(&toolbox.server, &toolbox.id).unwrap().path(&path);
    assert_eq!(std::fs::read(&seen).unwrap(), b"outside");
    assert_eq!(std::path::Path::new(&path).exists(), !toolbox.server.is_isolated());
}
