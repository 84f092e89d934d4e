//! Names, addresses, discovery and X-Matrix, held against properties that always hold and against Ruma.
#![allow(missing_docs, clippy::unwrap_used, clippy::indexing_slicing)] // A test may panic: that is how it fails.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use matrix_federation::matrix::address::{is_public, parse_address};
use matrix_federation::matrix::discovery::{Ask, Lookups, Route, plan};
use matrix_federation::matrix::name::{Host, ServerName, is_new_user_id, server_of, user_id};
use matrix_federation::matrix::srv::{Srv, SrvAnswer, parse_srv};
use matrix_federation::matrix::well_known::{Response, WellKnownAnswer};
use matrix_federation::matrix::x_matrix::{XMatrix, parse_all, signed_bytes};
use proptest::prelude::*;
use ruma_common::CanonicalJsonValue;
use serde_json::json;

/// Texts that are server names, or nearly.
fn near_name() -> impl Strategy<Value = String> {
    let host = prop_oneof![
        "[a-zA-Z0-9.-]{1,12}",
        "[0-9]{1,3}\\.[0-9]{1,3}\\.[0-9]{1,3}\\.[0-9]{1,3}",
        any::<Ipv6Addr>().prop_map(|it| format!("[{it}]")),
        "\\[[0-9a-f:.%]{0,12}\\]?",
        "a{250,260}",
    ];
    let port = prop_oneof![Just(String::new()), ":0{0,4}[0-9]{0,5}", ":[+-][0-9]{1,4}", "[:0-9\\]]{1,4}"];
    prop_oneof![(host, port).prop_map(|(host, port)| host + &port), ".{0,12}"]
}

/// Texts that are.
fn server_name() -> impl Strategy<Value = ServerName> {
    let host = prop_oneof![
        "[a-zA-Z0-9.-]{1,12}",
        any::<Ipv4Addr>().prop_map(|it| it.to_string()),
        any::<Ipv6Addr>().prop_map(|it| format!("[{it}]")),
        "a{225,255}",
    ];
    let port = proptest::option::of(any::<u16>()).prop_map(|it| it.map(|it| format!(":{it}")));
    (host, port).prop_map(|(host, port)| ServerName::parse(&(host + &port.unwrap_or_default())).unwrap())
}

fn x_matrix() -> impl Strategy<Value = XMatrix> {
    let signature = "([A-Za-z0-9+/]{4}){1,22}";
    (server_name(), proptest::option::of(server_name()), "[!-9;-~]{1,9}:[!-~]{1,9}", signature)
        .prop_map(|(origin, destination, key, signature)| XMatrix { origin, destination, key, signature })
}

/// A network that says anything.
#[derive(Debug)]
struct Network {
    delegated: Vec<Option<ServerName>>,
    found: Vec<Srv>,
    well_known: BTreeMap<String, WellKnownAnswer>,
    srv: BTreeMap<String, SrvAnswer>,
}

impl Lookups for Network {
    fn well_known(&self, host: &str) -> Option<&WellKnownAnswer> {
        self.well_known.get(host)
    }

    fn srv(&self, name: &str) -> Option<&SrvAnswer> {
        self.srv.get(name)
    }
}

fn network() -> impl Strategy<Value = Network> {
    let found = prop_oneof![
        Just(Srv::Absent),
        Just(Srv::Failed),
        proptest::collection::vec(("[a-z]{1,5}", any::<u16>()), 0..3).prop_map(Srv::Targets),
    ];
    let delegated = proptest::option::of(server_name());
    (proptest::collection::vec(delegated, 3), proptest::collection::vec(found, 3)).prop_map(
        |(delegated, found)| Network { delegated, found, well_known: BTreeMap::new(), srv: BTreeMap::new() },
    )
}

impl Network {
    /// Looks up what the plan asks for, until it has no more questions.
    fn route(&mut self, name: &ServerName) -> (Route, Vec<Ask>) {
        let mut asked = vec![];
        loop {
            let ask = match plan(name, self, 0) {
                Ok(route) => return (route, asked),
                Err(ask) => ask,
            };
            match &ask {
                Ask::WellKnown { host } => {
                    let delegated = self.delegated.pop().unwrap();
                    let answer = WellKnownAnswer { delegated, valid_until_ms: 1, failures: 0 };
                    self.well_known.insert(host.clone(), answer);
                }
                Ask::Srv { name } => {
                    let answer = SrvAnswer { found: self.found.pop().unwrap(), valid_until_ms: 1 };
                    self.srv.insert(name.clone(), answer);
                }
            }
            asked.push(ask);
        }
    }
}

proptest! {
    #[test]
    fn nothing_panics(text in prop_oneof![".*", near_name()], bytes: Vec<u8>, seed: u64, now: i64) {
        let _ = (ServerName::parse(&text), user_id(&text), is_new_user_id(&text), server_of(&text));
        let _ = (parse_address(&text), parse_all(&[&text]), parse_all(&[&format!("X-Matrix {text}")]));
        for body in [text.as_bytes(), &bytes] {
            let response = Response { status: 200, cache_control: Some(&text), body };
            let _ = (WellKnownAnswer::read(Some(response), None, now), parse_srv(body, seed, now));
        }
    }

    #[test]
    fn server_names_are_what_ruma_says_less_odd_ports_and_long_hosts(text in near_name()) {
        let ruma = <&ruma_common::ServerName>::try_from(&*text);
        let ours = ServerName::parse(&text);
        let Ok(theirs) = ruma else {
            prop_assert!(ours.is_err());
            return Ok(());
        };
        let port = text.strip_prefix(theirs.host()).unwrap();
        let odd = port.len() > 6 || port.contains('+') || theirs.host().len() > 255;
        prop_assert_eq!(ours.is_err(), odd);
        if let Ok(ours) = ours {
            prop_assert_eq!(ours.as_str(), theirs.as_str());
            prop_assert_eq!(ours.port(), theirs.port());
            prop_assert_eq!(matches!(ours.host(), Host::Ip(_)), theirs.is_ip_literal());
        }
    }

    #[test]
    fn user_ids_are_what_ruma_says(localpart in prop_oneof!["[a-z0-9._=/+-]{0,9}", "[^:]{0,9}"], server in server_name()) {
        let text = format!("@{localpart}:{server}");
        let theirs = <&ruma_common::UserId>::try_from(&*text);
        prop_assert_eq!(user_id(&text).is_ok(), theirs.is_ok());
        if let Ok(theirs) = theirs {
            prop_assert_eq!(user_id(&text).unwrap(), (theirs.localpart(), server.clone()));
            prop_assert_eq!(is_new_user_id(&text), theirs.validate_strict().is_ok());
            prop_assert_eq!(server_of(&text), Some(server));
        }
    }

    #[test]
    fn what_the_standard_library_calls_special_is_refused(v4: Ipv4Addr, v6: Ipv6Addr, net in 0..8usize) {
        let first = [0, 10, 127, 169, 172, 192, 203, 255][net];
        for it in [v4, Ipv4Addr::from([first, v4.octets()[1], v4.octets()[2], v4.octets()[3]])] {
            let special = it.is_private() || it.is_loopback() || it.is_link_local() || it.is_broadcast()
                || it.is_documentation() || it.is_multicast() || it.is_unspecified();
            prop_assert!(!(special && is_public(it.into())), "{it}");
            prop_assert!(!is_public(it.to_ipv6_mapped().into()) && !is_public(it.to_ipv6_compatible().into()));
            let mapped = it.to_ipv6_mapped().to_string();
            prop_assert_eq!(parse_address(&mapped), Some(IpAddr::V4(it)));
        }
        let special = v6.is_loopback() || v6.is_multicast() || v6.is_unique_local()
            || v6.is_unicast_link_local() || v6.is_unspecified();
        prop_assert!(!(special && is_public(v6.into())), "{v6}");
    }

    #[test]
    fn discovery_ends_and_proves_the_name(name in server_name(), mut network in network()) {
        let (route, asked) = network.route(&name);
        prop_assert!(asked.len() <= 3, "{asked:?}");
        for target in route.candidates {
            let host = ServerName::parse(&target.host_header).unwrap();
            prop_assert!(host == name || network.well_known.values().any(|it| it.delegated.as_ref() == Some(&host)));
            match host.host() {
                Host::Ip(ip) => prop_assert_eq!((target.sni, target.connect), (None, ip.to_string())),
                Host::Dns(dns) => prop_assert_eq!(target.sni.unwrap(), dns.trim_end_matches('.')),
            }
        }
    }

    #[test]
    fn every_seed_orders_the_same_records(
        records in proptest::collection::vec((0..4u16, any::<u16>(), any::<u16>()), 0..16), seed: u64
    ) {
        let data = records.iter().map(|(priority, weight, port)| format!("{priority} {weight} {port} p{priority}."));
        let answer: Vec<_> = data.map(|it| json!({"type": 33, "TTL": 1, "data": it})).collect();
        let json = json!({"Status": 0, "Answer": answer}).to_string();
        let mut targets = match parse_srv(json.as_bytes(), seed, 0).found {
            Srv::Targets(targets) => targets,
            Srv::Absent | Srv::Failed => vec![],
        };
        prop_assert!(targets.is_sorted_by_key(|(host, _)| host.clone()));
        let mut expected: Vec<_> = records.iter().map(|(priority, _, port)| (format!("p{priority}"), *port)).collect();
        targets.sort();
        expected.sort();
        prop_assert_eq!(targets, expected);
    }

    #[test]
    fn what_is_written_is_read_back(it in x_matrix()) {
        prop_assert_eq!(parse_all(&[&it.to_string()]), Ok(vec![it]));
    }

    #[test]
    fn order_and_spacing_do_not_matter(
        it in x_matrix(),
        order in Just(vec![0, 1, 2, 3]).prop_shuffle(),
        space in "[ \t]{0,2}",
        twice: bool,
    ) {
        let escaped = |text: &str| text.chars().flat_map(|c| ['\\', c]).collect::<String>();
        let destination = it.destination.as_ref().map_or_else(|| "x=1".to_owned(), |it| format!("destination={it}"));
        let parts = [
            format!("Origin{space}={space}\"{}\"", it.origin),
            destination,
            format!("KEY=\"{}\"", escaped(&it.key)),
            format!("sig={}==", it.signature),
        ];
        let parts: Vec<_> = order.into_iter().map(|part: usize| parts[part].clone()).collect();
        let header = format!("x-MATRIX {}{space}", parts.join(&format!("{space},{space}")));
        let (header, expected) = if twice {
            (format!("{header},{header}"), vec![it.clone(), it])
        } else {
            (header, vec![it])
        };
        prop_assert_eq!(parse_all(&[&header]), Ok(expected), "{}", header);
    }

    #[test]
    fn what_is_signed_is_canonical_json(
        method in ".*", uri in ".*", origin in server_name(), destination in server_name(), content in proptest::option::of(".*")
    ) {
        let content = content.map(|it| CanonicalJsonValue::String(it).to_string());
        let bytes = signed_bytes(&method, &uri, &origin, &destination, content.as_ref().map(String::as_bytes));
        let read: CanonicalJsonValue = serde_json::from_slice(&bytes).unwrap();
        prop_assert_eq!(read.to_string(), String::from_utf8(bytes).unwrap());
        let read = serde_json::to_value(read).unwrap();
        let mut expected = json!({
            "destination": destination.as_str(), "method": method, "origin": origin.as_str(), "uri": uri
        });
        if let Some(content) = content {
            expected["content"] = serde_json::from_str(&content).unwrap();
        }
        prop_assert_eq!(read, expected);
    }
}
