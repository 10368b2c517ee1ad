//! The tests of the dev server, one binary: over HTTP as any client talks to it (`client`, `toolbox`), by
//! its command line (`cli`), and against the recordings of the real daemon (`transcripts`).

mod client;
mod git_host;
mod toolbox;

mod access;
mod builds;
mod cli;
mod computer;
mod control_plane;
mod events;
mod faults;
mod files;
mod git;
mod interpreter;
mod isolation;
mod lsp;
mod process;
mod protected;
mod pty;
mod secrets;
mod session;
mod store;
mod transcripts;
mod volumes;
