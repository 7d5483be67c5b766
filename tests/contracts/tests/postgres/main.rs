//! What only a journal in PostgreSQL can do wrong: other processes, lost connections, a server that dies, other tables.

#![allow(clippy::unwrap_used)]

mod distributed;
