//! Every line, well and in each of its ways of failing.

use serde_json::{Value, json};

use super::*;
use crate::appservice::{Inside, Probe};
use crate::input::Answer;
use crate::runtime::{Listener, Transport};
use crate::secret::Secret;
use crate::server::{self, Published};

const URL: &str = "https://matrix.example.org";

fn config() -> Config {
    Config {
        homeserver_url: URL.to_owned(),
        server_name: "example.org".to_owned(),
        user_prefix: "rc_".to_owned(),
        bot_localpart: "rocketchat".to_owned(),
        appservice_url: "http://localhost:3300".to_owned(),
        secret: Some(Secret::new("x".repeat(24))),
        largest_file: 8 << 20,
        ..Config::default()
    }
}

fn runtime() -> Runtime {
    Runtime {
        name: "Deno 2.9.6".to_owned(),
        open: true,
        transport: Transport::Own,
        listener: Listener::Listening { host: "0.0.0.0".to_owned(), port: 3300 },
        variable: "RC_APPS_X_SECRET".to_owned(),
    }
}

fn answer(status: u16, body: &Value) -> Answer {
    text_answer(status, &body.to_string())
}

fn text_answer(status: u16, body: &str) -> Answer {
    let body = body.to_owned();
    Answer::Response { status, body, retry_after: None, cache_control: None, location: None, ahead: Some(0) }
}

fn error(status: u16, code: &str) -> Answer {
    answer(status, &json!({ "errcode": code, "error": "no" }))
}

fn unreachable(why: &str) -> Answer {
    Answer::Unreachable { why: why.to_owned() }
}

fn inside() -> Inside {
    Inside {
        whoami: answer(200, &json!({ "user_id": "@rocketchat:example.org" })),
        puppet: error(400, "M_USER_IN_USE"),
        media: answer(200, &json!({ "m.upload.size": 104_857_600 })),
        people: answer(200, &json!({ "limited": false, "results": [] })),
        ping: answer(200, &json!({ "duration_ms": 3 })),
        large: Some(answer(200, &json!({ "duration_ms": 3 }))),
    }
}

fn probe(inside: Inside) -> Probe {
    Probe {
        versions: answer(200, &json!({ "versions": ["r0.6.1", "v1.1", "v1.12"] })),
        software: answer(200, &json!({ "server": { "name": "Synapse", "version": "1.163.2" } })),
        well_known: None,
        inside: Some(inside),
    }
}

/// The lines of facts that are well but for what a test changes.
fn with(change: impl FnOnce(&mut Config, &mut Runtime, &mut Probe)) -> Vec<Line> {
    with_largest(100, change)
}

/// Where Rocket.Chat takes files of so many MB.
fn with_largest(largest: i64, change: impl FnOnce(&mut Config, &mut Runtime, &mut Probe)) -> Vec<Line> {
    let (mut config, mut runtime, mut probe) = (config(), runtime(), probe(inside()));
    change(&mut config, &mut runtime, &mut probe);
    judge(&Facts {
        config: &config,
        runtime: Some(&runtime),
        servers: 1,
        largest_file: Some(largest << 20),
        homeserver: config.is_complete().then_some(probe),
        strangers: vec![],
        direct: None,
    })
}

fn with_inside(change: impl FnOnce(&mut Inside)) -> Vec<Line> {
    with(|_, _, probe| change(probe.inside.as_mut().unwrap()))
}

#[track_caller]
fn expect(lines: &[Line], name: &str, state: State, words: &[&str]) {
    let line = lines.iter().find(|it| it.name == name).unwrap_or_else(|| panic!("no line {name}"));
    assert_eq!(line.state, state, "{line:?}");
    for word in words {
        assert!(line.text.contains(word) || line.fix.contains(word), "'{word}' is not in {line:?}");
    }
    let remedy_wanted = matches!(state, State::Warning | State::Broken);
    assert_eq!(remedy_wanted, !line.fix.is_empty(), "{line:?}");
    for text in [&line.text, &line.fix] {
        assert!(text.is_empty() || text.ends_with(['.', ')', ':']), "{line:?}");
        assert!(!text.contains("  ") && !text.contains(".."), "{line:?}");
    }
}

#[test]
fn all_is_well() {
    let lines = with(|_, _, _| ());
    for line in &lines {
        expect(&lines, line.name, State::Well, &[]);
    }
    insta::assert_snapshot!(text(&lines));
}

#[test]
fn what_is_broken_is_counted_and_stands_with_its_remedy() {
    let lines = with(|config, _, probe| {
        config.secret = None;
        probe.inside.as_mut().unwrap().whoami = error(401, "M_UNKNOWN_TOKEN");
    });
    insta::assert_snapshot!(text(&lines));
    assert!(text(&with(|config, _, _| config.secret = None)).starts_with("Everything works, but one thing"));
}

#[test]
fn settings_fit_together() {
    use State::{Broken, Warning, Well};
    type Case = (fn(&mut Config), State, &'static str);
    let of = |change: fn(&mut Config)| with(|config, _, _| change(config));
    let cases: [Case; 10] = [
        (|it| it.homeserver_url.clear(), Broken, "Address of the homeserver is not set"),
        (|it| it.server_name.clear(), Broken, "Server name is not set"),
        (|it| it.bot_localpart.clear(), Broken, "own user"),
        (|it| it.user_prefix.clear(), Well, "@alice:example.org"),
        (|it| it.appservice_url = URL.to_owned(), Broken, "are both"),
        (|it| it.homeserver_url = "http://matrix.example.org".to_owned(), Warning, "begins with https://"),
        (|it| it.homeserver_url = "http://8.8.8.8:8008".to_owned(), Warning, "begins with https://"),
        (|it| it.homeserver_url = "http://10.0.0.2:8008".to_owned(), Well, "complete"),
        (|it| it.homeserver_url = "http://synapse:8008".to_owned(), Well, "complete"),
        (|it| it.homeserver_url = "http://[::1]:8008".to_owned(), Well, "complete"),
    ];
    for (change, state, words) in cases {
        expect(&of(change), "Settings", state, &[words]);
    }
    let lines = of(|it| it.server_name.clear());
    for name in ["Homeserver", "Token", "Way back", "Files"] {
        expect(&lines, name, State::Unknown, &["because of *Settings*"]);
    }
}

#[test]
fn the_runtime_and_who_calls() {
    use State::{Broken, Warning, Well};
    for (open, transport, mode, state, word) in [
        (true, Transport::Own, Mode::Homeserver, Well, "by itself"),
        (true, Transport::Workspace, Mode::Homeserver, Well, "Rocket.Chat calls"),
        (true, Transport::Workspace, Mode::Direct, Broken, "Automatic"),
        (false, Transport::Workspace, Mode::Homeserver, Warning, "Node.js up to 24"),
        (false, Transport::Workspace, Mode::Direct, Broken, "Node.js up to 24"),
        (false, Transport::Nobody, Mode::Homeserver, Broken, "Automatic"),
    ] {
        let lines = with(|config, runtime, _| {
            (config.mode, runtime.open, runtime.transport) = (mode, open, transport);
        });
        expect(&lines, "Runtime", state, &[word]);
    }
}

#[test]
fn the_listener() {
    let (host, port) = ("1.2.3.4".to_owned(), 33);
    for (listener, state, word) in [
        (Listener::Off, State::Broken, "off and on"),
        (Listener::Taken { host: host.clone(), port }, State::Broken, "sport = :33"),
        (
            Listener::Failed { host: host.clone(), port, why: "listen EACCES".to_owned() },
            State::Broken,
            "below 1024",
        ),
        (
            Listener::Failed { host: host.clone(), port, why: "EADDRNOTAVAIL".to_owned() },
            State::Broken,
            "0.0.0.0",
        ),
        (Listener::Failed { host: host.clone(), port, why: "oh".to_owned() }, State::Broken, "Change"),
        (Listener::Listening { host, port }, State::Well, "1.2.3.4:33"),
    ] {
        let lines = with(|_, runtime, probe| {
            runtime.listener = listener;
            probe.inside.as_mut().unwrap().ping = error(502, "M_CONNECTION_FAILED");
        });
        expect(&lines, "Listener", state, &[word]);
    }
    let taken = Listener::Taken { host: String::new(), port: 33 };
    let lines = with(|_, runtime, _| runtime.listener = taken);
    expect(&lines, "Listener", State::Warning, &["by another server", "sport = :33"]);
    let lines = with(|_, runtime, _| (runtime.open, runtime.listener) = (false, Listener::Off));
    expect(&lines, "Listener", State::Unknown, &["*Runtime*"]);
}

#[test]
fn the_homeserver_at_its_address() {
    let moved = Answer::Response {
        status: 308,
        body: String::new(),
        retry_after: None,
        cache_control: None,
        location: Some("https://hs.example.org/_matrix/client/versions".to_owned()),
        ahead: None,
    };
    for (versions, word) in [
        (unreachable("x: its name is not known"), "DNS"),
        (unreachable("x: nothing answers there (connection refused)"), "Start the homeserver"),
        (unreachable("x: its certificate is not trusted (CERT_HAS_EXPIRED)"), "Further trusted"),
        (unreachable("x: ERR_SSL_WRONG_VERSION_NUMBER"), "http://"),
        (unreachable("x: no answer within 8 s"), "firewalls"),
        (unreachable("the runtime closes the network to Apps"), "See *Runtime*"),
        (unreachable("the answer was broken off"), "broken off"),
        (text_answer(200, "<html>"), "web page"),
        (answer(200, &json!({ "hello": 1 })), "web page"),
        (text_answer(404, "not found"), "status 404"),
        (text_answer(502, "<html>"), "behind it does not"),
        (moved, "to https://hs.example.org."),
    ] {
        let lines = with(|_, _, probe| probe.versions = versions);
        expect(&lines, "Homeserver", State::Broken, &[word]);
        for name in ["Version", "Clock", "Token", "Way back", "Files"] {
            expect(&lines, name, State::Unknown, &["because of *Homeserver*"]);
        }
    }
    let through = with(|_, runtime, probe| {
        runtime.transport = Transport::Workspace;
        probe.versions = unreachable("self-signed certificate");
    });
    expect(&through, "Homeserver", State::Broken, &["NODE_EXTRA_CA_CERTS"]);
}

#[test]
fn the_server_itself_may_say_where_its_homeserver_is() {
    for (body, is_said) in [
        (json!({ "m.homeserver": { "base_url": "https://hs.example.org/" } }), true),
        (json!({ "m.homeserver": { "base_url": URL } }), false),
        (json!({ "m.homeserver": 1 }), false),
    ] {
        let lines = with(|_, _, probe| {
            probe.versions = text_answer(404, "");
            probe.well_known = Some(answer(200, &body));
        });
        let line = lines.iter().find(|it| it.name == "Homeserver").unwrap();
        assert_eq!(
            line.fix.contains("example.org says that its homeserver is at https://hs.example.org"),
            is_said
        );
    }
}

#[test]
fn versions_and_clocks() {
    for (versions, state, word) in [
        (json!(["v1.11"]), State::Well, "1.11"),
        (json!(["v1.10", "v1.9"]), State::Warning, "files"),
        (json!(["v1.6"]), State::Warning, "1.7"),
        (json!(["r0.6.1"]), State::Warning, "1.7"),
    ] {
        let lines = with(|_, _, probe| probe.versions = answer(200, &json!({ "versions": versions })));
        expect(&lines, "Version", state, &[word]);
    }
    for (off, state, word) in [
        (Some(-10_000), State::Well, "agree"),
        (Some(10_001), State::Warning, "ahead"),
        (Some(-60_000), State::Warning, "behind"),
        (Some(60_001), State::Broken, "refuses"),
        (Some(i64::MIN + 1), State::Broken, "behind"),
        (None, State::Unknown, "no time"),
    ] {
        let lines = with(|_, _, probe| {
            if let Answer::Response { ahead, .. } = &mut probe.versions {
                *ahead = off;
            }
        });
        expect(&lines, "Clock", state, &[word]);
    }
}

#[test]
fn the_token() {
    let user = |user: &str| answer(200, &json!({ "user_id": user }));
    for (whoami, word, goes_on) in [
        (error(401, "M_UNKNOWN_TOKEN"), "app_service_config_files", false),
        (error(401, "M_MISSING_TOKEN"), "hand on all headers", false),
        (error(403, "M_FORBIDDEN"), "app_service_config_files", false),
        (error(500, "M_UNKNOWN"), "status 500, M_UNKNOWN", false),
        (unreachable("x: no answer within 12 s"), "no answer within", false),
        (user("@robot:example.org"), "to robot.", true),
        (user("@rocketchat:hs.example.org"), "to hs.example.org.", true),
    ] {
        let lines = with_inside(|it| it.whoami = whoami);
        expect(&lines, "Token", State::Broken, &[word]);
        let state = if goes_on { State::Well } else { State::Unknown };
        for name in ["Users", "Way back", "Large transactions", "Other people", "Files"] {
            expect(&lines, name, state, &[]);
        }
    }
    let lines = with(|_, _, probe| probe.inside = None);
    expect(&lines, "Token", State::Broken, &["Ask again"]);
    expect(&lines, "Way back", State::Unknown, &["because of *Token*"]);
}

#[test]
fn the_namespace() {
    expect(&with_inside(|it| it.puppet = answer(200, &json!({}))), "Users", State::Well, &["@rc_rocket.cat"]);
    expect(
        &with_inside(|it| it.puppet = error(400, "M_EXCLUSIVE")),
        "Users",
        State::Broken,
        &["another prefix"],
    );
    expect(&with_inside(|it| it.puppet = error(500, "M_UNKNOWN")), "Users", State::Broken, &["status 500"]);
    expect(&with_inside(|it| it.people = error(404, "M_X")), "Other people", State::Unknown, &["M_X"]);
    let limited = with_inside(|it| it.people = answer(200, &json!({ "limited": true, "results": [] })));
    expect(&limited, "Other people", State::Well, &["first 50"]);

    let (config, runtime) = (config(), runtime());
    let strangers = (1..=7).map(|it| format!("@rc_{it}:example.org")).collect();
    let lines = judge(&Facts {
        config: &config,
        runtime: Some(&runtime),
        servers: 3,
        largest_file: None,
        homeserver: Some(probe(inside())),
        strangers,
        direct: None,
    });
    expect(&lines, "Other people", State::Warning, &["@rc_1:example.org", "and 2 more", "begin with rc_"]);
    expect(&lines, "Servers", State::Well, &["3 servers"]);
}

#[test]
fn the_way_back() {
    use State::{Broken, Warning};
    let bad_status = |status: u16, body: &str| {
        answer(502, &json!({ "errcode": "M_BAD_STATUS", "error": "HTTP", "status": status, "body": body }))
    };
    let failed = |why: &str| answer(502, &json!({ "errcode": "M_CONNECTION_FAILED", "error": why }));
    let ours = |code: &str, text: &str| json!({ "errcode": code, "error": text }).to_string();
    let hs_token = ours("M_FORBIDDEN", "This is not the token of the registration (hs_token).");
    for (ping, state, word) in [
        (error(400, "M_URL_NOT_SET"), Broken, "no `url`"),
        (error(403, "M_FORBIDDEN"), Broken, "another `id`"),
        (error(404, "M_UNRECOGNIZED"), Warning, "1.87"),
        (bad_status(403, &hs_token), Broken, "wrong `hs_token`"),
        (bad_status(403, "<html>"), Broken, "status 403"),
        (bad_status(401, &ours("M_MISSING_TOKEN", "")), Broken, "Authorization"),
        (bad_status(404, &ours("M_UNRECOGNIZED", "")), Broken, "wrong path"),
        (bad_status(404, "<html>"), Broken, "something else in its place"),
        (bad_status(413, "<html>"), Broken, "client_max_body_size"),
        (bad_status(502, "<html>"), Broken, "does not find the App"),
        (bad_status(503, &ours("M_UNKNOWN", "starting")), Warning, "Ask again"),
        (bad_status(500, "<html>"), Broken, "status 500"),
        (error(504, "M_CONNECTION_TIMEOUT"), Broken, "in time"),
        (unreachable("x: no answer within 12 s"), Broken, "in time"),
        (failed("DNSLookupError: DNS lookup failed"), Broken, "does not know the name"),
        (failed("ConnectionRefusedError: Connection was refused by other side"), Broken, "nobody listening"),
        (failed("Error: [('SSL routines', '', 'certificate verify failed')]"), Broken, "certificate"),
        (failed("Error: [('SSL routines', '', 'wrong version number')]"), Broken, "no TLS"),
        (failed("TimeoutError: timed out"), Broken, "in time"),
        (failed("JSONDecodeError: x"), Broken, "not the App"),
        (error(500, "M_UNKNOWN"), Broken, "status 500"),
    ] {
        let lines = with_inside(|it| (it.ping, it.large) = (ping, None));
        expect(&lines, "Way back", state, &[word]);
        expect(&lines, "Large transactions", State::Unknown, &["because of *Way back*"]);
    }
    let lines = with_inside(|it| (it.ping, it.large) = (failed("connection was refused"), None));
    expect(
        &lines,
        "Way back",
        Broken,
        &["now http://localhost:3300 (which works only", "listens on 0.0.0.0:3300"],
    );

    for (large, state, word) in [
        (bad_status(413, "<html>"), Broken, "client_max_body_size 16m"),
        (bad_status(502, "<html>"), Broken, "status 502"),
        (failed("ResponseNeverReceived"), Broken, "ResponseNeverReceived"),
        (text_answer(413, "<html>"), Warning, "already on the way to the homeserver"),
        (unreachable("x: no answer within 15 s"), Warning, "took too long"),
        (error(500, "M_UNKNOWN"), Warning, "status 500"),
    ] {
        expect(&with_inside(|it| it.large = Some(large)), "Large transactions", state, &[word]);
    }
    for (open, word) in [(true, "Empty *Where"), (false, "Node.js up to 24")] {
        let lines = with(|config, runtime, probe| {
            config.appservice_url = "https://chat.example.org/api/apps/public/x".to_owned();
            runtime.open = open;
            probe.inside.as_mut().unwrap().large = Some(bad_status(413, "<html>"));
        });
        expect(&lines, "Large transactions", Broken, &["unsafe", "100 KB", word]);
    }
}

#[test]
fn files_and_their_limits() {
    let state = |there: Option<i64>, here: i64, state, words| {
        let media = answer(200, &json!({ "m.upload.size": there.map(|it| it << 20) }));
        let lines = with_largest(here, |_, _, probe| probe.inside.as_mut().unwrap().media = media);
        expect(&lines, "Files", state, words);
    };
    state(Some(50), 8, State::Well, &["up to 50.0 MB", "up to 8.0 MB", "of 8.0 MB fits"]);
    state(None, -1, State::Well, &["takes files of any size, Rocket.Chat of any size;"]);
    state(Some(5), -1, State::Warning, &["up to 5.0 MB", "8.0 MB is more", "`max_upload_size`"]);
    state(Some(50), 1, State::Warning, &["up to 1.0 MB", "*Maximum File"]);
    expect(&with_inside(|it| it.media = error(404, "M_UNRECOGNIZED")), "Files", State::Unknown, &["404"]);
}

#[test]
fn the_secret_is_named_and_never_shown() {
    for (secret, mode, state) in [
        (None, Mode::Homeserver, State::Warning),
        (None, Mode::Direct, State::Broken),
        (Some("much too short"), Mode::Homeserver, State::Warning),
        (Some("much too short"), Mode::Direct, State::Broken),
    ] {
        let lines = with(|config, _, _| {
            config.mode = mode;
            config.secret = secret.map(|it| Secret::new(it.to_owned()));
        });
        expect(&lines, "Secret", state, &["`RC_APPS_X_SECRET`", "at least 24", "openssl rand -base64 32"]);
        assert!(!text(&lines).contains("much too short"));
    }
}

fn direct(change: impl FnOnce(&mut server::Probe)) -> Vec<Line> {
    let config = Config { mode: Mode::Direct, ..config() };
    let runtime = runtime();
    let mut probe = server::Probe {
        key: Ok("ed25519:a".to_owned()),
        address: Ok("https://example.org:8448".to_owned()),
        answer: Some(answer(200, &json!({}))),
        published: Published::Ours,
    };
    change(&mut probe);
    judge(&Facts {
        config: &config,
        runtime: Some(&runtime),
        servers: 1,
        largest_file: None,
        homeserver: None,
        strangers: vec![],
        direct: Some(probe),
    })
}

#[test]
fn direct_mode() {
    const NAME: &str = "Found by its name";
    insta::assert_snapshot!(text(&direct(|_| ())));
    expect(&direct(|it| it.key = Err("no key".to_owned())), "Signing key", State::Broken, &["rotate-key"]);
    for (why, word) in [
        ("x: its name is not known", "Let the DNS know"),
        ("x: connection refused", "hand /_matrix/key"),
        ("x: its certificate is not trusted (x)", "certificate for example.org"),
        ("x: wrong version number", "Matrix servers speak TLS only"),
        ("x: no answer within 12 s", "firewalls"),
        ("the runtime closes the network to Apps", "*Runtime*"),
    ] {
        let lines = direct(|it| (it.answer, it.published) = (Some(unreachable(why)), Published::Unreadable));
        expect(&lines, NAME, State::Broken, &[word, "cannot reach this workspace"]);
        expect(&lines, "Clock", State::Unknown, &[NAME]);
    }
    let private = unreachable("x: its address is private, and the settings do not allow that");
    let lines = direct(|it| (it.answer, it.published) = (Some(private), Published::Unreadable));
    expect(&lines, NAME, State::Unknown, &["federationtester"]);
    expect(&direct(|it| it.published = Published::Another), NAME, State::Broken, &["other keys"]);
    let lines = direct(|it| (it.answer, it.published) = (Some(text_answer(404, "")), Published::Unreadable));
    expect(&lines, NAME, State::Broken, &["not the App (status 404)", ".well-known/matrix/server"]);
    let lines = direct(|it| (it.address, it.answer) = (Err("it is none".to_owned()), None));
    expect(&lines, NAME, State::Broken, &["leads nowhere: it is none"]);
}

#[test]
fn hosts_are_read_from_addresses() {
    for (url, host) in [
        ("https://matrix.example.org", "matrix.example.org"),
        ("http://127.0.0.1:8008/x", "127.0.0.1"),
        ("http://[::1]:8008", "[::1]"),
        ("http://[::1]", "[::1]"),
    ] {
        assert_eq!(host_of(url), host);
    }
}
