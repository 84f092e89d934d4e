//! The `Authorization: X-Matrix …` header by which one server proves to another who it is.
//!
//! Reading is lenient where other servers are careless, and strict about who signs: nothing is guessed, nothing stands
//! twice, and one request has one origin. Writing uses the one form that every server reads. Whether a signature holds
//! is judged elsewhere, over `signed_bytes`; so is whether the destination is us.
//!
//! Spec: <https://spec.matrix.org/v1.18/server-server-api/#request-authentication>

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use serde_json::Value;
use thiserror::Error;

use super::name::ServerName;

/// The most signatures that a request may carry.
const CREDENTIALS_MAX: usize = 10;

/// The most bytes that a header may have.
const HEADER_MAX: usize = 8 * 1024;

const SCHEME: &str = "X-Matrix";

/// What one server says of itself in a header: one signature by one key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct XMatrix {
    /// The server that sends.
    pub origin: ServerName,
    /// The server that is meant, which must be us; older servers do not say it.
    pub destination: Option<ServerName>,
    /// The id of the key, such as `ed25519:abc`.
    pub key: String,
    /// The signature in standard base64 without padding.
    pub signature: String,
}

/// Why headers prove nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum XMatrixError {
    /// There is no header.
    #[error("the request is not signed")]
    Unsigned,
    /// Too many signatures, or too long a header.
    #[error("the Authorization header is too large")]
    Large,
    /// The header is not well formed.
    #[error("the Authorization header cannot be read")]
    Malformed,
    /// The header is for something else.
    #[error("the Authorization header is not of the kind X-Matrix")]
    Scheme,
    /// What the header must say, and does not.
    #[error("the Authorization header does not say {0}")]
    Missing(&'static str),
    /// What the header says twice.
    #[error("the Authorization header says {0} twice")]
    Twice(&'static str),
    /// What is not what it should be.
    #[error("the Authorization header has an unusable {0}")]
    Unusable(&'static str),
    /// The signatures are of different servers.
    #[error("the request is signed by more than one server")]
    Origins,
}

/// Reads all of a request's `Authorization` headers. Something in front of us may have joined several to one, with
/// commas. At least one comes back, and all have the same origin.
pub fn parse_all(headers: &[&str]) -> Result<Vec<XMatrix>, XMatrixError> {
    let mut all = vec![];
    for header in headers {
        if header.len() > HEADER_MAX {
            return Err(XMatrixError::Large);
        }
        for credentials in split(header)? {
            if all.len() == CREDENTIALS_MAX {
                return Err(XMatrixError::Large);
            }
            all.push(credentials.read()?);
        }
    }
    let origin = &all.first().ok_or(XMatrixError::Unsigned)?.origin;
    if all.iter().all(|it| it.origin == *origin) { Ok(all) } else { Err(XMatrixError::Origins) }
}

/// What stands under one mention of the scheme, as it was written.
#[derive(Default)]
struct Credentials {
    origin: Option<String>,
    destination: Option<String>,
    key: Option<String>,
    sig: Option<String>,
}

impl Credentials {
    fn set(&mut self, name: &str, value: String) -> Result<(), XMatrixError> {
        let (place, name) = match name.to_ascii_lowercase().as_str() {
            "origin" => (&mut self.origin, "origin"),
            "destination" => (&mut self.destination, "destination"),
            "key" => (&mut self.key, "key"),
            "sig" => (&mut self.sig, "sig"),
            _ => return Ok(()),
        };
        if place.replace(value).is_some() { Err(XMatrixError::Twice(name)) } else { Ok(()) }
    }

    fn read(self) -> Result<XMatrix, XMatrixError> {
        let origin = self.origin.ok_or(XMatrixError::Missing("origin"))?;
        let key = self.key.ok_or(XMatrixError::Missing("key"))?;
        let sig = self.sig.ok_or(XMatrixError::Missing("sig"))?;
        let server = |text: &str, name| ServerName::parse(text).map_err(|_| XMatrixError::Unusable(name));
        let signature = sig.trim_end_matches('=');
        if signature.is_empty() || STANDARD_NO_PAD.decode(signature).is_err() {
            return Err(XMatrixError::Unusable("sig"));
        }
        // Versions of keys are letters, digits and `_` by the spec, but there are others in the wild.
        let visible = key.bytes().all(|b| b.is_ascii_graphic());
        let (algorithm, version) = key.split_once(':').unwrap_or_default();
        if !visible || algorithm.is_empty() || version.is_empty() {
            return Err(XMatrixError::Unusable("key"));
        }
        Ok(XMatrix {
            origin: server(&origin, "origin")?,
            destination: self.destination.map(|it| server(&it, "destination")).transpose()?,
            signature: signature.to_owned(),
            key,
        })
    }
}

/// Takes a header apart: `X-Matrix name=value, name="value", X-Matrix name=value …`.
fn split(header: &str) -> Result<Vec<Credentials>, XMatrixError> {
    let mut all: Vec<Credentials> = vec![];
    let mut rest = header.trim_start_matches([' ', '\t', ',']);
    while !rest.is_empty() {
        let (word, after) = rest.split_at(rest.find([' ', '\t', ',', '=']).unwrap_or(rest.len()));
        if let Some(value) = space(after).strip_prefix('=') {
            let (value, after) = value_of(space(value)).ok_or(XMatrixError::Malformed)?;
            // A header begins with its scheme.
            all.last_mut().ok_or(XMatrixError::Malformed)?.set(word, value)?;
            rest = space(after);
            if !rest.is_empty() && !rest.starts_with(',') {
                return Err(XMatrixError::Malformed);
            }
        } else if word.eq_ignore_ascii_case(SCHEME) {
            all.push(Credentials::default());
            rest = after;
        } else {
            return Err(XMatrixError::Scheme);
        }
        rest = rest.trim_start_matches([' ', '\t', ',']);
    }
    Ok(all)
}

/// A value, and what stands behind it.
fn value_of(text: &str) -> Option<(String, &str)> {
    let Some(quoted) = text.strip_prefix('"') else {
        // A token has neither `:` nor `/`, but older servers write names and keys without quotes.
        let (value, rest) = text.split_at(text.find([' ', '\t', ',', '"']).unwrap_or(text.len()));
        return (!value.is_empty()).then(|| (value.to_owned(), rest));
    };
    let mut value = String::new();
    let mut chars = quoted.chars();
    loop {
        match chars.next()? {
            '"' => return Some((value, chars.as_str())),
            '\\' => value.push(chars.next()?),
            c => value.push(c),
        }
    }
}

fn space(text: &str) -> &str {
    text.trim_start_matches([' ', '\t'])
}

impl fmt::Display for XMatrix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{SCHEME} origin=\"{}\",", self.origin)?;
        if let Some(destination) = &self.destination {
            write!(f, "destination=\"{destination}\",")?;
        }
        let key = self.key.replace('\\', r"\\").replace('"', "\\\"");
        write!(f, "key=\"{key}\",sig=\"{}\"", self.signature)
    }
}

/// What a request's signature is over: its canonical JSON. The uri is the path and query exactly as sent, the content
/// canonical JSON already.
pub fn signed_bytes(
    method: &str,
    uri: &str,
    origin: &ServerName,
    destination: &ServerName,
    content: Option<&[u8]>,
) -> Vec<u8> {
    // Strings have the same form in serde's JSON as in canonical JSON.
    let text = |it: &str| Value::from(it).to_string();
    let mut bytes = b"{".to_vec();
    if let Some(content) = content {
        bytes.extend_from_slice(b"\"content\":");
        bytes.extend_from_slice(content);
        bytes.push(b',');
    }
    let rest = format!(
        r#""destination":{},"method":{},"origin":{},"uri":{}}}"#,
        text(destination.as_str()),
        text(method),
        text(origin.as_str()),
        text(uri)
    );
    bytes.extend_from_slice(rest.as_bytes());
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(text: &str) -> ServerName {
        ServerName::parse(text).unwrap()
    }

    fn x_matrix() -> XMatrix {
        XMatrix {
            origin: name("a.org:80"),
            destination: Some(name("b.org")),
            key: "ed25519:abc".to_owned(),
            signature: "dGVzdA".to_owned(),
        }
    }

    #[test]
    fn the_form_that_every_server_reads() {
        let text = r#"X-Matrix origin="a.org:80",destination="b.org",key="ed25519:abc",sig="dGVzdA""#;
        assert_eq!(x_matrix().to_string(), text);
        assert_eq!(parse_all(&[text]), Ok(vec![x_matrix()]));
        let odd = XMatrix { key: r#"ed25519:a"b\c,"#.to_owned(), destination: None, ..x_matrix() };
        assert_eq!(odd.to_string(), r#"X-Matrix origin="a.org:80",key="ed25519:a\"b\\c,",sig="dGVzdA""#);
        assert_eq!(parse_all(&[&odd.to_string()]), Ok(vec![odd]));
    }

    #[test]
    fn careless_forms_are_read() {
        for header in [
            "X-Matrix origin=a.org:80,destination=b.org,key=ed25519:abc,sig=dGVzdA==",
            r#"X-Matrix origin=a.org:80,destination="b.org",key="ed25519:abc",sig="dGVzdA==""#,
            r#"x-matrix SIG="dGVzdA",Key="ed25519:abc",ORIGIN="a.org:80",Destination="b.org""#,
            r#"X-MATRIX   origin = "a.org:80" , destination	=	"b.org",, key="ed25519:abc",sig="dGVzdA" , "#,
            r#" , X-Matrix origin="a\.org:8\0",destination="b.org",key="ed25519:abc",sig="dGVzdA""#,
            r#"X-Matrix y="1,2\"",origin="a.org:80",destination="b.org",key="ed25519:abc",z=é,sig="dGVzdA""#,
        ] {
            assert_eq!(parse_all(&[header]), Ok(vec![x_matrix()]), "{header}");
        }
        let ip = r#"X-Matrix origin=[::1]:80,key="ed25519:abc",sig="ab/+""#;
        let found = parse_all(&[ip]).unwrap().remove(0);
        assert_eq!((found.origin, found.destination), (name("[::1]:80"), None));
    }

    #[test]
    fn other_forms_are_refused() {
        use XMatrixError::{Malformed, Missing, Scheme, Twice, Unsigned, Unusable};
        for (header, error) in [
            ("", Unsigned),
            (" , ", Unsigned),
            ("X-Matrix", Missing("origin")),
            ("Bearer abc", Scheme),
            (r#"X-Matrix origin,key="k:1",sig="dGVzdA""#, Scheme),
            (r#"origin="a.org",key="k:1",sig="dGVzdA""#, Malformed),
            (r#"X-Matrixorigin="a.org",key="k:1",sig="dGVzdA""#, Malformed),
            (r#"X-Matrix origin="a.org"#, Malformed),
            (r#"X-Matrix origin="a.org\"#, Malformed),
            (r#"X-Matrix origin="a.org"x,key="k:1",sig="dGVzdA""#, Malformed),
            (r#"X-Matrix origin="a.org" key="k:1",sig="dGVzdA""#, Malformed),
            (r#"X-Matrix origin=a"b",key="k:1",sig="dGVzdA""#, Malformed),
            (r#"X-Matrix origin=,key="k:1",sig="dGVzdA""#, Malformed),
            (r#"X-Matrix key="k:1",sig="dGVzdA""#, Missing("origin")),
            (r#"X-Matrix origin="a.org",sig="dGVzdA""#, Missing("key")),
            (r#"X-Matrix origin="a.org",key="k:1""#, Missing("sig")),
            (r#"X-Matrix origin="a.org",key="k:1",sig="dGVzdA",Origin="a.org""#, Twice("origin")),
            (r#"X-Matrix origin="a.org",key="k:1",sig="dGVzdA",sig="dGVzdA""#, Twice("sig")),
            (r#"X-Matrix origin="a.org",key="k:1",key="k:2",sig="dGVzdA""#, Twice("key")),
            (r#"X-Matrix destination=a,destination=b,key="k:1",sig="dGVzdA""#, Twice("destination")),
            (r#"X-Matrix origin="a org",key="k:1",sig="dGVzdA""#, Unusable("origin")),
            (r#"X-Matrix origin="a.org",destination="",key="k:1",sig="dGVzdA""#, Unusable("destination")),
            (r#"X-Matrix origin="a.org",key="k",sig="dGVzdA""#, Unusable("key")),
            (r#"X-Matrix origin="a.org",key=":1",sig="dGVzdA""#, Unusable("key")),
            (r#"X-Matrix origin="a.org",key="k:",sig="dGVzdA""#, Unusable("key")),
            (r#"X-Matrix origin="a.org",key="k:1 2",sig="dGVzdA""#, Unusable("key")),
            (r#"X-Matrix origin="a.org",key="k:1",sig="dGVz-_""#, Unusable("sig")),
            (r#"X-Matrix origin="a.org",key="k:1",sig="d=GVz""#, Unusable("sig")),
            (r#"X-Matrix origin="a.org",key="k:1",sig="==""#, Unusable("sig")),
        ] {
            assert_eq!(parse_all(&[header]), Err(error), "{header}");
        }
        assert_eq!(parse_all(&[]), Err(Unsigned));
    }

    #[test]
    fn several_signatures_are_of_one_server() {
        let other = XMatrix { key: "ed25519:def".to_owned(), ..x_matrix() };
        let (one, two) = (x_matrix().to_string(), other.to_string());
        let both = Ok(vec![x_matrix(), other]);
        assert_eq!(parse_all(&[&one, &two]), both);
        assert_eq!(parse_all(&[&format!("{one}, {two}")]), both);
        assert_eq!(parse_all(&[&format!("{one},{two}")]), both);
        let stranger = XMatrix { origin: name("c.org"), ..x_matrix() }.to_string();
        assert_eq!(parse_all(&[&one, &stranger]), Err(XMatrixError::Origins));
        // A bad one spoils the good ones.
        assert_eq!(parse_all(&[&one, "Bearer abc"]), Err(XMatrixError::Scheme));
    }

    #[test]
    fn headers_are_bounded() {
        let one = x_matrix().to_string();
        assert_eq!(parse_all(&[one.as_str(); CREDENTIALS_MAX]).unwrap().len(), CREDENTIALS_MAX);
        assert_eq!(parse_all(&[one.as_str(); CREDENTIALS_MAX + 1]), Err(XMatrixError::Large));
        assert!(parse_all(&[&format!("{one:<HEADER_MAX$}")]).is_ok());
        assert_eq!(parse_all(&[&format!("{one:<0$}", HEADER_MAX + 1)]), Err(XMatrixError::Large));
    }

    #[test]
    fn the_signed_bytes_are_canonical() {
        let bytes = |uri, content| {
            String::from_utf8(signed_bytes("PUT", uri, &name("a.org"), &name("b.org"), content)).unwrap()
        };
        assert_eq!(
            bytes("/x?a=%2F", Some(br#"{"b":1}"#)),
            r#"{"content":{"b":1},"destination":"b.org","method":"PUT","origin":"a.org","uri":"/x?a=%2F"}"#
        );
        assert_eq!(
            bytes("\"\\/\u{8}\t\n\u{c}\r\0\u{1f}\u{7f}é\u{2028}", None),
            "{\"destination\":\"b.org\",\"method\":\"PUT\",\"origin\":\"a.org\",\
             \"uri\":\"\\\"\\\\/\\b\\t\\n\\f\\r\\u0000\\u001f\u{7f}é\u{2028}\"}"
        );
    }
}
