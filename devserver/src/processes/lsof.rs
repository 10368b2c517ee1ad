//! Ports by the program lsof.

use std::collections::BTreeSet;
use std::process::{Command, Stdio};

/// The TCP ports that these processes listen on; none where the program is not there.
pub fn listening(program: &str, processes: &BTreeSet<i32>) -> BTreeSet<u16> {
    if processes.is_empty() {
        return BTreeSet::new();
    }
    let list = processes.iter().map(i32::to_string).collect::<Vec<_>>().join(",");
    let mut command = Command::new(program);
    command.args(["-nP", "-a", "-iTCP", "-sTCP:LISTEN", "-Fn", "-p", &list]);
    // It fails as well where one of many processes has no such socket.
    let output = command.stdin(Stdio::null()).stderr(Stdio::null()).output();
    output.map_or_else(|_| BTreeSet::new(), |output| ports(&String::from_utf8_lossy(&output.stdout)))
}

/// The ports in its output for other programs: names are on lines that begin with `n`.
fn ports(output: &str) -> BTreeSet<u16> {
    let names = output.lines().filter_map(|line| line.strip_prefix('n'));
    names.filter_map(|name| name.rsplit_once(':')?.1.parse().ok()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ports_of_all_addresses_are_read() {
        let output = "p4711\nf3\nn127.0.0.1:3000\nf4\nn*:8080\np4712\nf12\nn[::1]:9999\n";
        assert_eq!(ports(output), BTreeSet::from([3000, 8080, 9999]));
    }

    #[test]
    fn the_processes_are_named_and_a_failure_beside_the_ports_is_none() {
        use std::os::unix::fs::PermissionsExt;
        let directory = tempfile::tempdir().unwrap();
        let program = directory.path().join("lsof");
        std::fs::write(&program, "#!/bin/sh\n[ \"$7\" = 12,34 ] && echo n127.0.0.1:3000\nexit 1\n").unwrap();
        std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o700)).unwrap();
        let found = listening(&program.display().to_string(), &BTreeSet::from([34, 12]));
        assert_eq!(found, BTreeSet::from([3000]));
    }
}
