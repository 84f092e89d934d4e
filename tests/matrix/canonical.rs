//! Canonical JSON: the specification's examples, ruma's verdict, and what must be refused.

use std::fmt::Write as _;

use matrix_federation::matrix::json::{Json, Malformed, Value};
use proptest::prelude::*;
use ruma_common::canonical_json::CanonicalJsonValue;

use crate::arbitrary;

fn canonical(text: &str) -> String {
    Json::parse(text.as_bytes()).unwrap().root().canonical()
}

/// <https://spec.matrix.org/v1.18/appendices/#examples>
#[test]
fn the_specifications_examples() {
    for (text, expected) in [
        ("{}", "{}"),
        (r#"{ "one": 1, "two": "Two" }"#, r#"{"one":1,"two":"Two"}"#),
        (r#"{ "b": "2", "a": "1" }"#, r#"{"a":"1","b":"2"}"#),
        (r#"{"b":"2","a":"1"}"#, r#"{"a":"1","b":"2"}"#),
        (
            r#"{ "auth": { "success": true, "mxid": "@john.doe:example.com", "profile": { "display_name": "John Doe",
               "three_pids": [ { "medium": "email", "address": "john.doe@example.org" },
                               { "medium": "msisdn", "address": "123456789" } ] } } }"#,
            concat!(
                r#"{"auth":{"mxid":"@john.doe:example.com","profile":{"display_name":"John Doe","three_pids":"#,
                r#"[{"address":"john.doe@example.org","medium":"email"},"#,
                r#"{"address":"123456789","medium":"msisdn"}]},"success":true}}"#
            ),
        ),
        (r#"{ "a": "日本語" }"#, r#"{"a":"日本語"}"#),
        (r#"{ "本": 2, "日": 1 }"#, r#"{"日":1,"本":2}"#),
        (r#"{ "a": "\u65E5" }"#, r#"{"a":"日"}"#),
        (r#"{ "a": null }"#, r#"{"a":null}"#),
    ] {
        assert_eq!(canonical(text), expected);
    }
}

#[test]
fn escapes_are_the_shortest_and_names_sort_by_what_they_stand_for() {
    for (text, expected) in [
        (r#""\/\b\f\n\r\t\"\\\u001f\u007f\u0041""#, "\"/\\b\\f\\n\\r\\t\\\"\\\\\\u001f\u{7f}A\""),
        (r#"["a\nb","\n\/\n","\/\n"]"#, r#"["a\nb","\n/\n","/\n"]"#),
        (r#""\ud83d\ude00\u00e9""#, "\"😀é\""),
        (r#"{"\u0062":1,"a":2,"\ud83d\ude00":3,"\uffff":4}"#, "{\"a\":2,\"b\":1,\"\u{ffff}\":4,\"😀\":3}"),
        (" [ 1 , [ ] , { } , [ { \"a\" : [ ] } ] ] ", r#"[1,[],{},[{"a":[]}]]"#),
        ("-9007199254740991", "-9007199254740991"),
    ] {
        assert_eq!(canonical(text), expected);
    }
}

#[test]
fn what_canonical_json_cannot_hold_is_refused() {
    use Malformed::{Fraction, Range, Syntax, Twice, Unicode};
    for (text, expected) in [
        ("9007199254740992", Range(0)),
        ("-9007199254740992", Range(0)),
        ("99999999999999999999999999", Range(0)),
        ("1.0", Fraction(0)),
        ("[1e3]", Fraction(1)),
        ("-0", Fraction(0)),
        (r#"{"a":1,"b":2,"a":3}"#, Twice(19)),
        (r#"{"a":1,"\u0061":3}"#, Twice(18)),
        (r#""\ud800""#, Unicode(7)),
        (r#""\ud800\u0041""#, Unicode(7)),
        (r#""\udc00""#, Unicode(7)),
        ("", Syntax(0)),
        ("{\"a\":1,}", Syntax(7)),
        ("[1,]", Syntax(3)),
        ("[1 2]", Syntax(3)),
        ("{\"a\" 1}", Syntax(5)),
        ("{1:1}", Syntax(1)),
        ("{]", Syntax(1)),
        ("[}", Syntax(1)),
        ("[", Syntax(1)),
        ("01", Syntax(2)),
        ("-", Syntax(1)),
        ("nul", Syntax(0)),
        ("\"a", Syntax(2)),
        ("\"\u{1}\"", Syntax(1)),
        (r#""\x""#, Syntax(1)),
        (r#""\u12g4""#, Syntax(1)),
        ("1 1", Syntax(2)),
        ("\u{feff}1", Syntax(0)),
    ] {
        assert_eq!(Json::parse(text.as_bytes()).unwrap_err(), expected, "{text}");
    }
    assert_eq!(Json::parse(b"\"\xff\"").unwrap_err(), Unicode(1));
}

/// Sorting compares one name with all others. This one is placed where the sort of the standard library looks for it,
/// and reading it anew for each would take minutes.
#[test]
#[allow(clippy::disallowed_types, reason = "time is what is tested")]
fn a_long_name_among_many_costs_no_more_than_its_length() {
    const MANY: usize = 200_000;
    let mut text = format!(r#"{{"m\n{}":0"#, "a".repeat(2_000_000));
    for at in 1..MANY {
        let mut block = MANY / 8;
        while block > at {
            block /= 8;
        }
        let first = if at / block.max(1) < 6 { 'b' } else { 'y' };
        write!(text, r#","{first}{}":0"#, (at * 7919) % MANY).unwrap();
    }
    text.push('}');
    let began = std::time::Instant::now();
    assert_eq!(Json::parse(text.as_bytes()).unwrap().root().entries().count(), MANY);
    assert!(began.elapsed().as_secs() < 10, "{:?}", began.elapsed());
}

#[test]
fn depth_costs_nothing() {
    let deep = "[".repeat(200_000) + &"]".repeat(200_000);
    assert_eq!(canonical(&deep), deep);
    let deep = "{\"a\":".repeat(100_000) + "1" + &"}".repeat(100_000);
    assert_eq!(canonical(&deep), deep);
    assert_eq!(Json::parse("[".repeat(5_000_000).as_bytes()).unwrap_err(), Malformed::Large);
}

proptest! {
    #[test]
    fn what_is_written_is_what_ruma_writes(value in arbitrary::value()) {
        let ruma: CanonicalJsonValue = value.clone().try_into().unwrap();
        let text = value.to_string();
        let pretty = serde_json::to_string_pretty(&value).unwrap();
        let escaped = all_escaped(&text);
        prop_assert_eq!(canonical(&text), ruma.to_string());
        prop_assert_eq!(canonical(&pretty), ruma.to_string());
        prop_assert_eq!(canonical(&escaped), ruma.to_string());
        prop_assert_eq!(canonical(&ruma.to_string()), ruma.to_string());
    }

    #[test]
    fn values_are_found_as_serde_finds_them(value in arbitrary::value()) {
        let text = value.to_string();
        let json = Json::parse(text.as_bytes()).unwrap();
        let root = json.root();
        prop_assert_eq!(root.is_object(), value.is_object());
        prop_assert_eq!(root.is_array(), value.is_array());
        let text = root.as_str();
        prop_assert_eq!(text.as_deref(), value.as_str());
        prop_assert_eq!(root.as_integer(), value.as_i64());
        let items: Vec<String> = root.items().map(Value::canonical).collect();
        prop_assert_eq!(items.len(), value.as_array().map_or(0, Vec::len));
        let object = value.as_object();
        prop_assert_eq!(root.entries().count(), object.map_or(0, serde_json::Map::len));
        for (name, inner) in object.into_iter().flatten() {
            let found = root.get(name).map(|it| serde_json::from_str::<serde_json::Value>(it.raw()).unwrap());
            prop_assert_eq!(found.as_ref(), Some(inner));
        }
        prop_assert!(root.get("a name that is not there").is_none());
    }

    #[test]
    fn reading_anything_never_panics_and_agrees_with_serde(bytes in prop::collection::vec(
        prop_oneof![prop::sample::select(br#"{}[]",:0123456789-.eE\udDaAntfrlsb "#.to_vec()), any::<u8>()], 0..40)) {
        if let Ok(json) = Json::parse(&bytes) {
            let ours = json.root().canonical();
            let serde: serde_json::Value = serde_json::from_slice(&bytes).unwrap();
            prop_assert_eq!(ours, CanonicalJsonValue::try_from(serde).unwrap().to_string());
        }
    }
}

/// The same text with every character of every string as an escape.
fn all_escaped(text: &str) -> String {
    let mut out = String::new();
    let mut in_string = false;
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        match c {
            '"' => {
                in_string = !in_string;
                out.push(c);
            }
            '\\' => {
                let letter = chars.next().unwrap();
                out.extend([c, letter]);
                out.extend(chars.by_ref().take(if letter == 'u' { 4 } else { 0 }));
            }
            c if in_string => {
                for unit in c.encode_utf16(&mut [0; 2]) {
                    write!(out, "\\u{unit:04X}").unwrap();
                }
            }
            c => out.push(c),
        }
    }
    out
}
