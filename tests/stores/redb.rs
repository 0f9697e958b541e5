//! The store on redb.
