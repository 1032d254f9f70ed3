//! The inputs from outside: whole conversations, the counter answered by a supervisor of the test's own.

mod buttons;
mod corpus;
mod fifo;
mod parsers;
mod serial;
mod supervisor;
