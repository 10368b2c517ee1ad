//! What the recorder did between the recorded requests, of which the recordings show only the effects.

use std::time::Duration;

use super::{recording::Exchange, replay::Replay};

/// The time limit for a background change to show in an answer.
const SETTLING: Duration = Duration::from_secs(120);
/// The wait that counts as no answer; the recorder waited 90 s.
pub const NO_ANSWER_TIMEOUT: Duration = Duration::from_secs(3);

/// The reason why an exchange cannot be replayed here.
pub fn reason_to_skip(area: &str, name: &str) -> Option<&'static str> {
    match (area, name) {
        ("sandbox", "object storage access") => {
            Some("object storage serves image contexts, which are UNSUPPORTED for now")
        }
        ("process", "code-run: line chart" | "code-run: bar chart" | "code-run: pie chart")
            if !has_matplotlib() =>
        {
            Some("the recorder's matplotlib 3.11 is not installed here")
        }
        ("git", "clone over file://") => {
            Some("the recorded failure comes from the recorder's process 1, which reaped the daemon's helper")
        }
        ("lsp", _)
            if !succeeds("pylsp", &["--version"])
                || !succeeds("typescript-language-server", &["--version"]) =>
        {
            Some("python-lsp-server or typescript-language-server is not installed here")
        }
        ("computer_use", "status while the plugin loads") => Some("there is no plugin that loads"),
        ("computer_use", "windows" | "a11y tree" | "a11y find") => Some("tells the windows of xfce"),
        ("computer_use", "recording start") => Some("the recorder had no ffmpeg"),
        ("computer_use", "stop" | "status after stop" | "stop again") => {
            Some("the recorded plugin died of being stopped; the desktop here stops")
        }
        ("process", "code-run: typescript") if !has_ts_node() => Some("ts-node is not installed here"),
        ("sandbox", "signing key") => {
            Some("0.190 has no signing keys; recorded from the specification of 0.205")
        }
        ("sandbox", "snapshot create, no image") => {
            Some("recorded from an earlier version of this control plane; the service says more")
        }
        ("sandbox", "config") => Some("describes the recorded control plane: its version, issuer and ports"),
        _ => None,
    }
}

fn has_ts_node() -> bool {
    succeeds("ts-node", &["--version"])
}

/// In the recorded version: its images are compared byte by byte.
fn has_matplotlib() -> bool {
    let asks = "import matplotlib, sys; sys.exit(not matplotlib.__version__.startswith('3.11.'))";
    succeeds("python3", &["-c", asks])
}

fn succeeds(program: &str, arguments: &[&str]) -> bool {
    std::process::Command::new(program).args(arguments).output().is_ok_and(|asked| asked.status.success())
}

/// The WebSocket that has to be open during a request.
pub fn socket_under(area: &str, name: &str) -> Option<&'static str> {
    match (area, name) {
        ("session", "delete while a command runs") => Some("session deleted while following"),
        ("pty", "delete") => Some("deleted while connected"),
        _ => None,
    }
}

/// The request that was made while this WebSocket was open.
pub fn request_during(area: &str, name: &str) -> Option<&'static str> {
    match (area, name) {
        ("interpreter", "first of two at once in a context") => Some("second of two at once in a context"),
        ("interpreter", "context deleted while running") => Some("delete context while running"),
        _ => None,
    }
}

/// Whether the request during a WebSocket was made once the server had sent something there: a worker that has
/// not begun with its code cannot be interrupted in it.
pub fn follows_output(area: &str, name: &str) -> bool {
    (area, name) == ("interpreter", "context deleted while running")
}

/// Whether `<uuid>` is a context of its own from here on.
pub fn has_a_new_context(area: &str, name: &str) -> bool {
    area == "interpreter"
        && matches!(
            name,
            "context deleted while running" | "input()" | "os._exit kills the worker of a context"
        )
}

/// Requests that show the effect of an earlier one. They are repeated until the answer is as recorded, up to
/// this time.
pub fn settling(area: &str, name: &str) -> Option<Duration> {
    let settles = match area {
        "session" => matches!(
            name,
            "logs while running"
                | "command after follow"
                | "logs after input"
                | "input to a finished command"
                | "logs, echo suppressed"
        ),
        "sandbox" => matches!(name, "stop again" | "volume ready" | "snapshot"),
        "pty" => matches!(name, "get after exit" | "list at the end"),
        _ => false,
    };
    settles.then_some(SETTLING)
}

/// How long to wait for an answer.
pub fn patience(exchange: &Exchange) -> Duration {
    if exchange.response.status == "TimeoutError" { NO_ANSWER_TIMEOUT } else { Duration::from_secs(60) }
}

/// Whether `<uuid>` stays the id of the command before.
pub fn keeps_the_id(name: &str) -> bool {
    name == "a second exec in the same session waits for the first"
}

/// The order of an input's echo and of the output that the input causes is random.
pub fn lines_in_any_order(area: &str, name: &str) -> bool {
    (area, name) == ("session", "logs after input")
}

/// Unrecorded requests before a recorded one.
pub async fn prepare(replay: &Replay, name: &str) {
    match (replay.area, name) {
        ("sandbox", "archive") => replay.wait_for_state("stopped").await,
        ("sandbox", "start") => replay.wait_for_state("archived").await,
        ("sandbox", "delete") => replay.wait_for_state("started").await,
        ("session", "exec exit ends the shell") => {
            replay.make("/process/session", serde_json::json!({ "sessionId": "s2" })).await;
        }
        ("session", "input" | "input, echo suppressed") => {
            // Lets the command begin to read, so that the order of its output is determined.
            tokio::time::sleep(Duration::from_millis(300)).await;
        }
        ("session", "input with newline") => tokio::time::sleep(Duration::from_millis(300)).await,
        ("pty", name) if name.starts_with("close frame: ") => terminal(replay, "x").await,
        ("pty", "delete") => terminal(replay, "k").await,
        ("git", name) => repository(replay, name).await,
        ("lsp", "python: start") => projects(replay).await,
        ("interpreter", "contexts after the worker died") => delete_contexts(replay, 2..).await,
        ("interpreter", "contexts") => delete_contexts(replay, ..1).await,
        ("pty", "a message over 64 KiB") => terminal(replay, "big").await,
        ("pty", "a reader that does not read") => terminal(replay, "slow").await,
        ("pty", "list at the end") => {
            for id in ["zero", "big", "slow"] {
                replay.remove(&format!("/process/pty/{id}")).await;
            }
        }
        ("files", "info of a symlink") => {
            let command = "cd rec && ln -s ok.txt link && ln -s nowhere dangling && mkfifo -m 644 fifo";
            replay.make("/process/execute", serde_json::json!({ "command": command })).await;
        }
        _ => {}
    }
}

/// What the recorder did in the clone and in the remote.
async fn repository(replay: &Replay, name: &str) {
    let host = replay.git_host.as_ref().expect("the replay of git has a server");
    // Inside: to the machine's git the sandbox's files belong to nobody.
    let run = async |command: &str| {
        let body = serde_json::json!({ "command": command, "cwd": "repo" });
        assert_eq!(replay.make("/process/execute", body).await["exitCode"], 0, "{command}");
    };
    match name {
        "status, modified and untracked" => {
            run("echo changed >f.txt; echo new >n.txt; mkdir -p sub; echo new >sub/s.txt").await;
        }
        "pull" => host.advance("theirs.txt", "theirs\n"),
        "push, rejected" => {
            host.advance("theirs.txt", "more\n");
            let identity = "-c user.name=n -c user.email=a@b.c";
            run(&format!("echo ours >ours.txt; git add ours.txt; git {identity} commit -q -m ours")).await;
        }
        "status of a repository without commits" => {
            run("git init -q ../fresh").await;
        }
        _ => {}
    }
}

/// The two projects that the language servers look at.
async fn projects(replay: &Replay) {
    let python = "class Greeter:\n    def greet(self):\n        return 1\n\ng = Greeter()\ng.\n";
    let typescript = "class Greeter { greet(): string { return \"a\" } }\nconst g = new Greeter()\ng.\n";
    for (directory, file, text) in [("lspp", "m.py", python), ("lspt", "m.ts", typescript)] {
        let command = format!("mkdir {directory} && cat >{directory}/{file} <<'E'\n{text}E");
        replay.make("/process/execute", serde_json::json!({ "command": command })).await;
    }
}

/// Deletes some contexts, by their place in the order of creation.
async fn delete_contexts(replay: &Replay, which: impl std::ops::RangeBounds<usize>) {
    let contexts = replay.read("/process/interpreter/context").await;
    for (place, context) in contexts["contexts"].as_array().unwrap().iter().enumerate() {
        if which.contains(&place) {
            replay.remove(&format!("/process/interpreter/context/{}", context["id"].as_str().unwrap())).await;
        }
    }
}

async fn terminal(replay: &Replay, id: &str) {
    replay.make("/process/pty", serde_json::json!({ "id": id, "cols": 100, "rows": 30 })).await;
}

/// The body of the one upload of which the recording has only the length and the first bytes.
pub fn two_files() -> Vec<u8> {
    let part = |name: &str, rest: &str, content: &[u8]| {
        let head = format!("--RIG-BOUNDARY\r\nContent-Disposition: form-data; name=\"{name}\"{rest}\r\n\r\n");
        [head.as_bytes(), content, b"\r\n"].concat()
    };
    let bytes: Vec<u8> = (0..=255).collect();
    [
        part("files[0].path", "", b"rec/b0.txt"),
        part("files[0].file", "; filename=\"b0\"", b"zero"),
        part("files[1].path", "", b"rec/sub/b1.bin"),
        part("files[1].file", "; filename=\"b1\"\r\nContent-Type: application/octet-stream", &bytes),
        b"--RIG-BOUNDARY--\r\n".to_vec(),
    ]
    .concat()
}
