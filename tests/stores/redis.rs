//! The store on redis.
