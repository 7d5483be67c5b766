//! Many commands at once, with the effects of one after the other.
//!
//! Commands that have nothing to do with each other run side by side, so that the journal takes many in one
//! transaction. Those that touch the same thing wait for each other, in their order.

mod order;
mod touches;

pub(crate) use order::{Order, Place, Thing, Touch};
pub(crate) use touches::touches;
