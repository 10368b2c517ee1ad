//! A context: one worker with its namespace, and the queue of the code that is to run in it.

use super::run::{Job, Outcome};
use super::worker::{StartError, Worker};
use crate::timestamp::now;
use crate::toolbox::Machine;
use nix::sys::signal::Signal;
use serde_json::{Value, json};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, sleep_until};

/// As many runs wait; further ones wait for a place.
const QUEUED_JOBS: usize = 128;

/// How long code that was interrupted may take to end before its worker is killed.
const GRACE: Duration = Duration::from_secs(2);

pub struct Context {
    pub id: String,
    cwd: PathBuf,
    created_at: String,
    jobs: mpsc::Sender<Job>,
    stop: watch::Sender<bool>,
}

impl Context {
    /// Starts the worker and the task that feeds it.
    pub fn start(machine: &Arc<Machine>, id: String, cwd: PathBuf) -> Result<Arc<Self>, StartError> {
        let worker = Worker::start(machine, &cwd)?;
        let (jobs, queue) = mpsc::channel(QUEUED_JOBS);
        let (stop, stopping) = watch::channel(false);
        let runner = Runner { machine: machine.clone(), cwd: cwd.clone(), worker: Some(worker), stopping };
        tokio::spawn(runner.serve(queue));
        Ok(Arc::new(Self { id, cwd, created_at: now(), jobs, stop }))
    }

    pub fn json(&self) -> Value {
        json!({
            "id": self.id,
            "cwd": self.cwd,
            "createdAt": self.created_at,
            // The daemon never says otherwise.
            "active": true,
            "language": "python",
        })
    }

    /// Queues a run. `Err`: the context is being deleted.
    pub async fn run(&self, job: Job) -> Result<(), Job> {
        self.jobs.send(job).await.map_err(|refused| refused.0)
    }

    /// Interrupts what runs, refuses what waits, and ends the worker.
    pub fn stop(&self) {
        self.stop.send_replace(true);
    }

    /// Waits until the worker has ended.
    pub async fn stopped(&self) {
        self.jobs.closed().await;
    }
}

/// Waits until the context is to stop, or nobody refers to it any more.
async fn asked_to_stop(stopping: &mut watch::Receiver<bool>) {
    let _gone = stopping.wait_for(|stop| *stop).await;
}

async fn until(at: Option<Instant>) {
    match at {
        Some(at) => sleep_until(at).await,
        None => std::future::pending().await,
    }
}

/// The task of a context.
struct Runner {
    machine: Arc<Machine>,
    cwd: PathBuf,
    worker: Option<Worker>,
    stopping: watch::Receiver<bool>,
}

impl Runner {
    async fn serve(mut self, mut queue: mpsc::Receiver<Job>) {
        let mut stopping = self.stopping.clone();
        loop {
            let job = tokio::select! {
                biased;
                () = asked_to_stop(&mut stopping) => break,
                job = queue.recv() => job,
            };
            let Some(mut job) = job else { break };
            let outcome = self.run(&mut job).await;
            let outlasts = outcome == Outcome::Died && self.machine.protocol == crate::Protocol::V0_190;
            let timeout = job.timeout;
            job.end(outcome, self.machine.protocol);
            if outlasts {
                // The 0.190 daemon goes on waiting for the code of a worker that has died, as long as the
                // code's time limit allows, and runs nothing else in this context meanwhile.
                let end = timeout.map(|timeout| Instant::now() + timeout + GRACE);
                tokio::select! {
                    () = until(end) => {}
                    () = asked_to_stop(&mut stopping) => break,
                }
            }
        }
        if let Some(worker) = self.worker.take() {
            worker.kill().await;
        }
        // The runs that wait learn that the context is gone.
        queue.close();
        while let Ok(job) = queue.try_recv() {
            job.end(Outcome::Deleted, self.machine.protocol);
        }
    }

    async fn run(&mut self, job: &mut Job) -> Outcome {
        if self.worker.as_mut().is_some_and(Worker::has_ended) {
            self.worker = None;
        }
        if self.worker.is_none() {
            match Worker::start(&self.machine, &self.cwd) {
                Ok(worker) => self.worker = Some(worker),
                Err(error) => return Outcome::NotStarted(error.to_string()),
            }
        }
        let Some(worker) = &mut self.worker else { return Outcome::Died };
        if worker.run(&job.code, &job.envs).await.is_err() {
            self.worker = None;
            return Outcome::Died;
        }
        let mut interrupt_at = job.timeout.map(|timeout| Instant::now() + timeout);
        let mut kill_at = None;
        let mut is_stopping = false;
        let outcome = loop {
            tokio::select! {
                biased;
                () = until(kill_at) => break Outcome::Killed,
                () = until(interrupt_at) => {
                    interrupt_at = None;
                    kill_at = Some(Instant::now() + GRACE);
                    worker.signal(Signal::SIGINT);
                }
                () = asked_to_stop(&mut self.stopping), if !is_stopping => {
                    is_stopping = true;
                    interrupt_at = None;
                    kill_at = Some(Instant::now() + GRACE);
                    worker.signal(Signal::SIGTERM);
                }
                frame = worker.next() => match frame {
                    None if is_stopping => break Outcome::Deleted,
                    None => break Outcome::Died,
                    Some(frame) => {
                        let end = match (frame.kind.as_str(), frame.text.as_str()) {
                            ("control", "interrupted") => Some(Outcome::Interrupted),
                            ("control", _) => Some(Outcome::Completed),
                            _ => None,
                        };
                        let held = Instant::now();
                        job.send(&frame, self.machine.protocol).await;
                        // Meanwhile the code could not write, and so not end.
                        kill_at = kill_at.map(|at| at + held.elapsed());
                        if let Some(end) = end {
                            break end;
                        }
                    }
                },
            }
        };
        match outcome {
            Outcome::Killed => {
                if let Some(worker) = self.worker.take() {
                    worker.kill().await;
                }
                if is_stopping { Outcome::Deleted } else { Outcome::Killed }
            }
            Outcome::Died | Outcome::Deleted => {
                self.worker = None;
                outcome
            }
            outcome => outcome,
        }
    }
}
