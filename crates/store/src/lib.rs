//! The store: its trait, the memory store, and the contract every store keeps.
