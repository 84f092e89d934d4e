//! Local edits and deletions, and what Matrix sees of them; with the words that all scenes about them use.

use matrix_federation::facts::{Message, User, UserKind};
use matrix_federation::input::Input;
use matrix_federation::record::Record;
use serde_json::{Value, json};

use crate::conversations::{BOB, ROOM, bridged, said};
use crate::homeserver::Redacted;
use crate::world::{Outside, World, person};

impl Outside {
    /// A message gets a new text, and is given back as its hook shows it; nothing where it is gone.
    pub fn edit(&mut self, id: &str, _by: &User, text: &str) -> Option<Message> {
        self.now += 1;
        let now = self.now;
        let message = self.messages.iter_mut().find(|it| it.id == id)?;
        text.clone_into(&mut message.text);
        message.edited_at = Some(now);
        Some(message.clone())
    }

    /// A message is taken away, and given back as it was.
    pub fn delete(&mut self, id: &str, _by: &User) -> Option<Message> {
        self.now += 1;
        let at = self.messages.iter().position(|it| it.id == id)?;
        Some(self.messages.remove(at))
    }
}

impl World {
    /// A local user edits a message; the hook of an instance is called, or lost.
    pub fn edit(&self, index: Option<usize>, id: &str, by: &str, text: &str) -> Message {
        let user = self.local_user(by);
        let message = self.outside.borrow_mut().edit(id, &user, text).expect("a message to edit");
        if let Some(index) = index {
            self.submit(index, Input::MessageEdited { message: message.clone(), by: Some(user) });
        }
        message
    }

    /// A local user deletes a message; the hook of an instance is called, or lost.
    pub fn delete(&self, index: Option<usize>, id: &str, by: &str) -> Message {
        let user = self.local_user(by);
        let message = self.outside.borrow_mut().delete(id, &user).expect("a message to delete");
        if let Some(index) = index {
            self.submit(index, Input::MessageDeleted { message: message.clone(), by: user });
        }
        message
    }

    fn local_user(&self, name: &str) -> User {
        self.outside.borrow().users[name].clone()
    }

    /// What people on Matrix see of what was said here: each message with its latest text, without those taken back.
    pub fn seen_on_matrix(&self) -> Vec<String> {
        let outside = self.outside.borrow();
        let homeserver = &outside.homeserver;
        let is_edit = |it: &Value| it["m.relates_to"]["rel_type"] == "m.replace";
        let edited =
            |it: &Value| it["m.relates_to"]["event_id"].as_str().filter(|_| is_edit(it)).map(str::to_owned);
        let there = homeserver.sent.iter().filter(|it| !homeserver.is_redacted(&it.event));
        let there = there.filter(|it| it.kind == "m.room.message");
        let texts = there.clone().filter(|it| edited(&it.content).is_none()).map(|original| {
            let edits = there.clone().filter(|it| edited(&it.content).as_ref() == Some(&original.event));
            let latest = edits.filter(|it| it.sender == original.sender).max_by_key(|it| (it.at, &it.event));
            let text = latest.map_or(&original.content["body"], |it| &it.content["m.new_content"]["body"]);
            text.as_str().unwrap().to_owned()
        });
        texts.collect()
    }

    pub fn whispers(&self) -> Vec<(String, String)> {
        self.outside.borrow().notices.clone()
    }

    pub fn taken_back(&self) -> Vec<Redacted> {
        self.outside.borrow().homeserver.redacted.clone()
    }

    /// Nothing is left to do, and nothing was put aside.
    pub fn is_all_done(&self) {
        let left: Vec<Record> = self.records();
        let left =
            left.iter().filter(|it| matches!(it, Record::Entry(_) | Record::Retry(_) | Record::Dead(_)));
        assert_eq!(left.collect::<Vec<_>>(), Vec::<&Record>::new());
    }
}

/// A world with a message on both sides.
fn talking() -> (World, Message) {
    let world = bridged();
    let message = world.say(Some(0), "general", "alice", "first");
    world.settle();
    (world, message)
}

#[test]
fn an_edit_gives_the_event_its_new_text() {
    let (world, message) = talking();
    for text in ["second", "*third*"] {
        let edited = world.edit(Some(0), &message.id, "alice", text);
        world.settle();
        // A hook that comes twice says nothing new.
        world.submit(0, Input::MessageEdited { message: edited, by: None });
        world.settle();
    }
    assert_eq!(world.sent(), ["first", "* second", "* **third**"]);
    assert_eq!(world.seen_on_matrix(), ["**third**"]);
    let outside = world.outside.borrow();
    let [original, _, last] = outside.homeserver.sent.as_slice() else { panic!("three events") };
    assert_eq!(last.content["m.relates_to"], json!({ "rel_type": "m.replace", "event_id": original.event }));
    assert_eq!(last.content["m.new_content"]["formatted_body"], "<strong>third</strong>");
    assert_eq!(last.sender, original.sender);
    drop(outside);
    world.is_all_done();
}

#[test]
fn an_edit_calls_only_those_whom_it_newly_mentions() {
    let (world, message) = talking();
    for name in ["alice", "carol"] {
        world.enters("general", name);
    }
    world.edit(Some(0), &message.id, "alice", "@carol look");
    world.settle();
    world.edit(Some(0), &message.id, "alice", "@carol and @alice, look");
    world.settle();
    let outside = world.outside.borrow();
    let mentions = |n: usize| outside.homeserver.sent[n].content["m.mentions"].clone();
    assert_eq!(mentions(1), json!({ "user_ids": ["@rc_carol:hs.test"] }));
    assert_eq!(mentions(2), json!({ "user_ids": ["@rc_alice:hs.test"] }));
    assert_eq!(
        outside.homeserver.sent[2].content["m.new_content"]["m.mentions"],
        json!({ "user_ids": ["@rc_carol:hs.test", "@rc_alice:hs.test"] })
    );
}

#[test]
fn a_moderators_edit_goes_out_as_the_senders() {
    let (world, message) = talking();
    world.edit(Some(0), &message.id, "carol", "moderated");
    world.settle();
    assert_eq!(world.seen_on_matrix(), ["moderated"]);
    assert_eq!(world.outside.borrow().homeserver.sent[1].sender, "@rc_alice:hs.test");
}

#[test]
fn what_a_matrix_user_said_cannot_be_edited_and_the_editor_is_told_once() {
    let world = bridged();
    world.transaction(0, &[said("1", "mine")]);
    world.settle();
    world.edit(Some(0), "mx-1", "alice", "not yours");
    world.settle();
    assert_eq!(world.sent(), Vec::<String>::new());
    let notices = world.whispers();
    let told: Vec<_> = notices.iter().filter(|it| it.1.contains("nobody can edit")).collect();
    assert_eq!(told.len(), 1, "{notices:?}");
    assert_eq!(told[0].0, "id-alice");
}

#[test]
fn what_a_ghost_does_is_not_sent_back() {
    let (world, message) = talking();
    world.transaction(0, &[said("1", "hello")]);
    world.settle();
    let (notices, ghost) = (world.whispers(), world.local_user("bob:far.test"));
    assert_eq!(ghost.kind, UserKind::Bot);
    let ghosts = world.outside.borrow().messages.last().unwrap().clone();
    world.submit(0, Input::MessageEdited { message: ghosts.clone(), by: Some(ghost.clone()) });
    world.submit(0, Input::MessageEdited { message: ghosts.clone(), by: None });
    world.submit(0, Input::MessageDeleted { message: ghosts, by: ghost.clone() });
    // A moderator there took it back.
    world.submit(0, Input::MessageDeleted { message, by: ghost });
    world.settle();
    assert_eq!(world.sent(), ["first"]);
    assert_eq!(world.taken_back(), []);
    assert_eq!(world.whispers(), notices);
}

#[test]
fn what_the_author_deletes_is_taken_back() {
    let (world, message) = talking();
    let deleted = world.delete(Some(0), &message.id, "alice");
    world.settle();
    world.submit(0, Input::MessageDeleted { message: deleted.clone(), by: person("alice") });
    // Late hooks bring nothing back.
    world.submit(0, Input::MessageSent { message: deleted.clone() });
    let edited = Message { text: "late".to_owned(), edited_at: Some(deleted.at + 5), ..deleted };
    world.submit(0, Input::MessageEdited { message: edited, by: None });
    world.settle();
    let by = "@rc_alice:hs.test".to_owned();
    assert_eq!(world.taken_back(), [Redacted { event: "$event0".to_owned(), by, reason: None }]);
    assert_eq!(world.sent(), ["first"]);
    world.is_all_done();
}

#[test]
fn a_moderator_deletes_as_themselves_or_else_the_app_does_and_says_for_whom() {
    for is_moderator in [true, false] {
        let (world, message) = talking();
        world.transaction(0, &[said("1", "hello")]);
        world.say(Some(0), "general", "carol", "carol here");
        world.settle();
        let carol = "@rc_carol:hs.test".to_owned();
        if is_moderator {
            world.outside.borrow_mut().homeserver.moderators.insert(carol.clone());
        }
        world.delete(Some(0), &message.id, "carol");
        world.delete(Some(0), "mx-1", "carol");
        world.settle();
        let bot = "@rocketchat:hs.test".to_owned();
        let (by, reason) = if is_moderator {
            (carol, None)
        } else {
            (bot, Some("Deleted on Rocket.Chat by carol".to_owned()))
        };
        let redacted =
            |event: &str| Redacted { event: event.to_owned(), by: by.clone(), reason: reason.clone() };
        assert_eq!(world.taken_back(), [redacted("$event0"), redacted("$1")]);
        world.is_all_done();
    }
}

#[test]
fn a_deletion_that_matrix_forbids_is_told_to_whoever_deleted() {
    let (world, _) = talking();
    world.outside.borrow_mut().homeserver.bot_is_weak = true;
    world.transaction(0, &[said("1", "hello")]);
    world.settle();
    world.delete(Some(0), "mx-1", "carol");
    world.settle();
    assert_eq!(world.taken_back(), []);
    let (user, text) = world.whispers().pop().unwrap();
    assert_eq!(user, "id-carol");
    assert!(text.contains("deleted here, but not on Matrix") && text.contains("M_FORBIDDEN"), "{text}");
    world.is_all_done();
}

#[test]
fn a_refused_edit_is_told_and_the_next_one_goes_on() {
    let (world, message) = talking();
    world.edit(Some(0), &message.id, "carol", "TOO LONG");
    world.settle();
    let (user, text) = world.whispers().pop().unwrap();
    assert_eq!(user, "id-carol");
    assert!(text.contains("Your edit was not delivered"), "{text}");
    world.edit(Some(0), &message.id, "alice", "short");
    world.settle();
    assert_eq!(world.seen_on_matrix(), ["short"]);
    world.is_all_done();
}

#[test]
fn a_message_that_was_refused_goes_out_once_it_is_edited() {
    let world = bridged();
    let message = world.say(Some(0), "general", "alice", "TOO LONG");
    world.settle();
    world.edit(Some(0), &message.id, "alice", "short");
    world.settle();
    world.edit(Some(0), &message.id, "alice", "shorter");
    world.settle();
    assert_eq!(world.sent(), ["short", "* shorter"]);
    world.delete(Some(0), &message.id, "alice");
    world.settle();
    assert_eq!(world.seen_on_matrix(), Vec::<String>::new());
    world.is_all_done();
}

#[test]
fn hooks_of_an_edit_and_a_deletion_may_overtake_that_of_the_message() {
    let world = bridged();
    let message = world.say(None, "general", "alice", "first");
    world.edit(Some(0), &message.id, "alice", "second");
    world.settle();
    world.submit(0, Input::MessageSent { message });
    world.settle();
    assert_eq!(world.sent(), ["second"]);

    let message = world.say(None, "general", "alice", "never");
    world.delete(Some(0), &message.id, "alice");
    world.settle();
    world.submit(0, Input::MessageSent { message });
    world.settle();
    assert_eq!(world.sent(), ["second"]);
    assert_eq!(world.taken_back(), []);
    world.is_all_done();
}

#[test]
fn a_message_whose_hook_comes_late_a_second_time_is_still_taken_back() {
    let (world, message) = talking();
    world.submit(0, Input::MessageSent { message: message.clone() });
    world.delete(Some(0), &message.id, "alice");
    world.settle();
    assert_eq!(world.seen_on_matrix(), Vec::<String>::new());
    assert_eq!(world.taken_back().len(), 1);
    world.is_all_done();
}

#[test]
fn what_happened_before_the_room_was_federated_stays_here() {
    let mut world = World::new();
    world.start(None);
    world.settle();
    let message = world.say(Some(0), "general", "alice", "before");
    world.settle();
    world.command(0, "general", "alice", &format!("invite {BOB}"));
    world.settle();
    world.edit(Some(0), &message.id, "alice", "still before");
    world.settle();
    world.delete(Some(0), &message.id, "alice");
    world.settle();
    assert_eq!(world.sent(), Vec::<String>::new());
    assert_eq!(world.taken_back(), []);
}

#[test]
fn edits_and_deletions_of_messages_long_sealed_find_their_event() {
    let world = bridged();
    let messages: Vec<Message> = (0..70)
        .map(|n| {
            let message = world.say(Some(0), "general", "alice", &format!("{n}"));
            world.settle();
            message
        })
        .collect();
    for round in 0..2 {
        for message in &messages {
            world.edit(Some(0), &message.id, "alice", &format!("{} of {round}", message.text));
            world.settle();
        }
    }
    assert!(world.records().iter().filter(|it| matches!(it, Record::Segment(_))).count() >= 3);
    world.delete(Some(0), &messages[1].id, "alice");
    world.settle();
    let mut expected: Vec<String> = (0..70).map(|n| format!("{n} of 1")).collect();
    expected.remove(1);
    assert_eq!(world.seen_on_matrix(), expected);
    assert_eq!(world.sent().len(), 3 * 70);
    // An edit that was bridged long ago is not bridged again.
    let old =
        Message { text: "0 of 0".to_owned(), edited_at: Some(messages[69].at + 2), ..messages[0].clone() };
    world.submit(0, Input::MessageEdited { message: old, by: None });
    world.settle();
    assert_eq!(world.seen_on_matrix(), expected);
}

#[test]
fn edits_and_deletions_whose_hooks_were_lost_are_found_when_the_portal_is_compared() {
    let mut world = bridged();
    let messages: Vec<Message> =
        ["one", "two", "three", "four"].map(|it| world.say(Some(0), "general", "alice", it)).to_vec();
    world.transaction(0, &[said("1", "theirs"), said("2", "theirs too")]);
    world.settle();
    world.kill(0);
    world.edit(None, &messages[0].id, "alice", "one anew");
    world.delete(None, &messages[1].id, "alice");
    world.delete(None, "mx-1", "alice");
    world.pass(20_000);
    world.start(None);
    world.settle();
    assert_eq!(world.seen_on_matrix(), ["one anew", "three", "four"]);
    // Looked at once more, nothing more is found.
    let (sent, redacted) = (world.sent(), world.taken_back());
    world.kill(1);
    world.pass(20_000);
    world.start(None);
    world.settle();
    assert_eq!((world.sent(), world.taken_back()), (sent, redacted));
    world.is_all_done();
}

#[test]
fn the_first_message_of_a_thread_is_gone_when_only_its_place_is_kept() {
    let mut world = bridged();
    let message = world.say(Some(0), "general", "alice", "root");
    world.settle();
    world.kill(0);
    {
        let mut outside = world.outside.borrow_mut();
        let blank = outside.messages.iter_mut().find(|it| it.id == message.id).unwrap();
        (blank.text, blank.system) = (String::new(), Some("rm".to_owned()));
    }
    world.start(None);
    world.settle();
    assert_eq!(world.seen_on_matrix(), Vec::<String>::new());
    assert_eq!(ROOM, world.outside.borrow().homeserver.sent[0].room);
}
