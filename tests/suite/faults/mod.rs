//! One operation of each class against every fault that the dev server knows: no hang, no wrong success,
//! nothing twice, nothing left over. A case is an operation under a fault; what it promises is computed
//! from the rules of repeating, not from what it was seen to do. Each case that ran is printed.
//!
//! What only a server can do that speaks no HTTP at all, or the wrong one, is in `transport`; the
//! rest of what befalls files and logs in `files::faults` and `session::follow_faults`.

mod case;
mod creating;
mod logs;
mod repositories;
mod requests;
mod snapshots;
mod terminals;
mod transfers;
