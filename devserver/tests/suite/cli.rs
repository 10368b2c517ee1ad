//! The binary: its output, the environment of its command, and that nothing is left when it ends.

use std::ffi::OsStr;
use std::io::{BufRead, BufReader, Read};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use reqwest::Client;
use serde_json::{Value, json};

const BINARY: &str = env!("CARGO_BIN_EXE_daytona-dev");

/// A running binary, killed when a test fails.
pub struct Running {
    child: Child,
    api: String,
    keys: [String; 2],
    http: Client,
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Running {
    pub fn start(arguments: &[&str], state: &Path) -> Self {
        Self::started_by(Command::new(BINARY), arguments, state)
    }

    /// The same by another command, which runs the binary.
    fn started_by(mut command: Command, arguments: &[&str], state: &Path) -> Self {
        let mut child =
            command.args(arguments).arg("--state").arg(state).stdout(Stdio::piped()).spawn().unwrap();
        // From what it prints.
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines().map(Result::unwrap);
        let mut exported = |name: &str| {
            let line = lines.find(|line| line.starts_with("export ")).expect(name);
            line.strip_prefix(&format!("export {name}=")).expect(name).to_owned()
        };
        let api = exported("DAYTONA_API_URL");
        let keys = [exported("DAYTONA_API_KEY"), exported("DAYTONA_API_KEY_2")];
        Self { child, api, keys, http: crate::client::http().build().unwrap() }
    }

    async fn post(&self, url: &str, body: Value) -> Value {
        let request = self.http.post(url).bearer_auth(&self.keys[0]).json(&body);
        request.send().await.unwrap().json().await.unwrap()
    }

    /// A sandbox with a file, and a shell in a terminal without clients.
    pub async fn busy_sandbox(&self) -> String {
        let sandbox = self.post(&format!("{}/sandbox", self.api), json!({})).await;
        let id = sandbox["id"].as_str().unwrap().to_owned();
        let toolbox = format!("{}/{id}", sandbox["toolboxProxyUrl"].as_str().unwrap());
        let made = self.post(&format!("{toolbox}/process/pty"), json!({"id": "t"})).await;
        assert_eq!(made["sessionId"], "t");
        let upload = self.http.post(format!("{toolbox}/files/upload-v2?path=a/file")).body("content");
        assert_eq!(upload.bearer_auth(&self.keys[0]).send().await.unwrap().status(), 200);
        while processes(&id) == 0 {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        id
    }

    pub async fn execute(&self, id: &str, command: &str) -> Value {
        let url = format!("{}/toolbox/{id}/process/execute", self.api.trim_end_matches("/api"));
        self.post(&url, json!({ "command": command })).await
    }

    pub fn signalled(mut self, signal: Signal) -> ExitStatus {
        kill(Pid::from_raw(self.child.id() as i32), signal).unwrap();
        self.child.wait().unwrap()
    }
}

fn processes(id: &str) -> usize {
    marked(id).len()
}

/// Processes with the sandbox's mark, by their directories in /proc.
pub fn marked(id: &str) -> Vec<PathBuf> {
    let mark = format!("DAYTONA_SANDBOX_ID={id}");
    let has_mark = |process: &PathBuf| {
        let environ = std::fs::read(process.join("environ")).unwrap_or_default();
        environ.split(|byte| *byte == 0).any(|it| it == mark.as_bytes())
    };
    std::fs::read_dir("/proc").unwrap().flatten().map(|entry| entry.path()).filter(has_mark).collect()
}

fn files(directory: &Path) -> Vec<std::path::PathBuf> {
    std::fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path()).collect()
}

#[tokio::test]
async fn every_way_to_end_it_leaves_no_process_and_no_file() {
    for signal in [Signal::SIGINT, Signal::SIGTERM, Signal::SIGHUP] {
        let state = tempfile::tempdir().unwrap();
        std::fs::write(state.path().join("somebody's"), "own").unwrap();
        let running = Running::start(&[], state.path());
        let id = running.busy_sandbox().await;
        assert_eq!(files(state.path()).len(), 2);
        let status = running.signalled(signal);
        assert!(status.success(), "{signal}: {status}");
        assert_eq!(processes(&id), 0, "{signal}");
        // What was there before is not ours to remove.
        assert_eq!(files(state.path()), [state.path().join("somebody's")], "{signal}");
    }
}

#[tokio::test]
async fn signals_that_the_server_was_started_to_ignore_reach_its_sandboxes() {
    for isolation in ["auto", "none"] {
        let state = tempfile::tempdir().unwrap();
        let mut shell = Command::new("sh");
        // As a shell without job control starts what runs in the background.
        shell.args(["-c", "trap '' INT QUIT; exec \"$@\"", "sh", BINARY]);
        let running = Running::started_by(shell, &["--isolation", isolation], state.path());
        let id = running.busy_sandbox().await;
        let ignored = running.execute(&id, "sed -n 's/^SigIgn:\t0*//p' /proc/self/status").await;
        let mask = u64::from_str_radix(ignored["result"].as_str().unwrap().trim(), 16).unwrap_or_default();
        // The two above belong to the C library, and cannot be set by anybody else.
        const NAMED: u64 = (1 << 31) - 1;
        assert_eq!(mask & NAMED, 0, "{isolation}: {ignored}");
        assert!(running.signalled(Signal::SIGTERM).success());
    }
}

#[tokio::test]
async fn it_is_the_daytona_that_was_asked_for() {
    let state = tempfile::tempdir().unwrap();
    let arguments =
        ["--protocol", "0.190", "--rate-limit", "2", "--sandboxes", "5", "--fault", "empty=500@/volumes"];
    let running = Running::start(&arguments, state.path());
    let get = async |path: &str, key: &str| {
        let request = running.http.get(format!("{}{path}", running.api)).bearer_auth(key);
        request.send().await.unwrap()
    };
    let [key, other] = &running.keys;
    let listed: Value = get("/sandbox", key).await.json().await.unwrap();
    assert_eq!(listed["items"].as_array().unwrap().len(), 5);
    assert_eq!(get("/volumes", key).await.status(), 500);
    let listed: Value = get("/sandbox", other).await.json().await.unwrap();
    assert_eq!(listed["items"], json!([]));
    assert_eq!(get("/sandbox/x", key).await.status(), 404);
    assert_eq!(get("/config", key).await.status(), 429);
    let health = running.http.get(running.api.replace("/api", "/health")).send().await.unwrap();
    assert_eq!(health.status(), 200, "health counts for nobody");
    assert!(running.signalled(Signal::SIGTERM).success());
}

/// Runs a command to its end: exit status, standard output.
fn run(state: &Path, command: &[&str]) -> (ExitStatus, String) {
    let mut running = Command::new(BINARY);
    running.arg("--state").arg(state).args(["run", "--"]).args(command);
    // Credentials in the server's environment must not reach the command.
    running.env("DAYTONA_API_KEY", "outside").env("DAYTONA_JWT_TOKEN", "outside");
    let output = running.stderr(Stdio::inherit()).output().unwrap();
    (output.status, String::from_utf8(output.stdout).unwrap())
}

#[test]
fn run_gives_the_environment_ends_as_the_command_does_and_cleans_up() {
    let state = tempfile::tempdir().unwrap();
    let script = r#"
        python3 - <<'END'
import json, os, urllib.request as web
def ask(url, body=None):
    headers = {"Authorization": "Bearer " + os.environ["DAYTONA_API_KEY"], "Content-Type": "application/json"}
    data = None if body is None else json.dumps(body).encode()
    return json.load(web.urlopen(web.Request(url, data, headers)))
sandbox = ask(os.environ["DAYTONA_API_URL"] + "/sandbox", {})
ask(sandbox["toolboxProxyUrl"] + "/" + sandbox["id"] + "/process/pty", {"id": "t"})
print(sandbox["id"])
END
        echo "${DAYTONA_JWT_TOKEN-none} ${DAYTONA_API_KEY_2:+second}"
        exit 7"#;
    let (status, output) = run(state.path(), &["sh", "-c", script]);
    assert_eq!(status.code(), Some(7));
    let [id, environment] = output.lines().collect::<Vec<_>>()[..] else { panic!("{output:?}") };
    assert_eq!(environment, "none second");
    assert_eq!((id.len(), processes(id)), (36, 0));
    assert_eq!(files(state.path()), [] as [std::path::PathBuf; 0]);
}

#[test]
fn run_tells_how_a_command_failed() {
    let state = tempfile::tempdir().unwrap();
    assert_eq!(run(state.path(), &["true"]).0.code(), Some(0));
    assert_eq!(run(state.path(), &["no-such-program"]).0.code(), Some(127));
    // 128 plus the number of the signal.
    assert_eq!(run(state.path(), &["sh", "-c", "kill -9 $$"]).0.code(), Some(137));
    // A signal that the command handles.
    let handles = "trap 'exit 3' TERM; kill $PPID; while :; do sleep 0.05; done";
    assert_eq!(run(state.path(), &["sh", "-c", handles]).0.code(), Some(3));
    assert_eq!(files(state.path()), [] as [std::path::PathBuf; 0]);
}

#[test]
fn run_gives_arguments_that_are_not_text() {
    let state = tempfile::tempdir().unwrap();
    let mut running = Command::new(BINARY);
    running
        .arg("--state")
        .arg(state.path())
        .args(["run", "--", "printf", "%s"])
        .arg(OsStr::from_bytes(b"a\xff"));
    assert_eq!(running.output().unwrap().stdout, b"a\xff");
}

#[test]
fn ctrl_c_in_a_terminal_reaches_the_command_once() {
    let state = tempfile::tempdir().unwrap();
    let script = r#"
import os, pty, sys
# Once the first has come, long enough for a second one.
counts = "n=0; trap 'n=$((n+1))' INT; echo up; while [ $n = 0 ]; do sleep 0.1; done; sleep 0.7; echo n=$n; exit 4"
child, terminal = pty.fork()
if child == 0:
    os.execv(sys.argv[1], sys.argv[1:] + ["run", "--", "bash", "-c", counts])
out = b""
while True:
    try:
        read = os.read(terminal, 1000)
    except OSError:
        break
    if b"up" in read:
        os.write(terminal, b"\x03")
    out += read
print(out.decode(), os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
"#;
    let mut python = Command::new("python3");
    let output = python.args(["-c", script, BINARY, "--state"]).arg(state.path()).output().unwrap();
    let output = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.contains("n=1\r\n") && output.trim_end().ends_with(" 4"), "{output}");
}

#[test]
fn run_that_is_ended_ends_its_command() {
    for (signal, code) in [(Signal::SIGINT, 130), (Signal::SIGTERM, 143)] {
        let state = tempfile::tempdir().unwrap();
        let mut child = Command::new(BINARY)
            .arg("--state")
            .arg(state.path())
            .args(["run", "--", "sh", "-c", "echo $$; exec sleep 600"])
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut output = BufReader::new(child.stdout.take().unwrap());
        let mut pid = String::new();
        output.read_line(&mut pid).unwrap();
        kill(Pid::from_raw(child.id() as i32), signal).unwrap();
        assert_eq!(child.wait().unwrap().code(), Some(code), "{signal}");
        assert!(kill(Pid::from_raw(pid.trim().parse().unwrap()), None).is_err(), "{signal}: it runs on");
        assert_eq!(files(state.path()), [] as [std::path::PathBuf; 0]);
        let mut rest = String::new();
        output.read_to_string(&mut rest).unwrap();
    }
}

#[test]
fn a_port_that_is_taken_is_told() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port().to_string();
    let output = Command::new(BINARY).args(["--port", &port]).output().unwrap();
    assert!(!output.status.success());
    assert!(String::from_utf8_lossy(&output.stderr).contains("cannot serve"), "{output:?}");
}

/// The binary where no user namespace can be created: in one whose limit of them is 0, and if there can be none at
/// all, as it is.
fn without_namespaces(isolation: &str, state: &Path) -> std::process::Output {
    let script = r#"
        if unshare --user --map-root-user true 2>/dev/null; then
            exec unshare --user --map-root-user sh -c 'echo 0 >/proc/sys/user/max_user_namespaces; exec "$@"' sh "$@"
        fi
        exec "$@""#;
    let mut shell = Command::new("sh");
    shell.args(["-c", script, "sh", BINARY, "--isolation", isolation, "--state"]).arg(state);
    shell.args(["run", "--", "echo", "served"]).env_remove("RUST_LOG").output().unwrap()
}

#[test]
fn where_the_system_refuses_isolation_auto_says_so_in_one_line_and_required_does_not_serve() {
    for (isolation, serves, said) in [
        ("auto", true, "daytona-dev: sandboxes are not isolated ("),
        ("none", true, "daytona-dev: sandboxes are not isolated: "),
        ("required", false, "daytona-dev: cannot serve: isolation is required, and the system refuses it: "),
    ] {
        let state = tempfile::tempdir().unwrap();
        let output = without_namespaces(isolation, state.path());
        let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        assert_eq!((output.status.success(), &*out), (serves, if serves { "served\n" } else { "" }), "{err}");
        let lines: Vec<&str> = err.lines().collect();
        assert!(lines.len() == 1 && lines[0].starts_with(said), "{isolation}: {err}");
        assert_eq!(files(state.path()), [] as [std::path::PathBuf; 0]);
    }
}
