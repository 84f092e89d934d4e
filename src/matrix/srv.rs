//! DNS SRV records, as DNS over HTTPS answers them in JSON.
//!
//! What the answer holds is a stranger's: records that are not well formed are skipped, and of the rest only the first
//! few count. Which of equals comes first is drawn from a seed, so that the same seed gives the same order.
//!
//! Spec: <https://www.rfc-editor.org/rfc/rfc2782>

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::name::{Host, ServerName};

/// The most bytes of an answer that are looked at.
pub const BODY_MAX: usize = 50 * 1024;

/// The most records that count.
const RECORDS_MAX: usize = 16;

const MINUTE: i64 = 60_000;
const HOUR: i64 = 60 * MINUTE;

/// The type of SRV among DNS records.
const SRV: u64 = 33;

/// What is known of a name's SRV records.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SrvAnswer {
    /// What was found.
    pub found: Srv,
    /// Until when this holds, in milliseconds since 1970.
    pub valid_until_ms: i64,
}

/// What was found under a name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Srv {
    /// Hosts and ports, the one to be tried first in front. None at all: the name says that there is no such service.
    Targets(Vec<(String, u16)>),
    /// There is no such record.
    Absent,
    /// The name could not be looked up.
    Failed,
}

/// Reads an answer in the form `application/dns-json`; an empty one stands for a resolver that cannot be reached.
pub fn parse_srv(json: &[u8], seed: u64, now_ms: i64) -> SrvAnswer {
    let (found, holds) = read(json, seed).unwrap_or((Srv::Failed, MINUTE));
    SrvAnswer { found, valid_until_ms: now_ms.saturating_add(holds) }
}

struct Record {
    priority: u16,
    weight: u16,
    port: u16,
    /// Empty where there is no such service.
    target: String,
    ttl_ms: i64,
}

fn read(json: &[u8], seed: u64) -> Option<(Srv, i64)> {
    let json: Value = if json.len() <= BODY_MAX { serde_json::from_slice(json).ok()? } else { return None };
    match json.get("Status").and_then(Value::as_u64)? {
        // No error, and no such name.
        0 | 3 => {}
        _ => return None,
    }
    let answers = json.get("Answer").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
    let records: Vec<Record> = answers.iter().filter_map(record).collect();
    let Some(ttl) = records.iter().map(|it| it.ttl_ms).min() else {
        return Some((Srv::Absent, HOUR));
    };
    let targets = ordered(records, seed).into_iter().filter(|it| !it.target.is_empty());
    let targets = targets.map(|it| (it.target, it.port)).take(RECORDS_MAX).collect();
    Some((Srv::Targets(targets), ttl.clamp(MINUTE, 24 * HOUR)))
}

fn record(answer: &Value) -> Option<Record> {
    if answer.get("type")?.as_u64()? != SRV {
        return None;
    }
    let ttl_ms = answer.get("TTL").and_then(Value::as_i64).unwrap_or(0).saturating_mul(1000);
    let mut words = answer.get("data")?.as_str()?.split_ascii_whitespace();
    let mut number = || words.next()?.parse::<u16>().ok();
    let (priority, weight, port) = (number()?, number()?, number()?);
    let target = words.next()?;
    let target = target.strip_suffix('.').unwrap_or(target);
    let good = words.next().is_none() && (target.is_empty() || is_host(target));
    good.then(|| Record { priority, weight, port, target: target.to_owned(), ttl_ms })
}

/// Whether a name may be looked up as a host: no address, nor anything that some resolver or URL parser would take for
/// one, as they do `127.1` and `0x7f000001`. Such a host would slip past whoever looks at addresses only after a
/// look-up.
///
/// Spec: <https://url.spec.whatwg.org/#ends-in-a-number-checker>
pub(super) fn is_host(name: &str) -> bool {
    let last = name.strip_suffix('.').unwrap_or(name).rsplit('.').next().unwrap_or_default();
    let hex = last.strip_prefix("0x").or_else(|| last.strip_prefix("0X"));
    let number = match hex {
        Some(digits) => digits.bytes().all(|b| b.is_ascii_hexdigit()),
        None => last.bytes().all(|b| b.is_ascii_digit()),
    };
    !number && ServerName::parse(name).is_ok_and(|it| it.port().is_none() && it.host() == Host::Dns(name))
}

/// By priority; among equals by weighted lot.
fn ordered(mut left: Vec<Record>, mut seed: u64) -> Vec<Record> {
    // Weightless ones come first, as the RFC has it, so that they have a small chance and no more.
    left.sort_by_key(|it| (it.priority, it.weight != 0));
    let mut order = Vec::with_capacity(left.len());
    while let Some(priority) = left.first().map(|it| it.priority) {
        let equals = left.iter().take_while(|it| it.priority == priority);
        let sum: u64 = equals.map(|it| u64::from(it.weight)).sum();
        // Knuth's generator: its upper bits look random enough to spread load.
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        let lot = (seed >> 33) % (sum + 1);
        let mut running = 0;
        let drawn = left.iter().position(|it| {
            running += u64::from(it.weight);
            running >= lot
        });
        order.push(left.remove(drawn.unwrap_or(0)));
    }
    order
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn parse(answer: &Value) -> SrvAnswer {
        parse_srv(answer.to_string().as_bytes(), 7, 0)
    }

    fn answer(data: &[&str]) -> Value {
        let records = data.iter().map(|it| json!({"name": "x", "type": 33, "TTL": 300, "data": it}));
        json!({"Status": 0, "Answer": records.collect::<Vec<_>>()})
    }

    fn targets(data: &[&str], seed: u64) -> Vec<String> {
        match parse_srv(answer(data).to_string().as_bytes(), seed, 0).found {
            Srv::Targets(targets) => {
                targets.into_iter().map(|(host, port)| format!("{host}:{port}")).collect()
            }
            other @ (Srv::Absent | Srv::Failed) => panic!("{other:?}"),
        }
    }

    #[test]
    fn an_answer_is_found_absent_or_failed() {
        let found = Srv::Targets(vec![("a.org".to_owned(), 8443)]);
        for (answer, expected, holds) in [
            (answer(&["10 5 8443 a.org."]), found.clone(), 5 * MINUTE),
            (answer(&["10 5 8443 a.org"]), found.clone(), 5 * MINUTE),
            (answer(&["0 0 0 ."]), Srv::Targets(vec![]), 5 * MINUTE),
            (answer(&["0 0 0 .", "10 5 8443 a.org."]), found.clone(), 5 * MINUTE),
            (answer(&[]), Srv::Absent, HOUR),
            (json!({"Status": 0}), Srv::Absent, HOUR),
            (json!({"Status": 3}), Srv::Absent, HOUR),
            (json!({"Status": 2}), Srv::Failed, MINUTE),
            (json!({"Answer": []}), Srv::Failed, MINUTE),
            (json!([]), Srv::Failed, MINUTE),
            (
                json!({"Status": 0, "Answer": [
                    {"type": 5, "TTL": 60, "data": "c.org."},
                    {"type": 33, "TTL": 120, "data": "10 5 8443 a.org."}
                ]}),
                found.clone(),
                2 * MINUTE,
            ),
            (
                json!({"Status": 0, "Answer": [{"type": 33, "TTL": 1, "data": "10 5 8443 a.org."}]}),
                found.clone(),
                MINUTE,
            ),
            (
                json!({"Status": 0, "Answer": [{"type": 33, "TTL": i64::MAX, "data": "10 5 8443 a.org."}]}),
                found,
                24 * HOUR,
            ),
        ] {
            assert_eq!(parse(&answer), SrvAnswer { found: expected, valid_until_ms: holds }, "{answer}");
        }
        assert_eq!(parse_srv(b"", 0, 0).found, Srv::Failed);
        let long = format!("{:<1$}", answer(&["10 5 8443 a.org."]).to_string(), BODY_MAX + 1);
        assert_eq!(parse_srv(long.as_bytes(), 0, 0).found, Srv::Failed);
    }

    #[test]
    fn bad_records_are_skipped() {
        let bad = [
            "",
            "10 5 8443",
            "10 5 a.org.",
            "10 5 65536 a.org.",
            "-1 5 80 a.org.",
            "10 5 80 a.org. x",
            "10 5 80 a b",
            "10 5 80 1.2.3.4",
            "10 5 80 127.1",
            "10 5 80 0x7f000001.",
            "10 5 80 [::1]",
            "10 5 80 a.org:80",
            "10 5 80 a/b",
            "10 5 80 ..",
        ];
        let mut data = bad.to_vec();
        data.push("10 5 80 good.org.");
        assert_eq!(targets(&data, 0), ["good.org:80"]);
        assert_eq!(parse(&answer(&bad)).found, Srv::Absent);
    }

    #[test]
    fn names_that_pass_for_addresses_are_no_hosts() {
        for good in ["a.org", "a.org.", "localhost", "1.2.3.a", "0x.org", "a1", "0xg"] {
            assert!(is_host(good), "{good}");
        }
        for bad in [
            "1.2.3.4",
            "1.2.3.999",
            "127.1",
            "2130706433",
            "0x7f.1",
            "0X7f000001",
            "a.0x",
            "a.1.",
            "a..",
            ".",
        ] {
            assert!(!is_host(bad), "{bad}");
        }
    }

    #[test]
    fn priority_comes_first_and_weight_is_a_lot() {
        let data = ["20 0 1 c.", "10 1 1 light.", "10 3 1 heavy.", "30 9 1 d."];
        let mut heavy_first = 0;
        for seed in 0..1000 {
            let order = targets(&data, seed);
            assert_eq!(order, targets(&data, seed));
            assert_eq!(order[2..], ["c:1", "d:1"]);
            heavy_first += i32::from(order[0] == "heavy:1");
        }
        // Of the five lots 0..=4 the first two fall to the light one.
        assert!((500..=700).contains(&heavy_first), "{heavy_first}");
        let weightless =
            (0..1000).filter(|seed| targets(&["1 99 1 a.", "1 0 1 b."], *seed)[0] == "b:1").count();
        assert!((1..=50).contains(&weightless), "{weightless}");
    }

    #[test]
    fn only_the_first_sixteen_count() {
        let data: Vec<String> = (0..40).rev().map(|it| format!("{it} 1 80 h{it}.")).collect();
        let data: Vec<&str> = data.iter().map(String::as_str).collect();
        let found = targets(&data, 0);
        assert_eq!((found.len(), found[0].as_str(), found[15].as_str()), (16, "h0:80", "h15:80"));
    }
}
