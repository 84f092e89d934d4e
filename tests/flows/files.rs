//! Files, either way: whole, refused, too large, broken, changed and taken away.

use matrix_federation::effect::Served;
use matrix_federation::facts::{File, Message};
use matrix_federation::input::Input;
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

    fn contents(&self) -> Vec<Value> {
        self.outside.borrow().homeserver.sent.iter().map(|it| it.content.clone()).collect()
    }

    /// The names of files and the texts that came from Matrix, in order.
    pub fn brought(&self) -> Vec<String> {
        let outside = self.outside.borrow();
        let from_matrix = outside.messages.iter().filter(|it| it.sender.username == "bob:far.test");
        from_matrix.map(|it| it.files.first().map_or(it.text.clone(), |file| file.name.clone())).collect()
    }
}

fn file(name: &str, size: i64) -> File {
    let media_type = if name.ends_with("png") { "image/png" } else { "application/pdf" };
    File { id: format!("id-{name}"), name: name.to_owned(), media_type: media_type.to_owned(), size }
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
    let mut edit = said("3", "* look!");
    edit["origin_server_ts"] = json!(5);
    edit["content"]["m.new_content"] = tells("1", "cat.png", "look!", 10)["content"].clone();
    edit["content"]["m.relates_to"] = json!({ "rel_type": "m.replace", "event_id": "$1" });
    world.transaction(0, &[edit]);
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
        let mut edit = said(id, "* look");
        edit["origin_server_ts"] = json!(5 + id.len());
        edit["content"]["m.new_content"] = tells("1", "cat.png", text, 10)["content"].clone();
        edit["content"]["m.relates_to"] = json!({ "rel_type": "m.replace", "event_id": "$1" });
        world.transaction(0, &[edit]);
        world.settle();
        assert_eq!(world.brought(), ["cat.png", shown]);
    }
    world.is_all_done();
}

#[test]
fn a_file_from_matrix_that_is_deleted_here_is_taken_back_there() {
    let world = bridged();
    let event = sends(&world, "1", "cat.png", "look", 10);
    world.transaction(0, &[event]);
    world.settle();
    let file = world.outside.borrow().messages.iter().find(|it| !it.files.is_empty()).unwrap().id.clone();
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
fn a_file_from_matrix_is_reacted_to() {
    let world = bridged();
    let event = sends(&world, "1", "cat.png", "", 10);
    world.transaction(0, &[event]);
    world.settle();
    let file = world.outside.borrow().messages.iter().find(|it| !it.files.is_empty()).unwrap().id.clone();
    world.react(Some(0), &file, "alice", ":thumbsup:", true);
    world.settle();
    assert_eq!(world.reactions_on_matrix().len(), 1);
    assert_eq!(world.reactions_on_matrix()[0].0, "$1");
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
