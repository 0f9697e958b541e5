//! The attributes of `steadfast`. Depend on `steadfast`, which re-exports them.
