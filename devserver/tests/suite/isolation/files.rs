//! The files of the machine, and those of another sandbox.

use super::{CONTENT, SHOWN, Secret, isolated};
use crate::client::{Sandbox, status_and_body};
use reqwest::Method;
use reqwest::multipart::{Form, Part};
use serde_json::{Value, json};

#[tokio::test]
async fn removing_everything_removes_nothing_outside() {
    let Some(dev_server) = isolated("removing everything").await else { return };
    let shown = std::fs::read_to_string(SHOWN).unwrap();
    let secret = Secret::new();
    let (sandbox, other) = (dev_server.sandbox().await, dev_server.sandbox().await);
    other.output("echo mine >kept").await;
    let seen = sandbox.output(&format!("cat {SHOWN}")).await;
    sandbox.executes("rm -rf --no-preserve-root / >/dev/null 2>&1").await;
    assert_eq!(seen, shown.trim_end(), "the machine's files are shown");
    assert_eq!(std::fs::read_to_string(SHOWN).unwrap(), shown);
    secret.assert_unharmed();
    assert_eq!(other.output("cat kept && test -e /etc/passwd").await, "mine");
    // The API still answers, and a delete of everything is no more.
    let query = "/files?path=/&recursive=true";
    sandbox.delete(query).await;
    other.delete(query).await;
    assert_eq!(std::fs::read_to_string(SHOWN).unwrap(), shown);
    secret.assert_unharmed();
    assert_eq!(dev_server.sandbox().await.output("test -e /etc/passwd; echo $?").await, "0");
}

#[tokio::test]
async fn what_is_written_anywhere_stays_in_the_sandbox() {
    let Some(dev_server) = isolated("writing anywhere").await else { return };
    let shown = std::fs::read_to_string(SHOWN).unwrap();
    let (sandbox, other) = (dev_server.sandbox().await, dev_server.sandbox().await);
    let marker = "written by a sandbox 77a0";
    let places = ["/tmp/x", "/var/tmp/x", "/run/x", "/home/daytona/x", "/opt/x", "/x"];
    for place in places {
        sandbox.executes(&format!("echo '{marker}' >{place}")).await;
        assert!(!std::fs::read_to_string(place).is_ok_and(|text| text.contains(marker)), "{place}");
        assert!(!other.executes(&format!("cat {place}")).await.1.contains(marker), "{place}");
    }
    sandbox.executes(&format!("echo changed >{SHOWN}; touch /etc/new-of-a-sandbox")).await;
    assert_eq!(std::fs::read_to_string(SHOWN).unwrap(), shown);
    assert!(!std::path::Path::new("/etc/new-of-a-sandbox").exists());
    // And outlives a stop there.
    let path = format!("/sandbox/{}", sandbox.id);
    dev_server.post(&format!("{path}/stop"), json!({})).await;
    dev_server.wait_for(&sandbox.id, "stopped").await;
    dev_server.post(&format!("{path}/start"), json!({})).await;
    dev_server.wait_for(&sandbox.id, "started").await;
    assert_eq!(sandbox.output("cat /tmp/x /home/daytona/x").await, format!("{marker}\n{marker}"));
}

/// Every way to write a path to the machine's secret.
fn ways(secret: &Secret) -> Vec<String> {
    let path = secret.path().display().to_string();
    vec![
        path.clone(),
        format!("../../../../../../..{path}"),
        format!("/proc/1/root{path}"),
        format!("/proc/self/root{path}"),
        format!("/proc/self/cwd/../../../..{path}"),
        format!("/proc/1/cwd{path}"),
        "link".to_owned(),
        "up/secret".to_owned(),
        "root/secret".to_owned(),
    ]
}

/// With links to where the secret is outside.
async fn prepare(sandbox: &Sandbox<'_>, secret: &Secret) {
    let (path, directory) = (secret.path(), secret.directory.path());
    let links = format!(
        "ln -s {} link; ln -s ../../..{} up; ln -s /proc/1/root{} root",
        path.display(),
        directory.display(),
        directory.display()
    );
    sandbox.output(&links).await;
}

#[tokio::test]
async fn no_files_endpoint_leads_to_the_machines_files() {
    let Some(dev_server) = isolated("every files endpoint").await else { return };
    let secret = Secret::new();
    let sandbox = dev_server.sandbox().await;
    prepare(&sandbox, &secret).await;
    let check = |what: &str, answer: &Value| {
        assert!(!answer.to_string().contains(CONTENT), "{what}: {answer}");
        secret.assert_unharmed();
    };
    for path in ways(&secret) {
        let query = |name: &str| serde_urlencoded::to_string([(name, path.as_str())]).unwrap();
        let of_path = query("path");
        let directory = path.rsplit_once('/').map_or(".", |(directory, _)| directory);
        let in_directory = serde_urlencoded::to_string([("path", directory)]).unwrap();
        for endpoint in [
            format!("/files?{of_path}"),
            format!("/files?{in_directory}"),
            format!("/files/info?{of_path}"),
            format!("/files/download?{of_path}"),
            format!("/files/find?{in_directory}&pattern=machine"),
            format!("/files/search?{in_directory}&pattern=secret"),
        ] {
            check(&endpoint, &sandbox.get(&endpoint).await.1);
        }
        let bulk = sandbox.post("/files/bulk-download", json!({ "paths": [path] })).await;
        check("bulk-download", &bulk.1);
        let replace = json!({ "files": [path], "pattern": "secret", "newValue": "harmed" });
        check("replace", &sandbox.post("/files/replace", replace).await.1);
        let form = Form::new().part("file", Part::bytes(b"harmed".to_vec()).file_name("f"));
        let upload = sandbox.request(Method::POST, &format!("/files/upload?{of_path}")).multipart(form);
        check("upload", &status_and_body(upload.send().await.unwrap()).await.1);
        let form = Form::new()
            .text("files[0].path", path.clone())
            .part("files[0].file", Part::bytes(b"harmed".to_vec()).file_name(path.clone()));
        let upload = sandbox.request(Method::POST, "/files/bulk-upload").multipart(form);
        check("bulk-upload", &status_and_body(upload.send().await.unwrap()).await.1);
        let upload = sandbox.request(Method::POST, &format!("/files/upload-v2?{of_path}")).body("harmed");
        check("upload-v2", &status_and_body(upload.send().await.unwrap()).await.1);
        let folder = format!("/files/folder?{of_path}.d&mode=777");
        check("folder", &sandbox.post(&folder, Value::Null).await.1);
        let chmod = format!("/files/permissions?{of_path}&mode=777&owner=1000");
        check("permissions", &sandbox.post(&chmod, Value::Null).await.1);
        let moved = format!("/files/move?{}&destination=/tmp/taken", query("source"));
        check("move", &sandbox.post(&moved, Value::Null).await.1);
        check("delete", &sandbox.delete(&format!("/files?{of_path}&recursive=true")).await.1);
    }
}

#[tokio::test]
async fn one_sandbox_sees_no_file_and_no_process_of_another() {
    let Some(dev_server) = isolated("two sandboxes").await else { return };
    let (one, other) = (dev_server.sandbox().await, dev_server.sandbox().await);
    let marker = "of-one-sandbox-b81d";
    let start =
        "setsid sleep 98765 >/dev/null 2>&1 </dev/null & until pgrep -xf 'sleep 98765'; do sleep 0.01; done";
    one.output(&format!("echo {marker} >{marker}; {start}")).await;
    let look = "cat /proc/[0-9]*/cmdline /proc/[0-9]*/environ 2>/dev/null | tr '\\0' '\\n'; \
                ls -a /proc/[0-9]*/root /proc/[0-9]*/cwd /home/daytona /tmp /run /dev/shm 2>/dev/null";
    let seen = other.executes(look).await.1;
    assert!(!seen.contains("98765") && !seen.contains(marker) && !seen.contains(&one.id), "{seen}");
    let seen = one.executes(look).await.1;
    assert!(seen.contains("98765") && seen.contains(marker) && !seen.contains(&other.id), "{seen}");
    // Numbers of processes are each sandbox's own: nothing of the other is killed.
    let kill = other.request(Method::POST, "/process/execute").json(&json!({ "command": "kill -9 -1" }));
    let _its_own_daemon_is_gone = kill.send().await;
    assert_eq!(one.output("cat /proc/[0-9]*/cmdline | tr '\\0' ' ' | grep -c 'sleep 98765'").await, "1");
}

/// A package that is made in the sandbox, so that no registry is asked.
const PACKAGE: &str = "set -e; mkdir -p p/DEBIAN p/usr/bin; \
    printf 'Package: of-a-sandbox\\nVersion: 1\\nArchitecture: all\\nMaintainer: n <a@b.c>\\nDescription: d\\n' >p/DEBIAN/control; \
    printf '#!/bin/sh\\necho installed\\n' >p/usr/bin/of-a-sandbox; chmod 755 p/usr/bin/of-a-sandbox; \
    printf '#!/bin/sh\\nset -e\\ntouch /etc/by-its-script; chown daemon /etc/by-its-script\\n' >p/DEBIAN/postinst; \
    chmod 755 p/DEBIAN/postinst; dpkg-deb --build p /tmp/of-a-sandbox.deb >/dev/null; \
    DEBIAN_FRONTEND=noninteractive apt-get install -y -q /tmp/of-a-sandbox.deb 2>&1";

/// A wheel with a module and a command, installed by pip without an index.
const WHEEL: &str = r#"cat >wheel.py <<'E'
import zipfile
about = "of_a_sandbox-1.0.dist-info/"
with zipfile.ZipFile("of_a_sandbox-1.0-py3-none-any.whl", "w") as wheel:
    wheel.writestr("of_a_sandbox.py", "def main(): print('installed')\n")
    wheel.writestr(about + "METADATA", "Metadata-Version: 2.1\nName: of-a-sandbox\nVersion: 1.0\n")
    wheel.writestr(about + "WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
    wheel.writestr(about + "entry_points.txt", "[console_scripts]\nof-a-sandbox-py = of_a_sandbox:main\n")
    wheel.writestr(about + "RECORD", "")
E
$PYTHON wheel.py && PIP_BREAK_SYSTEM_PACKAGES=1 $PYTHON -m pip install --no-index \
    --disable-pip-version-check ./of_a_sandbox-1.0-py3-none-any.whl 2>&1"#;

#[tokio::test]
async fn pip_installs_in_the_sandbox_alone() {
    let Some(dev_server) = isolated("pip").await else { return };
    // The distribution's, and one that a version manager put below the user's home.
    for python in ["/usr/bin/python3", "python3"] {
        let runs = |arguments: &[&str]| {
            let ran = std::process::Command::new(python).args(arguments).output();
            ran.is_ok_and(|ran| ran.status.success())
        };
        if !runs(&["-m", "pip", "--version"]) {
            println!("= isolation: pip skipped: {python} has no pip");
            continue;
        }
        let sandbox = dev_server.sandbox().await;
        sandbox.output(&format!("PYTHON={python}; {WHEEL}")).await;
        // An ordinary user's goes into the home.
        let run =
            format!("PATH=$PATH:~/.local/bin of-a-sandbox-py && cd / && {python} -c 'import of_a_sandbox'");
        assert_eq!(sandbox.output(&run).await, "installed");
        assert!(!runs(&["-c", "import of_a_sandbox"]));
        let other = dev_server.sandbox().await;
        assert_ne!(other.executes(&format!("{python} -c 'import of_a_sandbox'")).await.0, 0);
    }
}

#[tokio::test]
async fn programs_below_the_users_home_are_there_and_changes_to_them_stay_in_the_sandbox() {
    let Some(dev_server) = isolated("programs").await else { return };
    let home = std::env::var_os("HOME").unwrap_or_default();
    let path = std::env::var_os("PATH").unwrap_or_default();
    let sandbox = dev_server.sandbox().await;
    for directory in std::env::split_paths(&path).filter(|path| path.starts_with(&home) && path.is_dir()) {
        let added = directory.join("of-a-sandbox");
        sandbox
            .output(&format!("printf '#!/bin/sh\necho added' >{0} && chmod 755 {0}", added.display()))
            .await;
        assert_eq!(sandbox.output("of-a-sandbox").await, "added");
        assert!(!added.exists(), "{added:?} is on the machine");
        sandbox.output(&format!("rm {}", added.display())).await;
    }
}

#[tokio::test]
async fn packages_are_installed_in_the_sandbox_alone() {
    let Some(dev_server) = isolated("packages").await else { return };
    let sandbox = dev_server.sandbox().await;
    let is_root = nix::unistd::geteuid().is_root();
    // What root owns, dpkg's database with it, is not an ordinary user's to change.
    if is_root && std::path::Path::new("/usr/bin/apt-get").exists() {
        sandbox.output(PACKAGE).await;
        let seen =
            "of-a-sandbox; dpkg-query -W -f '${Status}\\n' of-a-sandbox; stat -c %U /etc/by-its-script";
        assert_eq!(sandbox.output(seen).await, "installed\ninstall ok installed\ndaemon");
        assert!(!std::path::Path::new("/usr/bin/of-a-sandbox").exists());
        assert!(!std::path::Path::new("/etc/by-its-script").exists());
    }
    if is_root {
        sandbox.output("echo 10.9.8.7 edited.example >>/etc/hosts").await;
        assert!(sandbox.output("getent hosts edited.example").await.starts_with("10.9.8.7"));
        assert!(!std::fs::read_to_string("/etc/hosts").unwrap().contains("edited.example"));
    }
}
