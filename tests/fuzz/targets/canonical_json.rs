//! Any bytes as JSON: what is read is what serde reads, and is written as ruma writes it.
#![no_main]

use libfuzzer_sys::fuzz_target;
use matrix_federation::matrix::json::Json;
use ruma_common::CanonicalJsonValue;

fuzz_target!(|bytes: &[u8]| {
    let serde = serde_json::from_slice::<serde_json::Value>(bytes);
    if let Ok(json) = Json::parse(bytes) {
        let ours = json.root().canonical();
        let again = Json::parse(ours.as_bytes()).expect("what is written can be read");
        assert_eq!(again.root().canonical(), ours);
        // serde goes no deeper than 128.
        if let Ok(value) = serde {
            assert_eq!(ours, CanonicalJsonValue::try_from(value).expect("ruma takes it").to_string());
        }
    }
});
