//! Media types in headers, with or without `application/` (RFC 7515 §4.1.9).

/// Whether `stated` is `application/` + `short`, its prefix perhaps left out, in any case.
pub(crate) fn is(stated: &str, short: &str) -> bool {
    const PREFIX: &str = "application/";
    let bare = match stated.split_at_checked(PREFIX.len()) {
        Some((prefix, rest)) if prefix.eq_ignore_ascii_case(PREFIX) => rest,
        _ => stated,
    };
    bare.eq_ignore_ascii_case(short)
}
