//! What is left: nothing, whether a sandbox is deleted or its server killed.

use super::isolated;
use crate::cli::Running;
use crate::client::{DevServer, until};
use daytona_dev::Options;
use nix::sys::signal::Signal;
use serde_json::json;
use std::path::{Path, PathBuf};

/// The machine's control groups with this text in their path.
fn groups(name: &str) -> Vec<PathBuf> {
    fn search(directory: &Path, name: &str, found: &mut Vec<PathBuf>) {
        for entry in std::fs::read_dir(directory).into_iter().flatten().flatten() {
            if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
                if entry.file_name().to_string_lossy().contains(name) {
                    found.push(entry.path());
                }
                search(&entry.path(), name, found);
            }
        }
    }
    let mut found = Vec::new();
    search(Path::new("/sys/fs/cgroup"), name, &mut found);
    found
}

async fn created_and_deleted(count: usize) {
    let Some(dev_server) = isolated("created and deleted").await else { return };
    let mut ids = Vec::new();
    for _ in 0..count {
        let sandbox = dev_server.sandbox().await;
        if ids.len() % 10 == 0 {
            sandbox.executes("setsid sleep 1000 >/dev/null 2>&1 </dev/null & head -c 1M /dev/zero >f").await;
        }
        dev_server.delete(&format!("/sandbox/{}", sandbox.id)).await;
        ids.push(sandbox.id);
    }
    for id in &ids {
        until("it is gone", async || dev_server.get(&format!("/sandbox/{id}")).await.0 == 404).await;
        assert_eq!(groups(id), Vec::<PathBuf>::new());
    }
    let mounts = std::fs::read_to_string("/proc/self/mountinfo").unwrap();
    assert!(ids.iter().all(|id| !mounts.contains(id)), "{mounts}");
    for directory in std::fs::read_dir(std::env::temp_dir()).unwrap().flatten() {
        if directory.file_name().to_string_lossy().starts_with("daytona-dev-") {
            let left = std::fs::read_dir(directory.path()).into_iter().flatten().flatten();
            assert!(
                left.into_iter().all(|entry| ids.iter().all(|id| entry.file_name() != **id)),
                "{directory:?}"
            );
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn sandboxes_that_are_created_side_by_side_all_start() {
    let Some(dev_server) = isolated("created side by side").await else { return };
    for _ in 0..10 {
        let made: Vec<_> =
            futures_util::future::join_all((0..24).map(|_| dev_server.post("/sandbox", json!({})))).await;
        for (status, sandbox) in made {
            assert_eq!((status, &sandbox["state"]), (200, &json!("started")), "{}", sandbox["errorReason"]);
            dev_server.delete(&format!("/sandbox/{}", sandbox["id"].as_str().unwrap())).await;
        }
    }
}

#[tokio::test]
async fn a_hundred_created_and_deleted_leave_nothing() {
    created_and_deleted(100).await;
}

/// `cargo test -p daytona-dev --test suite -- --ignored a_thousand`: minutes.
#[tokio::test]
#[ignore = "takes minutes"]
async fn a_thousand_created_and_deleted_leave_nothing() {
    created_and_deleted(1000).await;
}

/// What looks after the machine's groups, systemd or a person, may remove one that holds nothing.
#[tokio::test]
async fn sandboxes_start_after_the_servers_empty_control_group_was_removed() {
    let Some(_isolated) = isolated("an empty control group").await else { return };
    let state = tempfile::tempdir().unwrap();
    let options = Options { state_dir: Some(state.path().to_owned()), ..Options::default() };
    let dev_server = DevServer::with(options).await;
    let name = std::fs::read_dir(state.path()).unwrap().next().unwrap().unwrap().file_name();
    let own = groups(&name.to_string_lossy());
    if own.is_empty() {
        return; // No group is this user's to make.
    }
    for group in &own {
        std::fs::remove_dir(group).unwrap();
    }
    let sandbox = dev_server.sandbox().await;
    assert_eq!(sandbox.output("echo started").await, "started");
    for group in &own {
        assert!(group.join(&sandbox.id).is_dir(), "no limits in {}", group.display());
    }
}

#[tokio::test]
async fn a_server_killed_under_load_leaves_nothing_after_the_next_start() {
    let Some(probe) = isolated("a killed server").await else { return };
    drop(probe);
    let state = tempfile::tempdir().unwrap();
    let running = Running::start(&["--isolation", "required"], state.path());
    let mut processes = Vec::new();
    for _ in 0..3 {
        let id = running.busy_sandbox().await;
        let load =
            "(env -i setsid bash -c 'while :; do echo >>/tmp/load; sleep 0.01; done' >/dev/null 2>&1 &) &";
        running.execute(&id, load).await;
        processes.extend(crate::cli::marked(&id));
    }
    let name = std::fs::read_dir(state.path()).unwrap().next().unwrap().unwrap().file_name();
    let name = name.to_string_lossy().into_owned();
    let killed = running.signalled(Signal::SIGKILL);
    assert!(!killed.success());
    let runs = |process: &PathBuf| {
        std::fs::read_to_string(process.join("stat")).is_ok_and(|stat| !stat.contains(") Z"))
    };
    assert!(!processes.is_empty());
    until("every process has ended", async || !processes.iter().any(runs)).await;
    let next = Running::start(&["--isolation", "required"], state.path());
    let directories: Vec<_> =
        std::fs::read_dir(state.path()).unwrap().flatten().map(|entry| entry.file_name()).collect();
    assert!(directories.len() == 1 && directories[0] != *name, "{directories:?}");
    assert_eq!(groups(&name), Vec::<PathBuf>::new());
    let mounts = std::fs::read_to_string("/proc/self/mountinfo").unwrap();
    assert!(!mounts.contains(&name), "{mounts}");
    assert!(next.signalled(Signal::SIGTERM).success());
}
