//! The builds of a server: equal ones are made once, and few at a time.

use super::{Image, Log, Source, job};
use crate::app_state::AppState;
use crate::isolation::Container;
use parking_lot::Mutex;
use std::collections::VecDeque;
use std::io;
use std::sync::{Arc, Weak};
use tokio::sync::{Semaphore, watch};

/// Builds that run at the same time; further ones wait.
const MAX_RUNNING: usize = 2;
/// Builds that are kept, with what they made, for others that are equal.
const MAX_KEPT: usize = 32;

/// How far a build is.
#[derive(Clone, Debug)]
pub enum Progress {
    /// It waits for its turn.
    Waiting,
    Running,
    Done(Arc<Image>),
    /// Why it failed.
    Failed(String),
}

pub struct Build {
    pub name: String,
    organization: String,
    pub log: Arc<Log>,
    progress: watch::Sender<Progress>,
}

type Watched = Weak<Mutex<dyn Container>>;

pub struct Builds {
    kept: Mutex<VecDeque<Arc<Build>>>,
    /// The containers of running builds; nothing: the server has ended.
    containers: Mutex<Option<Vec<Watched>>>,
    turns: Arc<Semaphore>,
}

impl Default for Builds {
    fn default() -> Self {
        Self {
            kept: Mutex::default(),
            containers: Mutex::new(Some(Vec::new())),
            turns: Arc::new(Semaphore::new(MAX_RUNNING)),
        }
    }
}

impl Build {
    pub fn progress(&self) -> watch::Receiver<Progress> {
        self.progress.subscribe()
    }

    pub fn is_waiting(&self) -> bool {
        matches!(*self.progress.borrow(), Progress::Waiting)
    }
}

impl Builds {
    /// Ends a container with the server, at the latest.
    pub fn watch(&self, container: &Arc<Mutex<dyn Container>>) -> io::Result<()> {
        let mut containers = self.containers.lock();
        let Some(containers) = &mut *containers else { return Err(io::Error::other("the server has ended")) };
        containers.retain(|container| container.strong_count() > 0);
        containers.push(Arc::downgrade(container));
        Ok(())
    }

    /// Ends every build. Blocks until their processes are gone.
    pub fn end(&self) {
        let containers = self.containers.lock().take();
        for container in containers.into_iter().flatten().filter_map(|container| container.upgrade()) {
            container.lock().delete();
        }
    }

    /// The build of this source: one that is there, unless it failed, or a new one.
    pub fn start(&self, app: &Arc<AppState>, source: Source) -> Arc<Build> {
        let name = source.image_name();
        let mut kept = self.kept.lock();
        let is_same = |build: &&Arc<Build>| build.name == name && build.organization == source.organization;
        let has_failed = |build: &Arc<Build>| matches!(*build.progress.borrow(), Progress::Failed(_));
        if let Some(build) = kept.iter().find(|build| is_same(build) && !has_failed(build)) {
            return build.clone();
        }
        let build = Arc::new(Build {
            name,
            organization: source.organization.clone(),
            log: Arc::default(),
            progress: watch::Sender::new(Progress::Waiting),
        });
        kept.push_back(build.clone());
        if kept.len() > MAX_KEPT {
            let is_over = |build: &Arc<Build>| {
                matches!(*build.progress.borrow(), Progress::Failed(_) | Progress::Done(_))
            };
            if let Some(oldest) = kept.iter().position(is_over) {
                kept.remove(oldest);
            }
        }
        let (app, running, turns) = (app.clone(), build.clone(), self.turns.clone());
        tokio::spawn(async move {
            let _turn = turns.acquire().await;
            running.progress.send_replace(Progress::Running);
            let outcome = job::run(&app, &source, &running.log).await;
            let progress = match outcome {
                Ok(image) => {
                    running.log.line(&format!("Successfully built {}", running.name));
                    Progress::Done(Arc::new(image))
                }
                Err(reason) => {
                    running.log.line(&reason);
                    Progress::Failed(reason)
                }
            };
            running.log.end();
            running.progress.send_replace(progress);
        });
        build
    }
}
