//! Forks, snapshots and archived sandboxes: the files come along, whatever carries them.

use super::plans;
use crate::client::{DevServer, Sandbox, until};
use serde_json::{Value, json};

/// Makes files that show what a copy has to keep.
async fn fill(sandbox: &Sandbox<'_>) {
    let command = "echo mine >kept; ln kept second; ln -s kept link; mkdir -p d/e; mkfifo d/pipe; chmod 4751 kept; \
                   truncate -s 64M sparse; echo end >>sparse; printf x >'a name\nwith a line'; echo /tmp >/tmp/t; \
                   (rm -rf /etc/skel /etc/issue; echo 10.1.2.3 fork.example >>/etc/hosts) 2>/dev/null; true";
    sandbox.output(command).await;
}

/// What is seen of them.
async fn look(sandbox: &Sandbox<'_>) -> String {
    let command = "stat -c '%n %f %u %h' * /tmp/t d/*; cat link; cksum sparse; du -k sparse | sed 's/^[0-9] .*//;s/^..\\t.*//'; \
                   cat /tmp/t /etc/hosts; ls -d /etc/skel /etc/issue 2>&1; stat -c %Y kept";
    sandbox.output(command).await
}

async fn started<'a>(dev_server: &'a DevServer, made: (u16, Value), what: &str) -> Sandbox<'a> {
    let (status, made) = made;
    assert_eq!(status, 200, "{what}: {made}");
    let id = made["id"].as_str().unwrap().to_owned();
    dev_server.wait_for(&id, "started").await;
    Sandbox { dev_server, id }
}

#[tokio::test]
async fn a_fork_begins_with_the_files_and_goes_its_own_way() {
    for (plan, dev_server) in plans::servers("forks").await {
        let parent = dev_server.sandbox().await;
        fill(&parent).await;
        let before = look(&parent).await;
        let path = format!("/sandbox/{}", parent.id);
        let made =
            dev_server.post(&format!("{path}/fork"), json!({ "name": format!("fork of {plan}") })).await;
        assert_eq!(made.1["name"], json!(format!("fork of {plan}")));
        let child = started(&dev_server, made, &plan).await;
        assert_eq!(look(&child).await, before, "{plan}");
        assert_eq!(dev_server.get(&path).await.1["state"], "started", "{plan}");
        child.output("echo theirs >kept; rm second; echo x >/tmp/new").await;
        assert_eq!(look(&parent).await, before, "{plan}");
        let grandchild = dev_server.post(&format!("/sandbox/{}/fork", child.id), json!({})).await;
        let grandchild = started(&dev_server, grandchild, &plan).await;
        assert_eq!(grandchild.output("cat link /tmp/new").await, "theirs\nx", "{plan}");

        let ids = |answer: (u16, Value)| {
            assert_eq!(answer.0, 200, "{plan}: {}", answer.1);
            let sandboxes = answer.1.as_array().unwrap().clone();
            sandboxes.iter().map(|one| one["id"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
        };
        let of = |sandbox: &Sandbox<'_>, what: &str| format!("/sandbox/{}/{what}", sandbox.id);
        assert_eq!(ids(dev_server.get(&of(&parent, "forks")).await), std::slice::from_ref(&child.id));
        assert_eq!(dev_server.get(&of(&child, "parent")).await.1["id"], json!(parent.id));
        assert_eq!(dev_server.get(&of(&parent, "parent")).await.0, 404);
        let ancestors = ids(dev_server.get(&of(&grandchild, "ancestors")).await);
        assert_eq!(ancestors, [parent.id.clone(), child.id.clone()]);
        assert_eq!(ids(dev_server.get(&of(&parent, "ancestors")).await), Vec::<String>::new());
        dev_server.delete(&of(&child, "")[..of(&child, "").len() - 1]).await;
        until("the fork is gone", async || dev_server.get(&of(&child, "forks")).await.0 == 404).await;
        assert_eq!(ids(dev_server.get(&of(&parent, "forks")).await), Vec::<String>::new());
        let all = format!("{}?includeDestroyed=true", of(&parent, "forks"));
        assert_eq!(ids(dev_server.get(&all).await), std::slice::from_ref(&child.id));
    }
}

#[tokio::test]
async fn a_snapshot_of_a_sandbox_is_what_others_start_with() {
    for (plan, dev_server) in plans::servers("snapshots of sandboxes").await {
        for state in ["started", "stopped"] {
            let sandbox = dev_server.sandbox().await;
            fill(&sandbox).await;
            let before = look(&sandbox).await;
            let path = format!("/sandbox/{}", sandbox.id);
            if state == "stopped" {
                dev_server.post(&format!("{path}/stop"), json!({})).await;
                dev_server.wait_for(&sandbox.id, "stopped").await;
            }
            let name = format!("of a {state} sandbox");
            let (status, answer) =
                dev_server.post(&format!("{path}/snapshot"), json!({ "name": name })).await;
            assert_eq!((status, &answer["state"]), (200, &json!("snapshotting")), "{plan}: {answer}");
            dev_server.wait_for(&sandbox.id, state).await;
            let (status, snapshot) =
                dev_server.get(&format!("/snapshots/{}", name.replace(' ', "%20"))).await;
            assert_eq!((status, &snapshot["state"]), (200, &json!("active")), "{plan}: {snapshot}");
            assert_eq!(snapshot["sourceSandboxId"], json!(sandbox.id));
            assert!(snapshot["size"].as_f64().unwrap() > 0.0, "{snapshot}");
            let again = dev_server.post(&format!("{path}/snapshot"), json!({ "name": name })).await;
            assert_eq!(again.0, 409, "{}", again.1);
            dev_server.delete(&path).await;
            until("it is gone", async || dev_server.get(&path).await.0 == 404).await;
            for _ in 0..2 {
                let made = dev_server.post("/sandbox", json!({ "snapshot": name })).await;
                let other = started(&dev_server, made, &plan).await;
                assert_eq!(look(&other).await, before, "{plan}, {state}");
                other.output("echo changed >kept").await;
            }
            let deleted =
                dev_server.delete(&format!("/snapshots/{}", snapshot["id"].as_str().unwrap())).await;
            assert_eq!(deleted.0, 200);
            assert_eq!(dev_server.post("/sandbox", json!({ "snapshot": name })).await.0, 400);
        }
    }
}

#[tokio::test]
async fn an_archived_sandbox_has_its_files_again_when_it_is_started() {
    for (plan, dev_server) in plans::servers("archives").await {
        let sandbox = dev_server.sandbox().await;
        fill(&sandbox).await;
        let before = look(&sandbox).await;
        let path = format!("/sandbox/{}", sandbox.id);
        for _ in 0..2 {
            for (call, state) in [("stop", "stopped"), ("archive", "archived"), ("start", "started")] {
                dev_server.post(&format!("{path}/{call}"), json!({})).await;
                dev_server.wait_for(&sandbox.id, state).await;
            }
            assert_eq!(look(&sandbox).await, before, "{plan}");
        }
    }
}
