//! A Redis of the tests' own.
