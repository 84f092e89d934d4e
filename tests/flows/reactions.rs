//! Reactions, either way.

use matrix_federation::facts::{Message, UserKind};
use matrix_federation::input::Input;
use matrix_federation::record::Record;
use serde_json::{Value, json};

use crate::conversations::{ROOM, bridged, said};
use crate::edits_incoming::{EVE, by, redaction};
use crate::relations::addressed;
use crate::world::{World, set_reaction};

impl World {
    /// A local user reacts, or takes that back; the hook of an instance is called, or lost.
    pub fn react(&self, index: Option<usize>, id: &str, name: &str, emoji: &str, on: bool) {
        let (message, user) = {
            let mut outside = self.outside.borrow_mut();
            outside.now += 1;
            let user = outside.users[name].clone();
            let message = outside.messages.iter_mut().find(|it| it.id == id).expect("a message");
            set_reaction(message, emoji, name, on);
            (message.clone(), user)
        };
        if let Some(index) = index {
            self.submit(index, Input::MessageReacted { message, emoji: emoji.to_owned(), by: user, on });
        }
    }

    /// The reactions that Matrix shows: to what, with what, by whom.
    pub fn reactions_on_matrix(&self) -> Vec<(String, String, String)> {
        let outside = self.outside.borrow();
        let homeserver = &outside.homeserver;
        let there = homeserver.sent.iter().filter(|it| it.kind == "m.reaction");
        let there = there.filter(|it| !homeserver.is_redacted(&it.event));
        let text = |it: &Value| it.as_str().unwrap().to_owned();
        let mut all: Vec<_> = there
            .map(|it| {
                let relation = &it.content["m.relates_to"];
                assert_eq!(relation["rel_type"], "m.annotation");
                (text(&relation["event_id"]), text(&relation["key"]), it.sender.clone())
            })
            .collect();
        all.sort();
        all
    }

    pub fn reactions_to(&self, id: &str) -> Vec<(String, Vec<String>)> {
        let reactions = self.local(id).reactions;
        reactions.into_iter().map(|it| (it.emoji, it.users)).collect()
    }
}

pub fn reaction(id: &str, to: &str, key: &str) -> Value {
    json!({
        "event_id": format!("${id}"), "type": "m.reaction", "sender": crate::conversations::BOB, "room_id": ROOM,
        "content": { "m.relates_to": { "rel_type": "m.annotation", "event_id": to, "key": key } },
    })
}

pub fn talked() -> (World, Message) {
    let world = addressed();
    let message = world.say(Some(0), "general", "alice", "ours");
    world.transaction(0, &[said("1", "theirs")]);
    world.settle();
    (world, message)
}

fn seen(to: &str, key: &str, name: &str) -> (String, String, String) {
    (to.to_owned(), key.to_owned(), format!("@rc_{name}:hs.test"))
}

#[test]
fn reactions_go_out_and_are_taken_back() {
    let (world, message) = talked();
    world.react(Some(0), &message.id, "alice", ":thumbsup:", true);
    world.react(Some(0), &message.id, "carol", ":thumbsup:", true);
    world.react(Some(0), "mx-1", "carol", ":heart:", true);
    world.react(Some(0), "mx-1", "carol", ":blobcat:", true);
    world.settle();
    let all = [
        seen("$1", ":blobcat:", "carol"),
        seen("$1", "❤️", "carol"),
        seen("$event0", "👍", "alice"),
        seen("$event0", "👍", "carol"),
    ];
    assert_eq!(world.reactions_on_matrix(), all);
    // A hook that comes twice says nothing new.
    let by = world.outside.borrow().users["carol"].clone();
    let again = world.local("mx-1");
    world.submit(0, Input::MessageReacted { message: again, emoji: ":heart:".to_owned(), by, on: true });
    world.react(Some(0), &message.id, "carol", ":thumbsup:", false);
    world.settle();
    assert_eq!(world.reactions_on_matrix(), all[..3]);
    assert_eq!(world.taken_back()[0].by, "@rc_carol:hs.test");
    world.react(Some(0), &message.id, "carol", ":thumbsup:", true);
    world.settle();
    assert_eq!(world.reactions_on_matrix(), all);
    world.is_all_done();
}

#[test]
fn a_reaction_waits_behind_its_message() {
    let (world, _) = talked();
    world.outside.borrow_mut().homeserver.is_away = true;
    let message = world.say(Some(0), "general", "alice", "later");
    world.react(Some(0), &message.id, "carol", ":tada:", true);
    world.for_a_while(5_000);
    world.outside.borrow_mut().homeserver.is_away = false;
    world.for_a_while(100_000);
    assert_eq!(world.sent().iter().filter(|it| *it == "later").count(), 1);
    assert_eq!(world.reactions_on_matrix(), [seen("$event1", "🎉", "carol")]);
    // And behind one whose own hook is late.
    let message = world.say(None, "general", "alice", "latest");
    world.react(Some(0), &message.id, "carol", ":tada:", true);
    world.settle();
    assert_eq!(world.reactions_on_matrix().len(), 2);
    assert_eq!(world.seen_on_matrix(), ["ours", "later", "latest"]);
    world.is_all_done();
}

#[test]
fn hooks_that_overtake_each_other_change_nothing_in_the_end() {
    let (world, message) = talked();
    let hook = |on: bool| {
        let by = world.outside.borrow().users["carol"].clone();
        let message = world.local(&message.id);
        world.submit(0, Input::MessageReacted { message, emoji: ":eyes:".to_owned(), by, on });
        world.settle();
    };
    hook(false);
    hook(true);
    assert_eq!(world.reactions_on_matrix(), []);
    world.react(None, &message.id, "carol", ":eyes:", true);
    hook(true);
    hook(false);
    assert_eq!(world.reactions_on_matrix(), [seen("$event0", "👀", "carol")]);
    world.is_all_done();
}

#[test]
fn what_hooks_lost_is_found() {
    let (mut world, message) = talked();
    world.react(Some(0), &message.id, "carol", ":eyes:", true);
    world.settle();
    world.kill(0);
    world.react(None, &message.id, "carol", ":eyes:", false);
    world.react(None, "mx-1", "alice", ":eyes:", true);
    // The App's own marks are not for Matrix.
    let app = crate::world::person("matrix-federation.bot");
    let app = matrix_federation::facts::User { kind: UserKind::App, ..app };
    world.outside.borrow_mut().users.insert(app.username.clone(), app);
    world.react(None, &message.id, "matrix-federation.bot", ":hourglass_flowing_sand:", true);
    world.pass(20_000);
    world.start(None);
    world.settle();
    assert_eq!(world.reactions_on_matrix(), [seen("$1", "👀", "alice")]);
    world.is_all_done();
}

#[test]
fn a_reaction_that_matrix_has_already_is_found_again() {
    let (world, message) = talked();
    world.react(Some(0), &message.id, "carol", ":eyes:", true);
    world.settle();
    world.outside.borrow_mut().store.retain(|it| !it.id.starts_with("reaction:"));
    let by = world.outside.borrow().users["carol"].clone();
    let shown = world.local(&message.id);
    world.submit(0, Input::MessageReacted { message: shown, emoji: ":eyes:".to_owned(), by, on: true });
    world.settle();
    assert_eq!(world.reactions_on_matrix(), [seen("$event0", "👀", "carol")]);
    world.react(Some(0), &message.id, "carol", ":eyes:", false);
    world.settle();
    assert_eq!(world.reactions_on_matrix(), []);
    world.is_all_done();
}

#[test]
fn reactions_come_in_and_are_taken_back() {
    let (world, message) = talked();
    let variant = "👍\u{fe0f}";
    world.transaction(
        0,
        &[
            reaction("a", "$event0", "👍"),
            reaction("b", "$event0", variant),
            by(EVE, reaction("c", "$event0", "👍🏽")),
            by(EVE, reaction("d", "$1", "❤️")),
            reaction("e", "$nowhere", "👍"),
        ],
    );
    world.settle();
    let bob = "bob:far.test".to_owned();
    let eve = "eve:far.test".to_owned();
    let both =
        [(":thumbsup:".to_owned(), vec![bob.clone()]), (":thumbsup_tone3:".to_owned(), vec![eve.clone()])];
    assert_eq!(world.reactions_to(&message.id), both);
    assert_eq!(world.reactions_to("mx-1"), [(":heart:".to_owned(), vec![eve])]);
    // Bob's other one is still there.
    world.transaction(0, &[redaction("r", "a", crate::conversations::BOB), reaction("a", "$event0", "👍")]);
    world.settle();
    assert_eq!(world.reactions_to(&message.id), both);
    world.transaction(0, &[redaction("s", "b", crate::conversations::BOB)]);
    world.settle();
    assert_eq!(world.reactions_to(&message.id), both[1..]);
    assert_eq!(world.reactions_on_matrix(), []);
    world.is_all_done();
}

#[test]
fn what_rocketchat_has_no_emoji_for_is_said() {
    let (world, message) = talked();
    let mut image = reaction("b", "$event0", "mxc://far.test/blobcat");
    image["content"]["shortcode"] = json!(":blobcat:");
    world.transaction(0, &[reaction("a", "$event0", "me @all"), image]);
    world.settle();
    let link = crate::relations::link(&message.id);
    let said = |what: &str| format!("[ ]({link}) reacted with {what}");
    assert_eq!(world.shown(), ["theirs".to_owned(), said("me ＠all"), said(":blobcat:")]);
    world.transaction(0, &[redaction("r", "a", crate::conversations::BOB)]);
    world.settle();
    assert_eq!(world.shown(), ["theirs".to_owned(), said(":blobcat:")]);
    world.is_all_done();
}

#[test]
fn a_reaction_that_is_redacted_by_a_moderator_goes() {
    let (world, message) = talked();
    world.react(Some(0), &message.id, "carol", ":eyes:", true);
    world.settle();
    world.transaction(0, &[redaction("r", "event1", EVE)]);
    world.settle();
    assert_eq!(world.reactions_to(&message.id), []);
    assert!(!world.records().iter().any(|it| matches!(it, Record::Reaction(_))));
    world.is_all_done();
}

#[test]
fn what_matrix_refuses_is_told_once() {
    let (world, message) = talked();
    let refusal =
        crate::homeserver::Homeserver::response(400, &json!({ "errcode": "M_BAD", "error": "bad" }));
    world.outside.borrow_mut().homeserver.instead = vec![refusal];
    world.react(Some(0), &message.id, "alice", ":eyes:", true);
    world.settle();
    let told = || world.whispers().iter().filter(|it| it.1.contains("reaction")).count();
    assert_eq!(told(), 1, "{:?}", world.whispers());
    world.look_over(0);
    world.look_over(0);
    assert_eq!((told(), world.reactions_on_matrix()), (1, vec![]));
    world.is_all_done();
}

#[test]
fn what_ghosts_and_apps_do_goes_no_further() {
    let world = bridged();
    world.transaction(0, &[said("1", "theirs"), reaction("a", "$1", "👍")]);
    world.settle();
    let ghost = world.outside.borrow().users["bob:far.test"].clone();
    let app = matrix_federation::facts::User { kind: UserKind::App, ..crate::world::person("app") };
    for by in [ghost, app] {
        let message = world.local("mx-1");
        world.submit(0, Input::MessageReacted { message, emoji: ":thumbsup:".to_owned(), by, on: true });
    }
    world.settle();
    assert_eq!(world.reactions_on_matrix(), []);
}
