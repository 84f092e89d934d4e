//! Large files of Matrix, which the account for the REST API hands on as they come.

use matrix_federation::facts::Message;
use matrix_federation::input::Input;
use serde_json::{Value, json};

use crate::conversations::{BOB, bridged, said};
use crate::crashes::{Flow, crash_everywhere};
use crate::edits_incoming::redaction;
use crate::files::tells;
use crate::world::World;

const MB: i64 = 1_048_576;

fn with_an_account() -> World {
    let world = bridged();
    world.outside.borrow_mut().config.rest = true;
    world.instances[0].driver.configure(world.outside.borrow().config.clone());
    world.outside.borrow_mut().homeserver.media.insert("media1".to_owned(), 90 * MB);
    world
}

fn large(name: &str, caption: &str) -> Value {
    tells("1", name, caption, 90 * MB)
}

/// All messages of large files that came from Matrix.
fn carried(world: &World) -> Vec<Message> {
    let outside = world.outside.borrow();
    outside
        .messages
        .iter()
        .filter(|it| it.sender.username == "carol" && !it.files.is_empty())
        .cloned()
        .collect()
}

#[test]
fn a_large_file_comes_by_the_account_says_for_whom_and_goes_no_further() {
    let world = with_an_account();
    let root = world.say(Some(0), "general", "alice", "root");
    world.settle();
    let event = world.outside.borrow().homeserver.sent[0].event.clone();
    let mut sent = large("film.mp4", "look");
    sent["content"]["m.relates_to"] =
        json!({ "rel_type": "m.thread", "event_id": event, "is_falling_back": true });
    world.transaction(0, &[sent.clone(), said("2", "after")]);
    world.until(|world| !carried(world).is_empty());
    // Its hook comes as well.
    let message = carried(&world).remove(0);
    world.submit(0, Input::MessageSent { message: message.clone() });
    world.settle();
    assert_eq!((message.thread.as_deref(), &*message.files[0].name), (Some(&*root.id), "film.mp4"));
    assert_eq!(message.text, format!("(`{BOB}`) sent: look"));
    assert_eq!(world.brought(), ["after"]);
    world.transaction(0, &[sent]);
    world.settle();
    assert_eq!((carried(&world).len(), world.outside.borrow().kept.len()), (1, 1));
    assert_eq!(world.sent(), ["root"]);
    // It is known as the event.
    world.react(Some(0), &message.id, "alice", ":thumbsup:", true);
    world.edit(Some(0), &message.id, "carol", "mine");
    world.settle();
    assert_eq!(world.reactions_on_matrix()[0].0, "$1");
    assert_eq!(world.sent(), ["root", ""]);
    world.transaction(0, &[redaction("3", "1", BOB)]);
    world.settle();
    assert_eq!(carried(&world).len(), 0);
    world.is_all_done();
}

#[test]
fn what_the_account_cannot_bring_is_a_link_and_the_log_says_why() {
    let linked = |world: &World, name: &str, why: &str| {
        world.settle();
        let brought = world.brought();
        assert!(brought[0].contains(name) && brought[0].contains("[Download"), "{brought:?}");
        assert_eq!((brought.len(), carried(world).len()), (1, 0));
        let outside = world.outside.borrow();
        let said = |it: &&String| it.contains("became a link") && it.contains(why);
        assert_eq!(outside.log.iter().filter(said).count(), 1, "{:?}", outside.log);
    };
    let world = with_an_account();
    world.transaction(0, &[large("BLOCKED.mp4", "")]);
    linked(&world, "BLOCKED.mp4", "not in the room");

    let world = with_an_account();
    world.outside.borrow_mut().homeserver.media.insert("media1".to_owned(), 101 * MB);
    world.transaction(0, &[large("lie.mp4", "")]);
    linked(&world, "lie.mp4", "100.0 MB");

    let world = with_an_account();
    world.outside.borrow_mut().rest_instead.push((200, "a web page".to_owned()));
    world.transaction(0, &[large("proxy.mp4", "")]);
    linked(&world, "proxy.mp4", "names no file");

    let world = with_an_account();
    let kept = (200, r#"{"file":{"_id":"kept0"},"success":true}"#.to_owned());
    let refused = (400, r#"{"success":false,"error":"invalid-file"}"#.to_owned());
    world.outside.borrow_mut().rest_instead.extend([kept, refused]);
    world.transaction(0, &[large("late.mp4", "")]);
    linked(&world, "late.mp4", "invalid-file");
}

#[test]
fn the_message_of_a_file_is_looked_for_before_it_is_asked_for_again() {
    let world = with_an_account();
    let kept = (200, r#"{"file":{"_id":"kept0"},"success":true}"#.to_owned());
    // It was made, but nobody heard.
    let lost = (502, "a web page".to_owned());
    world.outside.borrow_mut().rest_instead.extend([kept, lost]);
    world.transaction(0, &[large("film.mp4", ""), said("2", "after")]);
    world.until(|world| !carried(world).is_empty());
    // Its hook comes before it is found, when only its file is known.
    world.submit(0, Input::MessageSent { message: carried(&world).remove(0) });
    world.settle();
    assert_eq!((carried(&world).len(), world.brought()), (1, vec!["after".to_owned()]));
    assert_eq!(world.sent(), Vec::<String>::new());
    world.is_all_done();
}

const FLOWS: &[Flow] = &[Flow {
    name: "a large file in, as it comes",
    prepared: with_an_account,
    happens: |world, index| {
        world.say(Some(index), "general", "alice", "meanwhile");
    },
    events: || vec![large("film.mp4", "look"), said("2", "after")],
    holds: |world| {
        assert_eq!((carried(world).len(), world.brought()), (1, vec!["after".to_owned()]));
        assert_eq!(world.sent(), ["meanwhile"]);
        world.is_all_done();
    },
}];

#[test]
fn whatever_dies_in_between_a_large_file_is_there_once() {
    crash_everywhere(FLOWS);
}
