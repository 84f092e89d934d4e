//! Files, either way: whole, refused, too large, broken, changed and taken away.

use matrix_federation::effect::Served;
use matrix_federation::facts::{File, Message};
use matrix_federation::input::Input;
use matrix_federation::record::Record;
use serde_json::{Value, json};

use crate::conversations::{BOB, bridged, said};
use crate::edits_incoming::{edit, redaction};
use crate::homeserver::Homeserver;
use crate::world::{Outside, World};

const MB: i64 = 1_048_576;

impl Outside {
    /// Rocket.Chat makes the message of a file; gives its id.
    pub fn posted(&mut self, room: &str, sender: &str, name: &str, size: i64) -> String {
        let message = self.say(room, sender, "");
        let files = vec![file(name, size)];
        self.messages.last_mut().unwrap().files = files;
        message.id
    }

    /// Rocket.Chat makes the message of a file that the account for the REST API brought; gives its answer.
    pub fn confirm(&mut self, what: &str, body: &str) -> String {
        let (room, id) = what.split_once('/').unwrap();
        let (name, size) = self.kept[id.strip_prefix("kept").unwrap().parse::<usize>().unwrap()].clone();
        let body: Value = serde_json::from_str(body).unwrap();
        let message = self.say(room, "carol", body["msg"].as_str().unwrap());
        let made = self.messages.last_mut().unwrap();
        made.files = vec![File { id: id.to_owned(), ..file(&name, size) }];
        made.thread = body["tmid"].as_str().map(str::to_owned);
        json!({ "message": { "_id": message.id }, "success": true }).to_string()
    }
}

impl World {
    /// A local user posts files with a caption.
    pub fn post(&self, index: Option<usize>, caption: &str, files: &[(&str, i64)]) -> Message {
        let message = {
            let mut outside = self.outside.borrow_mut();
            outside.say("general", "alice", caption);
            let files: Vec<File> = files.iter().map(|(name, size)| file(name, *size)).collect();
            outside.uploads.extend(files.iter().map(|it| (it.id.clone(), it.size)));
            let message = outside.messages.last_mut().unwrap();
            message.files = files;
            message.clone()
        };
        if let Some(index) = index {
            self.submit(index, Input::MessageSent { message: message.clone() });
        }
        message
    }

    /// A local user posts a picture of which Rocket.Chat made a smaller one.
    pub fn post_picture(&self, index: usize) -> Message {
        let message = self.post(None, "two", &[("cat.png", 10), ("dog.png", 10)]);
        let message = {
            let mut outside = self.outside.borrow_mut();
            outside.uploads.insert("id-thumb-cat.png".to_owned(), 5);
            let posted = outside.messages.iter_mut().find(|it| it.id == message.id).unwrap();
            posted.files[0].thumbnail = Some(Box::new(file("thumb-cat.png", 5)));
            posted.clone()
        };
        self.submit(index, Input::MessageSent { message: message.clone() });
        message
    }

    pub fn contents(&self) -> Vec<Value> {
        self.outside.borrow().homeserver.sent.iter().map(|it| it.content.clone()).collect()
    }

    /// The names of files and the texts that came from Matrix, in order.
    pub fn brought(&self) -> Vec<String> {
        let outside = self.outside.borrow();
        let from_matrix = outside.messages.iter().filter(|it| it.sender.username == "bob:far.test");
        let told = |it: &Message| -> Vec<String> {
            let names = it.files.iter().map(|file| file.name.clone());
            names.chain(Some(it.text.clone()).filter(|it| !it.is_empty())).collect()
        };
        from_matrix.flat_map(told).collect()
    }

    /// The message of the first file.
    fn first_file(&self) -> Message {
        self.outside.borrow().messages.iter().find(|it| !it.files.is_empty()).unwrap().clone()
    }
}

fn file(name: &str, size: i64) -> File {
    let media_type = if name.ends_with("png") { "image/png" } else { "application/pdf" };
    let (id, name, media_type) = (format!("id-{name}"), name.to_owned(), media_type.to_owned());
    File { id, name, media_type, size, thumbnail: None }
}

/// Bob sends a file, which the homeserver has.
pub fn sends(world: &World, id: &str, name: &str, caption: &str, size: i64) -> Value {
    world.outside.borrow_mut().homeserver.media.insert(format!("media{id}"), size);
    tells(id, name, caption, size)
}

pub fn tells(id: &str, name: &str, caption: &str, size: i64) -> Value {
    let mut event = said(id, if caption.is_empty() { name } else { caption });
    let info = json!({ "size": size, "mimetype": "image/png" });
    for (key, value) in [
        ("msgtype", json!("m.image")),
        ("filename", json!(name)),
        ("url", json!(format!("mxc://far.test/media{id}"))),
        ("info", info),
    ] {
        event["content"][key] = value;
    }
    event
}

#[test]
fn a_file_goes_to_matrix_with_its_caption() {
    let world = bridged();
    world.post(Some(0), "*look*", &[("cat.png", 10), ("a/b\u{202e}.pdf", 2 * MB)]);
    world.settle();
    let contents = world.contents();
    assert_eq!(contents[0]["msgtype"], "m.image");
    assert_eq!(contents[0]["body"], "**look**");
    assert_eq!(contents[0]["formatted_body"], "<strong>look</strong>");
    assert_eq!(contents[0]["filename"], "cat.png");
    assert_eq!(contents[0]["url"], "mxc://hs.test/id-cat.png");
    assert_eq!(contents[0]["info"], json!({ "mimetype": "image/png", "size": 10, "w": 3, "h": 2 }));
    assert_eq!(contents[1]["msgtype"], "m.file");
    assert_eq!(contents[1]["body"], "b.pdf");
    assert_eq!(contents.len(), 2);
    world.is_all_done();
    world.look_over(0);
    assert_eq!(world.contents().len(), 2);
}

#[test]
fn a_picture_takes_its_smaller_one_along() {
    let world = bridged();
    let message = world.post_picture(0);
    world.settle();
    let info = json!({
        "mimetype": "image/png", "size": 10, "w": 3, "h": 2,
        "thumbnail_url": "mxc://hs.test/id-thumb-cat.png",
        "thumbnail_info": { "mimetype": "image/png", "size": 5, "w": 3, "h": 2 },
    });
    assert_eq!(world.contents()[0]["info"], info);
    assert_eq!(world.contents()[1]["info"]["thumbnail_url"], Value::Null);
    world.edit(Some(0), &message.id, "alice", "both");
    world.settle();
    assert_eq!(world.contents()[2]["m.new_content"]["info"], info);
    world.is_all_done();
}

#[test]
fn a_picture_goes_without_a_smaller_one_that_cannot_be_had() {
    let world = bridged();
    let message = world.post_picture(0);
    world.outside.borrow_mut().uploads.remove("id-thumb-cat.png");
    world.settle();
    assert_eq!(world.sent(), ["two", "dog.png"]);
    assert_eq!(world.contents()[0]["info"]["thumbnail_url"], Value::Null);
    assert_eq!(world.contents()[0]["url"], "mxc://hs.test/id-cat.png");
    assert!(world.whispers().iter().all(|it| !it.1.contains("cat.png")));
    world.delete(Some(0), &message.id, "alice");
    world.settle();
    world.is_all_done();
}

#[test]
fn what_is_too_large_is_named_and_its_sender_told_whose_limit_it_is() {
    let world = bridged();
    world.outside.borrow_mut().homeserver.largest_file = Some(5 * MB);
    world.post(Some(0), "", &[("huge.pdf", 9 * MB), ("large.pdf", 6 * MB), ("small.pdf", 1)]);
    world.settle();
    let bodies = world.sent();
    assert!(bodies[0].contains("huge.pdf (9.0 MB)") && bodies[0].contains("8.0 MB"), "{bodies:?}");
    assert!(bodies[1].contains("large.pdf (6.0 MB)") && bodies[1].contains("homeserver"), "{bodies:?}");
    assert_eq!(bodies[2], "small.pdf");
    let notices: Vec<String> = world.whispers().into_iter().map(|it| it.1).collect();
    assert!(notices.iter().any(|it| it.contains("huge.pdf") && it.contains("Largest file")), "{notices:?}");
    assert!(notices.iter().any(|it| it.contains("large.pdf") && it.contains("homeserver")), "{notices:?}");
    world.is_all_done();
}

#[test]
fn with_an_account_for_the_rest_api_large_files_go_to_matrix() {
    let world = bridged();
    world.outside.borrow_mut().config.rest = true;
    world.outside.borrow_mut().homeserver.largest_file = Some(95 * MB);
    world.instances[0].driver.configure(world.outside.borrow().config.clone());
    let files =
        [("large.pdf", 90 * MB), ("huge.pdf", 101 * MB), ("small.pdf", 8 * MB), ("medium.pdf", 96 * MB)];
    world.post(Some(0), "look", &files);
    world.settle();
    let contents = world.contents();
    assert_eq!(contents[0]["url"], "mxc://hs.test/id-large.pdf");
    assert!(world.sent()[1].contains("huge.pdf (101.0 MB)") && world.sent()[1].contains("100.0 MB"));
    assert_eq!(contents[2]["url"], "mxc://hs.test/id-small.pdf");
    // A homeserver may break the connection off where it takes less: it is asked before.
    assert!(
        world.sent()[3].contains("medium.pdf (96.0 MB)") && world.sent()[3].contains("only up to 95.0 MB")
    );
    assert_eq!(world.outside.borrow().streamed, ["large.pdf"]);
    world.is_all_done();
}

#[test]
fn an_outage_keeps_the_order_and_brings_no_file_twice() {
    let world = bridged();
    world.outside.borrow_mut().homeserver.is_away = true;
    world.post(Some(0), "", &[("cat.png", 10)]);
    world.say(Some(0), "general", "alice", "after");
    world.for_a_while(20_000);
    world.outside.borrow_mut().homeserver.is_away = false;
    world.settle();
    assert_eq!(world.sent(), ["cat.png", "after"]);
    assert_eq!(world.outside.borrow().homeserver.uploaded, ["id-cat.png"]);
}

#[test]
fn a_new_caption_changes_the_event_and_a_deletion_takes_all_back() {
    let world = bridged();
    let message = world.post(Some(0), "one", &[("cat.png", 10), ("dog.png", 10)]);
    world.settle();
    world.edit(Some(0), &message.id, "alice", "two");
    world.settle();
    let edit = world.contents()[2].clone();
    let new = &edit["m.new_content"];
    assert_eq!([&new["body"], &new["msgtype"], &new["filename"]], ["two", "m.image", "cat.png"]);
    assert_eq!(new["url"], "mxc://hs.test/id-cat.png");
    world.edit(Some(0), &message.id, "alice", "");
    world.settle();
    assert_eq!(world.contents()[3]["m.new_content"]["body"], "cat.png");
    world.delete(Some(0), &message.id, "alice");
    world.settle();
    assert_eq!(world.taken_back().len(), 2);
    world.is_all_done();
}

/// Bob gives a file another caption, or none.
fn recaptions(id: &str, of: &str, caption: &str) -> Value {
    let mut edit = said(id, "* look");
    edit["origin_server_ts"] = json!(5 + id.len());
    edit["content"]["m.new_content"] = tells(of, "cat.png", caption, 10)["content"].clone();
    edit["content"]["m.relates_to"] = json!({ "rel_type": "m.replace", "event_id": format!("${of}") });
    edit
}

#[test]
fn a_file_from_matrix_becomes_one_with_its_caption_beneath() {
    let world = bridged();
    let events = [sends(&world, "1", "../c\u{202e}at.png", "look", 10), said("2", "after")];
    world.transaction(0, &events);
    world.settle();
    assert_eq!(world.brought(), ["cat.png", "look", "after"]);
    // What comes again changes nothing.
    world.transaction(0, &events);
    world.settle();
    assert_eq!(world.brought(), ["cat.png", "look", "after"]);
    world.transaction(0, &[recaptions("3", "1", "look!")]);
    world.settle();
    assert_eq!(world.brought(), ["cat.png", "look!", "after"]);
    world.transaction(0, &[redaction("4", "1", BOB)]);
    world.settle();
    assert_eq!(world.brought(), ["after"]);
    assert_eq!(world.sent(), Vec::<String>::new());
    world.is_all_done();
}

#[test]
fn a_file_from_matrix_gets_a_caption_later_and_loses_it() {
    let world = bridged();
    let event = sends(&world, "1", "cat.png", "", 10);
    world.transaction(0, &[event]);
    world.settle();
    for (id, text, shown) in
        [("2", "look", "look"), ("3", "look!", "look!"), ("4", "", "[image: cat.png, 10 bytes]")]
    {
        world.transaction(0, &[recaptions(id, "1", text)]);
        world.settle();
        assert_eq!(world.brought(), ["cat.png", shown]);
    }
    world.is_all_done();
}

#[test]
fn an_older_caption_that_comes_late_changes_nothing() {
    let world = bridged();
    let event = sends(&world, "1", "cat.png", "", 10);
    world.transaction(0, &[event]);
    world.settle();
    let mut late = recaptions("2", "1", "older");
    late["origin_server_ts"] = json!(1);
    for edit in [recaptions("3", "1", "newer"), late] {
        world.transaction(0, &[edit]);
        world.settle();
        assert_eq!(world.brought(), ["cat.png", "newer"]);
    }
    world.is_all_done();
}

#[test]
fn a_caption_that_comes_before_its_file_is_not_lost() {
    let world = bridged();
    let event = sends(&world, "1", "cat.png", "", 10);
    world.transaction(0, &[recaptions("2", "1", "look")]);
    world.settle();
    world.transaction(0, &[event]);
    world.settle();
    assert_eq!(world.brought(), ["cat.png", "look"]);
    assert!(!world.records().iter().any(|it| matches!(it, Record::Held(_))));
    world.is_all_done();
}

#[test]
fn a_message_in_its_thread_or_beneath_what_it_answers_leads_to_a_file_from_matrix() {
    for (in_thread, caption) in [(true, "look"), (true, ""), (false, "look"), (false, "")] {
        let world = bridged();
        let root = world.say(Some(0), "general", "alice", "root");
        world.settle();
        let event = world.outside.borrow().homeserver.sent[0].event.clone();
        let relation = if in_thread {
            let answered = json!({ "event_id": event });
            json!({
                "rel_type": "m.thread", "event_id": event, "is_falling_back": true, "m.in_reply_to": answered,
            })
        } else {
            json!({ "m.in_reply_to": { "event_id": event } })
        };
        let mut sent = sends(&world, "1", "cat.png", caption, 10);
        sent["content"]["m.relates_to"] = relation;
        // What comes again changes nothing.
        for _ in 0..2 {
            world.transaction(0, &[sent.clone()]);
            world.settle();
        }
        let file = world.first_file();
        let told = if caption.is_empty() { "[image: cat.png, 10 bytes]" } else { caption };
        assert_eq!(world.brought().len(), 2);
        let link = world.outside.borrow().messages.iter().find(|it| it.id == "mx-1").unwrap().clone();
        assert!(link.text.contains(&format!("msg={}) {told}", file.id)), "{}", link.text);
        assert_eq!(link.text.contains(&format!("msg={})", root.id)), !in_thread, "{}", link.text);
        assert_eq!((link.thread, file.thread), (in_thread.then_some(root.id), None));
        // A new caption leads there as well.
        world.transaction(0, &[recaptions("2", "1", "look!")]);
        world.settle();
        let edited = world.outside.borrow().messages.iter().find(|it| it.id == "mx-1").unwrap().clone();
        assert_eq!(edited.text, link.text.replace(told, "look!"));
        world.transaction(0, &[redaction("3", "1", BOB)]);
        world.settle();
        assert_eq!(world.brought(), Vec::<String>::new());
        world.is_all_done();
    }
}

#[test]
fn two_files_of_one_name_are_two() {
    let world = bridged();
    let events = ["1", "2"].map(|it| sends(&world, it, "image.png", "", 10));
    world.transaction(0, &events);
    world.settle();
    assert_eq!(world.brought(), ["image.png", "image.png"]);
    world.is_all_done();
}

#[test]
fn a_file_from_matrix_that_is_deleted_here_is_taken_back_there() {
    let world = bridged();
    let event = sends(&world, "1", "cat.png", "look", 10);
    world.transaction(0, &[event]);
    world.settle();
    let file = world.first_file().id;
    world.outside.borrow_mut().homeserver.moderators.insert("@rc_carol:hs.test".to_owned());
    let caption = world.outside.borrow().messages.iter().find(|it| it.text == "look").unwrap().clone();
    let carol = world.outside.borrow().users["carol"].clone();
    world.delete(Some(0), &file, "carol");
    world.settle();
    // Rocket.Chat tells of what the App deleted, too.
    world.submit(0, Input::MessageDeleted { message: caption, by: carol });
    world.settle();
    assert_eq!(world.brought(), Vec::<String>::new());
    let taken: Vec<String> = world.taken_back().into_iter().map(|it| it.event).collect();
    assert_eq!(taken, ["$1"]);
    world.is_all_done();
}

/// Two files, of which one has gone out.
fn half_gone() -> (World, String) {
    let world = bridged();
    let message = world.post(Some(0), "two", &[("cat.png", 10), ("dog.png", 10)]);
    world.until(|world| !world.sent().is_empty());
    (world, message.id)
}

#[test]
fn an_edit_between_two_files_doubles_none() {
    let (world, message) = half_gone();
    world.edit(Some(0), &message, "alice", "both");
    world.settle();
    assert_eq!(world.seen_on_matrix(), ["both", "dog.png"]);
    world.is_all_done();
}

#[test]
fn a_deletion_between_two_files_leaves_none() {
    let (world, message) = half_gone();
    world.delete(Some(0), &message, "alice");
    world.settle();
    assert_eq!(world.seen_on_matrix(), Vec::<String>::new());
    world.is_all_done();
}

#[test]
fn a_file_from_matrix_is_reacted_to_on_both_sides_and_taken_back() {
    let world = bridged();
    let event = sends(&world, "1", "cat.png", "", 10);
    world.transaction(0, &[event]);
    world.settle();
    let file = world.first_file().id;
    world.react(Some(0), &file, "alice", ":thumbsup:", true);
    world.settle();
    assert_eq!(world.reactions_on_matrix().len(), 1);
    assert_eq!(world.reactions_on_matrix()[0].0, "$1");
    let mut reaction = said("2", "");
    reaction["type"] = json!("m.reaction");
    let to = json!({ "rel_type": "m.annotation", "event_id": "$1", "key": "\u{1f440}" });
    reaction["content"] = json!({ "m.relates_to": to });
    world.transaction(0, &[reaction]);
    world.settle();
    assert!(world.first_file().has_reaction(":eyes:", "bob:far.test"));
    world.transaction(0, &[redaction("3", "1", BOB)]);
    world.settle();
    assert_eq!(world.brought(), Vec::<String>::new());
    world.is_all_done();
}

#[test]
fn no_file_comes_into_a_room_that_is_encrypted() {
    let world = bridged();
    world.outside.borrow_mut().members.push(("general".to_owned(), "alice".to_owned()));
    world.outside.borrow_mut().sealed_rooms.insert("general".to_owned());
    world.outside.borrow_mut().homeserver.media.insert("media1".to_owned(), 10);
    world.transaction(0, &[tells("1", "cat.png", "look", 10)]);
    world.settle();
    assert_eq!(world.brought(), Vec::<String>::new());
    assert!(world.records().iter().any(|it| matches!(it, Record::Suspended(_))));
    let event = sends(&world, "2", "dog.png", "", 10);
    let fetched = world.outside.borrow().homeserver.fetched.len();
    world.transaction(0, &[event]);
    world.settle();
    assert_eq!(world.outside.borrow().homeserver.fetched.len(), fetched);
    world.is_all_done();
}

#[test]
fn local_files_go_into_their_thread_and_answer_what_they_answer() {
    let world = bridged();
    let root = world.say(Some(0), "general", "alice", "root");
    world.settle();
    let event = world.outside.borrow().homeserver.sent[0].event.clone();
    let inside = world.post(None, "", &[("cat.png", 10)]);
    let quote = format!("[ ](https://rc.test/channel/general?msg={}) look", root.id);
    let answer = world.post(None, &quote, &[("dog.png", 10), ("cow.png", 10)]);
    for (id, thread) in [(inside.id, Some(root.id)), (answer.id, None)] {
        let message = {
            let mut outside = world.outside.borrow_mut();
            let message = outside.messages.iter_mut().find(|it| it.id == id).unwrap();
            message.thread = thread;
            message.clone()
        };
        world.submit(0, Input::MessageSent { message });
        world.settle();
    }
    let contents = world.contents();
    let related: Vec<&Value> = contents[1..].iter().map(|it| &it["m.relates_to"]).collect();
    assert_eq!((&related[0]["rel_type"], &related[0]["event_id"]), (&json!("m.thread"), &json!(event)));
    assert_eq!(related[1]["m.in_reply_to"]["event_id"], json!(event));
    assert_eq!(contents[2]["body"], "look");
    assert_eq!(contents.len(), 4);
    world.is_all_done();
}

#[test]
fn a_local_file_goes_on_in_a_thread_that_others_are_in() {
    let world = bridged();
    let root = world.say(Some(0), "general", "alice", "root");
    world.settle();
    let event = world.outside.borrow().homeserver.sent[0].event.clone();
    let mut below = said("1", "below");
    below["content"]["m.relates_to"] = json!({ "rel_type": "m.thread", "event_id": event });
    world.transaction(0, &[below]);
    world.settle();
    let message = {
        let id = world.post(None, "", &[("cat.png", 10)]).id;
        let mut outside = world.outside.borrow_mut();
        let message = outside.messages.iter_mut().find(|it| it.id == id).unwrap();
        message.thread = Some(root.id);
        message.clone()
    };
    world.submit(0, Input::MessageSent { message });
    world.settle();
    let contents = world.contents();
    assert_eq!(contents.len(), 2, "{contents:?}");
    let relation = &contents[1]["m.relates_to"];
    assert_eq!(
        (&relation["event_id"], &relation["m.in_reply_to"]["event_id"]),
        (&json!(event), &json!("$1"))
    );
    world.is_all_done();
}

#[test]
fn a_text_that_names_a_file_elsewhere_is_edited_as_any_other() {
    let world = bridged();
    world.transaction(0, &[said("1", "see https://design.test/file/x")]);
    world.settle();
    world.transaction(0, &[edit("2", "1", "see https://design.test/file/y", 2_000)]);
    world.settle();
    assert_eq!(world.brought(), ["see https://design.test/file/y"]);
}

#[test]
fn what_is_too_large_or_refused_can_be_had_by_a_link() {
    for (name, size, tells_size) in
        [("big.png", 9 * MB, 9 * MB), ("lie.png", 9 * MB, 1), ("BLOCKED.png", 1, 1)]
    {
        let world = bridged();
        world.outside.borrow_mut().homeserver.media.insert("media1".to_owned(), size);
        world.transaction(0, &[tells("1", name, "look", tells_size), said("2", "after")]);
        world.settle();
        let brought = world.brought();
        assert_eq!(brought.len(), 2, "{brought:?}");
        assert!(brought[0].contains(name) && brought[0].contains("look"), "{brought:?}");
        let link = brought[0]
            .split("https://pictures.rc.test")
            .nth(1)
            .unwrap()
            .split(')')
            .next()
            .unwrap()
            .to_owned();
        world.request(0, "GET", &link, None, "");
        world.settle();
        let Served::File(served) = world.served(0) else { panic!("{:?}", world.served(0)) };
        assert_eq!(served.name, name);
        assert!(served.file.url.contains("/media/download/far.test/media1"), "{}", served.file.url);
        // Neither another file, nor another end, nor another name.
        for (from, to) in [("media1", "media2"), (name, "evil.html"), ("/17", "/27")] {
            world.request(0, "GET", &link.replacen(from, to, 1), None, "");
            world.settle();
            assert_eq!(world.replies(0).last().unwrap().status, 404, "{from}");
        }
        world.pass(31 * 24 * 60 * 60 * 1_000);
        world.request(0, "GET", &link, None, "");
        world.settle();
        assert_eq!(world.replies(0).last().unwrap().status, 410);
    }
}

#[test]
fn broken_media_is_tried_again_and_named_in_the_end() {
    let world = bridged();
    world.transaction(0, &[tells("1", "gone.png", "", 1), said("2", "after")]);
    world.settle();
    let brought = world.brought();
    assert!(brought[0].contains("gone.png") && brought[0].contains("no such media"), "{brought:?}");
    assert_eq!(brought[1], "after");
    assert!(world.outside.borrow().homeserver.fetched.len() > 2);

    let world = bridged();
    let event = sends(&world, "1", "late.png", "", 1);
    let not_yet = json!({ "errcode": "M_NOT_YET_UPLOADED", "error": "wait" });
    let unknown = json!({ "errcode": "M_UNRECOGNIZED", "error": "?" });
    let answers = [Homeserver::response(504, &not_yet), Homeserver::response(404, &unknown)];
    world.outside.borrow_mut().homeserver.media_instead.extend(answers);
    world.transaction(0, &[event]);
    world.settle();
    assert_eq!(world.brought(), ["late.png"]);
    assert!(
        world.outside.borrow().homeserver.fetched.last().unwrap().contains("/_matrix/media/v3/download/")
    );
}

#[test]
fn an_encrypted_file_and_a_sticker() {
    let world = bridged();
    let mut encrypted = tells("1", "secret.png", "", 1);
    encrypted["content"]["file"] = json!({ "url": "mxc://far.test/media1" });
    encrypted["content"].as_object_mut().unwrap().remove("url");
    let mut sticker = sends(&world, "2", "Hello", "", 1);
    sticker["type"] = json!("m.sticker");
    world.transaction(0, &[encrypted, sticker]);
    world.settle();
    let brought = world.brought();
    assert!(brought[0].contains("secret.png") && brought[0].contains("encrypted"), "{brought:?}");
    assert_eq!(brought[1], "Hello.png");
}

#[test]
fn a_file_waits_for_an_outage_to_end() {
    let world = bridged();
    let event = sends(&world, "1", "cat.png", "", 1);
    world.outside.borrow_mut().homeserver.is_away = true;
    world.transaction(0, &[event, said("2", "after")]);
    world.for_a_while(600_000);
    world.outside.borrow_mut().homeserver.is_away = false;
    world.settle();
    assert_eq!(world.brought(), ["cat.png", "after"]);
}

#[test]
fn in_direct_mode_files_are_named() {
    let (world, room) = crate::direct::together(crate::direct::VERSIONS[0]);
    world.post(Some(0), "look", &[("cat.png", 10)]);
    world.settle();
    let latest = world.graph(&room).timeline.last().unwrap().text.clone();
    assert!(latest.contains("look") && latest.contains("cat.png"), "{latest}");
    let notices = world.whispers();
    assert!(notices.iter().any(|it| it.1.contains("direct mode")), "{notices:?}");
}
