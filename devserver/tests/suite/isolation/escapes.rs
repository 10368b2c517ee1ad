//! Ways out that root in a user namespace tries.

use super::{CONTENT, Secret, isolated};
use daytona_dev::outside::Outside;
use serde_json::json;

#[tokio::test]
async fn no_root_directory_in_proc_is_the_machines() {
    let Some(dev_server) = isolated("/proc/*/root").await else { return };
    let secret = Secret::new();
    let sandbox = dev_server.sandbox().await;
    let path = secret.path().display().to_string();
    let command = format!(
        "cat {path} /proc/[0-9]*/root{path} /proc/[0-9]*/cwd{path} /proc/[0-9]*/cwd/../../../..{path} \
         /proc/[0-9]*/task/*/root{path} 2>&1; for fd in /proc/[0-9]*/fd/*; do cat $fd{path} $fd/../../../../..{path} \
         2>/dev/null; done; chroot /proc/1/root cat {path} 2>&1; nsenter -t 1 -m -p cat {path} 2>&1; true"
    );
    let seen = sandbox.output(&format!("({command}) </dev/null | head -c 100000")).await;
    assert!(!seen.contains(CONTENT), "{seen}");
    secret.assert_unharmed();
}

#[tokio::test]
async fn mounts_that_hide_stay_and_the_kernel_stays_as_it_is() {
    let Some(dev_server) = isolated("mounts and devices").await else { return };
    let secret = Secret::new();
    let sandbox = dev_server.sandbox().await;
    let path = secret.path().display().to_string();
    // Each prints ESCAPED when it works. Files of the kernel are only opened, never written.
    let attempts = [
        format!("for at in /home /root /tmp /run /var/tmp /proc /sys / ; do umount -l $at; umount $at; done 2>/dev/null; cat {path}"),
        format!("mount -o remount,rw /sys 2>/dev/null && : >>/sys/kernel/mm/ksm/run && echo ESCAPED; cat {path}"),
        "unshare -Urm sh -c 'umount /tmp /root' && echo ESCAPED".to_owned(),
        format!("unshare -m sh -c 'umount -l /tmp; cat {path}'"),
        "mknod /disk b 254 0 && head -c 1 /disk && echo ESCAPED".to_owned(),
        "mknod /memory c 1 1 && head -c 1 /memory && echo ESCAPED".to_owned(),
        "for device in /dev/vda /dev/sda /dev/nvme0n1 /dev/mem /dev/kmsg /dev/kvm /dev/fuse /dev/loop0; do \
         test -e $device && echo ESCAPED; done; true"
            .to_owned(),
        "losetup -f /etc/passwd 2>/dev/null && echo ESCAPED".to_owned(),
        "mkdir /cg && for kind in cgroup cgroup2; do mount -t $kind -o memory none /cg && echo ESCAPED; \
         mount -t $kind none /cg && echo ESCAPED; done"
            .to_owned(),
        "mkdir /fs && for kind in sysfs debugfs securityfs devtmpfs ext4; do mount -t $kind none /fs && echo ESCAPED; done"
            .to_owned(),
        "for file in kernel/core_pattern kernel/modprobe vm/overcommit_memory kernel/panic; do \
         (: >>/proc/sys/$file) && echo ESCAPED; done; (: >>/proc/sysrq-trigger) && echo ESCAPED"
            .to_owned(),
        "head -c 1 /proc/kcore && echo ESCAPED".to_owned(),
        "for group in $(find /sys/fs/cgroup -name cgroup.procs); do (: >>$group) && echo ESCAPED; done; true".to_owned(),
        "for process in /proc/[0-9]*; do (: >>$process/exe) && echo ESCAPED; done; true".to_owned(),
        format!("mount --bind / /mnt; cat /mnt{path}; mount --rbind / /mnt; cat /mnt{path}"),
        "date -s '2001-01-01' >/dev/null && echo ESCAPED".to_owned(),
        "reboot -f && echo ESCAPED".to_owned(),
    ];
    for attempt in attempts {
        let (_, output) = sandbox.executes(&format!("({attempt}) 2>/dev/null </dev/null")).await;
        assert!(!output.contains("ESCAPED") && !output.contains(CONTENT), "{attempt}: {output}");
        secret.assert_unharmed();
    }
    assert_eq!(sandbox.output("echo still").await, "still");
}

#[tokio::test]
async fn a_daemon_that_leaves_everything_ends_with_the_sandbox() {
    let Some(dev_server) = isolated("a daemon").await else { return };
    for end in ["stop", "delete"] {
        let sandbox = dev_server.sandbox().await;
        let daemon = "(env -i setsid setsid bash -c 'trap \"\" TERM INT HUP QUIT PIPE; echo $$ >pid.new; \
                      mv pid.new pid; cd /; while :; do sleep 1000; done' >/dev/null 2>&1 </dev/null &) &";
        sandbox.executes(daemon).await;
        let pid = sandbox.output("while ! test -s pid; do sleep 0.01; done; cat pid").await;
        let outside = Outside::of(&dev_server.server, &sandbox.id).unwrap();
        let process = outside.process(&pid).unwrap();
        let runs = || std::path::Path::new(&format!("/proc/{process}")).exists();
        assert!(runs());
        let path = format!("/sandbox/{}", sandbox.id);
        if end == "stop" {
            dev_server.post(&format!("{path}/stop"), json!({})).await;
            dev_server.wait_for(&sandbox.id, "stopped").await;
        } else {
            dev_server.delete(&path).await;
            crate::client::until("it is gone", async || dev_server.get(&path).await.0 == 404).await;
        }
        assert!(!runs(), "{end}");
    }
}

#[tokio::test]
async fn a_sandbox_whose_daemon_is_killed_has_stopped_and_starts_again() {
    let Some(dev_server) = isolated("a killed daemon").await else { return };
    let sandbox = dev_server.sandbox().await;
    sandbox.output("echo x >kept").await;
    let kill = sandbox.request(reqwest::Method::POST, "/process/execute");
    let _lost = kill.json(&json!({ "command": "kill -9 $PPID" })).send().await;
    dev_server.wait_for(&sandbox.id, "stopped").await;
    dev_server.post(&format!("/sandbox/{}/start", sandbox.id), json!({})).await;
    dev_server.wait_for(&sandbox.id, "started").await;
    assert_eq!(sandbox.output("cat kept").await, "x");
}

#[tokio::test]
async fn a_server_inside_a_sandbox_serves() {
    let Some(dev_server) = isolated("a server inside").await else { return };
    let sandbox = dev_server.sandbox().await;
    // Where the clone lies may be hidden.
    let binary = std::fs::read(env!("CARGO_BIN_EXE_daytona-dev")).unwrap();
    let upload = sandbox.request(reqwest::Method::POST, "/files/upload-v2?path=server").body(binary);
    assert_eq!(upload.send().await.unwrap().status(), 200);
    let binary =
        sandbox.output("mv server daytona-dev && chmod 755 daytona-dev && realpath daytona-dev").await;
    let create = "curl -sf -X POST -H \"Authorization: Bearer $DAYTONA_API_KEY\" -H 'Content-Type: application/json' \
                  -d '{}' $DAYTONA_API_URL/sandbox";
    let command = format!("{binary} run -- sh -c '{}' 2>/dev/null", create.replace('\'', "'\\''"));
    let made = sandbox.output(&command).await;
    assert!(made.contains("\"state\":\"started\""), "{made}");
}
