//! Messages that are too long for the other side, and what else they show than a text.

use matrix_federation::facts::Message;
use matrix_federation::input::Input;
use serde_json::{Value, json};

use crate::conversations::{BOB, ROOM, bridged, said};
use crate::edits_incoming::{edit, redaction};
use crate::relations::levels;
use crate::world::{MESSAGE_SIZE, World};

/// So many numbered words; each has ten characters with the space behind it.
pub fn words(name: &str, count: usize) -> String {
    (0..count).map(|at| format!("{name}{at:06}")).collect::<Vec<_>>().join(" ")
}

/// Bob says something long.
pub fn long(id: &str, name: &str, count: usize) -> Value {
    said(id, &words(name, count))
}

impl World {
    /// What came from Matrix, as one text.
    pub fn shown_as_one(&self) -> String {
        self.shown().join(" ")
    }

    /// What Matrix shows of what was said here, as one text.
    pub fn seen_as_one(&self) -> String {
        self.seen_on_matrix().join(" ")
    }

    /// An App says something, with all that it can show.
    pub fn show(&self, text: &str, change: impl FnOnce(&mut Message)) -> Message {
        let message = {
            let mut outside = self.outside.borrow_mut();
            outside.say("general", "alice", text);
            let message = outside.messages.last_mut().unwrap();
            change(message);
            message.clone()
        };
        self.submit(0, Input::MessageSent { message: message.clone() });
        message
    }

    fn ids_from_matrix(&self) -> Vec<String> {
        let outside = self.outside.borrow();
        let from_matrix = outside.messages.iter().filter(|it| it.sender.username == "bob:far.test");
        from_matrix.map(|it| it.id.clone()).collect()
    }
}

#[test]
fn a_card_of_an_app_goes_to_matrix_as_text() {
    let world = bridged();
    let card = json!([{
        "title": { "value": "Build 7", "link": "https://ci.test/7" },
        "text": "is *green*",
        "fields": [{ "title": "Branch", "value": "main" }],
    }]);
    world.show("", |it| it.attachments = Some(card.to_string()));
    let blocks = json!([{ "type": "section", "text": { "type": "mrkdwn", "text": "Deploy it?" } }]);
    world.show("A question:", |it| it.blocks = Some(blocks.to_string()));
    world.settle();
    let sent = world.sent();
    for told in ["Build 7", "https://ci.test/7", "green", "Branch", "main"] {
        assert!(sent[0].contains(told), "{told}: {sent:?}");
    }
    assert!(sent[1].starts_with("A question:") && sent[1].contains("Deploy it?"), "{sent:?}");
    let content = world.outside.borrow().homeserver.sent[0].content.clone();
    assert!(content["formatted_body"].as_str().unwrap().contains("<strong>green</strong>"), "{content}");
    world.is_all_done();
}

#[test]
fn a_card_that_changes_under_the_same_text_is_edited_on_matrix() {
    let world = bridged();
    let message = world.show("Build 7", |it| it.attachments = Some(json!([{ "text": "runs" }]).to_string()));
    world.settle();
    {
        let mut outside = world.outside.borrow_mut();
        let card = outside.messages.iter_mut().find(|it| it.id == message.id).unwrap();
        card.attachments = Some(json!([{ "text": "is green" }]).to_string());
    }
    world.edit(Some(0), &message.id, "alice", "Build 7");
    world.settle();
    let seen = world.seen_on_matrix();
    assert!(seen.len() == 1 && seen[0].contains("is green") && !seen[0].contains("runs"), "{seen:?}");
    world.is_all_done();
}

#[test]
fn a_long_message_goes_out_in_several_events_and_goes_as_one() {
    let world = bridged();
    let text = words("long", 10_000);
    let message = world.say(Some(0), "general", "alice", &text);
    world.say(Some(0), "general", "alice", "after");
    world.settle();
    let sent = world.sent();
    assert_eq!(sent.len(), 4, "three parts, and what was said after");
    assert_eq!(sent[..3].join(" "), text);
    assert_eq!(sent[3], "after");
    // Whatever part is answered or reacted to, it is this message.
    let second = world.outside.borrow().homeserver.sent[1].event.clone();
    let mut answer = said("1", "yes");
    answer["content"]["m.relates_to"] = json!({ "m.in_reply_to": { "event_id": second } });
    let react = json!({
        "event_id": "$2", "type": "m.reaction", "sender": BOB, "room_id": ROOM, "origin_server_ts": 1,
        "content": { "m.relates_to": { "rel_type": "m.annotation", "event_id": second, "key": "👍" } },
    });
    world.transaction(0, &[answer, react]);
    world.settle();
    assert!(world.shown()[0].contains(&format!("?msg={}", message.id)), "{:?}", world.shown());
    let outside = world.outside.borrow();
    let shown = outside.messages.iter().find(|it| it.id == message.id).unwrap();
    assert_eq!(shown.reactions.len(), 1);
    drop(outside);
    world.delete(Some(0), &message.id, "alice");
    world.settle();
    assert_eq!(world.seen_on_matrix(), ["after"]);
    world.is_all_done();
}

#[test]
fn an_edit_posts_the_parts_that_are_lacking_and_takes_back_those_left_over() {
    let world = bridged();
    world.outside.borrow_mut().members.push(("general".to_owned(), "carol".to_owned()));
    let message = world.say(Some(0), "general", "alice", "short @carol");
    world.settle();
    for count in [10_000, 13_000, 5_000, 1, 9_000] {
        let text = format!("{} @carol", words("edit", count));
        world.edit(Some(0), &message.id, "alice", &text);
        world.settle();
        assert_eq!(world.seen_as_one(), text.replace("@carol", "CAROL"), "{count}");
    }
    // Whom it called once it calls no more.
    let calls = |it: &&Value| it["m.mentions"]["user_ids"].is_array();
    let outside = world.outside.borrow();
    assert_eq!(outside.homeserver.sent.iter().map(|it| &it.content).filter(calls).count(), 1);
    drop(outside);
    world.delete(Some(0), &message.id, "alice");
    world.settle();
    assert_eq!(world.seen_on_matrix(), Vec::<String>::new());
    world.is_all_done();
}

#[test]
fn an_edit_that_is_half_out_comes_to_its_end_before_what_follows() {
    for is_deleted in [false, true] {
        let world = bridged();
        let message = world.say(Some(0), "general", "alice", "one");
        world.settle();
        world.edit(Some(0), &message.id, "alice", &words("edit", 9_000));
        // The message, its edit, and the first of the further parts.
        world.until(|world| world.sent().len() == 3);
        if is_deleted {
            world.delete(Some(0), &message.id, "alice");
        } else {
            world.edit(Some(0), &message.id, "alice", "short");
        }
        world.settle();
        assert_eq!(world.seen_on_matrix(), ["short"][usize::from(is_deleted)..]);
        world.is_all_done();
    }
}

#[test]
fn what_rocketchat_refuses_of_a_message_is_told_once_and_brought_when_it_is_tried_again() {
    let mut world = bridged();
    world.transaction(0, &[said("0", "before")]);
    world.settle();
    world.outside.borrow_mut().refuse_messages = true;
    let mut event = long("1", "from", 700);
    event["origin_server_ts"] = json!(world.outside.borrow().now);
    world.transaction(0, &[event.clone()]);
    world.settle();
    world.for_a_while(120_000);
    // A fresh instance looks for what the homeserver never sent: this is not among it.
    world.outside.borrow_mut().homeserver.remote.push(event);
    world.kill(0);
    let index = world.start(None);
    world.settle();
    world.for_a_while(60_000);
    let told =
        |world: &World| world.outside.borrow().log.iter().filter(|it| it.contains("put aside")).count();
    assert_eq!((told(&world), world.shown().len()), (1, 1));
    assert!(
        world.outside.borrow().log.iter().any(|it| it.contains(ROOM) && it.contains("/federation retry"))
    );
    world.outside.borrow_mut().refuse_messages = false;
    world.transaction(index, &[said("2", "after")]);
    world.settle();
    assert_eq!(world.shown(), ["before", "after"]);
    world.outside.borrow_mut().users.get_mut("alice").unwrap().roles.push("admin".to_owned());
    world.command(index, "general", "alice", "retry");
    world.settle();
    assert_eq!(world.shown()[2..].join(" "), words("from", 700));
    assert_eq!(told(&world), 1);
    world.is_all_done();
}

#[test]
fn parts_of_a_thread_are_in_the_thread_and_only_the_first_is_an_answer() {
    let world = bridged();
    let root = world.say(Some(0), "general", "alice", "root");
    world.settle();
    let thread = root.id.clone();
    let text = format!("[ ](https://rc.test/channel/general?msg={}) {}", root.id, words("long", 6_000));
    world.show(&text, |it| it.thread = Some(thread));
    world.settle();
    let outside = world.outside.borrow();
    let [root, first, second] = outside.homeserver.sent.as_slice() else { panic!("three events") };
    let relation = |of: &crate::homeserver::Sent| of.content["m.relates_to"].clone();
    for part in [first, second] {
        assert_eq!(relation(part)["rel_type"], "m.thread");
        assert_eq!(relation(part)["event_id"], json!(root.event));
    }
    let falls_back = |of| relation(of)["is_falling_back"].clone();
    assert_eq!([falls_back(first), falls_back(second)], [json!(false), json!(true)]);
}

#[test]
fn what_is_too_long_for_several_events_is_refused_with_what_to_do() {
    let world = bridged();
    let message = world.say(Some(0), "general", "alice", &words("endless", 50_000));
    world.say(Some(0), "general", "alice", "after");
    world.settle();
    assert_eq!(world.sent(), ["after"]);
    let notices = world.whispers();
    assert!(notices.last().unwrap().1.contains("send it as a file"), "{notices:?}");
    // With a text that fits it is heard of after all.
    world.edit(Some(0), &message.id, "alice", "shorter");
    world.settle();
    assert_eq!(world.sent(), ["after", "shorter"]);
    world.edit(Some(0), &message.id, "alice", &words("endless", 50_000));
    world.settle();
    assert!(world.whispers().last().unwrap().1.starts_with("Your edit was not delivered"), "{notices:?}");
    world.is_all_done();
}

#[test]
fn the_rest_of_a_message_that_is_refused_is_told_of_and_what_went_out_can_be_deleted() {
    let world = bridged();
    let text = format!("{} TOO LONG {}", words("long", 6_000), words("more", 6_000));
    let message = world.say(Some(0), "general", "alice", &text);
    world.settle();
    assert!(!world.sent().is_empty() && world.sent().len() < 3, "the first went out");
    assert!(world.whispers().last().unwrap().1.starts_with("The rest of your message"));
    world.delete(Some(0), &message.id, "alice");
    world.settle();
    assert_eq!(world.seen_on_matrix(), Vec::<String>::new());
    world.is_all_done();
}

#[test]
fn a_redaction_of_one_part_on_matrix_takes_all() {
    let world = bridged();
    world.say(Some(0), "general", "alice", &words("long", 10_000));
    world.settle();
    world.transaction(0, &[redaction("r", "event1", BOB)]);
    world.settle();
    assert!(world.outside.borrow().messages.is_empty());
    let taken: Vec<String> = world.taken_back().into_iter().map(|it| it.event).collect();
    assert_eq!(taken, ["$event0", "$event2"]);
    world.is_all_done();
}

#[test]
fn a_long_message_from_matrix_becomes_several_in_order() {
    let world = bridged();
    world.transaction(0, &[long("1", "from", 1_200), said("2", "after")]);
    world.settle();
    let shown = world.shown();
    assert_eq!(shown.len(), 4);
    assert_eq!(shown[..3].join(" "), words("from", 1_200));
    assert_eq!(shown[3], "after");
    // What comes again changes nothing.
    world.transaction(0, &[long("1", "from", 1_200)]);
    world.settle();
    assert_eq!(world.shown(), shown);
    // Answered and reacted to is the event, whichever part it is here.
    let second = world.ids_from_matrix()[1].clone();
    world.react(Some(0), &second, "alice", ":thumbsup:", true);
    let link = format!("[ ](https://rc.test/channel/general?msg={second}) indeed");
    world.say(Some(0), "general", "alice", &link);
    world.settle();
    assert_eq!(world.reactions_on_matrix()[0].0, "$1");
    let is_message = |it: &&crate::homeserver::Sent| it.kind == "m.room.message";
    let answer = world.outside.borrow().homeserver.sent.iter().find(is_message).unwrap().content.clone();
    assert_eq!(answer["m.relates_to"]["m.in_reply_to"]["event_id"], "$1");
    // And an answer on Matrix is one to the first.
    let mut answer = said("3", "I mean it");
    answer["content"]["m.relates_to"] = json!({ "m.in_reply_to": { "event_id": "$1" } });
    world.transaction(0, &[answer]);
    world.settle();
    let first = &world.ids_from_matrix()[0];
    assert!(world.shown().last().unwrap().contains(&format!("?msg={first})")), "{:?}", world.shown().last());
    world.is_all_done();
}

#[test]
fn an_answer_that_is_long_leaves_room_for_what_it_answers() {
    let world = bridged();
    world.say(Some(0), "general", "alice", "question");
    world.settle();
    // Alone it would just fit.
    let text: String = words("answer", 400).chars().take(MESSAGE_SIZE - 10).collect();
    let mut answer = said("1", &text);
    answer["content"]["m.relates_to"] = json!({ "m.in_reply_to": { "event_id": "$event0" } });
    let unknown = format!("> <@eve:far.test> {}\n\n{text}", words("quoted", 2_000));
    let mut lost = said("2", &unknown);
    lost["content"]["m.relates_to"] = json!({ "m.in_reply_to": { "event_id": "$nobody-knows" } });
    world.transaction(0, &[answer, lost]);
    world.settle();
    let shown = world.shown();
    assert!(shown.len() == 4 && shown[0].contains("?msg=") && !shown[1].contains("?msg="), "{shown:?}");
    assert!(shown[2].starts_with("> ") && shown[2].contains("quoted"), "{shown:?}");
    world.is_all_done();
}

#[test]
fn an_edit_on_matrix_makes_the_parts_more_and_fewer() {
    let world = bridged();
    world.transaction(0, &[long("1", "from", 1_200)]);
    world.settle();
    for (at, count, parts) in [(1, 700, 2), (2, 1_900, 5), (3, 1, 1), (4, 600, 2)] {
        world.transaction(0, &[edit(&format!("e{at}"), "1", &words("edit", count), at)]);
        world.settle();
        assert_eq!(world.shown_as_one(), words("edit", count));
        assert_eq!(world.shown().len(), parts);
    }
    // The event itself, come again, brings nothing back.
    world.transaction(0, &[long("1", "from", 1_200)]);
    world.settle();
    assert_eq!(world.shown_as_one(), words("edit", 600));
    world.transaction(0, &[redaction("r", "1", BOB)]);
    world.settle();
    assert_eq!(world.shown(), Vec::<String>::new());
    world.is_all_done();
}

#[test]
fn an_edit_that_came_first_finds_all_parts() {
    let world = bridged();
    world.transaction(0, &[edit("e", "1", &words("edit", 1_900), 5)]);
    world.settle();
    world.transaction(0, &[long("1", "from", 1_200)]);
    world.settle();
    assert_eq!(world.shown_as_one(), words("edit", 1_900));
    world.is_all_done();
}

#[test]
fn who_deletes_one_part_here_deletes_all_on_both_sides() {
    let world = bridged();
    world.transaction(0, &[long("1", "from", 1_200)]);
    world.settle();
    world.outside.borrow_mut().homeserver.moderators.insert("@rc_carol:hs.test".to_owned());
    let others: Vec<Message> = world.outside.borrow().messages.clone();
    let carol = world.outside.borrow().users["carol"].clone();
    world.delete(Some(0), &others[1].id, "carol");
    world.settle();
    // Rocket.Chat tells of what the App deleted, too.
    for message in [others[0].clone(), others[2].clone()] {
        world.submit(0, Input::MessageDeleted { message, by: carol.clone() });
    }
    world.settle();
    assert_eq!(world.shown(), Vec::<String>::new());
    let taken: Vec<String> = world.taken_back().into_iter().map(|it| it.event).collect();
    assert_eq!(taken, ["$1"]);
    world.is_all_done();
}

#[test]
fn what_cannot_be_cut_anywhere_is_cut_all_the_same() {
    let world = bridged();
    let link = format!("https://x.test/{}", "a".repeat(12_000));
    world.transaction(0, &[said("1", &link)]);
    world.settle();
    assert_eq!(world.shown().concat(), link);
    world.is_all_done();
}

#[test]
fn where_a_part_is_refused_once_nothing_is_doubled_or_lost() {
    let world = bridged();
    world.outside.borrow_mut().refuse_calls = true;
    levels(&world, &json!({ "users": { BOB: 50 } }));
    let text = format!("{} @room {}", words("from", 700), words("more", 700));
    let mut event = said("1", &text);
    event["content"]["m.mentions"] = json!({ "room": true });
    world.transaction(0, &[event]);
    world.settle();
    let shown = world.shown_as_one().replace('\u{200b}', "");
    assert_eq!(shown.replace("@room", "@all"), text.replace("@room", "@all"));
    world.is_all_done();
}
