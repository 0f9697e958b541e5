//! What attributes say, and how they are refused, on plain tokens.

mod retry;
mod stack;
