//! The embedded store: SQLite with one writer and group commit.
