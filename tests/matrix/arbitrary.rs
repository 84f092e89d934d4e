//! Any JSON, and JSON that is much like an event.

use proptest::prelude::*;
use serde_json::{Map, Value, json};

/// Any value that canonical JSON can hold.
pub fn value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        (-9_007_199_254_740_991_i64..=9_007_199_254_740_991).prop_map(Value::from),
        any::<String>().prop_map(Value::from),
        "[\\x00-\\x1f\"\\\\/é😀\u{7f}]{0,6}".prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 40, 6, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
            prop::collection::btree_map(name(), inner, 0..6)
                .prop_map(|it| Value::Object(it.into_iter().collect::<Map<_, _>>())),
        ]
    })
}

fn name() -> impl Strategy<Value = String> {
    prop_oneof!["[a-c]{0,2}", "[\\x00-\\x1f\"\\\\é😀\u{e000}\u{ffff}]{1,2}", any::<String>()]
}

/// An event, or something much like one: every field may be missing or of another kind.
pub fn event() -> impl Strategy<Value = Value> {
    let kinds = prop::sample::select(vec![
        "m.room.create",
        "m.room.member",
        "m.room.power_levels",
        "m.room.join_rules",
        "m.room.history_visibility",
        "m.room.redaction",
        "m.room.aliases",
        "m.room.message",
    ]);
    let names = prop::sample::select(vec![
        "membership",
        "join_authorised_via_users_server",
        "third_party_invite",
        "creator",
        "room_version",
        "join_rule",
        "allow",
        "ban",
        "invite",
        "users",
        "notifications",
        "history_visibility",
        "redacts",
        "aliases",
        "body",
    ]);
    let third = json!({ "display_name": "a", "signed": { "token": "t", "mxid": "@a:b" } });
    let inner = prop_oneof![4 => value(), 1 => Just(third)];
    let content = prop::collection::btree_map(names.prop_map(str::to_owned), inner, 0..8);
    let extra = prop::collection::btree_map(
        prop::sample::select(vec![
            "age",
            "event_id",
            "membership",
            "origin",
            "prev_state",
            "redacts",
            "signatures",
            "state_key",
            "unsigned",
        ])
        .prop_map(str::to_owned),
        value(),
        0..5,
    );
    (kinds, content, extra).prop_map(|(kind, content, extra)| {
        let mut event = json!({
            "auth_events": ["$a", "$b"],
            "content": content,
            "depth": 7,
            "hashes": { "sha256": "thishashcoversallfieldsincasethisisredacted" },
            "origin_server_ts": 1_838_188_000,
            "prev_events": ["$c"],
            "room_id": "!r:example.org",
            "sender": "@alice:example.org",
            "type": kind,
        });
        let fields = event.as_object_mut().unwrap();
        for (name, value) in extra {
            let is_object = matches!(name.as_str(), "signatures" | "unsigned");
            fields.insert(name, if is_object && !value.is_object() { json!({}) } else { value });
        }
        event
    })
}
