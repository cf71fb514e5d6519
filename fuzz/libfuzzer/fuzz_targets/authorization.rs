//! The target `authorization` under libFuzzer.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    let _ = bailiwick_fuzz::target::authorization::target(data);
});
