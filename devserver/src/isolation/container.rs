//! A container as the server has it: started, stopped, started again on the same files, gone.

use super::layer::SavedLayer;
use super::limits::Limits;
use super::plan::VolumeMount;
use serde_json::Value;
use std::io;
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::process::ChildStderr;

/// Becomes ready once everything in a container has ended.
pub type Ended = Pin<Box<dyn Future<Output = ()> + Send>>;

/// A sandbox's files and limits, and while it runs its processes. Dropping it removes every trace. What is
/// refused here as unsupported needs isolation.
pub trait Container: Send {
    /// What it shares with other containers from the next start on which its file system is made.
    fn share(&mut self, _volumes: Vec<VolumeMount>) {}

    /// Where its daemon is reached.
    fn socket(&self) -> PathBuf;

    /// Its root directory, for a look from outside; nothing: it does not run.
    fn root(&self) -> Option<PathBuf>;

    /// Nothing: it does not run. Only for the runtime's threads.
    fn ended(&self) -> Option<io::Result<Ended>>;

    /// What its daemon says.
    fn take_stderr(&mut self) -> Option<ChildStderr>;

    /// Starts it, on the files that it has.
    fn start(&mut self, daemon: Value) -> io::Result<()>;

    /// Ends every process of it; the files stay. Blocks until all have ended.
    fn stop(&mut self);

    /// Ends everything and removes every trace.
    fn delete(&mut self);

    /// New limits, in force at once for what runs.
    fn limit(&mut self, limits: Limits) -> io::Result<()>;

    /// Holds every process: what happens in the container waits. Blocks until all are held.
    fn pause(&mut self) -> io::Result<()> {
        Err(io::ErrorKind::Unsupported.into())
    }

    /// Lets the processes go on that [`Self::pause`] holds.
    fn resume(&mut self) -> io::Result<()> {
        Ok(())
    }

    /// Ends everything and gives back what a stopped container holds, except for its files: the memory that they
    /// are in, the mounts.
    fn archive(&mut self) -> io::Result<()> {
        self.stop();
        Ok(())
    }

    /// Gives a stopped container a larger disk.
    fn grow(&mut self, _disk_bytes: u64) -> io::Result<()> {
        self.archive()
    }

    /// Saves the files as they are now, in a file at `path`. What runs is held for that long.
    fn save(&mut self, _path: &Path) -> io::Result<SavedLayer> {
        Err(io::ErrorKind::Unsupported.into())
    }

    /// Gives a container that was never started the files that another one had.
    fn fill(&mut self, _saved: &SavedLayer) -> io::Result<()> {
        Err(io::ErrorKind::Unsupported.into())
    }
}
