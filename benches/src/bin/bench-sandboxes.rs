//! The dev server's sandboxes: creating one, executing a command in one, and the memory of 200. Beside an
//! earlier release of the server, in the same rounds, or beside this one without isolation.
//! `bench-sandboxes SERVER [EARLIER [ROUNDS]]`: the binaries `daytona-dev`.

use bench::{DevServer, median};
use serde_json::{Value, json};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::time::Instant;

/// Executes in a round.
const EXECUTES: usize = 200;
/// Creates in a round.
const CREATES: usize = 10;
const ALIVE: usize = 200;

fn main() {
    let mut arguments = std::env::args().skip(1);
    let ours = arguments.next().expect("bench-sandboxes SERVER [EARLIER [ROUNDS]]");
    let earlier = arguments.next().filter(|path| !path.is_empty());
    let rounds: usize = arguments.next().map_or(5, |rounds| rounds.parse().expect("a number of rounds"));
    let peer_name = if earlier.is_some() { "earlier server" } else { "not isolated" };
    let peer_arguments: &[&str] = if earlier.is_some() { &[] } else { &["--isolation", "none"] };
    let mut servers =
        [Server::start(&ours, &[]), Server::start(earlier.as_deref().unwrap_or(&ours), peer_arguments)];
    let mut executes = [Vec::new(), Vec::new()];
    let mut creates = [Vec::new(), Vec::new()];
    for _ in 0..rounds {
        for (server, (executes, creates)) in servers.iter_mut().zip(executes.iter_mut().zip(&mut creates)) {
            let ids: Vec<String> = (0..CREATES).map(|_| timed(creates, || server.create())).collect();
            for _ in 0..EXECUTES {
                timed(executes, || server.execute(&ids[0]));
            }
            ids.iter().for_each(|id| server.delete(id));
        }
    }
    let before = pss_bytes();
    let alive: Vec<String> = (0..ALIVE).map(|_| servers[0].create()).collect();
    let each_mib = (pss_bytes() - before) as f64 / ALIVE as f64 / (1024.0 * 1024.0);
    for id in alive.iter().step_by(20) {
        servers[0].execute(id);
    }
    let [execute_ms, peer_execute_ms] = executes.map(median);
    let [create_ms, peer_create_ms] = creates.map(median);
    println!("| sandboxes | daytona-dev | {peer_name} | ratio | aim |");
    println!("|---|---|---|---|---|");
    println!("| create to started, ms | {create_ms:.1} | {peer_create_ms:.1} | | <= 25 ms |");
    let ratio = execute_ms / peer_execute_ms;
    println!("| execute `true`, ms | {execute_ms:.2} | {peer_execute_ms:.2} | {ratio:.2} | <= 1.3x |");
    println!("| {ALIVE} alive, PSS of each, MiB | {each_mib:.2} | | | <= 3 MiB |");
}

/// Does something, and notes the milliseconds that it took.
fn timed<T>(times: &mut Vec<f64>, work: impl FnOnce() -> T) -> T {
    let began = Instant::now();
    let result = work();
    times.push(began.elapsed().as_secs_f64() * 1e3);
    result
}

/// The proportional memory of every sandbox's processes.
fn pss_bytes() -> u64 {
    let own = |directory: &std::path::Path| {
        let command = std::fs::read(directory.join("cmdline")).unwrap_or_default();
        command.windows(11).any(|part| part == b"__container")
    };
    let pss = |directory: std::path::PathBuf| {
        let text = std::fs::read_to_string(directory.join("smaps_rollup")).unwrap_or_default();
        let line = text.lines().find_map(|line| line.strip_prefix("Pss:").map(str::to_owned));
        let kib = line.and_then(|line| line.trim().trim_end_matches(" kB").parse::<u64>().ok());
        kib.unwrap_or(0) * 1024
    };
    let processes = std::fs::read_dir("/proc").expect("/proc").flatten().map(|entry| entry.path());
    processes.filter(|directory| own(directory)).map(pss).sum()
}

/// A running server, and one connection to it.
struct Server {
    server: DevServer,
    connection: BufReader<TcpStream>,
}

impl Server {
    fn start(binary: &str, arguments: &[&str]) -> Self {
        let server = DevServer::start(Path::new(binary), arguments).expect("the server starts");
        let address = server.url.trim_start_matches("http://").trim_end_matches("/api");
        let connection = TcpStream::connect(address).expect("a connection");
        connection.set_nodelay(true).expect("no delay");
        Self { connection: BufReader::new(connection), server }
    }

    fn create(&mut self) -> String {
        let made = self.request("POST", "/api/sandbox", &json!({}));
        assert_eq!(made["state"], "started", "{made}");
        made["id"].as_str().expect("an id").to_owned()
    }

    fn execute(&mut self, id: &str) {
        let answer =
            self.request("POST", &format!("/toolbox/{id}/process/execute"), &json!({"command": "true"}));
        assert_eq!(answer["exitCode"], 0, "{answer}");
    }

    fn delete(&mut self, id: &str) {
        self.request("DELETE", &format!("/api/sandbox/{id}"), &Value::Null);
    }

    fn request(&mut self, method: &str, path: &str, body: &Value) -> Value {
        let body = if body.is_null() { String::new() } else { body.to_string() };
        let request = format!(
            "{method} {path} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {}\r\n\
             Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
            self.server.key,
            body.len()
        );
        self.connection.get_mut().write_all(request.as_bytes()).expect("a request");
        let mut length = 0;
        loop {
            let mut line = String::new();
            self.connection.read_line(&mut line).expect("an answer");
            let line = line.trim_end().to_ascii_lowercase();
            if let Some(bytes) = line.strip_prefix("content-length:") {
                length = bytes.trim().parse().expect("a length");
            }
            if line.is_empty() {
                break;
            }
        }
        let mut answer = vec![0; length];
        self.connection.read_exact(&mut answer).expect("a whole answer");
        serde_json::from_slice(&answer).unwrap_or_default()
    }
}
