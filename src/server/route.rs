//! The way to another server: found out, remembered, and taken with a signed request.
//!
//! What is looked up on the way are requests that change nothing there, so they are read like documents. Every
//! address a stranger may have chosen is guarded where it is connected to.
//!
//! Spec: <https://spec.matrix.org/v1.18/server-server-api/#resolving-server-names>

use std::cell::RefCell;
use std::collections::BTreeMap;

use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};

use crate::effect::{Call, Effect, Peer};
use crate::ids::{self, key};
use crate::input::Answer;
use crate::matrix::compose::Signer;
use crate::matrix::discovery::{Ask, Lookups, Target, plan};
use crate::matrix::json::Json;
use crate::matrix::name::ServerName;
use crate::matrix::srv::{SrvAnswer, parse_srv};
use crate::matrix::well_known::{Response, WellKnownAnswer};
use crate::matrix::x_matrix::{XMatrix, signed_bytes};
use crate::record::{Record, Remembered};
use crate::view::{Missing, View};

/// Look-ups take no longer, in milliseconds.
pub(super) const LOOKUP: u32 = 10_000;

/// Requests take no longer, in milliseconds. A join of a large room takes its time.
const REQUEST: u32 = 60_000;

/// So often a delegation may send us elsewhere. The specification allows more; each is a request more that somebody
/// waits for.
const REDIRECTS: usize = 2;

/// What was learnt on the way and is worth keeping.
#[derive(Debug, Default)]
pub(super) struct Learnt(RefCell<Vec<Effect>>);

impl Learnt {
    /// Takes note of what a server said of itself.
    pub(super) fn note(&self, view: &View, of: &str, text: String) -> Result<(), Missing> {
        let mut learnt = self.0.borrow_mut();
        learnt.push(Record::Remembered(Remembered { of: of.to_owned(), text, at: view.now }).insert());
        learnt.extend(view.records(&key::remembered(of))?.iter().map(Record::remove));
        Ok(())
    }

    /// What to keep.
    pub(super) fn effects(self) -> Vec<Effect> {
        self.0.into_inner()
    }
}

/// What a server said of itself the last time.
pub(super) fn remembered<'v>(view: &'v View, of: &str) -> Result<Option<&'v Remembered>, Missing> {
    let records = view.records(&key::remembered(of))?.iter();
    Ok(records
        .filter_map(|it| if let Record::Remembered(it) = it { Some(it) } else { None })
        .max_by_key(|it| it.at))
}

/// A request to another server, signed.
pub(super) fn signed(
    view: &View,
    signer: Signer<'_>,
    server: &ServerName,
    (method, path, body): (&str, &str, Option<&str>),
    learnt: &Learnt,
) -> Result<Result<Call, String>, Missing> {
    let call = match plain(view, server, (method, path, body), learnt)? {
        Ok(call) => call,
        Err(why) => return Ok(Err(why)),
    };
    let content = match body.map(|body| Json::parse(body.as_bytes())) {
        Some(Ok(json)) => Some(json.root().canonical()),
        Some(Err(why)) => return Ok(Err(why.to_string())),
        None => None,
    };
    let Ok(origin) = ServerName::parse(signer.server) else {
        return Ok(Err("the server name in the settings is none".to_owned()));
    };
    let text = signed_bytes(method, path, &origin, server, content.as_deref().map(str::as_bytes));
    let header = XMatrix {
        origin,
        destination: Some(server.clone()),
        key: signer.key.id().to_owned(),
        signature: signer.key.sign(&text),
    };
    Ok(Ok(Call { authorization: Some(header.to_string()), ..call }))
}

/// A request to another server that needs no signature.
pub(super) fn plain(
    view: &View,
    server: &ServerName,
    (method, path, body): (&str, &str, Option<&str>),
    learnt: &Learnt,
) -> Result<Result<Call, String>, Missing> {
    Ok(target(view, server, learnt)?.map(|target| {
        let Target { connect, port, host_header, sni } = target;
        let connect = if connect.contains(':') { format!("[{connect}]") } else { connect };
        Call {
            method: method.to_owned(),
            url: format!("https://{connect}:{port}{path}"),
            authorization: None,
            peer: Some(Peer { host: host_header, sni }),
            guarded: true,
            body: body.map(str::to_owned),
            timeout: REQUEST,
        }
    }))
}

fn target(view: &View, server: &ServerName, learnt: &Learnt) -> Result<Result<Target, String>, Missing> {
    let mut known = Known::default();
    loop {
        match plan(server, &known, view.now) {
            Ok(route) => {
                let first = route.candidates.into_iter().next();
                return Ok(
                    first.ok_or_else(|| format!("{} says that it is no Matrix server", server.as_str()))
                );
            }
            Err(Ask::WellKnown { host }) => {
                let answer = well_known(view, &host, learnt)?;
                known.well_known.insert(host, answer);
            }
            Err(Ask::Srv { name }) => {
                let answer = srv(view, &name)?;
                known.srv.insert(name, answer);
            }
        }
    }
}

#[derive(Default)]
struct Known {
    well_known: BTreeMap<String, WellKnownAnswer>,
    srv: BTreeMap<String, SrvAnswer>,
}

impl Lookups for Known {
    fn well_known(&self, host: &str) -> Option<&WellKnownAnswer> {
        self.well_known.get(host)
    }

    fn srv(&self, name: &str) -> Option<&SrvAnswer> {
        self.srv.get(name)
    }
}

fn well_known(view: &View, host: &str, learnt: &Learnt) -> Result<WellKnownAnswer, Missing> {
    let of = format!("delegation:{host}");
    let before = remembered(view, &of)?.and_then(|it| serde_json::from_str::<WellKnownAnswer>(&it.text).ok());
    if let Some(before) = before.as_ref().filter(|it| it.valid_until_ms > view.now) {
        return Ok(before.clone());
    }
    let mut url = format!("https://{host}/.well-known/matrix/server");
    let mut answer = view.fetch(lookup(&url))?;
    for _ in 0..REDIRECTS {
        let Answer::Response { status: 301 | 302 | 303 | 307 | 308, location: Some(location), .. } = answer
        else {
            break;
        };
        url = match location.strip_prefix('/') {
            Some(path) if !path.starts_with('/') => {
                let here = url.strip_prefix("https://").and_then(|it| it.split(['/', '?', '#']).next());
                format!("https://{}/{path}", here.unwrap_or(host))
            }
            _ => location.clone(),
        };
        if !url.starts_with("https://") {
            break;
        }
        answer = view.fetch(lookup(&url))?;
    }
    let response = match answer {
        Answer::Response { status, body, cache_control, .. } => {
            Some(Response { status: *status, cache_control: cache_control.as_deref(), body: body.as_bytes() })
        }
        Answer::Unreachable { .. } => None,
    };
    let answer = WellKnownAnswer::read(response, before.as_ref(), view.now);
    learnt.note(view, &of, serde_json::to_string(&answer).unwrap_or_default())?;
    Ok(answer)
}

/// Without a resolver in the settings, no name has such records.
fn srv(view: &View, name: &str) -> Result<SrvAnswer, Missing> {
    let resolver = view.config.dns_url.as_str();
    let seed = ids::digest(&[&view.instance, name])
        .bytes()
        .fold(0, |seed: u64, byte| seed.rotate_left(5) ^ u64::from(byte));
    if resolver.is_empty() {
        return Ok(parse_srv(b"", seed, view.now));
    }
    let separator = if resolver.contains('?') { '&' } else { '?' };
    let name = utf8_percent_encode(name, NON_ALPHANUMERIC);
    let call = Call { guarded: false, ..lookup(&format!("{resolver}{separator}name={name}&type=SRV")) };
    Ok(match view.fetch(call)? {
        Answer::Response { status: 200, body, .. } => parse_srv(body.as_bytes(), seed, view.now),
        Answer::Response { .. } | Answer::Unreachable { .. } => parse_srv(b"", seed, view.now),
    })
}

fn lookup(url: &str) -> Call {
    Call {
        method: "GET".to_owned(),
        url: url.to_owned(),
        authorization: None,
        peer: None,
        guarded: true,
        body: None,
        timeout: LOOKUP,
    }
}
