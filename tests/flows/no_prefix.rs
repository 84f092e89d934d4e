//! A homeserver that is for this workspace alone: everybody there is somebody here, and only the App's own user is not.

use serde_json::json;

use crate::conversations::BOB;
use crate::world::{World, config, person};

const ROOM: &str = "!room_general";

fn bridged() -> World {
    let mut world = World::new();
    let mut config = config();
    config.user_prefix.clear();
    world.outside.borrow_mut().config = config;
    world.start(None);
    world.settle();
    world.command(0, "general", "alice", &format!("invite {BOB}"));
    world.settle();
    world
}

#[test]
fn people_bear_their_own_names() {
    let world = bridged();
    world.say(Some(0), "general", "alice", "hello");
    world.settle();
    let sent = world.outside.borrow().homeserver.sent.clone();
    assert_eq!(
        sent.iter().map(|it| (&*it.sender, &*it.body)).collect::<Vec<_>>(),
        [("@alice:hs.test", "hello")]
    );
}

#[test]
fn somebody_with_the_name_of_the_apps_own_user_is_another() {
    let world = bridged();
    world.outside.borrow_mut().users.insert("rocketchat".to_owned(), person("rocketchat"));
    world.say(Some(0), "general", "rocketchat", "it is me");
    world.settle();
    let sent = world.outside.borrow().homeserver.sent.clone();
    assert_eq!(sent.last().unwrap().sender, "@=72=6f=63=6b=65=74=63=68=61=74:hs.test");
}

#[test]
fn what_anybody_of_our_server_says_there_began_here() {
    let world = bridged();
    let said = |sender: &str, body: &str| {
        json!({
            "event_id": format!("${body}"), "type": "m.room.message", "sender": sender, "room_id": ROOM,
            "content": { "msgtype": "m.text", "body": body },
        })
    };
    world.transaction(
        0,
        &[said("@alice:hs.test", "echo"), said("@rocketchat:hs.test", "bot"), said(BOB, "from-afar")],
    );
    world.settle();
    assert_eq!(world.shown(), ["from-afar"]);
}
