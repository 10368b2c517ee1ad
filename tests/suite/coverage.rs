//! Which test called which operation with success, for `docs/coverage.md`: a line each in the directory that
//! DAYTONA_COVERAGE names.

use serde_json::Value;
use std::cell::Cell;
use std::collections::BTreeSet;
use std::fs::{File, create_dir_all};
use std::io::Write;
use std::path::PathBuf;
use std::sync::{LazyLock, Mutex};

thread_local! {
    /// Each test has a thread of its own.
    static HAS_DEV_SERVER: Cell<bool> = const { Cell::new(false) };
}

/// What this test calls goes to a dev server from here on.
pub fn dev_server() {
    HAS_DEV_SERVER.set(true);
}

struct Record {
    file: File,
    written: BTreeSet<String>,
}

static RECORD: LazyLock<Option<Mutex<Record>>> = LazyLock::new(|| {
    let directory = PathBuf::from(std::env::var_os("DAYTONA_COVERAGE")?);
    create_dir_all(&directory).unwrap();
    let file = File::create(directory.join(std::process::id().to_string())).unwrap();
    Some(Mutex::new(Record { file, written: BTreeSet::new() }))
});

/// The arguments and options of a call.
pub fn keys(params: &Value) -> String {
    let keys = params.as_object().into_iter().flatten().filter(|(_, value)| !value.is_null());
    keys.map(|(key, _)| key.as_str()).collect::<Vec<_>>().join(",")
}

/// This test has called that operation with these arguments and options, and it succeeded.
pub fn shown(operation: &str, keys: &str) {
    let Some(record) = &*RECORD else { return };
    let thread = std::thread::current();
    // A thread that a test started has no name, or another one.
    let Some(test) = thread.name().filter(|name| name.contains("::")) else { return };
    let kind = if HAS_DEV_SERVER.get() { "real" } else { "canned" };
    let line = format!("{operation}\t{kind}\t{test}\t{keys}\n");
    let mut record = record.lock().unwrap();
    if !record.written.contains(&line) {
        record.file.write_all(line.as_bytes()).unwrap();
        record.written.insert(line);
    }
}
