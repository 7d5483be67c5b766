//! What the directory decides, and nothing else: no clock, no IO, no waiting.

pub mod slug;
