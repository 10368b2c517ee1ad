//! Volumes: records, states, and directories that sandboxes share.

use crate::client::{DevServer, Sandbox, until};
use daytona_dev::{Options, Protocol, Wanted};
use serde_json::{Value, json};

impl DevServer {
    /// A volume that is ready; its id.
    async fn volume(&self, name: &str) -> String {
        let (status, volume) = self.post("/volumes", json!({ "name": name })).await;
        assert_eq!((status, &volume["state"]), (200, &json!("pending_create")), "{volume}");
        let id = volume["id"].as_str().unwrap().to_owned();
        until("the volume is ready", async || {
            self.get(&format!("/volumes/{id}")).await.1["state"] == "ready"
        })
        .await;
        id
    }

    /// A sandbox with these volumes.
    async fn with_volumes(&self, volumes: Value) -> Sandbox<'_> {
        let (status, json) = self.post("/sandbox", json!({ "volumes": volumes })).await;
        assert_eq!((status, &json["state"]), (200, &json!("started")), "{json}");
        Sandbox { dev_server: self, id: json["id"].as_str().unwrap().to_owned() }
    }

    async fn archive_and_start(&self, id: &str) {
        for (change, state) in [("stop", "stopped"), ("archive", "archived"), ("start", "started")] {
            self.post(&format!("/sandbox/{id}/{change}"), json!({})).await;
            self.wait_for(id, state).await;
        }
    }

    /// The message of a create that is refused with this status.
    async fn refusal(&self, expected: u16, volumes: Value) -> String {
        let (status, json) = self.post("/sandbox", json!({ "volumes": volumes })).await;
        assert_eq!(status, expected, "{json}");
        json["message"].as_str().unwrap().to_owned()
    }

    fn is_isolated(&self, test: &str) -> bool {
        if !self.server.is_isolated() {
            println!("= isolation: {test} skipped: volumes need it");
        }
        self.server.is_isolated()
    }
}

async fn output(sandbox: &Sandbox<'_>, command: &str) -> String {
    let (status, answer) = sandbox.post("/process/execute", json!({ "command": command })).await;
    assert_eq!((status, &answer["exitCode"]), (200, &json!(0)), "{command}: {answer}");
    answer["result"].as_str().unwrap().trim_end().to_owned()
}

#[tokio::test]
async fn two_sandboxes_share_a_volume_and_its_files_outlive_both() {
    let dev_server = DevServer::new().await;
    if !dev_server.is_isolated("two_sandboxes_share_a_volume") {
        return;
    }
    let id = dev_server.volume("shared").await;
    let one = dev_server.with_volumes(json!([{"volumeId": id, "mountPath": "/data"}])).await;
    let other =
        dev_server.with_volumes(json!([{"volumeId": "shared", "mountPath": "/home/daytona/in/here"}])).await;
    let mounted = &dev_server.get(&format!("/sandbox/{}", other.id)).await.1["volumes"];
    assert_eq!(mounted, &json!([{"volumeId": id, "mountPath": "/home/daytona/in/here"}]));

    output(&one, "umask 022; echo first > /data/a; mkdir /data/d; chmod 700 /data/d; echo deep > /data/d/b")
        .await;
    // Each is root in a range of ids of its own, and both own all of it.
    assert_eq!(
        output(&other, "cd /home/daytona/in/here; cat a d/b; stat -c %u:%g . a d/b").await,
        "first\ndeep\n0:0\n0:0\n0:0"
    );
    output(&other, "cd /home/daytona/in/here; echo second >> a; rm -r d; echo new > c; chown 1000 c").await;
    assert_eq!(
        output(&one, "cat /data/a /data/c; ls /data; stat -c %u /data/c").await,
        "first\nsecond\nnew\na\nc\n1000"
    );

    dev_server.delete(&format!("/sandbox/{}", one.id)).await;
    dev_server.delete(&format!("/sandbox/{}", other.id)).await;
    let third =
        dev_server.with_volumes(json!([{"volumeId": id, "mountPath": "/data/", "subpath": ""}])).await;
    assert_eq!(output(&third, "cat /data/a").await, "first\nsecond");
    // A stop keeps the mount, an archive makes it anew.
    dev_server.archive_and_start(&third.id).await;
    assert_eq!(output(&third, "cat /data/a").await, "first\nsecond");
}

#[tokio::test]
async fn a_subpath_shows_a_part_and_no_link_leads_out_of_a_volume() {
    let dev_server = DevServer::new().await;
    if !dev_server.is_isolated("a_subpath_shows_a_part") {
        return;
    }
    let id = dev_server.volume("parts").await;
    let part = json!([
        {"volumeId": id, "mountPath": "/data", "subpath": "users/alice"},
        {"volumeId": id, "mountPath": "/all"},
    ]);
    let sandbox = dev_server.with_volumes(part).await;
    output(&sandbox, "echo hers > /data/f; ln -s /etc /all/out; ln -s ../.. /all/users/up").await;
    assert_eq!(output(&sandbox, "cat /all/users/alice/f; ls /data").await, "hers\nf");
    for subpath in ["out", "users/up", "users/alice/f"] {
        let body = json!({"volumes": [{"volumeId": id, "mountPath": "/data", "subpath": subpath}]});
        let (_, json) = dev_server.post("/sandbox", body).await;
        assert_eq!(json["state"], "error", "{subpath}: {json}");
        assert!(
            json["errorReason"].as_str().unwrap().contains(subpath.rsplit('/').next().unwrap()),
            "{json}"
        );
    }
}

#[tokio::test]
async fn a_mount_path_that_is_a_link_stays_in_the_sandbox() {
    let dev_server = DevServer::new().await;
    if !dev_server.is_isolated("a_mount_path_that_is_a_link") {
        return;
    }
    let id = dev_server.volume("linked").await;
    let outside = tempfile::tempdir().unwrap();
    let sandbox = dev_server.with_volumes(json!([{"volumeId": id, "mountPath": "/opt/to/data"}])).await;
    // Behind an archive the file system is made again, on what the sandbox left.
    let target = outside.path().to_str().unwrap();
    output(&sandbox, &format!("mkdir -p {target} && mv /opt/to /opt/moved && ln -s {target} /opt/to")).await;
    dev_server.archive_and_start(&sandbox.id).await;
    assert_eq!(std::fs::read_dir(outside.path()).unwrap().count(), 0);
    // The link leads to that path of the sandbox's own.
    output(&sandbox, &format!("echo here > {target}/data/f; cat /opt/to/data/f")).await;
}

#[tokio::test]
async fn a_volume_in_use_is_not_deleted_and_a_deleted_one_frees_its_name() {
    for protocol in [Protocol::V0_205, Protocol::V0_190] {
        let dev_server = DevServer::of(protocol).await;
        let id = dev_server.volume("mine").await;
        let path = format!("/volumes/{id}");
        if dev_server.is_isolated("a_volume_in_use") {
            let sandbox = dev_server.with_volumes(json!([{"volumeId": id, "mountPath": "/data"}])).await;
            dev_server.post(&format!("/sandbox/{}/stop", sandbox.id), json!({})).await;
            dev_server.wait_for(&sandbox.id, "stopped").await;
            let (status, refusal) = dev_server.delete(&path).await;
            assert_eq!((status, refusal["error"].as_str()), (409, Some("Conflict")));
            let message = refusal["message"].as_str().unwrap();
            assert!(message.contains("in use by one or more sandboxes (e.g. "), "{message}");
            assert!(!dev_server.get(&path).await.1["lastUsedAt"].is_null());
            dev_server.delete(&format!("/sandbox/{}", sandbox.id)).await;
        }
        assert_eq!(dev_server.delete(&path).await.0, 200);
        let (status, refusal) = dev_server.delete(&path).await;
        assert_eq!(status, 400, "{refusal}");
        until("the volume is deleted", async || dev_server.get(&path).await.1["state"] == "deleted").await;
        assert_eq!(dev_server.get("/volumes/by-name/mine").await.0, 404);
        assert_eq!(dev_server.get("/volumes").await.1, json!([]));
        assert_eq!(dev_server.get("/volumes?includeDeleted=true").await.1[0]["id"], json!(id));
        dev_server.volume("mine").await;
    }
}

#[tokio::test]
async fn a_volume_that_cannot_be_mounted_is_refused_with_the_services_words() {
    let dev_server = DevServer::new().await;
    let id = dev_server.volume("v").await;
    let (status, taken) = dev_server.post("/volumes", json!({"name": "v"})).await;
    assert_eq!((status, &taken["message"]), (400, &json!("Volume with name v already exists")));
    assert_eq!(dev_server.post("/volumes", json!({})).await.0, 400);
    assert_eq!(
        dev_server.refusal(404, json!([{"volumeId": "w", "mountPath": "/d"}])).await,
        "Volume 'w' not found"
    );
    dev_server.post("/volumes", json!({"name": "new"})).await;
    assert_eq!(
        dev_server.refusal(400, json!([{"volumeId": "new", "mountPath": "/d"}])).await,
        "Volume 'new' is not in a ready state. Current state: pending_create"
    );
    for (path, why) in [
        ("data", "must be absolute"),
        ("/", "cannot mount to the root directory"),
        ("/a/../etc", "cannot contain relative path components"),
        ("/a//b", "cannot contain consecutive slashes"),
        ("/etc/x", "cannot mount to system directory"),
    ] {
        let refusal = dev_server.refusal(400, json!([{"volumeId": id, "mountPath": path}])).await;
        assert_eq!(refusal, format!("Invalid mount path {path} ({why})"));
    }
    for subpath in ["/abs", "a/../../b", "a//b"] {
        let volume = json!([{"volumeId": id, "mountPath": "/d", "subpath": subpath}]);
        assert!(dev_server.refusal(400, volume).await.starts_with("Invalid subpath"));
    }
    for wrong in
        [json!({}), json!(["v"]), json!([{"volumeId": id}]), json!([{"volumeId": id, "mountPath": 5}])]
    {
        dev_server.refusal(400, wrong).await;
    }
    let twice = json!([{"volumeId": id, "mountPath": "/d"}, {"volumeId": id, "mountPath": "/d/"}]);
    assert_eq!(dev_server.refusal(400, twice).await, "Duplicate mount point: /d/");
}

#[tokio::test]
async fn without_isolation_a_mount_is_refused_with_its_reason() {
    let dev_server = DevServer::with(Options { isolation: Wanted::None, ..Options::default() }).await;
    let id = dev_server.volume("v").await;
    let refusal = dev_server.refusal(400, json!([{"volumeId": id, "mountPath": "/data"}])).await;
    assert!(refusal.contains("not isolated"), "{refusal}");
}
