//! Error codes and error classes, each once. A code is the server's finer word beside a status; a class is
//! what every language raises. Bindings choose the class by the code where this table has it, else by the
//! status, else the root class.

use super::status;

/// One error code.
pub struct Code {
    pub name: &'static str,
    pub source: Source,
    pub scope: Scope,
    /// The status that it comes with.
    pub status: i32,
    /// The name of its class in [`CLASSES`].
    pub class: &'static str,
    pub doc: &'static str,
}

/// Where a code is made.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Source {
    /// The sandbox's daemon sends it, from 0.205 on. Where an older one sends a status alone, the library
    /// sets the same code.
    Daemon,
    /// The library sets it; the error's `source` is null.
    Library,
}

/// Which operations can have a code.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Scope {
    /// Any that has a server.
    Any,
    /// Those whose entries name it.
    Named,
}

/// One class of the tree that every language spells in its own way (`NotFound` is `DaytonaNotFoundError` in
/// Python and Node). It means what its statuses, or else its code, mean.
pub struct Class {
    pub name: &'static str,
    /// `None`: right below the root class.
    pub parent: Option<&'static str>,
    /// The statuses that raise it, unless the code has a class of its own.
    pub statuses: &'static [i32],
}

const fn class(name: &'static str, statuses: &'static [i32]) -> Class {
    Class { name, parent: None, statuses }
}

const fn below(parent: &'static str, name: &'static str, statuses: &'static [i32]) -> Class {
    Class { name, parent: Some(parent), statuses }
}

/// The statuses that are no failures: success, and what reading and writing a stream answers.
pub const NO_FAILURES: &[i32] = &[status::OK, status::WOULD_BLOCK, status::END_OF_STREAM];

/// Every class but the root, parents first.
pub const CLASSES: &[Class] = &[
    class("BadRequest", &[status::HTTP_BAD_REQUEST]),
    class("Authentication", &[status::HTTP_AUTHENTICATION]),
    class("Forbidden", &[status::HTTP_FORBIDDEN]),
    class("NotFound", &[status::HTTP_NOT_FOUND]),
    class("Timeout", &[status::TIMEOUT, status::HTTP_REQUEST_TIMEOUT, status::HTTP_GATEWAY_TIMEOUT]),
    class("Conflict", &[status::HTTP_CONFLICT]),
    class("Gone", &[status::HTTP_GONE]),
    class("UnprocessableEntity", &[status::HTTP_UNPROCESSABLE_ENTITY]),
    class("RateLimit", &[status::HTTP_RATE_LIMIT]),
    class("InternalServer", &[status::HTTP_INTERNAL_SERVER]),
    class("BadGateway", &[status::HTTP_BAD_GATEWAY]),
    class("ServiceUnavailable", &[status::HTTP_SERVICE_UNAVAILABLE]),
    class("Connection", &[status::CONNECTION]),
    class("SandboxFailed", &[status::SANDBOX_FAILED]),
    class("InvalidHandle", &[status::INVALID_HANDLE]),
    class("Cancelled", &[status::CANCELLED]),
    class("Protocol", &[status::PROTOCOL]),
    class("Closed", &[status::CLOSED]),
    class("SlowConsumer", &[status::SLOW_CONSUMER]),
    class("Io", &[status::IO]),
    class("Forked", &[status::FORKED]),
    class("Panic", &[status::PANIC]),
    class("Unsupported", &[status::UNSUPPORTED]),
    class("Busy", &[status::BUSY]),
    class("QueueFull", &[status::QUEUE_FULL]),
    class("Configuration", &[status::CONFIGURATION]),
    below("BadRequest", "InvalidArgument", &[status::INVALID_ARGUMENT]),
    below("BadRequest", "InvalidJson", &[status::INVALID_JSON]),
    below("NotFound", "NoMatch", &[status::NO_MATCH]),
    below("Connection", "Tls", &[status::TLS]),
    below("Connection", "ConnectionTimeout", &[]),
    below("SandboxFailed", "QueueTimeout", &[]),
    below("SandboxFailed", "SpotEvicted", &[]),
    below("BadRequest", "InvalidFilePath", &[]),
    below("BadRequest", "LspServerNotInitialized", &[]),
    below("Authentication", "GitAuthFailed", &[]),
    below("Forbidden", "FileAccessDenied", &[]),
    below("NotFound", "FileNotFound", &[]),
    below("NotFound", "GitRepoNotFound", &[]),
    below("NotFound", "GitBranchNotFound", &[]),
    below("NotFound", "ProcessNotFound", &[]),
    below("Timeout", "ProcessExecutionTimeout", &[]),
    below("Conflict", "GitBranchExists", &[]),
    below("Conflict", "GitPushRejected", &[]),
    below("Conflict", "GitDirtyWorktree", &[]),
    below("Conflict", "GitMergeConflict", &[]),
    below("Conflict", "RecordingStillActive", &[]),
    below("Gone", "SessionEnded", &[]),
    below("Gone", "CommandAlreadyCompleted", &[]),
    below("UnprocessableEntity", "GitRemoteRejected", &[]),
    below("InternalServer", "FileReadFailed", &[]),
    below("BadGateway", "GitTransportFailed", &[]),
    below("ServiceUnavailable", "A11yUnavailable", &[]),
    below("ServiceUnavailable", "RecordingFfmpegNotFound", &[]),
];

macro_rules! codes {
    ($($(#[doc = $doc:literal])+ $name:ident = $source:ident, $scope:ident, $status:ident, $class:literal;)+) => {
        $($(#[doc = $doc])+ pub const $name: &str = stringify!($name);)+
        /// Every code, in the order of the specification.
        pub const ALL: &[Code] = &[$(Code {
            name: $name,
            source: Source::$source,
            scope: Scope::$scope,
            status: status::$status,
            class: $class,
            doc: concat!($($doc),+),
        },)+];
    };
}

codes! {
    /// No connection within `connectTimeoutMs`.
    CONNECT_TIMEOUT = Library, Any, TIMEOUT, "ConnectionTimeout";
    /// No runner was free within `queueTimeout`; nothing is left to clean up.
    QUEUE_TIMEOUT = Library, Named, SANDBOX_FAILED, "QueueTimeout";
    /// Spot capacity was taken back.
    SPOT_EVICTED = Library, Named, SANDBOX_FAILED, "SpotEvicted";
    /// The remote repository refused the credential.
    GIT_AUTH_FAILED = Daemon, Named, HTTP_AUTHENTICATION, "GitAuthFailed";
    /// The repository does not exist.
    GIT_REPO_NOT_FOUND = Daemon, Named, HTTP_NOT_FOUND, "GitRepoNotFound";
    /// The branch does not exist.
    GIT_BRANCH_NOT_FOUND = Daemon, Named, HTTP_NOT_FOUND, "GitBranchNotFound";
    /// The branch exists already.
    GIT_BRANCH_EXISTS = Daemon, Named, HTTP_CONFLICT, "GitBranchExists";
    /// The remote repository has commits that are not here: pull first.
    GIT_PUSH_REJECTED = Daemon, Named, HTTP_CONFLICT, "GitPushRejected";
    /// There are changes that are not committed.
    GIT_DIRTY_WORKTREE = Daemon, Named, HTTP_CONFLICT, "GitDirtyWorktree";
    /// The merge has conflicts.
    GIT_MERGE_CONFLICT = Daemon, Named, HTTP_CONFLICT, "GitMergeConflict";
    /// The remote repository could not be reached.
    GIT_TRANSPORT_FAILED = Daemon, Named, HTTP_BAD_GATEWAY, "GitTransportFailed";
    /// The remote repository refused the push.
    GIT_REMOTE_REJECTED = Daemon, Named, HTTP_UNPROCESSABLE_ENTITY, "GitRemoteRejected";
    /// The file does not exist: with HTTP_NOT_FOUND one of the sandbox, with IO a local one.
    FILE_NOT_FOUND = Daemon, Named, HTTP_NOT_FOUND, "FileNotFound";
    /// The sandbox's user may not, with HTTP_FORBIDDEN; with IO, this process may not use a local file.
    FILE_ACCESS_DENIED = Daemon, Named, HTTP_FORBIDDEN, "FileAccessDenied";
    /// The path is not a file's.
    INVALID_FILE_PATH = Daemon, Named, HTTP_BAD_REQUEST, "InvalidFilePath";
    /// The file could not be read.
    FILE_READ_FAILED = Daemon, Named, HTTP_INTERNAL_SERVER, "FileReadFailed";
    /// The language server was not started.
    LSP_SERVER_NOT_INITIALIZED = Daemon, Named, HTTP_BAD_REQUEST, "LspServerNotInitialized";
    /// The command was killed at its `timeout`.
    PROCESS_EXECUTION_TIMEOUT = Daemon, Named, HTTP_REQUEST_TIMEOUT, "ProcessExecutionTimeout";
    /// The process does not exist.
    PROCESS_NOT_FOUND = Daemon, Named, HTTP_NOT_FOUND, "ProcessNotFound";
    /// The session's shell has ended.
    SESSION_ENDED = Daemon, Named, HTTP_GONE, "SessionEnded";
    /// The command has ended.
    COMMAND_ALREADY_COMPLETED = Daemon, Named, HTTP_GONE, "CommandAlreadyCompleted";
    /// The desktop has no accessibility tree.
    A11Y_UNAVAILABLE = Daemon, Named, HTTP_SERVICE_UNAVAILABLE, "A11yUnavailable";
    /// The recording still runs: stop it first.
    RECORDING_STILL_ACTIVE = Daemon, Named, HTTP_CONFLICT, "RecordingStillActive";
    /// The sandbox has no ffmpeg.
    RECORDING_FFMPEG_NOT_FOUND = Daemon, Named, HTTP_SERVICE_UNAVAILABLE, "RecordingFfmpegNotFound";
    /// The daemon's general code of 400.
    BAD_REQUEST = Daemon, Any, HTTP_BAD_REQUEST, "BadRequest";
    /// The request's body is not what the daemon expects.
    INVALID_REQUEST_BODY = Daemon, Any, HTTP_BAD_REQUEST, "BadRequest";
    /// The daemon's general code of 401.
    UNAUTHORIZED = Daemon, Any, HTTP_AUTHENTICATION, "Authentication";
    /// The daemon's general code of 403.
    FORBIDDEN = Daemon, Any, HTTP_FORBIDDEN, "Forbidden";
    /// The daemon's general code of 404.
    NOT_FOUND = Daemon, Any, HTTP_NOT_FOUND, "NotFound";
    /// The daemon's general code of 409.
    CONFLICT = Daemon, Any, HTTP_CONFLICT, "Conflict";
    /// The daemon's general code of 408.
    REQUEST_TIMEOUT = Daemon, Any, HTTP_REQUEST_TIMEOUT, "Timeout";
    /// The daemon's general code of 410.
    GONE = Daemon, Any, HTTP_GONE, "Gone";
    /// The daemon's general code of 422.
    UNPROCESSABLE_ENTITY = Daemon, Any, HTTP_UNPROCESSABLE_ENTITY, "UnprocessableEntity";
    /// The daemon's general code of 500.
    INTERNAL_SERVER_ERROR = Daemon, Any, HTTP_INTERNAL_SERVER, "InternalServer";
}

/// The code of that name.
pub fn find(name: &str) -> Option<&'static Code> {
    ALL.iter().find(|code| code.name == name)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn class_named(name: &str) -> Option<&'static Class> {
        CLASSES.iter().find(|class| class.name == name)
    }

    #[test]
    fn every_failure_has_exactly_one_class() {
        for (number, name, _) in status::ALL {
            let classes = CLASSES.iter().filter(|class| class.statuses.contains(number)).count();
            assert_eq!(classes, usize::from(!NO_FAILURES.contains(number)), "{name}");
        }
    }

    #[test]
    fn every_code_has_a_class_of_its_status_or_one_below_it() {
        for code in ALL {
            let class = class_named(code.class).unwrap_or_else(|| panic!("{} has no class", code.name));
            let has_status = |class: &Class| class.statuses.contains(&code.status);
            // ConnectionTimeout is caught as a connection that failed, though a limit ended it.
            let above = class.parent.and_then(class_named);
            assert!(
                has_status(class) || above.is_some_and(has_status) || code.name == CONNECT_TIMEOUT,
                "{}: {} is no kind of its status",
                code.name,
                class.name
            );
        }
    }

    #[test]
    fn names_are_unique_and_parents_come_first() {
        for (at, class) in CLASSES.iter().enumerate() {
            let before = &CLASSES[..at];
            assert!(before.iter().all(|other| other.name != class.name), "{} twice", class.name);
            let parent = class.parent.is_none_or(|parent| before.iter().any(|other| other.name == parent));
            assert!(parent, "{}: its parent does not stand before it", class.name);
        }
        for (at, code) in ALL.iter().enumerate() {
            assert!(ALL[..at].iter().all(|other| other.name != code.name), "{} twice", code.name);
        }
    }
}
