//! Any text as a name, an address, a delegation, an SRV record: nothing panics, and what is read is written the same.
#![no_main]

use libfuzzer_sys::fuzz_target;
use matrix_federation::matrix::address::{is_public, parse_address};
use matrix_federation::matrix::name::{ServerName, is_new_user_id, server_of, user_id};
use matrix_federation::matrix::srv::parse_srv;
use matrix_federation::matrix::well_known::{Response, WellKnownAnswer};

fuzz_target!(|bytes: &[u8]| {
    let srv = parse_srv(bytes, u64::try_from(bytes.len()).unwrap_or(0), 0);
    assert!(srv.valid_until_ms > 0);
    let text = String::from_utf8_lossy(bytes);
    let response = Response { status: 200, cache_control: Some(&text), body: bytes };
    assert!(WellKnownAnswer::read(Some(response), None, 0).valid_until_ms > 0);
    if let Some(address) = parse_address(&text) {
        let _ = is_public(address);
    }
    if let Ok(name) = ServerName::parse(&text) {
        assert_eq!(name.as_str(), text);
        let _ = (name.host(), name.port());
    }
    if let Ok((localpart, server)) = user_id(&text) {
        assert_eq!(format!("@{localpart}:{server}"), text);
        assert_eq!(server_of(&text), Some(server));
    }
    assert!(!is_new_user_id(&text) || user_id(&text).is_ok());
});
