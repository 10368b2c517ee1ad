//! What went wrong in git, read from its English output, and the answer of each protocol.

use super::program::{Exit, Failure};
use super::redaction::redact;
use crate::toolbox::call::{
    BAD_REQUEST, CONFLICT, ErrorCode, ErrorResponse, INTERNAL, NOT_FOUND, ToolboxCall,
};
use axum::http::StatusCode;

/// Why a request about git failed.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Reason {
    /// The remote wants a credential, or another one.
    Unauthenticated,
    /// The remote knows the credential and forbids.
    Forbidden,
    /// There is no such repository at the remote.
    NoRemoteRepository,
    /// The path is no repository.
    NotARepository,
    /// A clone's destination is a repository, or not empty.
    RepositoryExists,
    /// No such branch, commit or other revision.
    NoRevision,
    BranchExists,
    /// Local changes would be lost.
    DirtyWorktree,
    /// The histories went apart, or there are unmerged files.
    Unmerged,
    /// The remote has commits that are missing here.
    PushRejected,
    /// The remote refused the update, as by a hook.
    RemoteRejected,
    /// The remote was not reached, or the connection broke.
    Transport,
    NothingToCommit,
    /// Another git works on the repository.
    Locked,
    BadRequest,
    Other,
}

/// Patterns in lower case, the first that is contained decides. More special ones stand before general ones:
/// git adds "failed to push some refs" and "unable to access" to very different failures.
const PATTERNS: &[(&str, Reason)] = &[
    ("authentication failed", Reason::Unauthenticated),
    ("invalid username or password", Reason::Unauthenticated),
    ("could not read username", Reason::Unauthenticated),
    ("could not read password", Reason::Unauthenticated),
    ("terminal prompts disabled", Reason::Unauthenticated),
    ("permission denied (publickey", Reason::Unauthenticated),
    ("returned error: 401", Reason::Unauthenticated),
    ("returned error: 403", Reason::Forbidden),
    ("returned error: 404", Reason::NoRemoteRepository),
    ("repository not found", Reason::NoRemoteRepository),
    ("' does not exist\n", Reason::NoRemoteRepository),
    ("' not found", Reason::NoRemoteRepository),
    ("does not appear to be a git repository", Reason::NoRemoteRepository),
    ("no such remote", Reason::NoRemoteRepository),
    ("already exists and is not an empty directory", Reason::RepositoryExists),
    ("remote branch", Reason::NoRevision),
    ("couldn't find remote ref", Reason::NoRevision),
    ("src refspec", Reason::NoRevision),
    ("unknown revision", Reason::NoRevision),
    ("as a valid revision", Reason::NoRevision),
    ("as a valid tree", Reason::NoRevision),
    ("not a valid object name", Reason::NoRevision),
    ("could not resolve head", Reason::NoRevision),
    ("reference is not a tree", Reason::NoRevision),
    ("unable to read tree", Reason::NoRevision),
    ("no such ref was fetched", Reason::NoRevision),
    ("not our ref", Reason::NoRevision),
    ("does not have any commits yet", Reason::NoRevision),
    ("could not resolve '", Reason::NoRevision),
    ("could not parse object", Reason::NoRevision),
    ("remote rejected", Reason::RemoteRejected),
    ("non-fast-forward", Reason::PushRejected),
    ("fetch first", Reason::PushRejected),
    ("updates were rejected", Reason::PushRejected),
    ("stale info", Reason::PushRejected),
    ("not possible to fast-forward", Reason::Unmerged),
    ("divergent branches", Reason::Unmerged),
    ("unmerged", Reason::Unmerged),
    ("needs merge", Reason::Unmerged),
    ("would be overwritten by", Reason::DirtyWorktree),
    ("commit your changes or stash them", Reason::DirtyWorktree),
    ("not uptodate", Reason::DirtyWorktree),
    ("unstaged changes", Reason::DirtyWorktree),
    ("nothing to commit", Reason::NothingToCommit),
    ("nothing added to commit", Reason::NothingToCommit),
    ("no changes added to commit", Reason::NothingToCommit),
    (".lock': file exists", Reason::Locked),
    ("could not resolve host", Reason::Transport),
    ("could not resolve proxy", Reason::Transport),
    ("failed to connect", Reason::Transport),
    ("couldn't connect", Reason::Transport),
    ("connection refused", Reason::Transport),
    ("connection timed out", Reason::Transport),
    ("hung up", Reason::Transport),
    ("early eof", Reason::Transport),
    ("rpc failed", Reason::Transport),
    ("certificate", Reason::Transport),
    ("unable to access", Reason::Transport),
    ("unable to find remote helper", Reason::Transport),
    ("could not read from remote repository", Reason::Transport),
    ("pathspec", Reason::BadRequest),
    ("ignored by one of your .gitignore files", Reason::BadRequest),
    ("is outside repository", Reason::BadRequest),
    ("not a valid branch name", Reason::BadRequest),
    ("invalid initial branch name", Reason::BadRequest),
    ("not a valid remote name", Reason::BadRequest),
    ("invalid key", Reason::BadRequest),
    ("is not a positive number", Reason::BadRequest),
    ("does not contain a section", Reason::BadRequest),
    ("does not contain variable name", Reason::BadRequest),
    ("empty ident name", Reason::BadRequest),
    ("name consists only of disallowed characters", Reason::BadRequest),
];

impl Exit {
    pub fn reason(&self) -> Reason {
        let text = self.output.to_lowercase();
        let found = PATTERNS.iter().find(|(pattern, _)| text.contains(pattern));
        found.map_or(Reason::Other, |(_, reason)| *reason)
    }

    /// The lines that say what failed, without credentials: those that git marks, else all of them.
    pub fn message(&self) -> String {
        let marks = ["fatal: ", "error: ", " ! ", "remote: "];
        let lines = || self.output.lines().map(str::trim_end).filter(|line| !line.is_empty());
        let marked: Vec<_> = lines()
            .filter_map(|line| {
                let mark = marks.iter().find(|mark| line.starts_with(**mark))?;
                Some(if mark.ends_with(": ") && *mark != "remote: " {
                    &line[mark.len()..]
                } else {
                    line.trim()
                })
            })
            .collect();
        let message = match marked.is_empty() {
            true => lines().collect::<Vec<_>>().join("\n"),
            false => marked.join("\n"),
        };
        redact(&message, &self.secrets)
    }
}

const UNAUTHORIZED: ErrorCode = (StatusCode::UNAUTHORIZED, "UNAUTHORIZED");
const FORBIDDEN: ErrorCode = (StatusCode::FORBIDDEN, "FORBIDDEN");

/// The answer to a run that failed.
pub fn refusal(call: &ToolboxCall, failure: Failure) -> ErrorResponse {
    match failure {
        Failure::NotInstalled => {
            let missing = (StatusCode::SERVICE_UNAVAILABLE, "SERVICE_UNAVAILABLE");
            let message = "git is not installed in this sandbox: install the package git";
            call.refuse(missing, message)
        }
        // A NUL, which no argument can have.
        Failure::NotStarted(error) if error.kind() == std::io::ErrorKind::InvalidInput => {
            because(call, Reason::BadRequest, &error.to_string())
        }
        Failure::NotStarted(error) => {
            call.refuse(INTERNAL, &format!("internal server error: failed to run git: {error}"))
        }
        Failure::Exit(exit) => because(call, exit.reason(), &exit.message()),
    }
}

/// The answer to a request that failed for a known reason; `text` says to what.
pub fn because(call: &ToolboxCall, reason: Reason, text: &str) -> ErrorResponse {
    let kind = if call.is_0_190() { kind_in_0_190(reason) } else { kind_in_0_205(reason) };
    // The daemon prefixes what it maps to a status of its own; everything else is the bare message.
    let prefix = match kind.0 {
        StatusCode::BAD_REQUEST => "bad request: ",
        StatusCode::UNAUTHORIZED => "unauthorized: ",
        StatusCode::FORBIDDEN => "forbidden: ",
        StatusCode::NOT_FOUND => "not found: ",
        StatusCode::CONFLICT => "conflict: ",
        _ => "",
    };
    let said = if call.is_0_190() { go_git_message(reason) } else { None };
    call.refuse(kind, &format!("{prefix}{}", said.unwrap_or(text)))
}

fn kind_in_0_205(reason: Reason) -> ErrorCode {
    match reason {
        Reason::Unauthenticated => (StatusCode::UNAUTHORIZED, "GIT_AUTH_FAILED"),
        Reason::Forbidden => (StatusCode::FORBIDDEN, "GIT_AUTH_FAILED"),
        Reason::NoRemoteRepository | Reason::NotARepository => (StatusCode::NOT_FOUND, "GIT_REPO_NOT_FOUND"),
        Reason::NoRevision => (StatusCode::NOT_FOUND, "GIT_BRANCH_NOT_FOUND"),
        Reason::BranchExists => (StatusCode::CONFLICT, "GIT_BRANCH_EXISTS"),
        Reason::DirtyWorktree => (StatusCode::CONFLICT, "GIT_DIRTY_WORKTREE"),
        Reason::Unmerged => (StatusCode::CONFLICT, "GIT_MERGE_CONFLICT"),
        Reason::PushRejected => (StatusCode::CONFLICT, "GIT_PUSH_REJECTED"),
        Reason::RemoteRejected => (StatusCode::UNPROCESSABLE_ENTITY, "GIT_REMOTE_REJECTED"),
        Reason::Transport => (StatusCode::BAD_GATEWAY, "GIT_TRANSPORT_FAILED"),
        Reason::RepositoryExists | Reason::NothingToCommit | Reason::Locked => CONFLICT,
        Reason::BadRequest => BAD_REQUEST,
        Reason::Other => INTERNAL,
    }
}

/// Only what go-git has an error value for is mapped, and a rejected push is not among it: go-git makes a
/// new error there.
fn kind_in_0_190(reason: Reason) -> ErrorCode {
    match reason {
        Reason::Unauthenticated => UNAUTHORIZED,
        Reason::Forbidden => FORBIDDEN,
        Reason::NoRemoteRepository | Reason::NotARepository | Reason::NoRevision => NOT_FOUND,
        Reason::RepositoryExists | Reason::DirtyWorktree | Reason::Unmerged => CONFLICT,
        _ => INTERNAL,
    }
}

fn go_git_message(reason: Reason) -> Option<&'static str> {
    Some(match reason {
        Reason::Unauthenticated => "authentication required: ",
        Reason::Forbidden => "authorization failed: ",
        Reason::NoRemoteRepository => "repository not found: ",
        Reason::RepositoryExists => "repository already exists",
        Reason::NothingToCommit => "cannot create empty commit: clean working tree",
        Reason::Unmerged => "non-fast-forward update",
        _ => return None,
    })
}
