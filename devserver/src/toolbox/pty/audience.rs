//! Who hears a terminal's output. A terminal never waits for its listeners for long: the daemon cuts who
//! is [`BEHIND`] messages behind, and so does this.

use axum::body::Bytes;
use parking_lot::Mutex;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};
use tokio::sync::mpsc;
use tokio::time::timeout;

/// The daemon's queue of a client.
const BEHIND: usize = 256;

/// How long, in all since he last had heard everything, the terminal waits for a listener whose queue is
/// full. The daemon waits not at all; but its clients have a machine of their own, while here shell, server
/// and client share one, and a moment without the processor is not slowness.
const PATIENCE: Duration = Duration::from_secs(1);

/// Everybody who listens; `None` once the terminal has ended.
pub struct Audience(Mutex<Option<Arc<Vec<Arc<Listener>>>>>);

struct Listener {
    queue: mpsc::Sender<Bytes>,
    is_cut: Arc<AtomicBool>,
    waited: Mutex<Duration>,
}

/// A listener's end.
pub struct Seat {
    queue: mpsc::Receiver<Bytes>,
    is_cut: Arc<AtomicBool>,
}

/// What a listener hears.
pub enum Heard {
    Output(Bytes),
    /// He was too slow.
    Cut,
    /// The terminal has ended.
    End,
}

impl Default for Audience {
    fn default() -> Self {
        Self(Mutex::new(Some(Arc::default())))
    }
}

impl Audience {
    /// A seat that hears everything from now on; `None` when the terminal has ended.
    pub fn seat(&self) -> Option<Seat> {
        let mut listeners = self.0.lock();
        let all = listeners.as_mut()?;
        let (sender, queue) = mpsc::channel(BEHIND);
        let is_cut = Arc::<AtomicBool>::default();
        let listener = Listener { queue: sender, is_cut: is_cut.clone(), waited: Mutex::default() };
        Arc::make_mut(all).push(Arc::new(listener));
        Some(Seat { queue, is_cut })
    }

    /// Tells everybody who is there.
    pub async fn tell(&self, output: Bytes) {
        let Some(listeners) = self.0.lock().clone() else { return };
        for listener in listeners.iter() {
            if !listener.takes(output.clone()).await {
                self.dismiss(listener);
            }
        }
    }

    fn dismiss(&self, gone: &Arc<Listener>) {
        if let Some(all) = self.0.lock().as_mut() {
            Arc::make_mut(all).retain(|listener| !Arc::ptr_eq(listener, gone));
        }
    }

    /// The terminal has ended: who has heard everything will find that out.
    pub fn end(&self) {
        *self.0.lock() = None;
    }
}

impl Listener {
    /// `false`: he has left, or is cut.
    async fn takes(&self, output: Bytes) -> bool {
        if self.queue.capacity() == BEHIND {
            *self.waited.lock() = Duration::ZERO;
        }
        let output = match self.queue.try_send(output) {
            Ok(()) => return true,
            Err(mpsc::error::TrySendError::Closed(_)) => return false,
            Err(mpsc::error::TrySendError::Full(output)) => output,
        };
        let began = Instant::now();
        let left = PATIENCE.saturating_sub(*self.waited.lock());
        let room = timeout(left, self.queue.reserve()).await;
        *self.waited.lock() += began.elapsed();
        match room {
            Ok(Ok(room)) => {
                room.send(output);
                true
            }
            Ok(Err(_)) => false,
            Err(_) => {
                self.is_cut.store(true, Ordering::Release);
                false
            }
        }
    }
}

impl Seat {
    pub async fn hear(&mut self) -> Heard {
        let output = self.queue.recv().await;
        self.heard(output)
    }

    /// What is there already.
    pub fn hear_now(&mut self) -> Option<Heard> {
        match self.queue.try_recv() {
            Ok(output) => Some(self.heard(Some(output))),
            Err(mpsc::error::TryRecvError::Empty) => None,
            Err(mpsc::error::TryRecvError::Disconnected) => Some(self.heard(None)),
        }
    }

    /// Who is cut hears nothing of what still waits for him.
    fn heard(&self, output: Option<Bytes>) -> Heard {
        match output {
            _ if self.is_cut.load(Ordering::Acquire) => Heard::Cut,
            Some(output) => Heard::Output(output),
            None => Heard::End,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn who_does_not_listen_is_cut_and_nobody_else() {
        let audience = Audience::default();
        let (mut attentive, mut asleep) = (audience.seat().unwrap(), audience.seat().unwrap());
        for number in 0..2 * BEHIND {
            audience.tell(Bytes::from(vec![number as u8])).await;
            let Heard::Output(output) = attentive.hear().await else { panic!("cut at {number}") };
            assert_eq!(output[0], number as u8);
        }
        assert!(matches!(asleep.hear().await, Heard::Cut));
        audience.end();
        assert!(matches!(attentive.hear().await, Heard::End));
        assert!(audience.seat().is_none());
    }

    #[tokio::test]
    async fn the_end_comes_after_everything_that_was_said() {
        let audience = Audience::default();
        let mut seat = audience.seat().unwrap();
        audience.tell(Bytes::from_static(b"last words")).await;
        audience.end();
        assert!(matches!(seat.hear().await, Heard::Output(words) if words == "last words"));
        assert!(matches!(seat.hear_now(), Some(Heard::End)));
    }
}
