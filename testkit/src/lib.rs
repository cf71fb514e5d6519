//! Everything in one process, for tests: clock, seeded randomness, servers.
