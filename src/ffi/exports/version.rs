//! Versions, names and the catalogue as text: static, never freed.

use crate::client::status;
use crate::ffi::generated::constants;
use std::ffi::c_char;

const VERSION: &str = concat!(env!("CARGO_PKG_VERSION"), "\0");
const PROTOCOL: &str = concat!(crate::protocol_version!(), "\0");
const OPERATIONS: &str = concat!(include_str!("../../catalogue/operations.json"), "\0");

const fn pointer(text: &'static str) -> *const c_char {
    text.as_ptr().cast()
}

/// The version of this interface, `major << 16 | minor`: additions raise the minor, removals the
/// major. Every wrapper compares it with its header's DAYTONA_ABI_VERSION at load.
///
/// Any thread, an inline callback too; before and after a fork.
#[unsafe(no_mangle)]
pub extern "C" fn daytona_abi_version() -> u32 {
    constants::DAYTONA_ABI_VERSION
}

/// The library's version, as "0.1.0". Static: never free it.
///
/// Any thread, an inline callback too; before and after a fork.
#[unsafe(no_mangle)]
pub extern "C" fn daytona_version() -> *const c_char {
    pointer(VERSION)
}

/// The protocol level that the library speaks to servers. Static: never free it.
///
/// Any thread, an inline callback too; before and after a fork.
#[unsafe(no_mangle)]
pub extern "C" fn daytona_protocol_version() -> *const c_char {
    pointer(PROTOCOL)
}

/// The name of a status without its prefix: "INVALID_HANDLE" for 2, "NOT_FOUND" for 404, "HTTP" for an
/// HTTP error without a name, "UNKNOWN" for what is no status. Static: never free it.
///
/// Any thread, an inline callback too; before and after a fork.
#[unsafe(no_mangle)]
pub extern "C" fn daytona_status_name(status: i32) -> *const c_char {
    pointer(status::name_nul_terminated(status))
}

/// The catalogue as JSON: every operation with its arguments, options, result and documentation.
/// Static: never free it.
///
/// Any thread, an inline callback too; before and after a fork.
#[unsafe(no_mangle)]
pub extern "C" fn daytona_operations() -> *const c_char {
    pointer(OPERATIONS)
}
