//! An order-history API on its own SQLite file, protected by the library.
