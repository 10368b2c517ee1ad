//! What a sandbox can use up.

use super::isolated;
use crate::client::{DevServer, Sandbox};
use serde_json::json;

/// A sandbox of this size; sizes are given with an image alone.
async fn sized<'a>(dev_server: &'a DevServer, more: serde_json::Value) -> Sandbox<'a> {
    let mut wish = json!({ "buildInfo": { "dockerfileContent": "FROM x\n" } });
    wish.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    let (status, made) = dev_server.post("/sandbox", wish).await;
    assert_eq!(status, 200, "{made}");
    let id = made["id"].as_str().unwrap().to_owned();
    dev_server.wait_for(&id, "started").await;
    Sandbox { dev_server, id }
}

/// Forks until the system refuses, and tells how often that went well.
const BOMB: &str = "import os, signal\n\
    count = 0\n\
    try:\n    while count < 10000:\n        if os.fork() == 0: signal.pause(); os._exit(0)\n        count += 1\n\
    except OSError: pass\n\
    print(count, flush=True)\n\
    os.killpg(0, signal.SIGKILL)\n";

#[tokio::test]
async fn a_fork_bomb_ends_at_the_sandboxs_limit() {
    let Some(dev_server) = isolated("a fork bomb").await else { return };
    let (sandbox, other) = (dev_server.sandbox().await, dev_server.sandbox().await);
    let command = format!("python3 -c '{BOMB}'; true");
    let (_, output) = sandbox.executes(&command).await;
    let count: u32 = output.trim().lines().next().unwrap().parse().unwrap();
    assert!((100..1024).contains(&count), "{count} processes");
    assert_eq!(other.output("echo unharmed").await, "unharmed");
    // Those that are killed leave room again.
    assert_eq!(sandbox.output("echo again").await, "again");
}

#[tokio::test]
async fn a_full_disk_is_the_sandboxs_own() {
    let Some(dev_server) = isolated("a full disk").await else { return };
    let (sandbox, other) = (sized(&dev_server, json!({ "disk": 1 })).await, dev_server.sandbox().await);
    for place in ["/home/daytona/big", "/tmp/big", "/opt/big"] {
        let (code, output) =
            sandbox.executes(&format!("fallocate -l 2G {place}; code=$?; rm -f {place}; exit $code")).await;
        assert!(code != 0, "{place}: {output}");
    }
    let (code, output) = sandbox.executes("head -c 1500M /dev/zero >big").await;
    assert!(code != 0 && output.contains("No space left"), "{output}");
    assert_eq!(other.output("head -c 10M /dev/zero >small; stat -c %s small").await, "10485760");
    // Its owner can make room.
    assert_eq!(sandbox.output("rm big; echo x >y; cat y").await, "x");
}

#[tokio::test]
async fn running_out_of_memory_kills_inside_alone() {
    let Some(dev_server) = isolated("memory").await else { return };
    if dev_server.server.notes().iter().any(|note| note.starts_with("not limited here: memory")) {
        return println!("= isolation: memory skipped: it cannot be limited here");
    }
    // Files in memory count as well: a disk of the smallest size.
    let sandbox = sized(&dev_server, json!({ "memory": 1, "disk": 1 })).await;
    let other = dev_server.sandbox().await;
    let (code, output) = sandbox.executes("python3 -c 'x = bytearray(3 << 30); print(len(x))'").await;
    assert!(code != 0 && !output.contains("3221225472"), "{code} {output}");
    assert_eq!(sandbox.output("echo alive").await, "alive");
    assert_eq!(other.output("echo unharmed").await, "unharmed");
}

#[tokio::test]
async fn a_stopped_sandboxs_disk_grows_with_its_files_on_it() {
    for (plan, dev_server) in super::plans::servers("a growing disk").await {
        let sandbox = sized(&dev_server, json!({ "disk": 1 })).await;
        sandbox.output("head -c 1M /dev/urandom >kept; cksum kept >sum").await;
        let (code, output) = sandbox.executes("fallocate -l 1500M big").await;
        assert!(code != 0, "{plan}: {output}");
        let path = format!("/sandbox/{}", sandbox.id);
        let (status, refused) = dev_server.post(&format!("{path}/resize"), json!({ "disk": 3 })).await;
        assert_eq!(status, 400, "{plan}: {refused}");
        dev_server.post(&format!("{path}/stop"), json!({})).await;
        dev_server.wait_for(&sandbox.id, "stopped").await;
        let (status, answer) = dev_server.post(&format!("{path}/resize"), json!({ "disk": 3 })).await;
        assert_eq!(status, 200, "{plan}: {answer}");
        crate::client::until("it is resized", async || {
            let sandbox = dev_server.get(&path).await.1;
            sandbox["state"] == "stopped" && sandbox["disk"] == 3
        })
        .await;
        assert_eq!(dev_server.post(&format!("{path}/resize"), json!({ "disk": 2 })).await.0, 400, "{plan}");
        dev_server.post(&format!("{path}/start"), json!({})).await;
        dev_server.wait_for(&sandbox.id, "started").await;
        assert_eq!(sandbox.output("rm -f big; cksum kept | cmp - sum; echo $?").await, "0", "{plan}");
        sandbox.output("fallocate -l 1500M big; rm big").await;
        let (code, output) = sandbox.executes("fallocate -l 3500M big").await;
        assert!(code != 0, "{plan}: {output}");
    }
}
