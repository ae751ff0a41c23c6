//! Where a redirect leads: the address that a `Location` means at another address, by RFC 3986.

use ureq::http::Uri;

/// The address that `location` means at `base`; nothing if it is none of HTTP.
pub(super) fn resolve(base: &Uri, location: &[u8]) -> Option<String> {
    let location = encoded(location.trim_ascii());
    let reference = location.split('#').next().unwrap_or_default();
    if let Some((scheme, rest)) = with_scheme(reference) {
        let scheme = scheme.to_ascii_lowercase();
        let is_http = scheme == "http" || scheme == "https";
        return is_http.then(|| absolute(&scheme, rest)).flatten();
    }
    let scheme = base.scheme_str()?;
    if reference.starts_with("//") {
        return absolute(scheme, reference);
    }
    let host = base.authority()?;
    let own = base.path_and_query()?.as_str();
    let (path, _) = own.split_once('?').unwrap_or((own, ""));
    let (folder, _) = path.rsplit_once('/')?;
    let target = match reference.chars().next() {
        None => own.to_owned(),
        Some('?') => format!("{path}{reference}"),
        Some('/') => without_dots(reference),
        Some(_) => without_dots(&format!("{folder}/{reference}")),
    };
    Some(format!("{scheme}://{host}{target}"))
}

fn with_scheme(reference: &str) -> Option<(&str, &str)> {
    let (scheme, rest) = reference.split_once(':')?;
    let is_scheme = scheme.starts_with(|letter: char| letter.is_ascii_alphabetic())
        && scheme
            .chars()
            .all(|letter| letter.is_ascii_alphanumeric() || "+-.".contains(letter));
    is_scheme.then_some((scheme, rest))
}

/// An address from its scheme, and the `//` and what comes after.
fn absolute(scheme: &str, rest: &str) -> Option<String> {
    let rest = rest.strip_prefix("//")?;
    let end = rest.find(['/', '?']).unwrap_or(rest.len());
    let (host, target) = rest.split_at(end);
    if host.is_empty() {
        return None;
    }
    let target = match target.starts_with('/') {
        true => without_dots(target),
        false => format!("/{target}"),
    };
    Some(format!("{scheme}://{host}{target}"))
}

/// A path with a `/` before it and perhaps a query behind, its `.` and `..` followed.
fn without_dots(target: &str) -> String {
    let (path, query) = match target.find('?') {
        Some(at) => target.split_at(at),
        None => (target, ""),
    };
    let mut kept: Vec<&str> = Vec::new();
    for name in path.split('/').skip(1) {
        match name {
            "." => {}
            ".." => drop(kept.pop()),
            name => kept.push(name),
        }
    }
    // They lead to a folder.
    if path.ends_with("/.") || path.ends_with("/..") {
        kept.push("");
    }
    format!("/{}{query}", kept.join("/"))
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
            ("//g", "http://g/"),
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
            ("http://x?y", "http://x/?y"),
            ("//cdn:8443/y", "http://cdn:8443/y"),
            ("1:2", "http://a/b/c/1:2"),
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
