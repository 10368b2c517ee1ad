//! What a repository looks like: the working tree, and the history.

use super::failure::{self, Reason};
use super::program::Git;
use super::request::query_call;
use crate::toolbox::Machine;
use crate::toolbox::call::{Answer, ErrorResponse, ToolboxCall};
use crate::toolbox::go_json;
use axum::extract::{Request, State};
use serde_json::{Value, json};
use std::path::Path;
use std::sync::Arc;

pub async fn status(State(machine): State<Arc<Machine>>, request: Request) -> Answer {
    let (call, repository) = query_call(machine, request).await?;
    if call.is_0_190() {
        has_commits(&call, &repository).await?;
    }
    let renames = if call.is_0_190() { "--no-renames" } else { "--renames" };
    let arguments = ["status", "--porcelain=v2", "--branch", "-z", "--untracked-files=all", renames];
    let output = Git::within(&repository, arguments).run(&call.machine).await;
    let output = output.map_err(|failure| failure::refusal(&call, failure))?;
    let status = Status::parse(&String::from_utf8_lossy(&output));
    let mut answer = json!({
        "currentBranch": if status.detached { "HEAD" } else { &status.branch },
        "fileStatus": status.files.iter().map(File::json).collect::<Vec<_>>(),
        // What the 0.190 daemon was seen to answer always.
        "branchPublished": false,
        "ahead": 0,
        "behind": 0,
    });
    if !call.is_0_190() {
        let (ahead, behind) = status.apart.unwrap_or_default();
        answer["branchPublished"] = status.apart.is_some().into();
        answer["ahead"] = ahead.into();
        answer["behind"] = behind.into();
        answer["detached"] = status.detached.into();
        answer["upstream"] = status.upstream.into();
    }
    Ok(go_json::answer(&answer))
}

pub async fn history(State(machine): State<Arc<Machine>>, request: Request) -> Answer {
    let (call, repository) = query_call(machine, request).await?;
    has_commits(&call, &repository).await?;
    let log = Git::within(&repository, ["log", "-z", "--format=%H%x00%an%x00%ae%x00%aI%x00%B"]);
    let log = log.run(&call.machine).await.map_err(|failure| failure::refusal(&call, failure))?;
    let log = String::from_utf8_lossy(&log);
    let fields: Vec<&str> = log.split('\0').collect();
    let commits = fields.chunks_exact(5).map(|commit| {
        json!({
            "hash": commit[0],
            "author": commit[1],
            "email": commit[2],
            "message": commit[4],
            // As Go writes it.
            "timestamp": commit[3].replace("+00:00", "Z"),
        })
    });
    Ok(go_json::answer(&commits.collect()))
}

async fn has_commits(call: &ToolboxCall, repository: &Path) -> Result<(), ErrorResponse> {
    let head = Git::within(repository, ["rev-parse", "--quiet", "--verify", "HEAD"]);
    match head.succeeds(&call.machine).await {
        Ok(true) => Ok(()),
        Ok(false) if call.is_0_190() => {
            Err(failure::because(call, Reason::NoRevision, "reference not found"))
        }
        Ok(false) => Err(failure::because(call, Reason::NoRevision, "the branch has no commits yet")),
        Err(failure) => Err(failure::refusal(call, failure)),
    }
}

/// `git status --porcelain=v2 --branch -z`, read.
#[derive(Debug, Default, PartialEq)]
struct Status {
    branch: String,
    detached: bool,
    upstream: String,
    /// Commits ahead of and behind the upstream, where that exists.
    apart: Option<(u64, u64)>,
    /// By name.
    files: Vec<File>,
}

#[derive(Debug, PartialEq)]
struct File {
    name: String,
    /// The former name of a renamed or copied file.
    former_name: String,
    staging: &'static str,
    worktree: &'static str,
}

impl File {
    fn json(&self) -> Value {
        json!({
            "name": self.name,
            "extra": self.former_name,
            "staging": self.staging,
            "worktree": self.worktree,
        })
    }
}

impl Status {
    fn parse(output: &str) -> Self {
        let mut status = Self::default();
        let mut records = output.split('\0');
        while let Some(record) = records.next() {
            let Some((kind, rest)) = record.split_once(' ') else { continue };
            // How many fields stand before the name.
            let before_the_name = match kind {
                "#" => {
                    status.header(rest);
                    continue;
                }
                "1" => 7,
                "2" => 8,
                "u" => 9,
                "?" => 0,
                _ => continue,
            };
            let Some(name) = rest.splitn(before_the_name + 1, ' ').last() else { continue };
            let former_name = if kind == "2" { records.next().unwrap_or_default() } else { "" };
            let (staging, worktree) = match (kind, rest.as_bytes()) {
                ("?", _) => ("Untracked", "Untracked"),
                ("u", _) => ("Updated but unmerged", "Updated but unmerged"),
                (_, [staging, worktree, ..]) => (state(*staging), state(*worktree)),
                _ => continue,
            };
            let (name, former_name) = (name.to_owned(), former_name.to_owned());
            status.files.push(File { name, former_name, staging, worktree });
        }
        status.files.sort_by(|one, other| one.name.cmp(&other.name));
        status
    }

    fn header(&mut self, header: &str) {
        let Some((key, value)) = header.split_once(' ') else { return };
        match key {
            "branch.head" if value == "(detached)" => self.detached = true,
            "branch.head" => value.clone_into(&mut self.branch),
            "branch.upstream" => value.clone_into(&mut self.upstream),
            "branch.ab" => {
                let count = |text: &str| text.get(1..)?.parse().ok();
                self.apart =
                    value.split_once(' ').and_then(|(ahead, behind)| Some((count(ahead)?, count(behind)?)));
            }
            _ => {}
        }
    }
}

fn state(letter: u8) -> &'static str {
    match letter {
        b'M' | b'T' => "Modified",
        b'A' => "Added",
        b'D' => "Deleted",
        b'R' => "Renamed",
        b'C' => "Copied",
        b'U' => "Updated but unmerged",
        _ => "Unmodified",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_of_record_is_read() {
        let output = "# branch.oid 0\0# branch.head main\0# branch.upstream origin/main\0# branch.ab +2 -1\0\
            1 .M N... 100644 100644 100644 a b with space.txt\0\
            2 R. N... 100644 100644 100644 a b R100 new name\0old name\0\
            u UU N... 100644 100644 100644 100644 a b c both.txt\0\
            ? -odd\n name\0";
        let status = Status::parse(output);
        assert_eq!((status.branch.as_str(), status.upstream.as_str()), ("main", "origin/main"));
        assert_eq!(status.apart, Some((2, 1)));
        let files: Vec<_> = status
            .files
            .iter()
            .map(|file| (file.name.as_str(), file.former_name.as_str(), file.staging, file.worktree))
            .collect();
        assert_eq!(
            files,
            [
                ("-odd\n name", "", "Untracked", "Untracked"),
                ("both.txt", "", "Updated but unmerged", "Updated but unmerged"),
                ("new name", "old name", "Renamed", "Unmodified"),
                ("with space.txt", "", "Unmodified", "Modified"),
            ]
        );
    }
}
