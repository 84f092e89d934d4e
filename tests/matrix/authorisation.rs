//! The authorisation rules, one row a rule and room version: <https://spec.matrix.org/v1.18/rooms/v12/#authorization-rules>.
//!
//! Each row is done to a room in which `alice` has all power, `mike` has 50, and one may join by invitation only.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;

use ruma_common::OwnedRoomId;
use serde_json::{Value, json};

use crate::room::{
    Act, Room, act, ban, exactly, invite, join, kick, knock, leave, levels, member, message, restricted_join,
    rule, topic, user, version,
};

const ALL: RangeInclusive<u8> = 6..=12;

/// What was done before, what is done now, and what the answer holds; nothing where it is allowed.
type Row = (&'static str, RangeInclusive<u8>, Vec<Act>, Act, &'static str);

fn hold(rows: Vec<Row>) {
    let rooms: BTreeMap<u8, Room> = ALL.map(|number| (number, Room::new(version(number)))).collect();
    for (rule, versions, before, act, expected) in rows {
        for number in versions {
            let mut room = rooms[&number].clone();
            for act in &before {
                room.happens(act);
            }
            let found = room.verdict(&act);
            let holds = if expected.is_empty() { found.is_empty() } else { found.contains(expected) };
            assert!(holds, "version {number}: {rule}: {act:?}\nexpected '{expected}', found '{found}'");
            // What others would refuse is not made, and what they take is; but for what others must sign too.
            if act.content.get("join_authorised_via_users_server").is_none() && !found.starts_with("dropped")
            {
                assert_eq!(room.compose(&act).is_ok(), found.is_empty(), "version {number}: {rule}");
            }
        }
    }
}

fn with(mut act: Act, name: &str, value: Value) -> Act {
    act.content[name] = value;
    act
}

fn keyed(mut act: Act, key: Option<&str>) -> Act {
    act.key = key.map(str::to_owned);
    act
}

#[test]
fn joins() {
    let open = || rule("alice", "public");
    let knocks = || rule("alice", "knock");
    let restricted = || rule("alice", "restricted");
    let both = || rule("alice", "knock_restricted");
    let invited = || invite("alice", "bob");
    hold(vec![
        ("nobody joins for another", ALL, vec![open()], member("mike", "bob", "join"), "must match"),
        ("the banned do not join", ALL, vec![open(), ban("alice", "bob")], join("bob"), "banned user"),
        ("invite: the invited join", ALL, vec![invited()], join("bob"), ""),
        ("invite: who has joined joins", ALL, vec![], join("mike"), ""),
        ("invite: nobody else", ALL, vec![], join("bob"), "not `public`"),
        (
            "invite: who has left",
            ALL,
            vec![invited(), join("bob"), leave("bob")],
            join("bob"),
            "not `public`",
        ),
        ("knock: the invited join", 7..=12, vec![knocks(), invited()], join("bob"), ""),
        ("knock: who has joined joins", 7..=12, vec![knocks()], join("mike"), ""),
        ("knock: who knocked does not", 7..=12, vec![knocks(), knock("bob")], join("bob"), "not `public`"),
        ("knock: not before 7", 6..=6, vec![knocks(), invited()], join("bob"), "not `public`"),
        ("restricted: the invited join", 8..=12, vec![restricted(), invited()], join("bob"), ""),
        ("restricted: who has joined joins", 8..=12, vec![restricted()], join("mike"), ""),
        ("restricted: by authority", 8..=12, vec![restricted()], restricted_join("bob", "mike"), ""),
        ("restricted: without authority", 8..=12, vec![restricted()], join("bob"), "without `join_auth"),
        (
            "restricted: by a stranger",
            8..=12,
            vec![restricted()],
            restricted_join("bob", "eve"),
            "is not joined",
        ),
        (
            "restricted: by one who only was invited",
            8..=12,
            vec![restricted(), invite("alice", "eve")],
            restricted_join("bob", "eve"),
            "is not joined",
        ),
        (
            "restricted: by one who may not invite",
            8..=12,
            vec![levels("alice", json!({ "invite": 51 })), restricted()],
            restricted_join("bob", "mike"),
            "enough power",
        ),
        (
            "restricted: by one who just may",
            8..=12,
            vec![levels("alice", json!({ "invite": 50 })), restricted()],
            restricted_join("bob", "mike"),
            "",
        ),
        (
            "restricted: the banned not by authority either",
            8..=12,
            vec![restricted(), ban("alice", "bob")],
            restricted_join("bob", "mike"),
            "banned user",
        ),
        ("restricted: not before 8", 6..=7, vec![restricted(), invited()], join("bob"), "not `public`"),
        (
            "restricted: not before 8",
            6..=7,
            vec![restricted()],
            restricted_join("bob", "mike"),
            "not `public`",
        ),
        ("knock_restricted: the invited join", 10..=12, vec![both(), invited()], join("bob"), ""),
        ("knock_restricted: by authority", 10..=12, vec![both()], restricted_join("bob", "mike"), ""),
        ("knock_restricted: without", 10..=12, vec![both()], join("bob"), "without `join_auth"),
        ("knock_restricted: not before 10", 6..=9, vec![both(), invited()], join("bob"), "not `public`"),
        ("public: anybody joins", ALL, vec![open()], join("bob"), ""),
        ("public: also with authority", 8..=12, vec![open()], restricted_join("bob", "mike"), ""),
        (
            "private: not even the invited",
            ALL,
            vec![rule("alice", "private"), invited()],
            join("bob"),
            "not `public`",
        ),
        (
            "authority is a user id",
            8..=12,
            vec![open()],
            with(join("bob"), "join_authorised_via_users_server", Value::Null),
            "dropped: whoever authorised it has not signed it",
        ),
        (
            "authority is a user id",
            8..=12,
            vec![open()],
            with(join("bob"), "join_authorised_via_users_server", json!("mike")),
            "dropped: whoever authorised it has not signed it",
        ),
    ]);
}

#[test]
fn without_join_rules_the_invited_join() {
    for number in ALL {
        let mut room = Room::made(version(number), &json!({}));
        room.happens(&join("alice"));
        room.happens(&invite("alice", "bob"));
        assert!(room.verdict(&join("eve")).contains("no `m.room.join_rules` event"));
        assert!(!room.verdict(&member("alice", "bob", "join")).is_empty());
        room.happens(&join("bob"));
        room.happens(&join("bob"));
        room.happens(&ban("alice", "bob"));
        assert!(room.verdict(&join("bob")).contains("banned user"));
    }
}

#[test]
fn invitations() {
    hold(vec![
        ("the sender has joined", ALL, vec![], invite("eve", "bob"), "sender is not joined"),
        ("not who has joined", ALL, vec![], invite("alice", "mike"), "joined or banned"),
        ("not the banned", ALL, vec![ban("alice", "bob")], invite("alice", "bob"), "joined or banned"),
        (
            "the level",
            ALL,
            vec![levels("alice", json!({ "invite": 51 }))],
            invite("mike", "bob"),
            "enough power",
        ),
        ("the level", ALL, vec![levels("alice", json!({ "invite": 50 }))], invite("mike", "bob"), ""),
        ("anybody by default", ALL, vec![rule("alice", "public"), join("bob")], invite("bob", "eve"), ""),
        ("again", ALL, vec![invite("alice", "bob")], invite("mike", "bob"), ""),
        ("who has left", ALL, vec![invite("alice", "bob"), leave("bob")], invite("mike", "bob"), ""),
        ("who knocks", 7..=12, vec![rule("alice", "knock"), knock("bob")], invite("mike", "bob"), ""),
    ]);
}

#[test]
fn leaving_and_kicking() {
    let came = |who: &str| vec![rule("alice", "public"), join(who)];
    let bob_at = |level: i64| {
        let mut before = came("bob");
        before.push(levels("alice", json!({ "users": { user("bob"): level } })));
        before
    };
    hold(vec![
        ("who has joined", ALL, vec![], leave("mike"), ""),
        ("who is invited", ALL, vec![invite("alice", "bob")], leave("bob"), ""),
        ("who knocks", 7..=12, vec![rule("alice", "knock"), knock("bob")], leave("bob"), ""),
        ("who was never here", ALL, vec![], leave("bob"), "cannot leave"),
        ("who has left", ALL, vec![leave("mike")], leave("mike"), "cannot leave"),
        ("who is banned", ALL, vec![ban("alice", "bob")], leave("bob"), "cannot leave"),
        ("kicking: the sender has joined", ALL, vec![], kick("eve", "mike"), "sender is not joined"),
        ("kicking: the level", ALL, came("bob"), kick("mike", "bob"), ""),
        (
            "kicking: the level",
            ALL,
            vec![levels("alice", json!({ "kick": 51 }))],
            kick("mike", "bob"),
            "to kick",
        ),
        ("kicking: not one's equal", ALL, bob_at(50), kick("mike", "bob"), "to kick"),
        ("kicking: one below", ALL, bob_at(49), kick("mike", "bob"), ""),
        ("kicking: not those above", ALL, vec![], kick("mike", "alice"), "to kick"),
        ("kicking: an invitation is taken back", ALL, vec![invite("alice", "bob")], kick("mike", "bob"), ""),
        ("unbanning: both levels", ALL, vec![ban("alice", "bob")], kick("mike", "bob"), ""),
        (
            "unbanning: the level of bans",
            ALL,
            vec![ban("alice", "bob"), levels("alice", json!({ "ban": 51 }))],
            kick("mike", "bob"),
            "to unban",
        ),
        (
            "unbanning: the level of kicks",
            ALL,
            vec![ban("alice", "bob"), levels("alice", json!({ "kick": 51 }))],
            kick("mike", "bob"),
            "to kick",
        ),
    ]);
}

#[test]
fn banning() {
    hold(vec![
        ("the sender has joined", ALL, vec![], ban("eve", "bob"), "sender is not joined"),
        ("the level", ALL, vec![], ban("mike", "bob"), ""),
        ("the level", ALL, vec![levels("alice", json!({ "ban": 51 }))], ban("mike", "bob"), "to ban"),
        ("not those above", ALL, vec![], ban("mike", "alice"), "to ban"),
        ("not oneself", ALL, vec![], ban("mike", "mike"), "to ban"),
        ("those below", ALL, vec![], ban("alice", "mike"), ""),
    ]);
}

#[test]
fn knocking() {
    let open = || rule("alice", "knock");
    hold(vec![
        ("there is none before 7", 6..=6, vec![open()], knock("bob"), "unknown membership"),
        ("by the rule knock", 7..=12, vec![open()], knock("bob"), ""),
        ("by no other", 7..=12, vec![rule("alice", "public")], knock("bob"), "not set to knock"),
        ("by no other", 7..=12, vec![], knock("bob"), "not set to knock"),
        ("by no other", 8..=12, vec![rule("alice", "restricted")], knock("bob"), "not set to knock"),
        (
            "from 10 on by knock_restricted",
            10..=12,
            vec![rule("alice", "knock_restricted")],
            knock("bob"),
            "",
        ),
        ("from 10 on", 7..=9, vec![rule("alice", "knock_restricted")], knock("bob"), "not set to knock"),
        ("for nobody else", 7..=12, vec![open()], member("mike", "bob", "knock"), "another user knock"),
        ("not the banned", 7..=12, vec![open(), ban("alice", "bob")], knock("bob"), "cannot knock"),
        ("not the invited", 7..=12, vec![open(), invite("alice", "bob")], knock("bob"), "cannot knock"),
        ("not who has joined", 7..=12, vec![open()], knock("mike"), "cannot knock"),
        ("again", 7..=12, vec![open(), knock("bob")], knock("bob"), ""),
        ("after a kick", 7..=12, vec![open(), knock("bob"), kick("mike", "bob")], knock("bob"), ""),
    ]);
}

#[test]
fn memberships_have_a_form() {
    let odd = |content: Value| act("mike", "m.room.member", Some(&user("mike")), content);
    hold(vec![
        ("a state key", ALL, vec![], keyed(join("mike"), None), "missing `state_key`"),
        ("that is a user", ALL, vec![], keyed(join("mike"), Some("mike")), "invalid `state_key`"),
        ("that is a user", ALL, vec![], keyed(join("mike"), Some("@mike")), "invalid `state_key`"),
        ("that is a user", ALL, vec![], keyed(join("mike"), Some("")), "invalid `state_key`"),
        ("a membership", ALL, vec![], odd(json!({})), "invalid `membership`"),
        ("that is a text", ALL, vec![], odd(json!({ "membership": 1 })), "invalid `membership`"),
        ("that is known", ALL, vec![], odd(json!({ "membership": "JOIN" })), "unknown membership"),
        ("that is known", ALL, vec![], odd(json!({ "membership": "" })), "unknown membership"),
    ]);
}

#[test]
fn sending() {
    let came = || vec![rule("alice", "public"), join("bob")];
    let came_and = |more: Act| [came(), vec![more]].concat();
    let state = |who: &str, key: &str| act(who, "org.example.mine", Some(key), json!({}));
    let by_invite = |who: &str| act(who, "m.room.third_party_invite", Some("t"), json!({}));
    hold(vec![
        ("the sender has joined", ALL, vec![], message("eve"), "membership is not `join`"),
        (
            "the sender has joined",
            ALL,
            vec![invite("alice", "bob")],
            message("bob"),
            "membership is not `join`",
        ),
        ("the sender has joined", ALL, vec![leave("mike")], message("mike"), "membership is not `join`"),
        ("a message by default", ALL, came(), message("bob"), ""),
        ("state by default", ALL, came(), topic("bob"), "enough power"),
        ("state by default", ALL, vec![], topic("mike"), ""),
        (
            "state_default",
            ALL,
            vec![levels("alice", json!({ "state_default": 51 }))],
            topic("mike"),
            "enough power",
        ),
        (
            "events_default",
            ALL,
            came_and(levels("alice", json!({ "events_default": 1 }))),
            message("bob"),
            "enough power",
        ),
        ("users_default", ALL, came_and(levels("alice", json!({ "users_default": 50 }))), topic("bob"), ""),
        (
            "events",
            ALL,
            came_and(levels("alice", json!({ "events": { "m.room.topic": 0 } }))),
            topic("bob"),
            "",
        ),
        (
            "events",
            ALL,
            came_and(levels("alice", json!({ "events": { "m.room.message": 1 } }))),
            message("bob"),
            "enough power",
        ),
        ("nobody's state", ALL, vec![], state("mike", "bob"), ""),
        ("one's own", ALL, vec![], state("mike", &user("mike")), ""),
        ("not another's", ALL, vec![], state("alice", &user("mike")), "another user's ID"),
        ("not another's", ALL, vec![], state("alice", "@"), "another user's ID"),
        ("a third party's invitation", ALL, came(), by_invite("bob"), ""),
        (
            "at the level of invitations alone",
            ALL,
            came_and(levels("alice", json!({ "invite": 1, "events": { "m.room.third_party_invite": 0 } }))),
            by_invite("bob"),
            "send invites",
        ),
        (
            "redactions are like any other event",
            ALL,
            came(),
            with(act("bob", "m.room.redaction", None, json!({})), "redacts", json!("$x")),
            "",
        ),
        (
            "redactions are like any other event",
            ALL,
            came_and(levels("alice", json!({ "events": { "m.room.redaction": 1 } }))),
            act("bob", "m.room.redaction", None, json!({})),
            "enough power",
        ),
        (
            "aliases are nothing special",
            ALL,
            vec![],
            act("mike", "m.room.aliases", Some("x.org"), json!({})),
            "",
        ),
    ]);
}

/// `mike`, at 50, may change the power levels.
#[test]
fn changes_of_power_levels() {
    let mut rows: Vec<Row> = vec![];
    for (field, default) in [
        ("users_default", 0),
        ("events_default", 0),
        ("state_default", 50),
        ("ban", 50),
        ("redact", 50),
        ("kick", 50),
        ("invite", 0),
    ] {
        let too_high = vec![levels("alice", json!({ field: 51, "events": { "m.room.power_levels": 50 } }))];
        let low = vec![levels("alice", json!({ field: 50 }))];
        rows.extend([
            ("a field is added", ALL, vec![], levels("mike", json!({ field: 50 })), ""),
            (
                "a field is added",
                ALL,
                vec![],
                levels("mike", json!({ field: 51 })),
                "change the power level of",
            ),
            (
                "a field is changed",
                ALL,
                too_high.clone(),
                levels("mike", json!({ field: 50 })),
                "power level of",
            ),
            (
                "a field is removed",
                ALL,
                too_high.clone(),
                levels("mike", json!({ field: null })),
                "power level of",
            ),
            ("a field stays", ALL, too_high, levels("mike", json!({ "x": default })), ""),
            ("a field is changed", ALL, low.clone(), levels("mike", json!({ field: 49 })), ""),
            ("a field is removed", ALL, low, levels("mike", json!({ field: null })), ""),
        ]);
    }
    for (map, name, why) in [
        ("events", "m.room.topic", "`m.room.topic` event type"),
        ("notifications", "room", "`room` notification"),
    ] {
        let high = vec![levels("alice", json!({ map: { name: 51 }, "state_default": 50 }))];
        let low = vec![levels("alice", json!({ map: { name: 50 } }))];
        rows.extend([
            ("an entry is added", ALL, vec![], levels("mike", json!({ map: { name: 50 } })), ""),
            ("an entry is added", ALL, vec![], levels("mike", json!({ map: { name: 51 } })), why),
            ("an entry is changed", ALL, high.clone(), levels("mike", json!({ map: { name: 50 } })), why),
            ("an entry is removed", ALL, high.clone(), levels("mike", json!({ map: { name: null } })), why),
            ("an entry stays", ALL, high, levels("mike", json!({ "x": 1 })), ""),
            ("an entry is changed", ALL, low.clone(), levels("mike", json!({ map: { name: 1 } })), ""),
            ("an entry is removed", ALL, low.clone(), levels("mike", json!({ map: { name: null } })), ""),
            ("all are removed", ALL, low, levels("mike", json!({ map: null })), ""),
        ]);
    }
    let bob = |level: i64| json!({ "users": { user("bob"): level } });
    let nobody = || json!({ "users": { user("bob"): null } });
    let why = "change `@bob:b.org`'s";
    rows.extend([
        ("a user is added", ALL, vec![], levels("mike", bob(50)), ""),
        ("a user is added", ALL, vec![], levels("mike", bob(51)), why),
        ("a user below is changed", ALL, vec![levels("alice", bob(49))], levels("mike", bob(50)), ""),
        ("a user below is removed", ALL, vec![levels("alice", bob(49))], levels("mike", nobody()), ""),
        ("not one's equal", ALL, vec![levels("alice", bob(50))], levels("mike", bob(49)), why),
        ("not one's equal", ALL, vec![levels("alice", bob(50))], levels("mike", nobody()), why),
        ("not those above", ALL, vec![levels("alice", bob(51))], levels("mike", bob(0)), why),
        ("they may stay", ALL, vec![levels("alice", bob(51))], levels("mike", json!({ "x": 1 })), ""),
        ("oneself", ALL, vec![], levels("mike", json!({ "users": { user("mike"): 49 } })), ""),
        ("oneself", ALL, vec![], levels("mike", json!({ "users": { user("mike"): null } })), ""),
        ("oneself", ALL, vec![], levels("mike", json!({ "users": { user("mike"): 51 } })), "`@mike:m.org`'s"),
        (
            "at all",
            ALL,
            vec![rule("alice", "public"), join("bob")],
            levels("bob", json!({ "x": 1 })),
            "enough power",
        ),
        (
            "below what is inferred",
            ALL,
            vec![levels(
                "alice",
                json!({
                    "events": { "m.room.power_levels": 0 }, "users": { user("mike"): 25 }
                }),
            )],
            levels("mike", json!({ "ban": 10 })),
            "power level of `ban`",
        ),
    ]);
    hold(rows);
}

#[test]
fn power_levels_have_a_form() {
    let mut rows: Vec<Row> = vec![];
    for field in ["users_default", "events_default", "state_default", "ban", "redact", "kick", "invite"] {
        rows.extend([
            ("integers are written in any way", 6..=9, vec![], levels("alice", json!({ field: "0" })), ""),
            (
                "integers are written in any way",
                6..=9,
                vec![],
                levels("alice", json!({ field: " +50 " })),
                "",
            ),
            (
                "integers are integers",
                10..=12,
                vec![],
                levels("alice", json!({ field: "0" })),
                "unexpected format",
            ),
            (
                "integers are integers",
                ALL,
                vec![],
                levels("alice", json!({ field: "x" })),
                "unexpected format",
            ),
            (
                "integers are integers",
                ALL,
                vec![],
                levels("alice", json!({ field: true })),
                "unexpected format",
            ),
            (
                "integers are integers",
                ALL,
                vec![],
                levels("alice", json!({ field: [] })),
                "unexpected format",
            ),
        ]);
    }
    for map in ["events", "notifications", "users"] {
        let name = if map == "users" { user("bob") } else { "x".to_owned() };
        let of = |value: Value| levels("alice", json!({ map: { &name: value } }));
        rows.extend([
            ("maps hold integers", ALL, vec![], of(json!(1)), ""),
            ("written in any way", 6..=9, vec![], of(json!("1")), ""),
            ("integers", 10..=12, vec![], of(json!("1")), "unexpected format"),
            ("integers", ALL, vec![], of(json!("one")), "unexpected format"),
            ("integers", ALL, vec![], of(json!([1])), "unexpected format"),
            ("are maps", ALL, vec![], levels("alice", json!({ map: [] })), "unexpected format"),
            ("are maps", ALL, vec![], levels("alice", json!({ map: "" })), "unexpected format"),
        ]);
    }
    for no_user in ["bob", "@bob", "", "#bob:b.org", "@bob:b org"] {
        let of = levels("alice", json!({ "users": { no_user: 1 } }));
        rows.push(("users are users", ALL, vec![], of, "unexpected format"));
    }
    rows.extend([
        (
            "from 12 on creators are no users",
            12..=12,
            vec![],
            levels("alice", json!({ "users": { user("alice"): 100 } })),
            "creator user IDs",
        ),
        ("before they are", 6..=11, vec![], levels("alice", json!({ "users": { user("alice"): 99 } })), ""),
    ]);
    hold(rows);
}

/// A level that is written as a text counts as a number.
#[test]
fn levels_that_are_texts_count() {
    let texts = || levels("alice", json!({ "users": { user("bob"): "50" }, "ban": " 50" }));
    hold(vec![
        ("as a number", 6..=9, vec![texts(), rule("alice", "public"), join("bob")], ban("bob", "eve"), ""),
        (
            "as a number",
            6..=9,
            vec![texts(), rule("alice", "public"), join("bob")],
            ban("bob", "mike"),
            "to ban",
        ),
    ]);
}

#[test]
fn without_power_levels_the_creator_has_them() {
    for number in ALL {
        let mut room = Room::made(version(number), &json!({}));
        room.happens(&rule("alice", "public"));
        room.happens(&join("bob"));
        room.happens(&message("bob"));
        assert!(room.verdict(&topic("bob")).contains("enough power"));
        room.happens(&topic("alice"));
        room.happens(&invite("bob", "eve"));
        assert!(room.verdict(&exactly("bob", json!({}))).contains("enough power"));
        room.happens(&exactly("alice", json!({ "users": { user("bob"): 1_000_000 } })));
        let found = room.verdict(&ban("bob", "alice"));
        assert_eq!(found.is_empty(), number < 12, "the creators of version 12 are above all: {found}");
        assert_eq!(room.verdict(&ban("alice", "bob")).is_empty(), number >= 12);
    }
}

#[test]
fn additional_creators_are_creators_from_12_on() {
    let more = json!({ "additional_creators": [user("bob")] });
    for number in ALL {
        let mut room = Room::made(version(number), &more);
        room.furnish();
        room.happens(&invite("alice", "bob"));
        room.happens(&join("bob"));
        let is_creator = number >= 12;
        assert_eq!(room.verdict(&levels("bob", json!({ "ban": 1000 }))).is_empty(), is_creator);
        assert_eq!(room.verdict(&ban("bob", "mike")).is_empty(), is_creator);
        assert_eq!(
            room.verdict(&levels("alice", json!({ "users": { user("bob"): 1 } }))).is_empty(),
            !is_creator
        );
        // Creators are equals.
        assert_eq!(room.verdict(&ban("alice", "bob")).is_empty(), !is_creator);
    }
}

#[test]
fn create_events() {
    let create = |content: Value| act("alice", "m.room.create", Some(""), content);
    let good = |number: u8| json!({ "room_version": number.to_string(), "creator": user("alice") });
    let bare = |number: u8, more: Value| {
        let mut content = good(number);
        crate::room::merge(&mut content, &more);
        Room::empty(version(number)).verdict(&create(content))
    };
    for number in ALL {
        assert_eq!(bare(number, json!({})), "");
        assert_eq!(bare(number, json!({ "creator": null })).is_empty(), number >= 11);
        assert!(bare(number, json!({ "room_version": null })).contains("'room_version' is not"));
        for other in
            [json!("99"), json!("1"), json!(number), json!({}), json!(format!("{}", 18 - number)), json!("")]
        {
            let same = other == json!(number.to_string());
            assert_eq!(bare(number, json!({ "room_version": other })).is_empty(), same);
        }
        for (creators, good) in [
            (json!([]), true),
            (json!([user("bob"), user("eve")]), true),
            (json!("@bob:b.org"), false),
            (json!({}), false),
            (json!([1]), false),
            (json!(["bob"]), false),
            (json!([user("bob"), "@eve"]), false),
        ] {
            let found = bare(number, json!({ "additional_creators": creators }));
            assert_eq!(found.is_empty(), good || number < 12, "version {number}: {creators}: {found}");
        }

        // After something.
        let room = Room::new(version(number));
        let found = room.verdict(&create(good(number)));
        let expected =
            if number < 12 { "cannot have previous events" } else { "dropped: it has no good 'room_id'" };
        assert!(found.contains(expected), "{found}");

        // In a room of another server's.
        if number < 12 {
            for (id, why) in [("!r:b.org", "does not match sender's"), ("!r", "could not parse server name")]
            {
                let mut room = Room::empty(version(number));
                room.id = Some(OwnedRoomId::try_from(id).unwrap());
                let found = room.verdict(&create(good(number)));
                assert!(found.contains(why), "{found}");
            }
        }
    }
}

#[test]
fn the_creators_join_follows_the_create_event() {
    for number in ALL {
        let made = |act: &Act| {
            let mut room = Room::empty(version(number));
            let mut content = json!({ "room_version": number.to_string() });
            if number < 11 {
                content["creator"] = json!(user("alice"));
            }
            room.happens(&crate::room::act("alice", "m.room.create", Some(""), content));
            room.verdict(act)
        };
        assert_eq!(made(&join("alice")), "");
        assert!(!made(&join("anna")).is_empty());
        assert!(!made(&message("alice")).is_empty());
        assert!(made(&invite("alice", "bob")).contains("sender is not joined"));

        // Only straight after it.
        let mut room = Room::new(version(number));
        room.happens(&leave("alice"));
        assert!(!room.verdict(&join("alice")).is_empty());
        let create = room.state_event("m.room.create", "").unwrap().id.clone();
        room.latest.push(create.clone());
        assert!(!room.verdict(&join("alice")).is_empty());
        room.latest = vec![create];
        assert_eq!(room.verdict(&join("alice")), "");
    }
}

#[test]
fn rooms_that_are_not_federated() {
    for number in ALL {
        for (federate, federates) in
            [(json!(true), true), (json!(false), false), (json!(null), false), (json!("true"), false)]
        {
            let mut room = Room::empty(version(number));
            let mut content = json!({ "room_version": number.to_string(), "m.federate": federate });
            if number < 11 {
                content["creator"] = json!(user("alice"));
            }
            room.happens(&act("alice", "m.room.create", Some(""), content));
            if federate == json!("true") {
                // ruma lets nobody in then.
                assert!(!room.verdict(&join("alice")).is_empty());
                continue;
            }
            room.happens(&join("alice"));
            room.happens(&rule("alice", "public"));
            room.happens(&join("anna"));
            room.happens(&message("anna"));
            let why = if federates { "" } else { "not federated" };
            for act in [join("bob"), invite("alice", "bob")] {
                let found = room.verdict(&act);
                assert!(
                    found.contains(why) && found.is_empty() == federates,
                    "version {number}: {act:?}: {found}"
                );
            }
            let by_other = message("bob");
            assert!(room.verdict(&by_other).contains(if federates { "membership is not" } else { why }));
        }
    }
}
