//! What administrators do: commands, windows, downloads; and what the tests of an installation's identity share.

use matrix_federation::effect::{Block, Place};
use matrix_federation::ids::from_localpart;
use matrix_federation::input::Input;
use matrix_federation::record::Record;

use crate::conversations::BOB;
use crate::world::{World, channel, person};

/// Where browsers reach the App's endpoints.
pub const ENDPOINTS: &str = "https://chat.test/api/apps/public/app";

/// A world with one portal, an administrator, and an address for browsers.
pub fn administered() -> World {
    let mut world = World::new();
    administer(&world);
    world.start(None);
    world.settle();
    world.command(0, "general", "alice", &format!("invite {BOB}"));
    world.settle();
    world
}

/// Gives a world an administrator and an address for browsers.
pub fn administer(world: &World) {
    let mut outside = world.outside.borrow_mut();
    let mut root = person("root");
    root.roles.push("admin".to_owned());
    outside.users.insert("root".to_owned(), root);
    outside.config.endpoints = ENDPOINTS.to_owned();
    outside.config.workspace = "workspace-1".to_owned();
}

/// What an administrator is told when they type something.
pub fn ask(world: &World, index: usize, words: &str) -> String {
    let before = world.outside.borrow().notices.len();
    world.command(index, "lobby", "root", words);
    world.settle();
    world.outside.borrow().notices[before..].iter().map(|it| it.1.clone()).collect::<Vec<_>>().join("\n")
}

/// The ticket in a link that somebody was told.
pub fn ticket(text: &str) -> String {
    let (_, rest) = text.split_once(&format!("{ENDPOINTS}/download/")).expect("a link");
    rest.split('/').next().unwrap().to_owned()
}

/// What a browser gets for a ticket.
pub fn download(world: &World, index: usize, ticket: &str) -> (u16, String) {
    let reply = world.input(index, Input::Download { ticket: ticket.to_owned() });
    world.settle();
    let reply = reply.borrow().clone().expect("a reply");
    (reply.status, reply.body)
}

/// The pairs of tokens that are kept.
pub fn pairs(world: &World) -> Vec<matrix_federation::record::Tokens> {
    let records = world.records().into_iter();
    records.filter_map(|it| if let Record::Tokens(it) = it { Some(it) } else { None }).collect()
}

fn press(world: &World, name: &str, words: &str, view: Option<&str>) {
    let user = world.outside.borrow().users[name].clone();
    let place = Place { trigger: "t".to_owned(), view: view.map(str::to_owned) };
    let words = words.split(' ').map(str::to_owned).collect();
    world.submit(0, Input::Command { user, room: channel("lobby"), words, place: Some(place) });
    world.settle();
}

#[test]
fn ident_the_window_shows_what_commands_say() {
    let world = administered();
    press(&world, "root", "admin", None);
    let window = world.outside.borrow().windows[0].clone();
    assert_eq!(window.id, "federation:lobby");
    assert!(matches!(&window.blocks[0], Block::Text { text } if text.contains("Federated rooms: 1")));
    let notices = world.outside.borrow().notices.len();
    press(&world, "root", "registration", Some(&window.id));
    let window = world.outside.borrow().windows[1].clone();
    let code =
        window.blocks.iter().find_map(|it| if let Block::Code { text } = it { Some(text) } else { None });
    assert!(code.unwrap().starts_with("id: rocketchat-federation"));
    assert!(matches!(window.blocks.last(), Some(Block::Buttons { .. })));
    assert_eq!(world.outside.borrow().notices.len(), notices, "said in the window, not in the room");
}

#[test]
fn ident_typed_commands_answer_in_the_room_though_a_window_were_possible() {
    let world = administered();
    press(&world, "root", "status", None);
    assert!(world.outside.borrow().windows.is_empty());
    assert!(world.outside.borrow().notices.last().unwrap().1.contains("Federated rooms: 1"));
}

#[test]
fn ident_the_window_is_for_administrators() {
    let world = administered();
    for (words, view) in
        [("admin", None), ("registration", Some("federation:lobby")), ("export", Some("federation:"))]
    {
        press(&world, "alice", words, view);
        assert!(world.outside.borrow().windows.is_empty(), "{words}");
        assert_eq!(world.outside.borrow().notices.last().unwrap().1, "Only administrators may do that.");
    }
    for words in ["rotate-tokens", "export", "import 0123456789012345678901234"] {
        world.command(0, "lobby", "alice", words);
        world.settle();
        assert_eq!(world.outside.borrow().notices.last().unwrap().1, "Only administrators may do that.");
    }
}

#[test]
fn ident_a_link_works_once_and_for_ten_minutes() {
    let world = administered();
    let good = ticket(&ask(&world, 0, "registration"));
    assert!(world.outside.borrow().store.iter().all(|it| !it.body.contains(&good) && !it.id.contains(&good)));
    let (status, yaml) = download(&world, 0, &good);
    assert!(status == 200 && yaml.starts_with("id: rocketchat-federation"), "{status} {yaml}");
    assert_eq!(download(&world, 0, &good).0, 404);
    let late = ticket(&ask(&world, 0, "registration"));
    world.pass(600_001);
    assert_eq!(download(&world, 0, &late).0, 404);
    assert_eq!(download(&world, 0, "").0, 404);
    // The next offer takes away what nobody came for.
    ask(&world, 0, "registration");
    let tickets = world.records().iter().filter(|it| matches!(it, Record::Ticket(_))).count();
    assert_eq!(tickets, 1);
}

#[test]
fn ident_without_an_address_the_text_is_all_there_is() {
    let world = administered();
    world.outside.borrow_mut().config.endpoints.clear();
    world.instances[0].driver.configure(world.outside.borrow().config.clone());
    let text = ask(&world, 0, "registration");
    assert!(text.contains("```yaml\nid:") && !text.contains("Download"), "{text}");
    assert!(ask(&world, 0, "export").contains("Site_Url"));
}

#[test]
fn ident_the_registration_of_a_homeserver_of_ones_own_takes_all_its_users() {
    let mut world = World::new();
    world.outside.borrow_mut().config.user_prefix.clear();
    administer(&world);
    world.start(None);
    world.settle();
    let text = ask(&world, 0, "registration");
    assert!(
        text.contains(r"regex: '@[^:]*:hs\.test$'") && text.contains(r"regex: '#room_[^:]*:hs\.test$'"),
        "{text}"
    );
    world.command(0, "general", "alice", &format!("invite {BOB}"));
    world.settle();
    world.say(Some(0), "general", "alice", "hello");
    world.settle();
    let outside = world.outside.borrow();
    assert_eq!(outside.homeserver.sent[0].sender, "@alice:hs.test");
    // Somebody who is called as the App is on Matrix is another user there.
    let config = &outside.config;
    let namesake = config.puppet(&config.name_for("rocketchat"));
    assert_ne!(namesake, config.bot());
    assert_eq!(config.puppet_name(&namesake).map(from_localpart).as_deref(), Some("rocketchat"));
    assert!(config.is_ours(&namesake) && config.is_ours(&config.bot()) && !config.is_ours(BOB));
}
