//! The store on Redis.

mod histories;
