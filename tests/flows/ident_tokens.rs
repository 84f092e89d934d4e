//! Tokens: sealed, rotated while messages flow, forgotten after their day; under crashes and with two instances.

use matrix_federation::input::Input;
use matrix_federation::record::Record;
use matrix_federation::secret::Secret;

use crate::conversations::said;
use crate::ident::{administer, administered, ask, pairs};
use crate::interleavings::{dice, rest};
use crate::world::{SECRET, World, config};

const DAY: i64 = 24 * 60 * 60 * 1000;

/// The two tokens of the registration that an administrator is shown.
fn registered(world: &World, index: usize) -> (String, String) {
    let text = ask(world, index, "registration");
    let field = |name: &str| {
        let (_, rest) = text.split_once(&format!("{name}: '")).expect("a registration");
        rest.split('\'').next().unwrap().to_owned()
    };
    (field("as_token"), field("hs_token"))
}

/// The homeserver is restarted with the registration that is shown.
fn install(world: &World, (appservice, _): &(String, String)) {
    let mut outside = world.outside.borrow_mut();
    outside.homeserver.restart();
    outside.homeserver.token = Some(appservice.clone());
}

fn send(world: &World, index: usize, token: &str, id: &str, text: &str) -> u16 {
    let body = serde_json::json!({ "events": [said(id, text)] }).to_string();
    let authorization = Some(format!("Bearer {token}"));
    let reply = world.ask(index, "PUT", "/_matrix/app/v1/transactions/1", authorization, &body);
    world.settle();
    let reply = reply.borrow().clone();
    reply.map_or(0, |it| it.status)
}

fn with_secret(world: &mut World, secret: Option<&str>) -> usize {
    let last = world.instances.len() - 1;
    world.kill(last);
    world.pass(20_000);
    world.outside.borrow_mut().config.secret = secret.map(|it| Secret::new(it.to_owned()));
    let index = world.start(None);
    world.settle();
    index
}

#[test]
fn ident_tokens_are_sealed_once_there_is_a_secret_and_stay_the_same() {
    let mut world = administered();
    let plain = registered(&world, 0);
    assert!(world.outside.borrow().store.iter().any(|it| it.body.contains(&plain.0)));
    let index = with_secret(&mut world, Some(SECRET));
    assert_eq!(registered(&world, index), plain);
    let outside = world.outside.borrow();
    assert!(outside.store.iter().all(|it| !it.body.contains(&plain.0) && !it.body.contains(&plain.1)));
    assert!(!format!("{:?} {:?}", world.records(), outside.log).contains(&plain.0));
    assert_eq!(pairs(&world).len(), 1);
}

#[test]
fn ident_tokens_are_drawn_sealed_where_there_is_a_secret() {
    let mut world = World::new();
    world.outside.borrow_mut().config.secret = Some(Secret::new(SECRET.to_owned()));
    administer(&world);
    world.start(None);
    world.settle();
    let tokens = registered(&world, 0);
    assert!(world.outside.borrow().store.iter().all(|it| !it.body.contains(&tokens.0)));
    assert_eq!(send(&world, 0, &tokens.1, "1", "hello"), 200);
    assert_eq!(send(&world, 0, "another", "1", "hello"), 403);
}

#[test]
fn ident_with_another_secret_nothing_is_overwritten_and_it_is_said() {
    let mut world = administered();
    with_secret(&mut world, Some(SECRET));
    let kept = pairs(&world);
    for secret in [Some("quite another secret, as long"), None] {
        let index = with_secret(&mut world, secret);
        assert!(pairs(&world) == kept, "nothing is overwritten");
        assert!(world.outside.borrow().log.iter().any(|it| it.contains("are sealed with a secret")));
        assert!(
            ask(&world, index, "status").contains("Not connected: the tokens for the homeserver are sealed")
        );
        assert!(ask(&world, index, "registration").contains("There is no registration"));
    }
    // The way out: new tokens, and the right secret back later changes nothing about them.
    let index = with_secret(&mut world, None);
    assert!(ask(&world, index, "rotate-tokens").contains("New tokens are drawn"));
    let fresh = registered(&world, index);
    install(&world, &fresh);
    world.say(Some(index), "general", "alice", "again");
    world.settle();
    assert_eq!(world.sent(), ["again"]);
}

#[test]
fn ident_a_rotation_is_used_once_the_homeserver_knows_it() {
    let world = administered();
    let old = registered(&world, 0);
    install(&world, &old);
    assert!(ask(&world, 0, "rotate-tokens").contains("New tokens are drawn"));
    assert!(ask(&world, 0, "rotate-tokens").contains("No new tokens were drawn"));
    let new = registered(&world, 0);
    assert_ne!(old, new);
    // The homeserver does not know it yet.
    world.say(Some(0), "general", "alice", "one");
    assert_eq!(send(&world, 0, &old.1, "1", "eins"), 200);
    install(&world, &new);
    // Whichever side speaks first.
    world.say(Some(0), "general", "alice", "two");
    world.settle();
    assert_eq!(send(&world, 0, &new.1, "2", "zwei"), 200);
    // What was under way with the old one.
    assert_eq!(send(&world, 0, &old.1, "3", "drei"), 200);
    world.say(Some(0), "general", "alice", "three");
    world.settle();
    assert_eq!(
        (world.sent(), world.shown()),
        (texts(["one", "two", "three"]), texts(["eins", "zwei", "drei"]))
    );
    // After a day the old one is nobody's.
    world.pass(DAY);
    world.submit(0, Input::Tick);
    world.settle();
    assert_eq!(pairs(&world).len(), 1);
    assert_eq!(send(&world, 0, &old.1, "4", "vier"), 403);
    assert_eq!(send(&world, 0, &new.1, "5", "fünf"), 200);
    assert!(ask(&world, 0, "rotate-tokens").contains("New tokens are drawn"));
}

#[test]
fn ident_a_rotation_that_the_homeserver_takes_back_is_followed() {
    let world = administered();
    let old = registered(&world, 0);
    ask(&world, 0, "rotate-tokens");
    let new = registered(&world, 0);
    for (tokens, text) in [(&new, "one"), (&old, "two"), (&new, "three")] {
        install(&world, tokens);
        world.say(Some(0), "general", "alice", text);
        world.settle();
    }
    assert_eq!(world.sent(), ["one", "two", "three"]);
}

#[test]
fn ident_tokens_that_nobody_knows_are_tried_again_without_haste() {
    let world = administered();
    ask(&world, 0, "rotate-tokens");
    world.outside.borrow_mut().homeserver.token = Some("another's".to_owned());
    world.say(Some(0), "general", "alice", "one");
    world.for_a_while(60_000);
    let why = ask_while_waiting(&world);
    assert!(why.contains("does not accept our token"), "{why}");
    world.outside.borrow_mut().homeserver.token = None;
    world.settle();
    assert_eq!(world.sent(), ["one"]);
}

fn ask_while_waiting(world: &World) -> String {
    let before = world.outside.borrow().notices.len();
    world.command(0, "lobby", "root", "status");
    world.until(|it| it.outside.borrow().notices.len() > before);
    world.outside.borrow().notices.last().unwrap().1.clone()
}

#[test]
fn ident_a_crash_after_each_effect_of_a_rotation_loses_nothing() {
    for secret in [None, Some(SECRET)] {
        let mut runs = 0;
        loop {
            let mut world = administered();
            let index = with_secret(&mut world, secret);
            install(&world, &registered(&world, index));
            world.kill(index);
            world.pass(20_000);
            let counted = world.start(Some(10_000));
            world.settle();
            let quiet = world.effects(counted);
            world.kill(counted);
            world.pass(20_000);
            let doomed = world.start(Some(quiet + runs));
            world.settle();
            let ask = |index: usize, words: &str| ask(&world, index, words);
            ask(doomed, "rotate-tokens");
            let rotated = pairs(&world).iter().any(|it| it.generation == 1);
            if rotated && !world.is_dead(doomed) {
                let text = ask(doomed, "registration");
                if text.contains("as_token") && !world.is_dead(doomed) {
                    install(&world, &registered_in(&text));
                }
            }
            world.say(Some(doomed), "general", "alice", "one");
            world.settle();
            let survived = !world.is_dead(doomed);
            if !survived {
                world.pass(20_000);
                let fresh = world.start(None);
                world.settle();
                install(&world, &registered(&world, fresh));
                world.say(Some(fresh), "general", "alice", "two");
                world.settle();
            }
            let expected = if survived { texts(["one"]) } else { texts(["one", "two"]) };
            assert_eq!(world.sent(), expected, "after {runs} effects");
            assert!(pairs(&world).len() <= 2);
            runs += 1;
            if survived {
                break;
            }
        }
        assert!(runs > 6, "{runs}");
    }
}

fn registered_in(text: &str) -> (String, String) {
    let field =
        |name: &str| text.split_once(&format!("{name}: '")).unwrap().1.split('\'').next().unwrap().to_owned();
    (field("as_token"), field("hs_token"))
}

#[test]
fn ident_a_crash_after_each_effect_of_sealing_leaves_one_pair() {
    let tokens_before = {
        let world = administered();
        registered(&world, 0)
    };
    let mut runs = 0;
    loop {
        let mut world = administered();
        world.kill(0);
        world.pass(20_000);
        world.outside.borrow_mut().config.secret = Some(Secret::new(SECRET.to_owned()));
        let doomed = world.start(Some(runs));
        world.settle();
        let survived = !world.is_dead(doomed);
        world.kill(doomed);
        world.pass(20_000);
        let fresh = world.start(None);
        world.settle();
        assert_eq!(registered(&world, fresh), tokens_before, "after {runs} effects");
        assert!(pairs(&world).len() == 1 && pairs(&world)[0].sealed.is_some());
        runs += 1;
        if survived {
            break;
        }
    }
}

#[test]
fn ident_two_instances_rotate_at_once_and_agree() {
    for seed in 0..200 {
        let mut dice = dice(seed);
        let mut world = administered();
        let second = world.start(None);
        world.settle();
        install(&world, &registered(&world, 0));
        for index in [0, second] {
            world.command(index, "lobby", "root", "rotate-tokens");
        }
        let mut expected = vec![];
        for step in 0..120 {
            match dice(12) {
                0 => {
                    let text = format!("said {step}");
                    world.say(Some(dice(2)), "general", "alice", &text);
                    expected.push(text);
                }
                1 => world.submit(dice(2), Input::Tick),
                _ => {
                    world.random_turn(&mut dice);
                }
            }
        }
        rest(&world);
        let shown = [registered(&world, 0), registered(&world, second)];
        assert_eq!(shown[0], shown[1], "seed {seed}");
        install(&world, &shown[0]);
        world.say(Some(second), "general", "alice", "afterwards");
        expected.push("afterwards".to_owned());
        rest(&world);
        let mut sent = world.sent();
        sent.sort();
        expected.sort();
        assert_eq!(sent, expected, "seed {seed}");
    }
}

fn texts<const N: usize>(texts: [&str; N]) -> Vec<String> {
    texts.map(str::to_owned).to_vec()
}

#[test]
fn ident_tokens_of_before_are_read() {
    let body = r#"{"v":1,"kind":"tokens","appservice":"a","homeserver":"h","at":5}"#;
    let Some(Record::Tokens(tokens)) = Record::parse(body) else { panic!("not read") };
    assert_eq!((tokens.appservice.expose(), tokens.generation, tokens.sealed.is_none()), ("a", 0, true));
    assert!(config().secret.is_none());
}
