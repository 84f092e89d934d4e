//! Server names, user ids, and which server an id belongs to.
//!
//! What comes from the network is held to the grammar and no more, for refusing what other servers accept would split
//! a room; what we make ourselves is held to the narrow form. Nothing is changed on the way: names are compared byte
//! by byte.
//!
//! Spec: <https://spec.matrix.org/v1.18/appendices/#server-name>

use std::fmt;
use std::net::IpAddr;

use ruma_common::OwnedServerName;
use serde::{Deserialize, Serialize};
use thiserror::Error;

/// The most bytes a DNS name may have.
const DNS_MAX: usize = 255;

/// The most bytes an id may have, its sigil included.
const ID_MAX: usize = 255;

/// Why a text is not the name it should be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum NameError {
    /// It is not a server name.
    #[error("this is not the name of a Matrix server")]
    Server,
    /// It is not a user id.
    #[error("this is not a Matrix user id, which looks like @name:server")]
    User,
    /// It is longer than an id may be.
    #[error("a Matrix id may have at most 255 bytes")]
    Long,
}

/// The name of a server, in a form that the grammar allows.
///
/// Ruma's verdict, and three things it lets pass: a port is one to five digits (Ruma takes `+80` and `000080`), and a
/// DNS name has at most 255 bytes (Ruma bounds only the whole). A port above 65535 fits the grammar, but no socket has
/// it: Ruma refuses it, and so do we. Whether a name leads anywhere is not asked here; see `discovery`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ServerName(OwnedServerName);

/// Where a server name points, without its port.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Host<'a> {
    /// A name to be looked up.
    Dns(&'a str),
    /// An address written out.
    Ip(IpAddr),
}

impl ServerName {
    /// Reads a server name.
    pub fn parse(text: &str) -> Result<Self, NameError> {
        let name = OwnedServerName::try_from(text).map_err(|_| NameError::Server)?;
        let port = text.strip_prefix(name.host()).and_then(|rest| rest.strip_prefix(':'));
        let good_port = port.is_none_or(|it| it.len() <= 5 && it.bytes().all(|b| b.is_ascii_digit()));
        if good_port && name.host().len() <= DNS_MAX { Ok(Self(name)) } else { Err(NameError::Server) }
    }

    /// The name as it was written.
    pub fn as_str(&self) -> &str {
        self.0.as_str()
    }

    /// The name without its port.
    ///
    /// Four numbers that are no address, such as `1.2.3.999`, fit the grammar of a DNS name and are read as one.
    pub fn host(&self) -> Host<'_> {
        let host = self.0.host();
        let bare = host.strip_prefix('[').and_then(|it| it.strip_suffix(']')).unwrap_or(host);
        bare.parse().map_or(Host::Dns(host), Host::Ip)
    }

    /// The port, where one is written.
    pub fn port(&self) -> Option<u16> {
        self.0.port()
    }
}

impl fmt::Display for ServerName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl TryFrom<String> for ServerName {
    type Error = NameError;

    fn try_from(text: String) -> Result<Self, NameError> {
        Self::parse(&text)
    }
}

impl From<ServerName> for String {
    fn from(name: ServerName) -> Self {
        name.0.into()
    }
}

/// Reads a user id as others may write it: its localpart may be empty or hold anything but `:` and NUL.
///
/// Spec: <https://spec.matrix.org/v1.18/appendices/#historical-user-ids>
pub fn user_id(text: &str) -> Result<(&str, ServerName), NameError> {
    if text.len() > ID_MAX {
        return Err(NameError::Long);
    }
    let (localpart, server) =
        text.strip_prefix('@').and_then(|rest| rest.split_once(':')).ok_or(NameError::User)?;
    if localpart.contains('\0') {
        return Err(NameError::User);
    }
    Ok((localpart, ServerName::parse(server)?))
}

/// Whether this is a user id that may be made today.
///
/// Spec: <https://spec.matrix.org/v1.18/appendices/#user-identifiers>
pub fn is_new_user_id(text: &str) -> bool {
    let narrow = |b| matches!(b, b'a'..=b'z' | b'0'..=b'9' | b'.' | b'_' | b'=' | b'-' | b'/' | b'+');
    user_id(text).is_ok_and(|(localpart, _)| !localpart.is_empty() && localpart.bytes().all(narrow))
}

/// The server that made an id, where the id names one: room ids from room version 12 and event ids from room version 3
/// on do not.
pub fn server_of(id: &str) -> Option<ServerName> {
    let (_, server) = id.strip_prefix(['@', '!', '$', '#'])?.split_once(':')?;
    ServerName::parse(server).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn server_names_are_a_host_and_maybe_a_port() {
        let ip = |text: &str| Host::Ip(text.parse().unwrap());
        for (text, host, port) in [
            ("matrix.org", Host::Dns("matrix.org"), None),
            ("matrix.org:8888", Host::Dns("matrix.org"), Some(8888)),
            ("1.2.3.4", ip("1.2.3.4"), None),
            ("1.2.3.4:1234", ip("1.2.3.4"), Some(1234)),
            ("[1234:5678::abcd]", ip("1234:5678::abcd"), None),
            ("[1234:5678::ABCD]:5678", ip("1234:5678::abcd"), Some(5678)),
            ("[::ffff:1.2.3.4]", ip("::ffff:1.2.3.4"), None),
            ("localhost:00080", Host::Dns("localhost"), Some(80)),
            ("a:65535", Host::Dns("a"), Some(65535)),
            ("1.2.3.999", Host::Dns("1.2.3.999"), None),
            ("1.2.3", Host::Dns("1.2.3"), None),
            ("01.2.3.4", Host::Dns("01.2.3.4"), None),
            ("-a..b.", Host::Dns("-a..b."), None),
            ("MATRIX.org", Host::Dns("MATRIX.org"), None),
        ] {
            let name = ServerName::parse(text).unwrap();
            assert_eq!((name.host(), name.port(), name.as_str()), (host, port, text));
        }
        assert_ne!(ServerName::parse("a.org"), ServerName::parse("A.org"));
        assert_ne!(ServerName::parse("a.org"), ServerName::parse("a.org:8448"));
    }

    #[test]
    fn other_texts_are_not() {
        for text in [
            "",
            ":",
            ":80",
            "a:",
            "a:+80",
            "a:-1",
            "a:000080",
            "a:65536",
            "a:99999",
            "a:b",
            "a:80:90",
            "a b",
            "a_b",
            "ä.org",
            "a/b",
            "a\0",
            "[::1",
            "::1",
            "[]",
            "[::1]80",
            "[::1]:",
            "[::1]x",
            "[1.2.3.4]",
            "[fe80::1%eth0]",
            "[[::1]]",
            "a]",
            "[::1]:80]",
        ] {
            assert_eq!(ServerName::parse(text), Err(NameError::Server), "{text}");
        }
    }

    #[test]
    fn dns_names_end_at_255_bytes() {
        assert!(ServerName::parse(&format!("{}:12345", "a".repeat(255))).is_ok());
        assert!(ServerName::parse(&"a".repeat(256)).is_err());
    }

    #[test]
    fn old_user_ids_are_read_and_new_ones_are_narrow() {
        for (text, localpart, new) in [
            ("@bob:a.org", "bob", true),
            ("@b.o_b=-/+9:a.org:80", "b.o_b=-/+9", true),
            ("@Bob:a.org", "Bob", false),
            ("@:a.org", "", false),
            ("@ü \n@b:a.org", "ü \n@b", false),
        ] {
            let (found, server) = user_id(text).unwrap();
            assert_eq!((found, is_new_user_id(text)), (localpart, new), "{text}");
            assert!(text.ends_with(server.as_str()));
        }
        for (text, error) in [
            ("bob:a.org", NameError::User),
            ("@bob", NameError::User),
            ("@b\0b:a.org", NameError::User),
            ("@bob:", NameError::Server),
            ("@bob:b:a.org", NameError::Server),
        ] {
            assert_eq!(user_id(text), Err(error), "{text}");
            assert!(!is_new_user_id(text));
        }
        let long = |length: usize| format!("@{}:a.org", "b".repeat(length - 7));
        assert!(is_new_user_id(&long(255)));
        assert_eq!(user_id(&long(256)), Err(NameError::Long));
        assert_eq!(user_id(&format!("@{}:a.org", "ü".repeat(125))), Err(NameError::Long));
    }

    #[test]
    fn old_ids_name_their_server() {
        for (id, server) in [
            ("@bob:a.org", Some("a.org")),
            ("!room:a.org:80", Some("a.org:80")),
            ("$143:[::1]:80", Some("[::1]:80")),
            ("#a b:a.org", Some("a.org")),
            ("$Rqnc-F-dvnEYJTyHq_iKxU2bZ1CI92-kuZq3a5lr5Zg", None),
            ("!Rqnc-F-dvnEYJTyHq_iKxU2bZ1CI92-kuZq3a5lr5Zg", None),
            ("bob:a.org", None),
            ("@bob:", None),
        ] {
            assert_eq!(server_of(id).as_ref().map(ServerName::as_str), server, "{id}");
        }
    }
}
