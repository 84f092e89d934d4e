//! A crash after each effect of a file, either way.

use crate::conversations::{bridged, said};
use crate::crashes::{Flow, crash_everywhere};
use crate::files::tells;
use crate::world::World;

fn with_media() -> World {
    let world = bridged();
    let media = [("media1".to_owned(), 10), ("media2".to_owned(), 10), ("media3".to_owned(), 9 << 20)];
    world.outside.borrow_mut().homeserver.media.extend(media);
    world
}

const FLOWS: &[Flow] = &[
    Flow {
        name: "files out",
        prepared: bridged,
        happens: |world, index| {
            world.post(Some(index), "two", &[("cat.png", 10), ("dog.png", 10)]);
            world.say(Some(index), "general", "alice", "after");
        },
        events: Vec::new,
        holds: |world| {
            assert_eq!(world.sent(), ["two", "dog.png", "after"]);
            world.is_all_done();
        },
    },
    Flow {
        name: "a large file out, as it comes",
        prepared: || {
            let world = bridged();
            world.outside.borrow_mut().config.rest = true;
            world
        },
        happens: |world, index| {
            world.post(Some(index), "", &[("large.pdf", 90 << 20)]);
            world.say(Some(index), "general", "alice", "after");
        },
        events: Vec::new,
        holds: |world| {
            assert_eq!(world.sent(), ["large.pdf", "after"]);
            assert_eq!(world.contents()[0]["url"], "mxc://hs.test/id-large.pdf");
            world.is_all_done();
        },
    },
    Flow {
        name: "a picture out, with its smaller one",
        prepared: bridged,
        happens: |world, index| {
            world.post_picture(index);
        },
        events: Vec::new,
        holds: |world| {
            assert_eq!(world.sent(), ["two", "dog.png"]);
            assert_eq!(world.contents()[0]["info"]["thumbnail_url"], "mxc://hs.test/id-thumb-cat.png");
            world.is_all_done();
        },
    },
    Flow {
        name: "a file out, deleted at once",
        prepared: bridged,
        happens: |world, index| {
            let message = world.post(Some(index), "two", &[("cat.png", 10), ("dog.png", 10)]);
            world.delete(Some(index), &message.id, "alice");
        },
        events: Vec::new,
        holds: |world| {
            assert_eq!(world.seen_on_matrix(), Vec::<String>::new());
            world.is_all_done();
        },
    },
    Flow {
        name: "files in",
        prepared: with_media,
        happens: |_, _| {},
        events: || {
            vec![
                tells("1", "cat.png", "look", 10),
                tells("2", "cat.png", "", 10),
                tells("3", "big.png", "", 9 << 20),
                said("4", "after"),
            ]
        },
        holds: |world| {
            let brought = world.brought();
            assert_eq!(brought[..3], ["cat.png", "look", "cat.png"]);
            assert!(brought[3].contains("Download"), "{brought:?}");
            assert_eq!(brought[4..], ["after"]);
            world.is_all_done();
        },
    },
];

#[test]
fn whatever_dies_in_between_every_file_is_there_once() {
    crash_everywhere(FLOWS);
}
