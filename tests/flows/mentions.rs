//! Who is called by a mention: only who is in the room; and channels that are links on the other side.

use matrix_federation::facts::{Room, RoomKind};
use serde_json::{Value, json};

use crate::conversations::{BOB, ROOM, membership, said};
use crate::crashes::{Flow, crash_everywhere};
use crate::edits_incoming::{EVE, by};
use crate::relations::addressed;
use crate::world::{World, channel, person};

const LOUNGE: &str = "!rc_room_idlounge";

impl World {
    /// A local user is in a room.
    pub fn enters(&self, room: &str, name: &str) {
        let mut outside = self.outside.borrow_mut();
        outside.users.entry(name.to_owned()).or_insert_with(|| person(name));
        outside.members.push((room.to_owned(), name.to_owned()));
    }

    fn mentioned(&self, n: usize) -> Value {
        self.content(n)["m.mentions"].clone()
    }

    fn html(&self, n: usize) -> String {
        self.content(n)["formatted_body"].as_str().unwrap_or_default().to_owned()
    }
}

/// A portal with alice, carol and Bob in it; Eve is known, and elsewhere.
fn met() -> World {
    let world = addressed();
    world.enters("general", "alice");
    world.enters("general", "carol");
    world.outside.borrow_mut().users.insert("dave".to_owned(), person("dave"));
    world.transaction(0, &[membership("j", BOB, "join"), said("1", "hi"), by(EVE, said("2", "hi, too"))]);
    world.settle();
    world.outside.borrow_mut().homeserver.joined.insert((ROOM.to_owned(), BOB.to_owned()));
    world
}

fn named(name: &str, kind: RoomKind) -> (String, Room) {
    (name.to_owned(), Room { id: format!("id{name}"), name: name.to_owned(), kind, encrypted: false })
}

/// The same, with three more portals: a public one, a private one, and one that is called otherwise.
fn with_rooms() -> World {
    let world = met();
    {
        let mut outside = world.outside.borrow_mut();
        let odd = Room { name: "The Odd One".to_owned(), ..named("odd", RoomKind::Channel).1 };
        outside.named_rooms.extend([
            named("lounge", RoomKind::Channel),
            named("secret", RoomKind::Group),
            named("alone", RoomKind::Channel),
            ("odd".to_owned(), odd),
        ]);
    }
    for room in ["idlounge", "idsecret", "idodd"] {
        world.command(0, room, "alice", &format!("invite {BOB}"));
        world.settle();
    }
    world
}

#[test]
fn only_who_is_in_the_room_is_called_on_matrix() {
    let world = met();
    world.say(Some(0), "general", "alice", "@carol @dave @bob:far.test @eve:far.test @nobody");
    world.settle();
    assert_eq!(world.mentioned(0), json!({ "user_ids": ["@rc_carol:hs.test", BOB] }));
    let html = world.html(0);
    assert!(html.contains(">CAROL</a> @dave <a ") && html.ends_with("</a> @eve:far.test @nobody"), "{html}");
    // Who comes in is called.
    world.enters("general", "dave");
    world.outside.borrow_mut().homeserver.invited.push((ROOM.to_owned(), EVE.to_owned()));
    world.say(Some(0), "general", "alice", "@dave @eve:far.test");
    world.settle();
    assert_eq!(world.mentioned(1), json!({ "user_ids": ["@rc_dave:hs.test", EVE] }));
    world.is_all_done();
}

#[test]
fn where_nobody_can_say_who_is_there_all_are_called() {
    let world = met();
    let away = matrix_federation::input::Answer::Unreachable { why: "refused".to_owned() };
    world.outside.borrow_mut().homeserver.told.insert("m.room.member/%40eve%3Afar.test", away);
    world.say(Some(0), "general", "alice", "@eve:far.test look");
    world.settle();
    assert_eq!(world.mentioned(0), json!({ "user_ids": [EVE] }));
    world.is_all_done();
}

#[test]
fn only_who_is_in_the_room_is_called_here() {
    let world = met();
    let pill = |mxid: &str, name: &str| format!("<a href=\"https://matrix.to/#/{mxid}\">{name}</a>");
    let mut call = said("3", "-");
    call["content"]["format"] = json!("org.matrix.custom.html");
    let names = [pill("@rc_carol:hs.test", "Carol"), pill("@rc_dave:hs.test", "Dave"), pill(EVE, "Eve")];
    call["content"]["formatted_body"] = json!(names.join(" "));
    world.transaction(0, &[call]);
    world.settle();
    assert_eq!(world.shown()[2], "@carol @\u{200B}dave @eve:far.test");
}

#[test]
fn public_channels_are_links_either_way() {
    let world = with_rooms();
    world.say(Some(0), "general", "alice", "#lounge #secret #alone #nowhere");
    world.settle();
    let link = format!("<a href=\"https://matrix.to/#/{LOUNGE}?via=hs.test\">#lounge</a>");
    assert_eq!(world.html(0), format!("{link} #secret #alone #nowhere"));
    assert_eq!(world.sent(), ["#lounge #secret #alone #nowhere"]);
    let pill = |room: &str| format!("<a href=\"https://matrix.to/#/{room}?via=hs.test\">x</a>");
    let mut links = said("3", "-");
    links["content"]["format"] = json!("org.matrix.custom.html");
    let rooms =
        [LOUNGE, "%23rc_room_idlounge:hs.test", "!rc_room_idsecret", "!rc_room_idodd", "!far:far.test"];
    links["content"]["formatted_body"] = json!(rooms.map(pill).join(" "));
    world.transaction(0, &[links]);
    world.settle();
    let rest = ["!rc_room_idsecret", "!rc_room_idodd", "!far:far.test"];
    let rest = rest.map(|it| format!("[x](https://matrix.to/#/{it})")).join(" ");
    assert_eq!(world.shown()[2], format!("#lounge #lounge {rest}"));
    world.is_all_done();
}

#[test]
fn so_many_names_are_looked_up_and_no_more() {
    let world = met();
    let many: String = (0..300).map(|n| format!("#r{n} @u{n} ")).collect();
    world.say(Some(0), "general", "alice", &format!("{many} @carol"));
    world.settle();
    assert_eq!(world.mentioned(0), json!({}));
    world.is_all_done();
}

const FLOWS: &[Flow] = &[Flow {
    name: "mentions and channels out",
    prepared: with_rooms,
    happens: |world, index| {
        world.say(Some(index), "general", "carol", "@alice @dave @bob:far.test @eve:far.test #lounge");
    },
    events: Vec::new,
    holds: |world| {
        assert_eq!(world.sent().len(), 1);
        assert_eq!(world.mentioned(0), json!({ "user_ids": ["@rc_alice:hs.test", BOB] }));
        assert_eq!(channel("general").kind, RoomKind::Channel);
        world.is_all_done();
    },
}];

#[test]
fn every_prefix_of_a_mention_is_a_valid_state() {
    crash_everywhere(FLOWS);
}
