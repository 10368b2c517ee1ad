//! A terminal's output to any number of subscribers. As in the daemon, a subscriber that falls
//! [`QUEUE_MESSAGES`] messages behind is disconnected, so that a slow one never blocks the terminal.

use axum::body::Bytes;
use parking_lot::Mutex;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};
use tokio::sync::mpsc;
use tokio::time::timeout;

/// The capacity of a subscriber's queue, as in the daemon.
const QUEUE_MESSAGES: usize = 256;

/// The total time that a terminal waits for room in one subscriber's queue before disconnecting it; starts
/// anew when the queue has been empty. The daemon does not wait at all. Here shell, server and client share
/// one machine, so that a subscriber may fall behind merely for lack of CPU time, for seconds on a busy one.
const MAX_WAIT: Duration = Duration::from_secs(15);

/// The subscribers' queues; `None` once the terminal has ended.
pub struct Broadcast(Mutex<Option<Arc<Vec<Arc<Queue>>>>>);

struct Queue {
    output: mpsc::Sender<Bytes>,
    is_too_slow: Arc<AtomicBool>,
    waited: Mutex<Duration>,
}

/// The receiving end of a queue.
pub struct Subscriber {
    output: mpsc::Receiver<Bytes>,
    is_too_slow: Arc<AtomicBool>,
}

pub enum Received {
    Output(Bytes),
    /// The subscriber was too slow and is disconnected.
    TooSlow,
    /// The terminal has ended.
    End,
}

impl Default for Broadcast {
    fn default() -> Self {
        Self(Mutex::new(Some(Arc::default())))
    }
}

impl Broadcast {
    /// A subscriber to all output from now on; `None` when the terminal has ended.
    pub fn subscribe(&self) -> Option<Subscriber> {
        let mut queues = self.0.lock();
        let all = queues.as_mut()?;
        let (sender, output) = mpsc::channel(QUEUE_MESSAGES);
        let is_too_slow = Arc::<AtomicBool>::default();
        let queue = Queue { output: sender, is_too_slow: is_too_slow.clone(), waited: Mutex::default() };
        Arc::make_mut(all).push(Arc::new(queue));
        Some(Subscriber { output, is_too_slow })
    }

    pub async fn send(&self, output: Bytes) {
        let Some(queues) = self.0.lock().clone() else { return };
        for queue in queues.iter() {
            if !queue.send(output.clone()).await {
                self.remove(queue);
            }
        }
    }

    fn remove(&self, gone: &Arc<Queue>) {
        if let Some(all) = self.0.lock().as_mut() {
            Arc::make_mut(all).retain(|queue| !Arc::ptr_eq(queue, gone));
        }
    }

    /// Ends the output: subscribers receive what is queued, then the end.
    pub fn end(&self) {
        *self.0.lock() = None;
    }
}

impl Queue {
    /// `false`: the subscriber has left or is too slow.
    async fn send(&self, output: Bytes) -> bool {
        if self.output.capacity() == QUEUE_MESSAGES {
            *self.waited.lock() = Duration::ZERO;
        }
        let output = match self.output.try_send(output) {
            Ok(()) => return true,
            Err(mpsc::error::TrySendError::Closed(_)) => return false,
            Err(mpsc::error::TrySendError::Full(output)) => output,
        };
        let began = Instant::now();
        let left = MAX_WAIT.saturating_sub(*self.waited.lock());
        let permit = timeout(left, self.output.reserve()).await;
        *self.waited.lock() += began.elapsed();
        match permit {
            Ok(Ok(permit)) => {
                permit.send(output);
                true
            }
            Ok(Err(_)) => false,
            Err(_) => {
                self.is_too_slow.store(true, Ordering::Release);
                false
            }
        }
    }
}

impl Subscriber {
    pub async fn receive(&mut self) -> Received {
        let output = self.output.recv().await;
        self.received(output)
    }

    /// What is queued already; `None`: nothing.
    pub fn try_receive(&mut self) -> Option<Received> {
        match self.output.try_recv() {
            Ok(output) => Some(self.received(Some(output))),
            Err(mpsc::error::TryRecvError::Empty) => None,
            Err(mpsc::error::TryRecvError::Disconnected) => Some(self.received(None)),
        }
    }

    /// A subscriber that was too slow gets nothing of what is still queued.
    fn received(&self, output: Option<Bytes>) -> Received {
        match output {
            _ if self.is_too_slow.load(Ordering::Acquire) => Received::TooSlow,
            Some(output) => Received::Output(output),
            None => Received::End,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn only_a_subscriber_that_does_not_read_is_disconnected() {
        let broadcast = Broadcast::default();
        let (mut reading, mut idle) = (broadcast.subscribe().unwrap(), broadcast.subscribe().unwrap());
        for number in 0..2 * QUEUE_MESSAGES {
            broadcast.send(Bytes::from(vec![number as u8])).await;
            let Received::Output(output) = reading.receive().await else {
                panic!("disconnected at {number}")
            };
            assert_eq!(output[0], number as u8);
        }
        assert!(matches!(idle.receive().await, Received::TooSlow));
        broadcast.end();
        assert!(matches!(reading.receive().await, Received::End));
        assert!(broadcast.subscribe().is_none());
    }

    #[tokio::test]
    async fn the_end_comes_after_all_output() {
        let broadcast = Broadcast::default();
        let mut subscriber = broadcast.subscribe().unwrap();
        broadcast.send(Bytes::from_static(b"last words")).await;
        broadcast.end();
        assert!(matches!(subscriber.receive().await, Received::Output(words) if words == "last words"));
        assert!(matches!(subscriber.try_receive(), Some(Received::End)));
    }
}
