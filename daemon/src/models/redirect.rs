//! Where a redirect leads: the address that a `Location` means at another address. RFC 3986 is
//! left to the crate `iri-string`; what servers write beside it is known here.

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
    let mut encoded = String::new();
    for &byte in location {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' => encoded.push(char::from(byte)),
            byte if b"-._~:/?#[]@!$&'()*+,;=%".contains(&byte) => encoded.push(char::from(byte)),
            byte => encoded.push_str(&format!("%{byte:02X}")),
        }
    }
    encoded
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
    }
}
