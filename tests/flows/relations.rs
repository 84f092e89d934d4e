//! Quotes and replies, threads and calls to everyone, either way.

use matrix_federation::facts::{Message, Quote};
use matrix_federation::input::Input;
use serde_json::{Value, json};

use crate::conversations::{BOB, ROOM, bridged, said};
use crate::edits_incoming::edit;
use crate::homeserver::Homeserver;
use crate::world::World;

const SITE: &str = "https://rc.test";

/// A world whose workspace knows its own address.
pub fn addressed() -> World {
    let world = bridged();
    let config = {
        let mut outside = world.outside.borrow_mut();
        outside.config.endpoints = format!("{SITE}/api/apps/public/app");
        outside.config.clone()
    };
    for instance in &world.instances {
        instance.driver.configure(config.clone());
    }
    world
}

pub fn link(message: &str) -> String {
    format!("{SITE}/channel/general?msg={message}")
}

impl World {
    /// A local user says something that is more than a text.
    pub fn say_so(
        &self,
        index: Option<usize>,
        name: &str,
        text: &str,
        change: impl Fn(&mut Message),
    ) -> Message {
        let mut message = self.say(None, "general", name, text);
        change(&mut message);
        *self.outside.borrow_mut().messages.last_mut().unwrap() = message.clone();
        if let Some(index) = index {
            self.submit(index, Input::MessageSent { message: message.clone() });
        }
        message
    }

    pub fn content(&self, n: usize) -> Value {
        self.outside.borrow().homeserver.sent[n].content.clone()
    }

    pub fn local(&self, id: &str) -> Message {
        self.outside.borrow().messages.iter().find(|it| it.id == id).expect("a message").clone()
    }
}

/// An event that says something in relation to others.
pub fn related(id: &str, body: &str, relation: Value) -> Value {
    let mut event = said(id, body);
    event["content"]["m.relates_to"] = relation;
    event
}

pub fn reply(id: &str, body: &str, to: &str) -> Value {
    related(id, body, json!({ "m.in_reply_to": { "event_id": to } }))
}

pub fn in_thread(id: &str, body: &str, root: &str, answered: &str, falls_back: bool) -> Value {
    let answers = json!({ "event_id": answered });
    let relation = json!({
        "rel_type": "m.thread", "event_id": root, "is_falling_back": falls_back, "m.in_reply_to": answers,
    });
    related(id, body, relation)
}

#[test]
fn a_quote_of_either_sides_message_is_a_reply() {
    let world = addressed();
    world.transaction(0, &[said("1", "theirs")]);
    let ours = world.say(Some(0), "general", "alice", "ours");
    world.settle();
    for (id, event) in [(ours.id.as_str(), "$event0"), ("mx-1", "$1")] {
        world.say(Some(0), "general", "carol", &format!("[ ]({}) *so* true", link(id)));
        world.settle();
        let content = world.content(world.sent().len() - 1);
        assert_eq!(content["body"], "**so** true");
        assert_eq!(content["formatted_body"], "<strong>so</strong> true");
        assert_eq!(content["m.relates_to"], json!({ "m.in_reply_to": { "event_id": event } }));
    }
    world.is_all_done();
}

#[test]
fn what_matrix_does_not_know_stands_in_words_and_only_as_far_as_the_room_sees_it() {
    let world = addressed();
    let known = world.say(Some(0), "general", "alice", "known");
    world.outside.borrow_mut().say("elsewhere", "carol", "old\nwords");
    let quote = |link: String| Quote { link, author: "Carol".to_owned(), text: "old\nwords".to_owned() };
    let text = format!("[ ]({})\n[ ]({})\n[ ]({}) yes", link("x"), link(&known.id), link("hidden"));
    world.say_so(Some(0), "carol", &text, |it| it.quotes = vec![quote(link("x"))]);
    world.say_so(Some(0), "carol", &format!("[ ]({})", link("x")), |it| it.quotes = vec![quote(link("x"))]);
    world.settle();
    assert_eq!(world.sent()[1], "> **Carol**: old\n> words\nyes");
    assert_eq!(world.content(1)["m.relates_to"]["m.in_reply_to"]["event_id"], "$event0");
    assert_eq!(world.sent()[2].trim_end(), "> **Carol**: old\n> words");
    assert_eq!(world.content(2)["m.relates_to"], Value::Null);
}

#[test]
fn an_edit_of_a_reply_says_only_its_own_words() {
    let world = addressed();
    let ours = world.say(Some(0), "general", "alice", "ours");
    let answer = world.say(Some(0), "general", "carol", &format!("[ ]({}) first", link(&ours.id)));
    world.settle();
    world.edit(Some(0), &answer.id, "carol", &format!("[ ]({}) second", link(&ours.id)));
    world.settle();
    assert_eq!(world.content(2)["m.new_content"]["body"], "second");
    assert_eq!(world.seen_on_matrix(), ["ours", "second"]);
}

#[test]
fn a_reply_is_a_quote_and_stays_one_when_it_is_edited() {
    let world = addressed();
    let ours = world.say(Some(0), "general", "alice", "ours");
    world.settle();
    world.transaction(
        0,
        &[reply("1", "> <@rc_alice:hs.test> ours\n\nyes", "$event0"), reply("2", "no", "$1")],
    );
    world.transaction(0, &[edit("3", "1", "yes, yes", 20)]);
    world.settle();
    let expected = [format!("[ ]({}) yes, yes", link(&ours.id)), format!("[ ]({}) no", link("mx-1"))];
    assert_eq!(world.shown(), expected);
}

#[test]
fn a_reply_to_what_is_not_known_here_stands_alone_or_with_what_it_repeats() {
    let world = addressed();
    world.transaction(
        0,
        &[
            reply("1", "alone", "$nowhere"),
            reply("2", "> <@eve:far.test> words\n\nanswer", "$nowhere"),
            said("3", "> <@eve:far.test> is no reply\n\nreally"),
        ],
    );
    world.settle();
    let shown = world.shown();
    assert_eq!(shown[..2], ["alone", "> <@eve:far.test> words\nanswer"]);
    assert!(shown[2].contains("is no reply"), "{shown:?}");
}

#[test]
fn a_thread_is_one_on_the_other_side() {
    let world = addressed();
    let root = world.say(Some(0), "general", "alice", "root");
    world.settle();
    let threaded = |name: &str, text: &str| {
        let message = world.say_so(Some(0), name, text, |it| it.thread = Some(root.id.clone()));
        world.settle();
        message
    };
    threaded("carol", "one");
    threaded("alice", "two");
    let quoting = format!("[ ]({}) three", link(&root.id));
    threaded("carol", &quoting);
    let relation = |falls_back: bool, answered: &str| {
        json!({
            "rel_type": "m.thread", "event_id": "$event0", "is_falling_back": falls_back,
            "m.in_reply_to": { "event_id": answered },
        })
    };
    assert_eq!(world.content(1)["m.relates_to"], relation(true, "$event0"));
    assert_eq!(world.content(2)["m.relates_to"], relation(true, "$event1"));
    assert_eq!(world.content(3)["m.relates_to"], relation(false, "$event0"));
    assert_eq!(world.sent(), ["root", "one", "two", "three"]);

    world.transaction(
        0,
        &[
            in_thread("1", "four", "$event0", "$event3", true),
            in_thread("2", "five", "$event0", "$event1", false),
            in_thread("3", "lost", "$nowhere", "$event1", true),
        ],
    );
    world.settle();
    let one = world.outside.borrow().messages.iter().find(|it| it.text == "one").unwrap().id.clone();
    assert_eq!(
        world.shown(),
        ["four".to_owned(), format!("[ ]({}) five", link(&one)), format!("[ ]({}) lost", link(&one))]
    );
    let threads = ["mx-1", "mx-2", "mx-3"].map(|id| world.local(id).thread);
    assert_eq!(threads, [Some(root.id.clone()), Some(root.id.clone()), None]);
    world.is_all_done();
}

#[test]
fn a_thread_of_what_was_never_there_is_no_thread() {
    let world = addressed();
    let old = world.outside.borrow_mut().say("general", "alice", "before");
    world.outside.borrow_mut().messages.last_mut().unwrap().at = 5;
    world.say_so(Some(0), "carol", "later", |it| it.thread = Some(old.id.clone()));
    world.settle();
    assert_eq!(world.sent(), ["later"]);
    assert_eq!(world.content(0)["m.relates_to"], Value::Null);
}

#[test]
fn a_thread_of_a_matrix_message_goes_on_here_and_there() {
    let world = addressed();
    world.transaction(0, &[said("r", "root"), in_thread("1", "one", "$r", "$r", true)]);
    world.settle();
    assert_eq!(world.local("mx-1").thread.as_deref(), Some("mx-r"));
    world.say_so(Some(0), "alice", "two", |it| it.thread = Some("mx-r".to_owned()));
    world.settle();
    assert_eq!(world.content(0)["m.relates_to"]["event_id"], "$r");
    assert_eq!(world.content(0)["m.relates_to"]["m.in_reply_to"]["event_id"], "$1");
}

#[test]
fn where_threads_are_switched_off_nothing_is_lost() {
    let world = addressed();
    world.outside.borrow_mut().refuse_threads = true;
    world.transaction(0, &[said("r", "root"), in_thread("1", "one", "$r", "$r", true)]);
    world.settle();
    assert_eq!(world.shown(), ["root".to_owned(), format!("[ ]({}) one", link("mx-r"))]);
    world.is_all_done();
}

fn call(id: &str, by: &str) -> Value {
    let mut event = said(id, "@room look");
    event["sender"] = json!(by);
    event["content"]["m.mentions"] = json!({ "room": true });
    event
}

pub fn levels(world: &World, content: &Value) {
    let mut outside = world.outside.borrow_mut();
    let tell = |body: &Value| Homeserver::response(200, body);
    outside.homeserver.told.insert("state/m.room.power_levels/", tell(content));
    let create = json!({ "sender": "@maker:far.test", "content": { "room_version": "12" } });
    outside.homeserver.told.insert("state/m.room.create/", tell(&create));
}

#[test]
fn everyone_is_called_only_by_those_who_may() {
    let world = addressed();
    world.transaction(0, &[call("1", BOB)]);
    world.settle();
    levels(&world, &json!({ "users": { BOB: 50, "@rc_carol:hs.test": 50 } }));
    world.transaction(0, &[call("2", BOB), call("3", "@eve:far.test"), call("4", "@maker:far.test")]);
    world.settle();
    let shown: Vec<bool> = world.shown().iter().map(|it| it.contains("@all look")).collect();
    assert_eq!(shown, [false, true, false, true], "{:?}", world.shown());
    world.outside.borrow_mut().refuse_calls = true;
    world.transaction(0, &[call("5", BOB)]);
    world.settle();
    let shown = world.shown();
    assert!(!shown[4].contains("@all") && shown[4].contains("look"), "{shown:?}");
    for name in ["alice", "carol"] {
        world.say(Some(0), "general", name, "@all look");
        world.settle();
    }
    assert_eq!(world.content(0)["m.mentions"], json!({}));
    assert_eq!(world.content(1)["m.mentions"], json!({ "room": true }));
    assert_eq!(world.sent(), ["@room look", "@room look"]);
    assert_eq!(world.content(1)["body"], "@room look");
    assert!(world.outside.borrow().homeserver.is_in(ROOM, "@rc_carol:hs.test"));
    world.is_all_done();
}

#[test]
fn places_and_polls_are_said_in_words_under_either_of_their_names() {
    let place = json!({ "m.text": "Here", "m.location": { "uri": "geo:51.5,-0.1" } });
    let poll = |name: &str| {
        json!({ name: {
            "question": { "m.text": "Lunch?", "org.matrix.msc1767.text": "Lunch?" },
            "answers": [{ "id": "p", "org.matrix.msc1767.text": "Pizza", "m.text": "Pizza" }],
        } })
    };
    for (kind, content, words) in [
        ("m.location", place.clone(), "51.5"),
        ("org.matrix.msc3488.location", place, "51.5"),
        ("m.poll.start", poll("m.poll.start"), "Pizza"),
        ("org.matrix.msc3381.poll.start", poll("org.matrix.msc3381.poll.start"), "Pizza"),
    ] {
        let world = bridged();
        let mut event = said("1", "");
        event["type"] = json!(kind);
        event["content"] = content;
        world.transaction(0, &[event.clone(), said("2", "after")]);
        world.transaction(0, &[event]);
        world.settle();
        let shown = world.shown();
        assert_eq!((shown.len(), shown[1].as_str()), (2, "after"), "{kind}: {shown:?}");
        assert!(shown[0].contains(words), "{kind}: {shown:?}");
    }
}
