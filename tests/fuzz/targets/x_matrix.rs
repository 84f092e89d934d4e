//! Any text as an `Authorization` header: what is read of it is read again of how it is written.
#![no_main]

use libfuzzer_sys::fuzz_target;
use matrix_federation::matrix::x_matrix::parse_all;

fuzz_target!(|header: &str| {
    if let Ok(all) = parse_all(&[header]) {
        assert!(!all.is_empty());
        let written: Vec<String> = all.iter().map(ToString::to_string).collect();
        let headers: Vec<&str> = written.iter().map(String::as_str).collect();
        assert_eq!(parse_all(&headers), Ok(all));
    }
});
