//! Where a server is found: from its name to what to connect to.
//!
//! A plan and no look-up: where something must be known first, the plan asks for it, the caller finds it out and asks
//! for the plan again from the start. The plan does not judge addresses: the caller holds each one, written out or
//! looked up, against `address::refusal` when connecting.
//!
//! Spec: <https://spec.matrix.org/v1.18/server-server-api/#resolving-server-names>

use super::name::{Host, ServerName};
use super::srv::{Srv, SrvAnswer, is_host};
use super::well_known::WellKnownAnswer;

/// Where servers listen that say nothing else.
const PORT: u16 = 8448;

/// How long a route holds that rests on the name alone, in milliseconds.
const HOLDS: i64 = 24 * 60 * 60 * 1000;

/// What has been looked up so far. An answer out of date counts as none.
pub trait Lookups {
    /// What `https://{host}/.well-known/matrix/server` said.
    fn well_known(&self, host: &str) -> Option<&WellKnownAnswer>;
    /// The SRV records of a name.
    fn srv(&self, name: &str) -> Option<&SrvAnswer>;
}

/// What must be looked up next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ask {
    /// `https://{host}/.well-known/matrix/server`.
    WellKnown {
        /// The host.
        host: String,
    },
    /// The SRV records of a name.
    Srv {
        /// The name, such as `_matrix-fed._tcp.example.org`.
        name: String,
    },
}

/// How to reach a server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Route {
    /// What to try, in this order. None at all: the server says, or its name shows, that it cannot be reached.
    pub candidates: Vec<Target>,
    /// Until when this holds, in milliseconds since 1970.
    pub valid_until_ms: i64,
}

/// One thing to connect to, always over TLS.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    /// A host to look up, or an address without brackets.
    pub connect: String,
    /// The port.
    pub port: u16,
    /// The `Host` header.
    pub host_header: String,
    /// The name that TLS asks for and the certificate must bear. None for an address: the certificate must bear
    /// `connect` itself.
    pub sni: Option<String>,
}

/// Plans the way to a server by what is known.
pub fn plan(name: &ServerName, lookups: &impl Lookups, now_ms: i64) -> Result<Route, Ask> {
    let start = Route { candidates: vec![], valid_until_ms: now_ms.saturating_add(HOLDS) };
    let host = match read(name) {
        Named::Target(target) => return Ok(Route { candidates: vec![target], ..start }),
        Named::Nowhere => return Ok(start),
        Named::Host(host) => host,
    };
    let known = lookups.well_known(host).filter(|it| it.valid_until_ms > now_ms);
    let known = known.ok_or_else(|| Ask::WellKnown { host: host.to_owned() })?;
    let start = start.until(known.valid_until_ms);
    let name = known.delegated.as_ref().unwrap_or(name);
    match read(name) {
        Named::Target(target) => Ok(Route { candidates: vec![target], ..start }),
        Named::Nowhere => Ok(start),
        Named::Host(host) => by_srv(start, host, lookups, now_ms),
    }
}

/// What a name alone says, be it the server's own or one that it delegated to.
enum Named<'a> {
    Target(Target),
    /// A host whose port is to be found out.
    Host(&'a str),
    /// Nothing that a resolver could be trusted with.
    Nowhere,
}

fn read(name: &ServerName) -> Named<'_> {
    match (name.host(), name.port()) {
        (Host::Ip(ip), port) => Named::Target(Target {
            connect: ip.to_string(),
            port: port.unwrap_or(PORT),
            host_header: name.to_string(),
            sni: None,
        }),
        (Host::Dns(host), _) if !is_host(host) => Named::Nowhere,
        (Host::Dns(host), Some(port)) => {
            Named::Target(Target { host_header: name.to_string(), ..target(host, host, port) })
        }
        (Host::Dns(host), None) => Named::Host(host),
    }
}

/// The certificate must bear the host's name wherever SRV points, for DNS can be forged.
fn target(host: &str, connect: &str, port: u16) -> Target {
    let sni = host.strip_suffix('.').unwrap_or(host);
    Target { connect: connect.to_owned(), port, host_header: host.to_owned(), sni: Some(sni.to_owned()) }
}

/// By SRV, the deprecated kind included, or else by the port that is agreed on.
///
/// A look-up that failed counts as 'no such record' for as long as it holds: a workspace may have no way to ask for
/// SRV at all, most servers need none, and the certificate proves the host either way.
fn by_srv(mut route: Route, host: &str, lookups: &impl Lookups, now_ms: i64) -> Result<Route, Ask> {
    for service in ["_matrix-fed._tcp", "_matrix._tcp"] {
        let name = format!("{service}.{host}");
        let Some(known) = lookups.srv(&name).filter(|it| it.valid_until_ms > now_ms) else {
            return Err(Ask::Srv { name });
        };
        route = route.until(known.valid_until_ms);
        if let Srv::Targets(targets) = &known.found {
            let candidates = targets.iter().map(|(connect, port)| target(host, connect, *port)).collect();
            return Ok(Route { candidates, ..route });
        }
    }
    Ok(Route { candidates: vec![target(host, host, PORT)], ..route })
}

impl Route {
    fn until(self, valid_until_ms: i64) -> Self {
        Self { valid_until_ms: self.valid_until_ms.min(valid_until_ms), ..self }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    const NOW: i64 = 1_700_000_000_000;

    /// What the network has said.
    #[derive(Default)]
    struct Network {
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

    impl Network {
        fn delegates(mut self, host: &str, to: Option<&str>, holds: i64) -> Self {
            let delegated = to.map(|it| ServerName::parse(it).unwrap());
            let answer = WellKnownAnswer { delegated, valid_until_ms: NOW + holds, failures: 0 };
            self.well_known.insert(host.to_owned(), answer);
            self
        }

        fn srv(mut self, name: &str, found: Srv, holds: i64) -> Self {
            self.srv.insert(name.to_owned(), SrvAnswer { found, valid_until_ms: NOW + holds });
            self
        }

        fn plan(&self, name: &str) -> Result<Route, Ask> {
            plan(&ServerName::parse(name).unwrap(), self, NOW)
        }

        /// Connect, Host and SNI of each candidate, in a line.
        fn lines(&self, name: &str) -> Vec<String> {
            let route = self.plan(name).unwrap();
            let line = |it: Target| {
                format!("{} {} {} {}", it.connect, it.port, it.host_header, it.sni.as_deref().unwrap_or("-"))
            };
            route.candidates.into_iter().map(line).collect()
        }
    }

    fn found(targets: &[(&str, u16)]) -> Srv {
        Srv::Targets(targets.iter().map(|(host, port)| ((*host).to_owned(), *port)).collect())
    }

    #[test]
    fn steps_1_and_2_need_no_look_up() {
        for (name, line) in [
            ("1.2.3.4", "1.2.3.4 8448 1.2.3.4 -"),
            ("1.2.3.4:80", "1.2.3.4 80 1.2.3.4:80 -"),
            ("[2001:DB8::1]", "2001:db8::1 8448 [2001:DB8::1] -"),
            ("[::1]:80", "::1 80 [::1]:80 -"),
            ("a.org:80", "a.org 80 a.org:80 a.org"),
            ("a.org.:8448", "a.org. 8448 a.org.:8448 a.org"),
        ] {
            assert_eq!(Network::default().lines(name), [line]);
            assert_eq!(Network::default().plan(name).unwrap().valid_until_ms, NOW + HOLDS);
        }
    }

    #[test]
    fn names_that_pass_for_addresses_lead_nowhere() {
        for name in ["127.1", "127.1:80", "2130706433", "0x7f000001", "1.2.3.999:80", "."] {
            assert_eq!(Network::default().lines(name), [""; 0], "{name}");
        }
        assert_eq!(Network::default().delegates("a.org", Some("127.1"), 1).lines("a.org"), [""; 0]);
    }

    #[test]
    fn step_3_follows_a_delegation_once() {
        for (to, line) in [
            ("1.2.3.4", "1.2.3.4 8448 1.2.3.4 -"),
            ("[::1]:443", "::1 443 [::1]:443 -"),
            ("b.org:443", "b.org 443 b.org:443 b.org"),
        ] {
            assert_eq!(Network::default().delegates("a.org", Some(to), 1).lines("a.org"), [line]);
        }
        let network =
            Network::default().delegates("a.org", Some("b.org"), 5).delegates("b.org", Some("c.org"), 5);
        assert_eq!(network.plan("a.org"), Err(Ask::Srv { name: "_matrix-fed._tcp.b.org".to_owned() }));
        let network = network.srv("_matrix-fed._tcp.b.org", found(&[("x.net", 1), ("y.net", 2)]), 9);
        assert_eq!(network.lines("a.org"), ["x.net 1 b.org b.org", "y.net 2 b.org b.org"]);
        assert_eq!(network.plan("a.org").unwrap().valid_until_ms, NOW + 5);
        let network = network.srv("_matrix-fed._tcp.b.org", Srv::Absent, 9);
        assert_eq!(network.plan("a.org"), Err(Ask::Srv { name: "_matrix._tcp.b.org".to_owned() }));
        let network = network.srv("_matrix._tcp.b.org", found(&[("z.net", 3)]), 9);
        assert_eq!(network.lines("a.org"), ["z.net 3 b.org b.org"]);
        let network = network.srv("_matrix._tcp.b.org", Srv::Absent, 9);
        assert_eq!(network.lines("a.org"), ["b.org 8448 b.org b.org"]);
    }

    #[test]
    fn steps_4_to_6_go_on_without_one() {
        let network = Network::default();
        assert_eq!(network.plan("A.org"), Err(Ask::WellKnown { host: "A.org".to_owned() }));
        let network = network.delegates("A.org", None, 9);
        assert_eq!(network.plan("A.org"), Err(Ask::Srv { name: "_matrix-fed._tcp.A.org".to_owned() }));
        let network = network.srv("_matrix-fed._tcp.A.org", Srv::Failed, 7);
        assert_eq!(network.plan("A.org"), Err(Ask::Srv { name: "_matrix._tcp.A.org".to_owned() }));
        let network = network.srv("_matrix._tcp.A.org", found(&[("x.net", 1)]), 8);
        assert_eq!(network.lines("A.org"), ["x.net 1 A.org A.org"]);
        assert_eq!(network.plan("A.org").unwrap().valid_until_ms, NOW + 7);
        let network = network.srv("_matrix._tcp.A.org", Srv::Absent, 8);
        assert_eq!(network.lines("A.org"), ["A.org 8448 A.org A.org"]);
    }

    #[test]
    fn a_service_that_is_not_there_ends_the_way() {
        let network =
            Network::default().delegates("a.org", None, 9).srv("_matrix-fed._tcp.a.org", found(&[]), 9);
        assert_eq!(network.lines("a.org"), [""; 0]);
    }

    #[test]
    fn what_is_out_of_date_is_asked_for_again() {
        let network = Network::default().delegates("a.org", None, 0);
        assert_eq!(network.plan("a.org"), Err(Ask::WellKnown { host: "a.org".to_owned() }));
        let network = network.delegates("a.org", None, 1).srv("_matrix-fed._tcp.a.org", Srv::Absent, 0);
        assert_eq!(network.plan("a.org"), Err(Ask::Srv { name: "_matrix-fed._tcp.a.org".to_owned() }));
    }
}
