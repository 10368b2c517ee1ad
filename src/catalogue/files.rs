//! The entries of `files.*`.

use super::Operation;
use super::entry::operation;
use crate::client::files;

pub(super) const ENTRIES: &[Operation] = &[
    operation! {
        /// What is in a directory, sorted by name; links are followed, those that lead nowhere are left out.
        ///
        /// A directory that does not exist is HTTP_NOT_FOUND, a file HTTP_BAD_REQUEST. A `depth` above 1 on a
        /// server before 0.205 is UNSUPPORTED.
        "files.list", Sandbox, Guide, files::List,
        required: ["path"],
        result: Json(Vec<files::FileInfo>),
        fails: [UNSUPPORTED, HTTP_BAD_REQUEST],
        codes: [FILE_NOT_FOUND, FILE_ACCESS_DENIED],
        endpoint: "GET {sb}/files",
        cancel: "Drops the connection; nothing changes in the sandbox.",
        timeout: Minute,
        call: files::list,
    },
    operation! {
        /// What is at a path: size, permissions, owner, time; a link is followed.
        ///
        /// A path that does not exist, or a link that leads nowhere, is HTTP_NOT_FOUND.
        "files.info", Sandbox, Guide, files::Info,
        required: ["path"],
        result: Json(files::FileInfo),
        fails: [],
        codes: [FILE_NOT_FOUND, FILE_ACCESS_DENIED],
        endpoint: "GET {sb}/files/info",
        cancel: "Drops the connection; nothing changes in the sandbox.",
        timeout: Minute,
        call: files::info,
    },
    operation! {
        /// Makes a directory and the missing ones above it. One that exists already is a success.
        "files.mkdir", Sandbox, Guide, files::Mkdir,
        required: ["path"],
        result: Null,
        fails: [HTTP_BAD_REQUEST],
        codes: [],
        endpoint: "POST {sb}/files/folder",
        cancel: "Drops the connection; the directory may have been made.",
        timeout: Minute,
        call: files::mkdir,
    },
    operation! {
        /// Deletes a file, or with `recursive` a directory; a link itself, not what it leads to.
        ///
        /// What does not exist is HTTP_NOT_FOUND, a directory without `recursive` HTTP_BAD_REQUEST. A delete
        /// whose connection was lost is repeated: it may then find nothing more to delete.
        "files.delete", Sandbox, Guide, files::Delete,
        required: ["path"],
        result: Null,
        fails: [HTTP_BAD_REQUEST],
        codes: [FILE_NOT_FOUND, FILE_ACCESS_DENIED],
        endpoint: "DELETE {sb}/files",
        cancel: "Drops the connection; some or all may have been deleted.",
        timeout: Minute,
        call: files::delete,
    },
    operation! {
        /// Moves or renames a file or directory.
        ///
        /// It replaces nothing and makes no directory: a destination that exists is HTTP_CONFLICT, a source or
        /// a directory of the destination that does not is HTTP_NOT_FOUND.
        "files.move", Sandbox, Guide, files::Move,
        required: ["source", "destination"],
        result: Null,
        fails: [HTTP_CONFLICT],
        codes: [FILE_NOT_FOUND, FILE_ACCESS_DENIED],
        endpoint: "POST {sb}/files/move",
        cancel: "Drops the connection; it may have been moved.",
        timeout: Minute,
        call: files::rename,
    },
    operation! {
        /// Sets permissions, owner or group of a file or directory; what is not given stays.
        "files.set_permissions", Sandbox, Guide, files::SetPermissions,
        required: ["path"],
        result: Null,
        fails: [HTTP_BAD_REQUEST],
        codes: [FILE_NOT_FOUND, FILE_ACCESS_DENIED],
        endpoint: "POST {sb}/files/permissions",
        cancel: "Drops the connection; they may have been set.",
        timeout: Minute,
        call: files::set_permissions,
    },
    operation! {
        /// Looks for names in a directory and everything below it; links are not followed.
        ///
        /// A directory that does not exist, and a pattern that is none, find nothing.
        "files.search", Sandbox, Guide, files::Search,
        required: ["path", "pattern"],
        result: Json(files::Found),
        fails: [],
        codes: [],
        endpoint: "GET {sb}/files/search",
        cancel: "Drops the connection; nothing changes in the sandbox.",
        timeout: Minute,
        call: files::search,
    },
    operation! {
        /// Looks for a text in the files of a directory and everything below it, line by line.
        ///
        /// Files that cannot be read, and those that are not text, hold nothing.
        "files.find", Sandbox, Guide, files::Find,
        required: ["path", "pattern"],
        result: Json(Vec<files::Match>),
        fails: [],
        codes: [],
        endpoint: "GET {sb}/files/find",
        cancel: "Drops the connection; nothing changes in the sandbox.",
        timeout: Minute,
        call: files::find,
    },
    operation! {
        /// Replaces a text everywhere in some files; each file has a result of its own.
        ///
        /// A file that fails is no error of the call: look at `success`.
        "files.replace", Sandbox, Guide, files::Replace,
        required: ["files", "pattern", "newValue"],
        result: Json(Vec<files::Replaced>),
        fails: [],
        codes: [],
        endpoint: "POST {sb}/files/replace",
        cancel: "Drops the connection; some or all files may have been changed.",
        timeout: Minute,
        call: files::replace,
    },
    operation! {
        /// Writes bytes to a file. It appears complete or not at all; missing directories above it are made.
        ///
        /// The answer is the server's; null before 0.205. No time limit of its own: the idle limit applies.
        "files.write", Sandbox, Guide, files::Write,
        required: ["path"],
        body: true,
        result: Json(Option<files::Uploaded>),
        fails: [HTTP_BAD_REQUEST],
        codes: [],
        endpoint: "POST {sb}/files/upload-v2; on older servers POST {sb}/files/upload",
        cancel: "Drops the connection; a file that was not there completely does not appear.",
        timeout: None,
        call: files::write,
    },
    operation! {
        /// Reads a whole file into memory. For large ones files.download and files.reader need none.
        ///
        /// A lost connection is resumed if the file is provably the same. A file that does not exist is
        /// HTTP_NOT_FOUND, a directory HTTP_BAD_REQUEST. No time limit of its own: the idle limit applies.
        "files.read", Sandbox, Guide, files::Read,
        required: ["path"],
        result: Bytes,
        fails: [IO, HTTP_BAD_REQUEST],
        codes: [FILE_NOT_FOUND, FILE_ACCESS_DENIED],
        endpoint: "GET {sb}/files/download",
        cancel: "Drops the connection; nothing changes in the sandbox.",
        timeout: None,
        call: files::read,
    },
    operation! {
        /// Copies a local file into the sandbox, with constant memory.
        ///
        /// A submitted call reports PROGRESS, bytes handed to the connection of the file's length. A local
        /// file that cannot be read, is not a regular one, or changes while it is read, is IO, and nothing
        /// appears in the sandbox; one that is missing has the code FILE_NOT_FOUND. A file whose size is reported as 0, as those of /proc, is read to its end. No
        /// time limit of its own: the idle limit applies.
        "files.upload", Sandbox, Guide, files::Upload,
        required: ["localPath", "remotePath"],
        result: Json(files::Transferred),
        progress: true,
        fails: [IO, HTTP_BAD_REQUEST],
        codes: [FILE_NOT_FOUND, FILE_ACCESS_DENIED],
        endpoint: "POST {sb}/files/upload-v2; on older servers POST {sb}/files/upload",
        cancel: "Drops the connection; a file that was not there completely does not appear.",
        timeout: None,
        call: files::upload,
    },
    operation! {
        /// Copies a file of the sandbox to a local one, with constant memory.
        ///
        /// The local file appears under its name when it is complete: until then it is written beside it as
        /// `.daytona-...`, which is removed on failure and on cancel. Directories above it are made, a file
        /// that is there is replaced and its permissions kept, a link is written through. A submitted call
        /// reports PROGRESS, bytes received of the file's length. A lost connection is resumed if the file is
        /// provably the same. What cannot be written here is IO. No time limit of its own: the idle limit
        /// applies.
        "files.download", Sandbox, Guide, files::Download,
        required: ["remotePath", "localPath"],
        result: Json(files::Transferred),
        progress: true,
        fails: [IO, HTTP_BAD_REQUEST],
        codes: [FILE_NOT_FOUND, FILE_ACCESS_DENIED],
        endpoint: "GET {sb}/files/download",
        cancel: "Drops the connection and removes the unfinished local file; one that was there stays as it was.",
        timeout: None,
        call: files::download,
    },
    operation! {
        /// Copies many local files into the sandbox, small ones together in few requests.
        ///
        /// The result is an array in the order given: each file has `bytes` or an `error` (the error JSON).
        /// One that fails does not keep the others from being copied; when the way to the sandbox fails, those
        /// that were not copied yet have its error, and if none was, the call itself fails. PROGRESS counts
        /// the bytes of all of them. No time limit of its own: the idle limit applies.
        "files.upload_many", Sandbox, Newer, files::UploadMany,
        required: ["files"],
        result: Json(Vec<files::Moved<'static>>),
        progress: true,
        fails: [IO, HTTP_BAD_REQUEST],
        codes: [FILE_NOT_FOUND, FILE_ACCESS_DENIED],
        endpoint: "POST {sb}/files/bulk-upload, and as files.upload",
        cancel: "Drops the connection; files that were copied stay. Of those under 256 KiB one may be there in part.",
        timeout: None,
        call: files::upload_many,
    },
    operation! {
        /// Copies many files of the sandbox to local ones, hundreds with a request and with constant memory.
        ///
        /// The result is an array in the order given: each file has `bytes` or an `error` (the error JSON).
        /// Each appears as with files.download. One that fails does not keep the others from being copied;
        /// when the connection fails the rest is asked for again, as long as every time brings some, and if
        /// nothing came the call itself fails. PROGRESS counts the bytes of all of them, without a total until
        /// the end. No time limit of its own: the idle limit applies.
        "files.download_many", Sandbox, Newer, files::DownloadMany,
        required: ["files"],
        result: Json(Vec<files::Moved<'static>>),
        progress: true,
        fails: [IO, HTTP_BAD_REQUEST],
        codes: [FILE_NOT_FOUND, FILE_ACCESS_DENIED, INVALID_FILE_PATH, FILE_READ_FAILED],
        endpoint: "POST {sb}/files/bulk-download",
        cancel: "Drops the connection and removes the unfinished local file; those that are complete stay.",
        timeout: None,
        call: files::download_many,
    },
    operation! {
        /// Writes a file as a stream: what is written to the stream, until `finish`.
        ///
        /// ENDED has `bytes` and `position`, and comes when the server has the whole file. With `length` the
        /// upload says its length beforehand, and another number of bytes is INVALID_ARGUMENT. An error has
        /// `bytes`, how many the connection had taken; there is no resuming. Its user may be as slow as he
        /// likes: the idle limit counts only while the server does not take what was written.
        "files.writer", Sandbox, Newer, files::Writer,
        required: ["path"],
        fails: [HTTP_BAD_REQUEST],
        codes: [],
        endpoint: "POST {sb}/files/upload-v2; on older servers POST {sb}/files/upload",
        cancel: "Closing the stream before `finish` gives the upload up: nothing appears, a file that was there stays as it was.",
        timeout: None,
        stream: files::writer {
            opened: (),
            ended: files::StreamEnded,
            channels: [None],
            input: Finished,
        },
    },
    operation! {
        /// Reads a file as a stream, at the pace of whoever reads it.
        ///
        /// OPENED has `length` (null where the server does not say), ENDED `bytes` and `position`. The channel
        /// is NONE. A lost connection is resumed if the file is provably the same; otherwise the loss is the
        /// error, and never an end.
        "files.reader", Sandbox, Newer, files::Reader,
        required: ["path"],
        fails: [HTTP_BAD_REQUEST],
        codes: [FILE_NOT_FOUND, FILE_ACCESS_DENIED],
        endpoint: "GET {sb}/files/download",
        cancel: "Drops the connection; nothing changes in the sandbox.",
        timeout: None,
        stream: files::reader {
            opened: files::ReaderOpened,
            ended: files::StreamEnded,
            channels: [None],
            input: None,
        },
    },
    operation! {
        /// Makes a directory in the sandbox like a local one: copies what is new or has other contents.
        ///
        /// Contents are compared by SHA-256, not by time; permissions are not copied. Links are never followed,
        /// written through or copied, on neither side: they are `skipped`, as is what is neither a file nor a
        /// directory, and what has something of another kind in its place. What `delete` removes goes last,
        /// after everything was copied. The first failure ends it with an error that names the file; what was
        /// copied stays; another call goes on. The sandbox needs the commands sh, find, head and
        /// sha256sum, else UNSUPPORTED. PROGRESS counts the bytes that are copied. The idle limit
        /// applies to each transfer and answer.
        "files.sync_up", Sandbox, Ours, files::SyncUp,
        required: ["localDir", "remoteDir"],
        result: Json(files::Synced),
        progress: true,
        fails: [IO, UNSUPPORTED, HTTP_BAD_REQUEST],
        codes: [FILE_NOT_FOUND, FILE_ACCESS_DENIED],
        endpoint: "POST {sb}/process/execute, POST {sb}/files/folder, as files.upload_many, and DELETE {sb}/files",
        cancel: "Drops the connection; what was deleted and copied so far stays so.",
        timeout: None,
        call: files::sync_up,
    },
    operation! {
        /// Makes a local directory like one in the sandbox: copies what is new or has other contents.
        ///
        /// Everything else as files.sync_up. A directory that does not exist in the sandbox is HTTP_NOT_FOUND.
        /// Files appear as with files.download.
        "files.sync_down", Sandbox, Ours, files::SyncDown,
        required: ["remoteDir", "localDir"],
        result: Json(files::Synced),
        progress: true,
        fails: [IO, UNSUPPORTED],
        codes: [FILE_NOT_FOUND, FILE_ACCESS_DENIED, INVALID_FILE_PATH, FILE_READ_FAILED],
        endpoint: "POST {sb}/process/execute, POST {sb}/files/bulk-download",
        cancel: "Drops the connection and removes the unfinished local file; what was deleted and copied so far stays so.",
        timeout: None,
        call: files::sync_down,
    },
];
