//! The Rust SDK in several runtimes: each stands still while nobody drives it, and may end.

use crate::support::{soon, until};
use daytona::types::ClientConfig;
use daytona::{Client, ErrorClass, Sandbox, SandboxSpec};
use daytona_dev::{Options, Server};
use std::time::Duration;
use tokio::runtime::{Builder, Runtime};
use tokio::time::timeout;

/// A server on a runtime of its own, and a sandbox of it that a runtime has used which stands still by now.
struct Fixture {
    client: Client,
    sandbox: Sandbox,
    _standing: Runtime,
    server: Server,
    _of_the_server: Runtime,
}

impl Fixture {
    fn new() -> Self {
        let of_the_server = Runtime::new().unwrap();
        let server = of_the_server.block_on(Server::start(Options::default())).unwrap();
        let client = Client::new(config(&server)).unwrap();
        let standing = current_thread();
        let sandbox = standing.block_on(async {
            let sandbox = client.create(SandboxSpec::default()).await.unwrap();
            sandbox.process().execute("true").await.unwrap();
            sandbox.stop().await.unwrap(); // Waits, by the event socket.
            sandbox
        });
        Self { client, sandbox, _standing: standing, server, _of_the_server: of_the_server }
    }
}

fn config(server: &Server) -> ClientConfig {
    ClientConfig {
        api_url: Some(server.api_url().to_owned()),
        api_key: Some(server.api_key().to_owned()),
        ..ClientConfig::default()
    }
}

fn current_thread() -> Runtime {
    Builder::new_current_thread().enable_all().build().unwrap()
}

#[test]
fn a_client_serves_another_runtime_while_its_first_one_stands_still() {
    let fixture = Fixture::new();
    let (client, sandbox) = (&fixture.client, &fixture.sandbox);
    for _ in 0..2 {
        let runtime = current_thread(); // Ends with this turn.
        runtime.block_on(async {
            let mut events = soon(sandbox.events().into_future()).await.unwrap();
            soon(sandbox.start().into_future()).await.unwrap();
            soon(events.next()).await.expect("an event").unwrap();
            assert_eq!(
                soon(sandbox.process().execute("echo on").into_future()).await.unwrap().result,
                "on\n"
            );
            soon(sandbox.stop().into_future()).await.unwrap();
        });
    }
    current_thread().block_on(async { soon(client.list().into_future()).await.unwrap() });
}

#[test]
fn runtimes_that_end_take_no_request_of_another_one_with_them() {
    let fixture = Fixture::new();
    current_thread().block_on(async { soon(fixture.sandbox.start().into_future()).await.unwrap() });
    std::thread::scope(|threads| {
        for count in 1..=12 {
            let sandbox = &fixture.sandbox;
            threads.spawn(move || {
                let runtime = current_thread();
                for _ in 0..count {
                    runtime.block_on(sandbox.process().execute("true").into_future()).unwrap();
                }
            });
        }
    });
}

#[test]
fn a_request_that_is_dropped_outside_its_runtime_ends_what_it_began() {
    let fixture = Fixture::new();
    let runtime = Runtime::new().unwrap();
    let sessions = async || fixture.sandbox.session().list().await.unwrap().len();
    let mut run = fixture.sandbox.process().run("sleep 3600").collected();
    runtime.block_on(async {
        soon(fixture.sandbox.start().into_future()).await.unwrap();
        while sessions().await == 0 {
            assert!(timeout(Duration::from_millis(50), &mut run).await.is_err());
        }
    });
    drop(run);
    runtime.block_on(until("the command's session is gone", async || sessions().await == 0));
}

#[test]
fn a_close_that_is_awaited_leaves_nothing_to_a_runtime_that_ends() {
    let fixture = Fixture::new();
    let watching = Client::new(config(&fixture.server)).unwrap();
    current_thread().block_on(async {
        let sandbox = &fixture.sandbox;
        soon(sandbox.start().into_future()).await.unwrap();
        let run = || soon(sandbox.process().run("sleep 3600").into_future());
        drop(run().await.unwrap());
        let kept = run().await.unwrap();
        let pending = tokio::spawn(sandbox.process().run("sleep 3600").collected());
        tokio::task::yield_now().await;
        soon(fixture.client.close().into_future()).await;
        drop((kept, pending));
    });
    let sessions = current_thread().block_on(async {
        let watched = watching.attach(fixture.sandbox.id()).await.unwrap();
        soon(watched.session().list().into_future()).await.unwrap()
    });
    assert_eq!(sessions.len(), 0);
}

#[test]
fn a_request_whose_runtime_has_ended_is_closed() {
    let fixture = Fixture::new();
    let runtime = current_thread();
    let mut request = fixture.sandbox.process().execute("sleep 3600").into_future();
    runtime.block_on(async {
        soon(fixture.sandbox.start().into_future()).await.unwrap();
        assert!(timeout(Duration::from_millis(300), &mut request).await.is_err());
    });
    drop(runtime);
    let error = current_thread().block_on(async { soon(request).await }).unwrap_err();
    assert_eq!(error.class(), ErrorClass::Closed, "{error}");
}
