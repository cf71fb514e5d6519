//! The authorization server: registers, authorizes, downscopes, issues.
