//! The gateway: protects any API without touching it.
