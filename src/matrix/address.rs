//! The guard: which addresses another server may have us talk to.
//!
//! A server name, a delegation or a DNS record is written by a stranger and may point into our own network. So every
//! address is judged at the moment of connecting, after all looking up, and whatever is not plainly on the public
//! Internet is refused.
//!
//! Spec: <https://www.iana.org/assignments/iana-ipv4-special-registry/> and its sister for IPv6

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Networks of IPv4 that are not on the public Internet: first address, length of the prefix, what it is.
const IPV4: &[(Ipv4Addr, u32, &str)] = &[
    (Ipv4Addr::UNSPECIFIED, 8, "no address at all"),
    (Ipv4Addr::new(10, 0, 0, 0), 8, "in a private network"),
    (Ipv4Addr::new(100, 64, 0, 0), 10, "inside a provider's network"),
    (Ipv4Addr::new(127, 0, 0, 0), 8, "this machine itself"),
    (Ipv4Addr::new(169, 254, 0, 0), 16, "on the local link"),
    (Ipv4Addr::new(172, 16, 0, 0), 12, "in a private network"),
    (Ipv4Addr::new(192, 0, 0, 0), 24, "set aside for protocols"),
    (Ipv4Addr::new(192, 0, 2, 0), 24, "for documentation only"),
    (Ipv4Addr::new(192, 88, 99, 0), 24, "a relay to other addresses"),
    (Ipv4Addr::new(192, 168, 0, 0), 16, "in a private network"),
    (Ipv4Addr::new(198, 18, 0, 0), 15, "for benchmarks only"),
    (Ipv4Addr::new(198, 51, 100, 0), 24, "for documentation only"),
    (Ipv4Addr::new(203, 0, 113, 0), 24, "for documentation only"),
    (Ipv4Addr::new(224, 0, 0, 0), 4, "for many receivers"),
    (Ipv4Addr::new(240, 0, 0, 0), 4, "reserved"),
];

/// The same of IPv6, inside `PUBLIC` only.
const IPV6: &[(Ipv6Addr, u32, &str)] = &[
    // With Teredo, ORCHID and the benchmarking net inside.
    (Ipv6Addr::new(0x2001, 0, 0, 0, 0, 0, 0, 0), 23, "set aside for protocols"),
    (Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 0), 32, "for documentation only"),
    (Ipv6Addr::new(0x2002, 0, 0, 0, 0, 0, 0, 0), 16, "a tunnel to another address"),
    (Ipv6Addr::new(0x3fff, 0, 0, 0, 0, 0, 0, 0), 20, "for documentation only"),
];

/// The only part of IPv6 from which public addresses are given out. Loopback, link-local, site-local, unique local,
/// multicast, discard and all that carries an IPv4 address (mapped, NAT64: not every gateway refuses private ones) lie
/// outside.
const PUBLIC: (Ipv6Addr, u32) = (Ipv6Addr::new(0x2000, 0, 0, 0, 0, 0, 0, 0), 3);

/// Whether this is an address on the public Internet.
pub fn is_public(address: IpAddr) -> bool {
    refusal(address).is_none()
}

/// What a refused address is, in words that complete 'this address is …'; nothing where it is public.
pub fn refusal(address: IpAddr) -> Option<&'static str> {
    match address {
        IpAddr::V4(it) => {
            IPV4.iter().find(|(net, prefix, _)| inside_v4(it, *net, *prefix)).map(|(.., what)| *what)
        }
        IpAddr::V6(it) if !inside_v6(it, PUBLIC.0, PUBLIC.1) => Some("outside the public part of IPv6"),
        IpAddr::V6(it) => {
            IPV6.iter().find(|(net, prefix, _)| inside_v6(it, *net, *prefix)).map(|(.., what)| *what)
        }
    }
}

fn inside_v4(address: Ipv4Addr, net: Ipv4Addr, prefix: u32) -> bool {
    (address.to_bits() ^ net.to_bits()).leading_zeros() >= prefix
}

fn inside_v6(address: Ipv6Addr, net: Ipv6Addr, prefix: u32) -> bool {
    (address.to_bits() ^ net.to_bits()).leading_zeros() >= prefix
}

/// Reads an address as Node and Deno report the other end of a socket: perhaps with a zone (`fe80::1%eth0`), and an
/// IPv4 address perhaps in IPv6 form (`::ffff:192.0.2.1`), which is read as the IPv4 address that it is.
pub fn parse_address(text: &str) -> Option<IpAddr> {
    let address = match text.split_once('%') {
        Some((address, zone)) if !zone.is_empty() => IpAddr::V6(address.parse().ok()?),
        Some(_) => return None,
        None => text.parse().ok()?,
    };
    Some(address.to_canonical())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_sides_of_each_boundary() {
        // A refused net: the last public address before it, its first, its last, the first public one behind it.
        // An empty text: the neighbour is refused too.
        for [before, first, last, behind] in [
            ["", "0.0.0.0", "0.255.255.255", "1.0.0.0"],
            ["9.255.255.255", "10.0.0.0", "10.255.255.255", "11.0.0.0"],
            ["100.63.255.255", "100.64.0.0", "100.127.255.255", "100.128.0.0"],
            ["126.255.255.255", "127.0.0.0", "127.255.255.255", "128.0.0.0"],
            ["169.253.255.255", "169.254.0.0", "169.254.255.255", "169.255.0.0"],
            ["172.15.255.255", "172.16.0.0", "172.31.255.255", "172.32.0.0"],
            ["191.255.255.255", "192.0.0.0", "192.0.0.255", "192.0.1.0"],
            ["192.0.1.255", "192.0.2.0", "192.0.2.255", "192.0.3.0"],
            ["192.88.98.255", "192.88.99.0", "192.88.99.255", "192.88.100.0"],
            ["192.167.255.255", "192.168.0.0", "192.168.255.255", "192.169.0.0"],
            ["198.17.255.255", "198.18.0.0", "198.19.255.255", "198.20.0.0"],
            ["198.51.99.255", "198.51.100.0", "198.51.100.255", "198.51.101.0"],
            ["203.0.112.255", "203.0.113.0", "203.0.113.255", "203.0.114.0"],
            ["223.255.255.255", "224.0.0.0", "239.255.255.255", ""],
            ["", "240.0.0.0", "255.255.255.255", ""],
            // Everything before and behind 2000::/3: unspecified, loopback, mapped, NAT64, discard, …
            ["", "::", "1fff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "2000::"],
            ["3ffe:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "3fff::", "3fff:fff:ffff::", "3fff:1000::"],
            ["3fff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "4000::", "ffff::", ""],
            ["2000:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "2001::", "2001:1ff:ffff::", "2001:200::"],
            ["2001:db7:ffff::", "2001:db8::", "2001:db8:ffff::", "2001:db9::"],
            ["2001:ffff:ffff::", "2002::", "2002:ffff:ffff::", "2003::"],
        ] {
            for (text, public) in [(before, true), (first, false), (last, false), (behind, true)] {
                if !text.is_empty() {
                    let address = text.parse().unwrap();
                    assert_eq!(is_public(address), public, "{text}: {:?}", refusal(address));
                }
            }
        }
    }

    #[test]
    fn the_well_known_dangers() {
        for text in [
            "169.254.169.254",
            "::1",
            "::ffff:127.0.0.1",
            "::ffff:8.8.8.8",
            "::8.8.8.8",
            "64:ff9b::127.0.0.1",
            "64:ff9b::8.8.8.8",
            "64:ff9b:1::808:808",
            "64:ff9b::1:808:808",
            "100::1",
            "2001:0:808:808::1",
            "2001:2::1",
            "2001:10::1",
            "2001:20::1",
            "2002:7f00:1::",
            "5f00::1",
            "fc00::1",
            "fd00:ec2::254",
            "fe80::1",
            "fec0::1",
            "ff02::1",
        ] {
            assert!(!is_public(text.parse().unwrap()), "{text}");
        }
        for text in ["8.8.8.8", "2606:4700::1111", "2a01:4f8::1"] {
            assert!(is_public(text.parse().unwrap()), "{text}");
        }
    }

    #[test]
    fn sockets_other_ends_are_read() {
        for (text, expected) in [
            ("127.0.0.1", Some("127.0.0.1")),
            ("::ffff:127.0.0.1", Some("127.0.0.1")),
            ("::ffff:7f00:1", Some("127.0.0.1")),
            ("::ffff:127.0.0.1%lo", Some("127.0.0.1")),
            ("fe80::1%eth0", Some("fe80::1")),
            ("2a01:4f8::1", Some("2a01:4f8::1")),
            ("127.0.0.1%eth0", None),
            ("fe80::1%", None),
            ("[::1]", None),
            ("127.1", None),
            ("localhost", None),
            ("", None),
        ] {
            assert_eq!(parse_address(text).map(|it| it.to_string()).as_deref(), expected, "{text}");
        }
    }
}
