//! People as the other side sees them: names, pictures, renames, ends.

use matrix_federation::effect::Served;
use matrix_federation::input::Input;
use matrix_federation::record::Record;
use serde_json::{Value, json};

use crate::conversations::{BOB, ROOM, bridged, said};
use crate::interleavings::{dice, rest};
use crate::world::{World, person};

pub const ALICE: &str = "@rc_alice:hs.test";

pub fn joins(id: &str, at: i64, name: Option<&str>, avatar: Option<&str>) -> Value {
    let mut content = json!({ "membership": "join" });
    content["displayname"] = json!(name);
    content["avatar_url"] = json!(avatar);
    json!({
        "event_id": format!("${id}"), "type": "m.room.member", "sender": BOB, "room_id": ROOM, "state_key": BOB,
        "origin_server_ts": at, "content": content,
    })
}

/// What messages that came from Matrix show beside them, in order.
pub fn beside(world: &World) -> Vec<(Option<String>, Option<String>)> {
    let outside = world.outside.borrow();
    let ids = outside.messages.iter().filter(|it| it.id.starts_with("mx-"));
    ids.map(|it| outside.beside[&it.id].clone()).collect()
}

pub fn profile(world: &World, mxid: &str) -> (Option<String>, Option<String>) {
    world.outside.borrow().homeserver.profiles.get(mxid).cloned().unwrap_or_default()
}

fn senders(world: &World) -> Vec<String> {
    world.outside.borrow().homeserver.sent.iter().map(|it| it.sender.clone()).collect()
}

pub fn is_in(world: &World, mxid: &str) -> bool {
    world.outside.borrow().homeserver.is_in(ROOM, mxid)
}

/// A portal where alice has spoken.
pub fn spoken() -> World {
    let world = bridged();
    world.say(Some(0), "general", "alice", "hello");
    world.settle();
    world
}

#[test]
fn a_message_shows_the_newest_name_and_picture_of_its_sender() {
    let world = bridged();
    let picture = |it: &str| format!("mxc://far.test/{it}");
    let (one, two) = (picture("one"), picture("two"));
    world.transaction(0, &[joins("a", 1_000, Some("Bob"), Some(&one)), said("1", "first")]);
    world.transaction(0, &[joins("b", 3_000, Some("Bobby"), Some(&two)), said("2", "second")]);
    // An older word of another room comes late.
    world.transaction(0, &[joins("c", 2_000, Some("Robert"), None), said("3", "third")]);
    world.transaction(0, &[joins("d", 4_000, None, None), said("4", "fourth")]);
    world.settle();
    let shown = beside(&world);
    let names: Vec<&str> = shown.iter().map(|it| it.0.as_deref().unwrap()).collect();
    assert_eq!(names, ["Bob", "Bobby", "Bobby", BOB]);
    let address = |index: usize| shown[index].1.clone().unwrap();
    assert!(address(0).starts_with("https://pictures.rc.test/avatar/far.test/one/"), "{}", address(0));
    assert!(address(1).starts_with("https://pictures.rc.test/avatar/far.test/two/"), "{}", address(1));
    assert_eq!(address(1), address(2));
    assert_eq!(shown[3].1, None);
    let records = world.records();
    assert_eq!(records.iter().filter(|it| matches!(it, Record::Profile(_))).count(), 1);
}

#[test]
fn without_a_way_for_browsers_a_message_shows_no_broken_picture() {
    let world = bridged();
    world.outside.borrow_mut().config.pictures.clear();
    world.instances[0].driver.configure(world.outside.borrow().config.clone());
    world.transaction(0, &[joins("a", 1_000, Some("Bob"), Some("mxc://far.test/one")), said("1", "first")]);
    world.settle();
    assert_eq!(beside(&world), [(Some("Bob".to_owned()), None)]);
}

#[test]
fn a_name_from_matrix_is_cleaned() {
    let world = bridged();
    world.transaction(
        0,
        &[joins("a", 1, Some("Al\u{202e}ice\n"), Some("mxc://far.test/../x")), said("1", "x")],
    );
    world.transaction(0, &[joins("b", 2, Some(" \u{2066}"), None), said("2", "y")]);
    world.settle();
    assert_eq!(beside(&world), [(Some("Alice".to_owned()), None), (Some(BOB.to_owned()), None)]);
}

#[test]
fn a_clock_that_is_ahead_does_not_freeze_a_name() {
    let world = bridged();
    world.transaction(0, &[joins("a", 99_000_000_000_000, Some("Future Bob"), None)]);
    world.settle();
    let now = world.outside.borrow().now + 1_000;
    world.pass(2_000);
    world.transaction(0, &[joins("b", now, Some("Bob"), None), said("1", "x")]);
    world.settle();
    assert_eq!(beside(&world)[0].0.as_deref(), Some("Bob"));
}

#[test]
fn who_speaks_before_any_room_said_who_it_is_is_asked_for() {
    let world = bridged();
    let known = (Some("Bob of far".to_owned()), Some("mxc://far.test/face".to_owned()));
    world.outside.borrow_mut().homeserver.profiles.insert(BOB.to_owned(), known);
    world.transaction(0, &[said("1", "hello"), said("2", "again")]);
    world.settle();
    for (name, picture) in beside(&world) {
        assert_eq!(name.as_deref(), Some("Bob of far"));
        assert!(picture.unwrap().contains("/avatar/far.test/face/"));
    }
    let outside = world.outside.borrow();
    assert_eq!(outside.users["bob:far.test"].name, "Bob of far");
    assert_eq!(outside.homeserver.profiles_asked, 1);
}

#[test]
fn who_cannot_be_asked_for_speaks_all_the_same() {
    let world = bridged();
    world.transaction(0, &[said("1", "hello"), said("2", "again")]);
    world.settle();
    assert_eq!(beside(&world), [(None, None), (None, None)]);
    assert_eq!(world.outside.borrow().homeserver.profiles_asked, 1);
}

#[test]
fn a_workspace_where_bots_may_not_impersonate_still_shows_what_is_said() {
    let world = bridged();
    world.outside.borrow_mut().refuse_impersonation = true;
    world.transaction(0, &[joins("a", 1, Some("Bob"), None), said("1", "hello")]);
    world.settle();
    assert_eq!(world.shown(), ["hello"]);
    assert_eq!(beside(&world), [(None, None)]);
}

#[test]
fn pictures_are_served_under_their_own_addresses_only() {
    let world = bridged();
    world.transaction(0, &[joins("a", 1, Some("Bob"), Some("mxc://far.test:8448/face")), said("1", "x")]);
    world.settle();
    let address = beside(&world)[0].1.clone().unwrap();
    let path = address.strip_prefix("https://pictures.rc.test").unwrap().to_owned();
    let ask = |uri: &str| {
        world.request(0, "GET", uri, None, "");
        world.settle();
        world.served(0)
    };
    for uri in [path.clone(), format!("/prefix{path}?x=y")] {
        let Served::Picture(picture) = ask(&uri) else { panic!("no picture under {uri}") };
        let thumbnail = "http://hs.test/_matrix/client/v1/media/thumbnail/far.test%3A8448/face?";
        assert!(picture.picture.url.starts_with(thumbnail), "{}", picture.picture.url);
        assert!(picture.picture.authorization.is_some());
    }
    for uri in [
        path.replace("face", "other"),
        path.replace("far.test", "hs.test"),
        format!("{path}x"),
        path[..path.len() - 1].to_owned(),
        "/avatar/far.test/face/".to_owned(),
        path.replace("face", "face%2F..%2Fx"),
    ] {
        let Served::Reply(reply) = ask(&uri) else { panic!("a picture under {uri}") };
        assert_eq!(reply.status, 404, "{uri}");
    }
    // The rest is as it was: what is not for pictures wants the homeserver's token.
    let Served::Reply(reply) = ask("/_matrix/app/v1/avatar/a/b/c") else { panic!("a picture") };
    assert_eq!(reply.status, 401);
}

#[test]
fn a_puppet_has_the_name_and_the_picture_of_its_user() {
    const CAROL: &str = "@rc_carol:hs.test";
    let world = bridged();
    world.outside.borrow_mut().avatars.insert("carol".to_owned(), "one".to_owned());
    world.say(Some(0), "general", "carol", "hello");
    world.settle();
    assert_eq!(profile(&world, CAROL), (Some("CAROL".to_owned()), Some("mxc://hs.test/one".to_owned())));
    // Rocket.Chat does not say that somebody has another picture.
    world.outside.borrow_mut().avatars.insert("carol".to_owned(), "two".to_owned());
    world.look_over(0);
    assert_eq!(profile(&world, CAROL).1.as_deref(), Some("mxc://hs.test/two"));
    world.outside.borrow_mut().avatars.clear();
    world.look_over(0);
    assert_eq!(profile(&world, CAROL).1, None);
}

#[test]
fn who_is_renamed_keeps_the_id_and_who_takes_the_name_gets_another() {
    let world = spoken();
    world.change(Some(0), "alice", |it| {
        it.username = "alicia".to_owned();
        it.name = "Alicia".to_owned();
    });
    world.settle();
    assert_eq!(profile(&world, ALICE).0.as_deref(), Some("Alicia"));
    let other = matrix_federation::facts::User { id: "id-other".to_owned(), ..person("alice") };
    world.outside.borrow_mut().users.insert("alice".to_owned(), other);
    world.say(Some(0), "general", "alicia", "it is still me");
    world.say(Some(0), "general", "alice", "I am somebody else");
    world.settle();
    let senders = senders(&world);
    assert_eq!(senders[..2], [ALICE, ALICE]);
    assert_ne!(senders[2], ALICE);
    assert!(senders[2].starts_with("@rc_alice=2d"), "{senders:?}");
    // Mentions find the right one, both ways.
    for name in ["alice", "alicia"] {
        world.enters("general", name);
    }
    world.transaction(0, &[said("1", &format!("{ALICE} and {}", senders[2]))]);
    world.say(Some(0), "general", "carol", "@alicia and @alice");
    world.settle();
    assert_eq!(world.shown(), ["@alicia and @alice"]);
    let sent = world.outside.borrow().homeserver.sent.last().unwrap().clone();
    let mentioned: Vec<&str> = sent.content["m.mentions"]["user_ids"]
        .as_array()
        .unwrap()
        .iter()
        .map(|it| it.as_str().unwrap())
        .collect();
    assert_eq!(mentioned.len(), 2);
    assert!(mentioned.contains(&ALICE) && mentioned.contains(&senders[2].as_str()), "{mentioned:?}");
}

#[test]
fn a_rename_that_nobody_told_of_is_found() {
    let mut world = spoken();
    world.change(None, "alice", |it| it.name = "Alice the Second".to_owned());
    world.kill(0);
    let fresh = world.start(None);
    world.settle();
    assert_eq!(profile(&world, ALICE).0.as_deref(), Some("Alice the Second"));
    world.change(None, "alice", |it| it.name = "Alice the Third".to_owned());
    world.look_over(fresh);
    assert_eq!(profile(&world, ALICE).0.as_deref(), Some("Alice the Third"));
}

#[test]
fn who_is_deactivated_leaves_and_comes_back_with_the_next_message() {
    for told in [true, false] {
        let world = spoken();
        assert!(is_in(&world, ALICE));
        let hook = told.then_some(0);
        world.change(hook, "alice", |it| it.active = false);
        if !told {
            world.look_over(0);
        }
        world.settle();
        assert!(!is_in(&world, ALICE));
        let left = world.outside.borrow().homeserver.left.clone();
        assert_eq!(left.len(), 1, "{left:?}");
        assert!(left[0].2.contains("deactivated"), "{left:?}");
        assert_eq!(profile(&world, ALICE).0.as_deref(), Some("ALICE"));
        world.change(hook, "alice", |it| it.active = true);
        world.settle();
        assert!(!is_in(&world, ALICE), "nobody comes back unasked");
        world.say(Some(0), "general", "alice", "back again");
        world.settle();
        assert!(is_in(&world, ALICE));
        assert_eq!(senders(&world), [ALICE, ALICE]);
        // And leaves again.
        world.change(hook, "alice", |it| it.active = false);
        if !told {
            world.look_over(0);
        }
        world.settle();
        assert!(!is_in(&world, ALICE));
    }
}

#[test]
fn who_is_deleted_leaves_for_good_and_the_id_stays_taken() {
    let world = spoken();
    world.outside.borrow_mut().users.remove("alice");
    world.submit(0, Input::PersonChanged { user: "id-alice".to_owned() });
    world.settle();
    assert!(!is_in(&world, ALICE));
    assert!(world.outside.borrow().homeserver.left[0].2.contains("deleted"));
    let other = matrix_federation::facts::User { id: "id-other".to_owned(), ..person("alice") };
    world.outside.borrow_mut().users.insert("alice".to_owned(), other);
    world.say(Some(0), "general", "alice", "somebody new");
    world.settle();
    assert_ne!(senders(&world)[1], ALICE);
}

#[test]
fn what_becomes_of_those_who_never_spoke_is_nobodys_business() {
    let world = bridged();
    let before = world.effects(0);
    world.change(Some(0), "carol", |it| it.name = "Carol C.".to_owned());
    world.settle();
    assert_eq!(world.effects(0), before);
}

/// A portal, in a workspace whose REST API the App may use.
pub fn with_rest() -> World {
    let mut world = World::new();
    world.outside.borrow_mut().config.rest = true;
    world.start(None);
    world.settle();
    world.command(0, "general", "alice", &format!("invite {BOB}"));
    world.settle();
    world
}

#[test]
fn an_account_follows_the_profile_where_there_is_a_token() {
    let world = with_rest();
    world.transaction(0, &[joins("a", 1, Some("Bob"), None), said("1", "one")]);
    world.settle();
    // It was made under that name.
    assert_eq!(world.outside.borrow().rest, []);
    // A refusal for now, with Rocket.Chat's own words for how long.
    world
        .outside
        .borrow_mut()
        .rest_instead
        .push((429, r#"{"error":"You must wait 7 seconds before"}"#.to_owned()));
    world.transaction(0, &[joins("b", 2, Some("Bobby"), Some("mxc://far.test/face")), said("2", "two")]);
    world.settle();
    let rest = world.outside.borrow().rest.clone();
    assert_eq!(
        rest.iter().map(|it| it.0.as_str()).collect::<Vec<_>>(),
        ["users.update", "users.update", "picture of bob:far.test"]
    );
    assert!(rest[2].1.contains("/thumbnail/far.test/face?"), "{}", rest[2].1);
    assert_eq!(world.outside.borrow().users["bob:far.test"].name, "Bobby");
    world.transaction(0, &[said("3", "three")]);
    world.transaction(0, &[joins("c", 3, Some("Bobby"), None), said("4", "four")]);
    world.settle();
    assert_eq!(beside(&world)[2].1, None, "the account has the picture itself");
    assert_eq!(world.outside.borrow().rest.last().unwrap().0, "users.resetAvatar");
}

#[test]
fn a_token_that_is_refused_is_said_once_and_tried_again() {
    let world = with_rest();
    world.transaction(0, &[joins("a", 1, Some("Bob"), None), said("1", "one")]);
    world.settle();
    for _ in 0..3 {
        world.outside.borrow_mut().rest_instead.push((401, r#"{"error":"no"}"#.to_owned()));
    }
    world.transaction(0, &[joins("b", 2, Some("Bobby"), None), said("2", "two")]);
    world.settle();
    let said = world.outside.borrow().log.iter().filter(|it| it.contains("Ignore Two Factor")).count();
    assert_eq!(said, 1);
    assert_eq!(world.shown(), ["one", "two"]);
    assert_eq!(world.outside.borrow().users["bob:far.test"].name, "Bobby");
}

#[test]
fn a_picture_that_matrix_refuses_is_not_brought_again_and_again() {
    let world = spoken();
    let too_large = || {
        let body = r#"{"errcode":"M_TOO_LARGE","error":"too large"}"#.to_owned();
        let (status, retry_after, cache_control, location, ahead) = (413, None, None, None, None);
        matrix_federation::input::Answer::Response {
            status,
            body,
            retry_after,
            cache_control,
            location,
            ahead,
        }
    };
    world.outside.borrow_mut().avatars.insert("alice".to_owned(), "huge".to_owned());
    world.outside.borrow_mut().homeserver.pictures_instead.push(too_large());
    world.look_over(0);
    world.look_over(0);
    assert_eq!(profile(&world, ALICE).1, None);
    let said = || world.outside.borrow().log.iter().filter(|it| it.contains("M_TOO_LARGE")).count();
    assert_eq!(said(), 1);
    // One that came while another was refused is another.
    world.outside.borrow_mut().avatars.insert("alice".to_owned(), "larger".to_owned());
    world.outside.borrow_mut().homeserver.pictures_instead.push(too_large());
    world.pass(600_000);
    world.submit(0, Input::Tick);
    world.until(|world| world.outside.borrow().homeserver.pictures_instead.is_empty());
    world.outside.borrow_mut().avatars.insert("alice".to_owned(), "small".to_owned());
    world.settle();
    assert_eq!(profile(&world, ALICE).1.as_deref(), Some("mxc://hs.test/small"));
    assert_eq!(said(), 1);
}

#[test]
fn two_instances_agree_on_what_becomes_of_people() {
    for seed in 0..400 {
        let mut dice = dice(seed);
        let mut world = bridged();
        let second = world.start((seed % 2 == 0).then(|| 2 + dice(40)));
        let mut names = vec!["ALICE".to_owned()];
        let mut said_here = vec![];
        for step in 0..250 {
            let living: Vec<usize> = (0..2).filter(|it| !world.is_dead(*it)).collect();
            let index = living[dice(living.len())];
            match dice(16) {
                0 if said_here.len() < 4 => {
                    let text = format!("here {step}");
                    world.say(Some(index), "general", "alice", &text);
                    said_here.push(text);
                }
                1 if names.len() < 4 => {
                    let name = format!("Alice {step}");
                    world.change(Some(index), "alice", |it| it.name = name.clone());
                    names.push(name);
                }
                2 => {
                    world.outside.borrow_mut().avatars.insert("alice".to_owned(), format!("{step}"));
                }
                3 => world.submit(index, Input::Tick),
                _ => {
                    world.random_turn(&mut dice);
                }
            }
        }
        let _ = second;
        world.say(Some(0), "general", "alice", "at last");
        said_here.push("at last".to_owned());
        rest(&world);
        rest(&world);
        let mut sent = world.sent();
        sent.sort();
        said_here.sort();
        assert_eq!(sent, said_here, "seed {seed}");
        assert!(senders(&world).iter().all(|it| it == ALICE), "seed {seed}");
        let avatar = world.outside.borrow().avatars.get("alice").map(|it| format!("mxc://hs.test/{it}"));
        assert_eq!(profile(&world, ALICE), (names.pop(), avatar), "seed {seed}");
    }
}
