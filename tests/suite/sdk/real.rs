//! The Rust SDK against the dev server.

use crate::support::{soon, until};
use daytona::types::ClientConfig;
use daytona::{Client, ErrorClass, SandboxSpec};
use daytona_dev::{Options, Server};
use std::os::unix::ffi::OsStringExt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

struct Fixture {
    _server: Server,
    client: Client,
}

impl Fixture {
    async fn new() -> Self {
        let server = Server::start(Options::default()).await.unwrap();
        let config = ClientConfig {
            api_url: Some(server.api_url().to_owned()),
            api_key: Some(server.api_key().to_owned()),
            ..ClientConfig::default()
        };
        Self { client: Client::new(config).unwrap(), _server: server }
    }
}

/// The program of USAGE.md.
#[tokio::test]
async fn a_first_program_does_what_it_says() {
    let fixture = Fixture::new().await;
    let client = &fixture.client;
    let sandbox = client.create(SandboxSpec::default().language("python")).await.unwrap();
    let limit = Duration::from_secs(60);
    let done = sandbox.process().execute("echo hello; pwd").cwd("/tmp").timeout(limit).await.unwrap();
    assert_eq!((done.result.as_str(), done.exit_code), ("hello\n/tmp\n", 0));

    let mut run = sandbox.process().run("echo out; echo err >&2; exit 3").await.unwrap();
    let (mut out, mut err) = (String::new(), String::new());
    while let Some(chunk) = soon(run.next()).await {
        let chunk = chunk.unwrap();
        if chunk.is_stderr() { &mut err } else { &mut out }.push_str(&chunk.text());
    }
    assert_eq!((out.as_str(), err.as_str()), ("out\n", "err\n"));
    assert_eq!(soon(run.finish()).await.unwrap().exit_code, 3);
    sandbox.delete().await.unwrap();
}

#[tokio::test]
async fn what_is_asked_for_is_what_is_made_and_listed() {
    let fixture = Fixture::new().await;
    let spec = SandboxSpec::default()
        .name("typed")
        .labels([("env", "dev")])
        .env([("GREETING", "hi")])
        .auto_stop_interval(0);
    let sandbox = fixture.client.create(spec).await.unwrap();
    assert_eq!(sandbox.process().execute("echo $GREETING").await.unwrap().result, "hi\n");
    let info = sandbox.info().await.unwrap().expect("a created sandbox is known");
    assert_eq!((info.id.as_str(), info.name.as_str()), (sandbox.id(), "typed"));
    let page = fixture.client.list().labels([("env", "dev")]).await.unwrap();
    assert_eq!(page.items.len(), 1);
    assert_eq!(fixture.client.get("typed").await.unwrap().id(), sandbox.id());
    let missing = fixture.client.get("another").await.expect_err("there is no other");
    assert!(missing.is(ErrorClass::NotFound), "{missing}");
}

#[tokio::test]
async fn files_are_written_read_and_moved_with_progress() {
    let fixture = Fixture::new().await;
    let sandbox = fixture.client.create(SandboxSpec::default()).await.unwrap();
    sandbox.files().write("notes.txt", "zwei\n").await.unwrap();
    assert_eq!(sandbox.files().read("notes.txt").await.unwrap(), b"zwei\n");
    let missing = sandbox.files().read("missing").await.unwrap_err();
    assert_eq!(missing.class(), ErrorClass::FileNotFound, "{missing}");

    let missing = sandbox.files().upload("/no/such/file", "x").await.unwrap_err();
    assert_eq!(std::io::Error::from(missing).kind(), std::io::ErrorKind::NotFound);

    let local = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(local.path(), vec![1; 1 << 20]).unwrap();
    let moved = Arc::new(AtomicU64::new(0));
    let seen = moved.clone();
    let upload = sandbox
        .files()
        .upload(local.path(), "big")
        .on_progress(move |bytes, _| seen.store(bytes, Ordering::Relaxed));
    assert_eq!(upload.await.unwrap().bytes, 1 << 20);
    assert_eq!(moved.load(Ordering::Relaxed), 1 << 20);

    let writer = sandbox.files().writer("streamed").await.unwrap();
    soon(writer.write(b"piece by piece")).await.unwrap();
    assert_eq!(soon(writer.finish()).await.unwrap().bytes, 14);
    assert_eq!(sandbox.files().read("streamed").await.unwrap(), b"piece by piece");

    let other: std::path::PathBuf = std::ffi::OsString::from_vec(b"/tmp/\xff".to_vec()).into();
    let refused = sandbox.files().upload(other, "x").await.unwrap_err();
    assert!(refused.is(ErrorClass::InvalidArgument) && refused.to_string().contains("UTF-8"), "{refused}");
    sandbox.files().write("bytes", b"\0\xff").await.unwrap();
    assert_eq!(sandbox.files().read("bytes").await.unwrap(), b"\0\xff");
}

#[tokio::test]
async fn a_panic_of_the_progress_function_is_that_of_the_program() {
    let fixture = Fixture::new().await;
    let sandbox = fixture.client.create(SandboxSpec::default()).await.unwrap();
    let directory = tempfile::tempdir().unwrap();
    let local = |name| directory.path().join(name);
    std::fs::write(local("up"), vec![1; 1 << 20]).unwrap();
    sandbox.files().write("down", "content").await.unwrap();
    let upload = sandbox.files().upload(local("up"), "up").on_progress(|_, _| panic!("up"));
    let download = sandbox.files().download("down", local("down")).on_progress(|_, _| panic!("down"));
    for (request, message) in [(upload.into_future(), "up"), (download.into_future(), "down")] {
        let panic = soon(tokio::spawn(request)).await.unwrap_err().into_panic();
        assert_eq!(panic.downcast_ref::<&str>(), Some(&message));
    }
    assert_eq!(sandbox.process().execute("echo on").await.unwrap().result, "on\n");
}

#[tokio::test]
async fn a_dropped_request_ends_what_it_began() {
    let fixture = Fixture::new().await;
    let sandbox = fixture.client.create(SandboxSpec::default()).await.unwrap();
    let run = sandbox.process().run("sleep 3600").await.unwrap();
    assert_eq!(sandbox.session().list().await.unwrap().len(), 1);
    drop(run);
    until("the command's session is gone", async || {
        sandbox.session().list().await.is_ok_and(|sessions| sessions.is_empty())
    })
    .await;
}

#[tokio::test]
async fn a_terminal_takes_input_and_tells_its_exit_code() {
    let fixture = Fixture::new().await;
    let sandbox = fixture.client.create(SandboxSpec::default()).await.unwrap();
    let mut terminal = sandbox.pty().open("main").cols(100).rows(30).await.unwrap();
    soon(terminal.write(b"stty size; exit 7\n")).await.unwrap();
    let mut screen = String::new();
    while let Some(chunk) = soon(terminal.next()).await {
        screen.push_str(&chunk.unwrap().text());
    }
    assert!(screen.contains("30 100"), "{screen}");
    assert_eq!(soon(terminal.finish()).await.unwrap().exit_code, 7);
}

#[tokio::test]
async fn a_closed_client_says_so() {
    let fixture = Fixture::new().await;
    let sandbox = fixture.client.create(SandboxSpec::default()).await.unwrap();
    fixture.client.close();
    assert_eq!(sandbox.process().execute("true").await.unwrap_err().class(), ErrorClass::Closed);
}
