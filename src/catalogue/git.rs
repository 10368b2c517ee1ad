//! The entries of `git.*`.

use super::Operation;
use super::entry::operation;
use crate::client::git;

pub(super) const ENTRIES: &[Operation] = &[
    operation! {
        /// Clones a repository: the branch alone, as the server does it.
        ///
        /// The credential travels in the request's body and is not stored. An existing repository at
        /// `path` is HTTP_CONFLICT. A failure may leave the directory behind. A server before 0.205 knows no
        /// `depth` (UNSUPPORTED), has no GIT_ codes, and answers a missing branch or unreachable host with 500.
        "git.clone", Sandbox, Guide, git::Clone,
        required: ["url", "path"],
        fails: [HTTP_BAD_REQUEST, HTTP_FORBIDDEN, HTTP_CONFLICT, UNSUPPORTED],
        codes: [GIT_AUTH_FAILED, GIT_REPO_NOT_FOUND, GIT_BRANCH_NOT_FOUND, GIT_TRANSPORT_FAILED],
        endpoint: "POST {sb}/git/clone",
        cancel: "Drops the connection; the clone goes on in the sandbox until it ends.",
        timeout: None,
        call: git::clone,
    },
    operation! {
        /// The local branches of a repository.
        "git.branches", Sandbox, Guide, git::BranchesOf,
        required: ["path"],
        result: Json(git::Branches),
        fails: [],
        codes: [GIT_REPO_NOT_FOUND],
        endpoint: "GET {sb}/git/branches",
        cancel: "Drops the connection; nothing changes in the sandbox.",
        timeout: Minute,
        call: git::branches,
    },
    operation! {
        /// The branch, the files that differ from the last commit, and how far the upstream is.
        ///
        /// A repository without commits is HTTP_NOT_FOUND on a server before 0.205.
        "git.status", Sandbox, Guide, git::StatusOf,
        required: ["path"],
        result: Json(git::Status),
        fails: [],
        codes: [GIT_REPO_NOT_FOUND],
        endpoint: "GET {sb}/git/status",
        cancel: "Drops the connection; nothing changes in the sandbox.",
        timeout: Minute,
        call: git::status,
    },
    operation! {
        /// Makes a branch at the current commit and checks it out.
        ///
        /// A server before 0.205 answers an existing branch with HTTP_INTERNAL_SERVER (500).
        "git.create_branch", Sandbox, Guide, git::CreateBranch,
        required: ["path", "name"],
        fails: [HTTP_BAD_REQUEST],
        codes: [GIT_REPO_NOT_FOUND, GIT_BRANCH_EXISTS],
        endpoint: "POST {sb}/git/branches",
        cancel: "Drops the connection; the branch may have been made.",
        timeout: Minute,
        call: git::create_branch,
    },
    operation! {
        /// Checks out a branch or a commit.
        ///
        /// A server before 0.205 checks out the branch master when the name is neither, and answers success.
        "git.checkout", Sandbox, Guide, git::Checkout,
        required: ["path", "branch"],
        fails: [HTTP_BAD_REQUEST],
        codes: [GIT_REPO_NOT_FOUND, GIT_BRANCH_NOT_FOUND, GIT_DIRTY_WORKTREE],
        endpoint: "POST {sb}/git/checkout",
        cancel: "Drops the connection; the checkout may have happened.",
        timeout: Minute,
        call: git::checkout,
    },
    operation! {
        /// Deletes a local branch, merged or not.
        ///
        /// A server before 0.205 answers success for a branch that does not exist, and deletes the current one too.
        "git.delete_branch", Sandbox, Guide, git::DeleteBranch,
        required: ["path", "name"],
        fails: [UNSUPPORTED, HTTP_BAD_REQUEST],
        codes: [GIT_REPO_NOT_FOUND, GIT_BRANCH_NOT_FOUND],
        endpoint: "DELETE {sb}/git/branches",
        cancel: "Drops the connection; the branch may be gone.",
        timeout: Minute,
        call: git::delete_branch,
    },
    operation! {
        /// Stages files for the next commit, deleted ones too.
        ///
        /// A file that does not exist is HTTP_BAD_REQUEST, on a server before 0.205 HTTP_INTERNAL_SERVER (500).
        "git.add", Sandbox, Guide, git::Add,
        required: ["path", "files"],
        fails: [HTTP_BAD_REQUEST],
        codes: [GIT_REPO_NOT_FOUND],
        endpoint: "POST {sb}/git/add",
        cancel: "Drops the connection; files may have been staged.",
        timeout: Minute,
        call: git::add,
    },
    operation! {
        /// Commits what is staged and answers the commit's hash.
        ///
        /// With nothing staged and without `allowEmpty` it is HTTP_CONFLICT, on a server before 0.205
        /// HTTP_INTERNAL_SERVER (500).
        "git.commit", Sandbox, Guide, git::Commit,
        required: ["path", "message", "author", "email"],
        result: Json(git::Committed),
        fails: [HTTP_BAD_REQUEST, HTTP_CONFLICT],
        codes: [GIT_REPO_NOT_FOUND, GIT_MERGE_CONFLICT],
        endpoint: "POST {sb}/git/commit",
        cancel: "Drops the connection; the commit may have been made.",
        timeout: Minute,
        call: git::commit,
    },
    operation! {
        /// Fetches a branch and forwards the current one to it. Up to date is success.
        ///
        /// `remote` other than origin and `branch` are UNSUPPORTED on a server before 0.205, and nothing is pulled.
        "git.pull", Sandbox, Guide, git::Pull,
        required: ["path"],
        fails: [HTTP_BAD_REQUEST, HTTP_FORBIDDEN, UNSUPPORTED],
        codes: [GIT_AUTH_FAILED, GIT_REPO_NOT_FOUND, GIT_BRANCH_NOT_FOUND, GIT_DIRTY_WORKTREE, GIT_MERGE_CONFLICT, GIT_TRANSPORT_FAILED],
        endpoint: "POST {sb}/git/pull",
        cancel: "Drops the connection; the pull goes on in the sandbox until it ends.",
        timeout: None,
        call: git::pull,
    },
    operation! {
        /// Sends a branch to a remote. Up to date is success.
        ///
        /// `remote` other than origin, `branch` and `setUpstream` are UNSUPPORTED on a server before 0.205, and nothing is
        /// pushed. Such a server answers a rejected push with HTTP_INTERNAL_SERVER (500).
        "git.push", Sandbox, Guide, git::Push,
        required: ["path"],
        fails: [HTTP_BAD_REQUEST, HTTP_FORBIDDEN, UNSUPPORTED],
        codes: [GIT_AUTH_FAILED, GIT_REPO_NOT_FOUND, GIT_BRANCH_NOT_FOUND, GIT_PUSH_REJECTED, GIT_REMOTE_REJECTED, GIT_TRANSPORT_FAILED],
        endpoint: "POST {sb}/git/push",
        cancel: "Drops the connection; the push goes on in the sandbox until it ends.",
        timeout: None,
        call: git::push,
    },
    operation! {
        /// Makes an empty repository. UNSUPPORTED on a server before 0.205.
        "git.init", Sandbox, Newer, git::Init,
        required: ["path"],
        fails: [UNSUPPORTED, HTTP_BAD_REQUEST],
        codes: [],
        endpoint: "POST {sb}/git/init",
        cancel: "Drops the connection; the repository may have been made.",
        timeout: Minute,
        call: git::init,
    },
    operation! {
        /// Moves the current branch to a revision, or takes files out of the index.
        ///
        /// UNSUPPORTED on a server before 0.205.
        "git.reset", Sandbox, Newer, git::Reset,
        required: ["path"],
        fails: [UNSUPPORTED, HTTP_BAD_REQUEST],
        codes: [GIT_REPO_NOT_FOUND, GIT_BRANCH_NOT_FOUND, GIT_DIRTY_WORKTREE],
        endpoint: "POST {sb}/git/reset",
        cancel: "Drops the connection; the reset may have happened.",
        timeout: Minute,
        call: git::reset,
    },
    operation! {
        /// Brings files back to what the index or a revision has. UNSUPPORTED on a server before 0.205.
        "git.restore", Sandbox, Newer, git::Restore,
        required: ["path", "files"],
        fails: [UNSUPPORTED, HTTP_BAD_REQUEST],
        codes: [GIT_REPO_NOT_FOUND, GIT_BRANCH_NOT_FOUND],
        endpoint: "POST {sb}/git/restore",
        cancel: "Drops the connection; files may have been restored.",
        timeout: Minute,
        call: git::restore,
    },
    operation! {
        /// Adds a remote; one of that name is HTTP_CONFLICT without `overwrite`. UNSUPPORTED on a server before 0.205.
        "git.add_remote", Sandbox, Newer, git::AddRemote,
        required: ["path", "name", "url"],
        fails: [UNSUPPORTED, HTTP_BAD_REQUEST, HTTP_CONFLICT],
        codes: [GIT_AUTH_FAILED, GIT_REPO_NOT_FOUND, GIT_TRANSPORT_FAILED],
        endpoint: "POST {sb}/git/remotes",
        cancel: "Drops the connection; the remote may have been added.",
        timeout: Minute,
        call: git::add_remote,
    },
    operation! {
        /// Sets a value of git's configuration. UNSUPPORTED on a server before 0.205.
        "git.config_set", Sandbox, Newer, git::ConfigSet,
        required: ["key", "value"],
        fails: [UNSUPPORTED, HTTP_BAD_REQUEST],
        codes: [GIT_REPO_NOT_FOUND],
        endpoint: "POST {sb}/git/config",
        cancel: "Drops the connection; the setting may have been made.",
        timeout: Minute,
        call: git::config_set,
    },
    operation! {
        /// Sets the name and address for commits that are made in the sandbox. UNSUPPORTED on a server before 0.205.
        "git.config_user", Sandbox, Newer, git::ConfigUser,
        required: ["name", "email"],
        fails: [UNSUPPORTED, HTTP_BAD_REQUEST],
        codes: [GIT_REPO_NOT_FOUND],
        endpoint: "POST {sb}/git/config/user",
        cancel: "Drops the connection; the setting may have been made.",
        timeout: Minute,
        call: git::config_user,
    },
    operation! {
        /// Lets every git of the sandbox use a credential for a host, so that whoever runs commands there can use it.
        ///
        /// UNSUPPORTED on a server before 0.205.
        "git.authenticate", Sandbox, Newer, git::Authenticate,
        required: ["username", "password"],
        fails: [UNSUPPORTED, HTTP_BAD_REQUEST],
        codes: [],
        endpoint: "POST {sb}/git/credentials",
        cancel: "Drops the connection; the credential may be remembered.",
        timeout: Minute,
        call: git::authenticate,
    },
    operation! {
        /// The remotes of a repository. UNSUPPORTED on a server before 0.205.
        "git.remotes", Sandbox, Newer, git::RemotesOf,
        required: ["path"],
        result: Json(git::Remotes),
        fails: [UNSUPPORTED],
        codes: [GIT_REPO_NOT_FOUND],
        endpoint: "GET {sb}/git/remotes",
        cancel: "Drops the connection; nothing changes in the sandbox.",
        timeout: Minute,
        call: git::remotes,
    },
    operation! {
        /// A value of git's configuration. UNSUPPORTED on a server before 0.205.
        "git.config_get", Sandbox, Newer, git::ConfigGet,
        required: ["key"],
        result: Json(git::ConfigValue),
        fails: [UNSUPPORTED, HTTP_BAD_REQUEST],
        codes: [GIT_REPO_NOT_FOUND],
        endpoint: "GET {sb}/git/config",
        cancel: "Drops the connection; nothing changes in the sandbox.",
        timeout: Minute,
        call: git::config_get,
    },
    operation! {
        /// The commits of the current branch, newest first. A branch without commits is HTTP_NOT_FOUND.
        "git.history", Sandbox, Newer, git::History,
        required: ["path"],
        result: Json(Vec<git::CommitInfo>),
        fails: [],
        codes: [GIT_REPO_NOT_FOUND, GIT_BRANCH_NOT_FOUND],
        endpoint: "GET {sb}/git/history",
        cancel: "Drops the connection; nothing changes in the sandbox.",
        timeout: Minute,
        call: git::history,
    },
];
