//! The stores of idempotency records against real servers, and what happens when those fail.

mod engine;
mod history;
mod memory;
mod postgres;
mod redb;
mod redis;
