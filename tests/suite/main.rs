//! The tests of the library, one binary: what it does with a server that answers as a test wrote down
//! (`canned`, `crate::support::toolbox`), and with the dev server (`fixture`, `dev_server`).

mod canned;
mod coverage;
mod described;
mod dev_server;
mod fixture;
#[path = "../../devserver/tests/suite/git_host.rs"]
#[allow(dead_code)]
mod git_host;
mod support;

mod computer;
mod environment;
mod faults;
mod files;
mod git;
mod image;
mod interpreter;
mod lsp;
mod process;
mod pty;
mod recordings;
mod sandbox;
mod sdk;
mod secret;
mod session;
mod snapshot;
mod transport;
mod volume;
