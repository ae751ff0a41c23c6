//! Where a redirect leads: the address that a `Location` means at another address. RFC 3986 is
//! left to the crate `iri-string`; what servers write beside it is known here.

use std::ops::Range;

use iri_string::types::{UriAbsoluteStr, UriReferenceStr};

use super::client::Uri;

/// The address that `location` means at `base`; nothing if it is none of HTTP.
pub(super) fn resolve(base: &Uri, location: &[u8]) -> Option<String> {
    let location = encoded(location.trim_ascii());
    // A fragment is not sent.
    let reference = location.split('#').next().unwrap_or_default();
    let base = base.to_string();
    let base = UriAbsoluteStr::new(&base).ok()?;
    let reference = UriReferenceStr::new(reference).ok()?;
    // Not normalised: the address may be signed as it is.
    let resolved = reference.resolve_against(base).to_string();
    let (scheme, rest) = resolved.split_once("://")?;
    let scheme = scheme.to_ascii_lowercase();
    let has_host = !rest.is_empty() && !rest.starts_with(['/', '?']);
    let is_http = scheme == "http" || scheme == "https";
    (is_http && has_host).then(|| format!("{scheme}://{rest}"))
}

/// With the bytes that an address cannot have written as addresses write them.
fn encoded(location: &[u8]) -> String {
    let host = host(location);
    let mut encoded = String::new();
    for (at, &byte) in location.iter().enumerate() {
        let is_legal = match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' => true,
            // Of an address of IPv6.
            b'[' | b']' => host.contains(&at),
            b'%' => {
                let digits = location.get(at + 1..at + 3);
                digits.is_some_and(|digits| digits.iter().all(u8::is_ascii_hexdigit))
            }
            byte => b"-._~:/?#@!$&'()*+,;=".contains(&byte),
        };
        match is_legal {
            true => encoded.push(char::from(byte)),
            false => encoded.push_str(&format!("%{byte:02X}")),
        }
    }
    encoded
}

/// Where the host is in an address, with its port; nowhere in one that names none.
fn host(location: &[u8]) -> Range<usize> {
    let first = location.iter().position(|byte| b"/?#".contains(byte));
    let Some(from) = first.filter(|at| location[*at..].starts_with(b"//")) else {
        return 0..0;
    };
    let from = from + 2;
    let rest = location[from..].iter();
    let length = rest.take_while(|byte| !b"/?#".contains(byte)).count();
    from..from + length
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(base: &str, location: &[u8]) -> String {
        resolve(&base.parse().unwrap(), location).unwrap_or_default()
    }

    #[test]
    fn redirects_lead_where_rfc_3986_says() {
        for (location, address) in [
            ("g", "http://a/b/c/g"),
            ("./g", "http://a/b/c/g"),
            ("g/", "http://a/b/c/g/"),
            ("/g", "http://a/g"),
            ("//g", "http://g"),
            ("?y", "http://a/b/c/d;p?y"),
            ("g?y", "http://a/b/c/g?y"),
            ("#s", "http://a/b/c/d;p?q"),
            ("g#s", "http://a/b/c/g"),
            (";x", "http://a/b/c/;x"),
            ("", "http://a/b/c/d;p?q"),
            (".", "http://a/b/c/"),
            ("./", "http://a/b/c/"),
            ("..", "http://a/b/"),
            ("../g", "http://a/b/g"),
            ("../..", "http://a/"),
            ("../../g", "http://a/g"),
            ("../../../g", "http://a/g"),
            ("/./g", "http://a/g"),
            ("g.", "http://a/b/c/g."),
            ("..g", "http://a/b/c/..g"),
            ("g/./h", "http://a/b/c/g/h"),
            ("g?y/../x", "http://a/b/c/g?y/../x"),
            ("http://x/y", "http://x/y"),
            ("HTTPS://X/y?z", "https://X/y?z"),
            ("http://x?y", "http://x?y"),
            ("//cdn:8443/y", "http://cdn:8443/y"),
        ] {
            assert_eq!(
                at("http://a/b/c/d;p?q", location.as_bytes()),
                address,
                "{location}"
            );
        }
        assert_eq!(at("https://hub:8443", b"g"), "https://hub:8443/g");
    }

    #[test]
    fn what_is_no_address_of_http_leads_nowhere() {
        for location in [
            "file:///etc/passwd",
            "ftp://x/y",
            "g:h",
            "http:g",
            "http:///x",
            "//",
        ] {
            assert_eq!(at("http://a/b", location.as_bytes()), "", "{location}");
        }
    }

    #[test]
    fn bytes_that_an_address_cannot_have_are_encoded() {
        assert_eq!(
            at("http://a/b", b" /x?n=a b|\"c\" "),
            "http://a/x?n=a%20b%7C%22c%22"
        );
        assert_eq!(
            at("http://a/b", b"/a%20b/\xc3\xa4"),
            "http://a/a%20b/%C3%A4"
        );
        for (location, address) in [
            ("/x?a[0]=b", "http://a/x?a%5B0%5D=b"),
            ("/100%/%2f%zz", "http://a/100%25/%2f%25zz"),
            ("a[1].onnx", "http://a/a%5B1%5D.onnx"),
            ("http://[::1]:80/[", "http://[::1]:80/%5B"),
            ("//[::1]/x?//[", "http://[::1]/x?//%5B"),
        ] {
            assert_eq!(at("http://a/b", location.as_bytes()), address);
        }
    }
}
