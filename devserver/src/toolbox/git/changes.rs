//! Changes: staged, committed, taken back.

use super::failure::Reason;
use super::program::{Failure, Git};
use super::request::{GitCall, done, shape, to_the_end};
use crate::toolbox::Machine;
use crate::toolbox::call::Answer;
use crate::toolbox::go_json::{self, FieldType, Shape};
use axum::extract::{Request, State};
use axum::http::StatusCode;
use serde_json::json;
use std::sync::Arc;

const ADD: Shape = shape("GitAddRequest", &[("path", FieldType::Text), ("files", FieldType::Texts)]);

const COMMIT: Shape = shape(
    "GitCommitRequest",
    &[
        ("path", FieldType::Text),
        ("message", FieldType::Text),
        ("author", FieldType::Text),
        ("email", FieldType::Text),
        ("allow_empty", FieldType::Flag),
    ],
);

const RESET: Shape = shape(
    "GitResetRequest",
    &[
        ("path", FieldType::Text),
        ("mode", FieldType::Text),
        ("target", FieldType::Text),
        ("files", FieldType::Texts),
    ],
);

const RESTORE: Shape = shape(
    "GitRestoreRequest",
    &[
        ("path", FieldType::Text),
        ("files", FieldType::Texts),
        ("staged", FieldType::Flag),
        ("worktree", FieldType::Flag),
        ("source", FieldType::Text),
    ],
);

/// Stages files as they are, deleted ones too. A name is a path, never a pattern; `.` is everything.
pub async fn add(State(machine): State<Arc<Machine>>, request: Request) -> Answer {
    let git_call = GitCall::read(machine, request, &ADD, &["path", "files"]).await?;
    to_the_end(async move {
        let repository = git_call.repository()?;
        let files = git_call.texts("files");
        if files.is_empty() {
            return done(StatusCode::OK);
        }
        let add = Git::within(&repository, ["add", "--all", "--"]).args(files);
        add.run(git_call.machine()).await.map_err(|failure| match failure {
            Failure::Exit(exit) if git_call.call.is_0_190() && exit.reason() == Reason::BadRequest => {
                git_call.refused(Reason::Other, "entry not found")
            }
            failure => git_call.failed(failure),
        })?;
        done(StatusCode::OK)
    })
    .await
}

pub async fn commit(State(machine): State<Arc<Machine>>, request: Request) -> Answer {
    let required = ["path", "message", "author", "email"];
    let git_call = GitCall::read(machine, request, &COMMIT, &required).await?;
    to_the_end(async move {
        let repository = git_call.repository()?;
        // The message is stored as it came, without a line break of git's.
        let mut git = Git::within(&repository, ["commit", "--quiet", "--cleanup=verbatim", "--file=-"])
            .setting("commit.gpgSign=false")
            .input(git_call.text("message"))
            .env("GIT_AUTHOR_NAME", git_call.text("author"))
            .env("GIT_AUTHOR_EMAIL", git_call.text("email"))
            .env("GIT_COMMITTER_NAME", git_call.text("author"))
            .env("GIT_COMMITTER_EMAIL", git_call.text("email"));
        if git_call.flag("allow_empty") {
            git = git.arg("--allow-empty");
        }
        let failed = |failure| git_call.failed(failure);
        git.run(git_call.machine()).await.map_err(failed)?;
        let hash = Git::within(&repository, ["rev-parse", "HEAD"]).line(git_call.machine());
        Ok(go_json::answer(&json!({ "hash": hash.await.map_err(failed)? })))
    })
    .await
}

pub async fn reset(State(machine): State<Arc<Machine>>, request: Request) -> Answer {
    let git_call = GitCall::read(machine, request, &RESET, &["path"]).await?;
    to_the_end(async move {
        let repository = git_call.repository()?;
        git_call.no_option("target")?;
        let mode = git_call.non_empty("mode").unwrap_or("mixed");
        if !["soft", "mixed", "hard", "merge", "keep"].contains(&mode) {
            let message = format!("mode must be soft, mixed, hard, merge or keep, not '{mode}'");
            return Err(git_call.bad_request(&message));
        }
        let files = git_call.texts("files");
        if !files.is_empty() && mode != "mixed" {
            return Err(git_call.bad_request(&format!("a {mode} reset cannot be constrained to files")));
        }
        let mut git = Git::within(&repository, ["reset", "--quiet"]);
        if files.is_empty() {
            git = git.arg(format!("--{mode}"));
        }
        if let Some(target) = git_call.non_empty("target") {
            git = git.arg(target);
        }
        git = git.arg("--").args(files);
        git.run(git_call.machine()).await.map_err(|failure| git_call.failed(failure))?;
        done(StatusCode::OK)
    })
    .await
}

pub async fn restore(State(machine): State<Arc<Machine>>, request: Request) -> Answer {
    let git_call = GitCall::read(machine, request, &RESTORE, &["path", "files"]).await?;
    to_the_end(async move {
        let repository = git_call.repository()?;
        let files = git_call.texts("files");
        if files.is_empty() {
            return Err(git_call.bad_request("files must name at least one file"));
        }
        let mut git = Git::within(&repository, ["restore", "--quiet"]);
        // Git's own default is the working tree.
        for (flag, option) in [("staged", "--staged"), ("worktree", "--worktree")] {
            if git_call.flag(flag) {
                git = git.arg(option);
            }
        }
        if let Some(source) = git_call.non_empty("source") {
            git = git.arg(format!("--source={source}"));
        }
        git = git.arg("--").args(files);
        git.run(git_call.machine()).await.map_err(|failure| git_call.failed(failure))?;
        done(StatusCode::OK)
    })
    .await
}
