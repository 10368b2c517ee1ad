//! Handles are numbers that we check, never memory that the caller must pin.
//!
//! A handle is type tag, slot and generation in 53 bits, so that a JavaScript number holds it. A
//! stale, foreign or wrong-typed handle is told apart from a live one, and a closed one from a
//! value that was never a handle. A slot whose generations are used up is retired.

use crate::client::error::{Error, Result};
use crate::client::lock::RwLock;
use crate::client::status;
use std::sync::atomic::{AtomicU32, Ordering};

const GENERATION_BITS: u32 = 26;
const SLOT_BITS: u32 = 24;
const GENERATION_LAST: u32 = (1 << GENERATION_BITS) - 1;
const SLOT_LAST: u32 = (1 << SLOT_BITS) - 1;

/// The type of a handle, in its upper bits; 0 is never a tag, so 0 is never a handle.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u64)]
pub enum Tag {
    Client = 1,
    Sandbox = 2,
    Call = 3,
    Stream = 4,
    Queue = 5,
}

impl Tag {
    pub fn of(handle: u64) -> Option<Self> {
        [Self::Client, Self::Sandbox, Self::Call, Self::Stream, Self::Queue]
            .into_iter()
            .find(|tag| handle >> (GENERATION_BITS + SLOT_BITS) == *tag as u64)
    }

    fn name(self) -> &'static str {
        match self {
            Self::Client => "client",
            Self::Sandbox => "sandbox",
            Self::Call => "call",
            Self::Stream => "stream",
            Self::Queue => "queue",
        }
    }
}

/// The slot number in a handle.
pub fn slot_of(handle: u64) -> u32 {
    (handle >> GENERATION_BITS) as u32 & SLOT_LAST
}

fn generation_of(handle: u64) -> u32 {
    handle as u32 & GENERATION_LAST
}

/// All handles of one type.
pub struct Table<T> {
    tag: Tag,
    /// Slots below were issued before a fork, by the parent.
    base: u32,
    /// How many slots, the parent's included, were ever issued. Read without a lock after a fork.
    issued: AtomicU32,
    slots: RwLock<Slots<T>>,
}

struct Slots<T> {
    entries: Vec<Slot<T>>,
    free: Vec<u32>,
}

struct Slot<T> {
    /// Of the live handle, or of the last one that was.
    generation: u32,
    value: Option<T>,
}

/// What a value is to a table.
pub enum Found<T> {
    Live(T),
    /// A handle that was live once.
    Closed,
    /// Made by the parent, before a fork.
    Forked,
    /// Never a handle of this type.
    Never,
}

impl<T: Clone> Table<T> {
    pub const fn new(tag: Tag, base: u32) -> Self {
        Self {
            tag,
            base,
            issued: AtomicU32::new(base),
            slots: RwLock::new(Slots { entries: Vec::new(), free: Vec::new() }),
        }
    }

    /// Where a child's table has to begin.
    pub fn issued(&self) -> u32 {
        self.issued.load(Ordering::Relaxed)
    }

    /// A new handle for what `make` returns for it, and that value.
    pub fn insert(&self, make: impl FnOnce(u64) -> T) -> Result<(u64, T)> {
        let mut slots = self.slots.write();
        let index = match slots.free.pop() {
            Some(index) => index,
            None => {
                let index = slots.entries.len() as u32;
                if self.base + index > SLOT_LAST {
                    let message =
                        format!("no {} handle is left; close those no longer needed", self.tag.name());
                    return Err(Error::new(status::QUEUE_FULL, message));
                }
                slots.entries.push(Slot { generation: 0, value: None });
                self.issued.store(self.base + index + 1, Ordering::Relaxed);
                index
            }
        };
        let Some(slot) = slots.entries.get_mut(index as usize) else {
            return Err(Error::new(status::PANIC, "a free slot is missing"));
        };
        slot.generation += 1;
        let handle = (self.tag as u64) << (GENERATION_BITS + SLOT_BITS)
            | u64::from(self.base + index) << GENERATION_BITS
            | u64::from(slot.generation);
        let value = make(handle);
        slot.value = Some(value.clone());
        Ok((handle, value))
    }

    pub fn find(&self, handle: u64) -> Found<T> {
        if Tag::of(handle) != Some(self.tag) || generation_of(handle) == 0 {
            return Found::Never;
        }
        let Some(index) = slot_of(handle).checked_sub(self.base) else {
            return Found::Forked;
        };
        let slots = self.slots.read();
        match slots.entries.get(index as usize) {
            Some(slot) if slot.generation == generation_of(handle) => match &slot.value {
                Some(value) => Found::Live(value.clone()),
                None => Found::Closed,
            },
            Some(slot) if slot.generation > generation_of(handle) => Found::Closed,
            _ => Found::Never,
        }
    }

    /// The live value, or an error that says what the handle is instead.
    pub fn get(&self, handle: u64) -> Result<T> {
        match self.find(handle) {
            Found::Live(value) => Ok(value),
            Found::Forked => Err(forked(self.tag)),
            Found::Closed => {
                Err(Error::new(status::INVALID_HANDLE, format!("this {} handle is closed", self.tag.name())))
            }
            Found::Never => Err(self.wrong(handle)),
        }
    }

    fn wrong(&self, handle: u64) -> Error {
        let wanted = self.tag.name();
        Error::new(
            status::INVALID_HANDLE,
            match Tag::of(handle) {
                Some(tag) if tag != self.tag => {
                    format!("a {wanted} handle is needed, this is a {} handle", tag.name())
                }
                _ => format!("{handle} is not a {wanted} handle"),
            },
        )
    }

    /// Takes the value out; the handle is closed from now on.
    pub fn remove(&self, handle: u64) -> Option<T> {
        let index = slot_of(handle).checked_sub(self.base)?;
        let mut slots = self.slots.write();
        let slot = slots.entries.get_mut(index as usize)?;
        if slot.generation != generation_of(handle) {
            return None;
        }
        let value = slot.value.take();
        let retired = slot.generation == GENERATION_LAST;
        if value.is_some() && !retired {
            slots.free.push(index);
        }
        value
    }

    /// The live value in a slot, whatever its generation.
    pub fn in_slot(&self, slot: u32) -> Option<T> {
        let index = slot.checked_sub(self.base)?;
        self.slots.read().entries.get(index as usize)?.value.clone()
    }

    /// Everything live.
    pub fn all(&self) -> Vec<T> {
        self.slots.read().entries.iter().filter_map(|slot| slot.value.clone()).collect()
    }
}

/// The error for a handle that the parent made.
pub fn forked(tag: Tag) -> Error {
    Error::new(
        status::FORKED,
        format!("this {} handle was made before a fork; open a new client in the child", tag.name()),
    )
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::indexing_slicing)]
mod tests {
    use super::*;

    #[test]
    fn a_handle_fits_in_a_javascript_number() {
        let table = Table::new(Tag::Queue, SLOT_LAST);
        let handle = table.insert(|_| ()).unwrap().0;
        assert!(handle < 1 << 53);
    }

    #[test]
    fn a_closed_handle_is_told_from_one_that_never_was() {
        let table = Table::new(Tag::Stream, 0);
        let first = table.insert(|_| 1).unwrap().0;
        assert_eq!(table.remove(first), Some(1));
        assert!(matches!(table.find(first), Found::Closed));
        let second = table.insert(|_| 2).unwrap().0;
        assert!(matches!(table.find(first), Found::Closed), "reused slot, older generation");
        assert!(matches!(table.find(second), Found::Live(2)));
        assert!(matches!(table.find(second + 1), Found::Never), "a generation that was not issued");
        assert!(matches!(table.find(0), Found::Never));
        let foreign = Table::new(Tag::Call, 0).insert(|_| ()).unwrap().0;
        assert!(matches!(table.find(foreign), Found::Never));
    }

    #[test]
    fn a_slot_whose_generations_are_used_up_is_retired() {
        let table = Table::new(Tag::Call, 0);
        let first = table.insert(|_| ()).unwrap().0;
        table.slots.write().entries[0].generation = GENERATION_LAST;
        let last = first - 1 + u64::from(GENERATION_LAST);
        assert_eq!(table.remove(last), Some(()));
        let next = table.insert(|_| ()).unwrap().0;
        assert_ne!(slot_of(next), slot_of(last));
    }

    #[test]
    fn a_child_knows_its_parents_handles() {
        let parent = Table::new(Tag::Client, 0);
        let before = parent.insert(|_| ()).unwrap().0;
        let child: Table<()> = Table::new(Tag::Client, parent.issued());
        assert_eq!(child.get(before).unwrap_err().status(), status::FORKED);
        let after = child.insert(|_| ()).unwrap().0;
        assert!(child.get(after).is_ok());
    }
}
