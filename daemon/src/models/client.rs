//! One question over HTTP: through the proxies of the environment, with redirects followed by hand
//! so that the token goes to the hub alone.

use std::fs;
use std::io::{self, Read};
use std::time::Duration;

pub(super) use ureq::http::{HeaderMap, Uri, header};
use ureq::tls::{PemItem, RootCerts, TlsConfig, parse_pem};
use ureq::typestate::WithoutBody;
use ureq::{Agent, Proxy};

use self::header::{
    ACCEPT_ENCODING, AUTHORIZATION, CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_RANGE, HeaderName,
    LOCATION, RANGE,
};
use super::error::ModelError;
use super::http::Failure;
use super::redirect;
use crate::environment::Network;

/// A server that sends nothing for so long has stalled.
const STALL: Duration = Duration::from_secs(60);

/// How long a connection may take to come about.
const CONNECT: Duration = Duration::from_secs(30);

/// Redirects that are followed.
const MOST_REDIRECTS: usize = 10;

/// What asks a hub, and those whom it redirects to.
pub(super) struct Client {
    agent: Agent,
    network: Network,
    /// Where the token may go: scheme, host and port.
    origin: Option<Origin>,
}

type Origin = (String, String, u16);

/// What a server says of what it sends.
pub(super) struct Head {
    /// The first byte that it sends, of those of the file.
    pub start: u64,
    /// How many it says that it sends.
    pub length: Option<u64>,
    /// All that it says.
    pub headers: HeaderMap,
}

impl Client {
    pub(super) fn new(network: &Network, endpoint: &str) -> Result<Self, ModelError> {
        let stall = network.stall_seconds.map_or(STALL, Duration::from_secs);
        let mut tls = TlsConfig::builder();
        if let Some(path) = &network.certificates {
            let pem = fs::read(path).map_err(ModelError::disk(path, "read"))?;
            let certificates: Vec<_> = parse_pem(&pem)
                .filter_map(|item| match item {
                    Ok(PemItem::Certificate(certificate)) => Some(certificate),
                    _ => None,
                })
                .collect();
            tls = tls.root_certs(RootCerts::from(certificates));
        }
        let config = Agent::config_builder()
            .http_status_as_error(false)
            .max_redirects(0)
            .timeout_connect(Some(CONNECT.min(stall)))
            .timeout_recv_response(Some(stall))
            .timeout_per_read(Some(stall))
            .timeout_per_write(Some(stall))
            .user_agent(concat!("semfs/", env!("CARGO_PKG_VERSION")))
            .tls_config(tls.build())
            .proxy(None)
            .build();
        Ok(Self {
            agent: config.new_agent(),
            network: network.clone(),
            origin: endpoint.parse().ok().and_then(|uri| origin(&uri)),
        })
    }

    /// Gets a file from byte `from` on, or from its first if the server cannot do otherwise.
    pub(super) fn get(&self, url: &str, from: u64) -> Result<(Head, impl Read + use<>), Failure> {
        let mut uri = parsed(url)?;
        for _ in 0..=MOST_REDIRECTS {
            let response = self.ask(self.agent.get(&uri), &uri, from)?;
            let headers = response.headers();
            let start = match response.status().as_u16() {
                200 => 0,
                206 => {
                    let start = text(headers, &CONTENT_RANGE).and_then(start_of);
                    start.ok_or_else(|| {
                        let reason = "the server sent a part of the file and not which";
                        Failure::Impossible(reason.to_owned())
                    })?
                }
                301 | 302 | 303 | 307 | 308 => {
                    uri = next(&uri, headers)?;
                    continue;
                }
                status => return Err(Failure::Status(status)),
            };
            let head = Head {
                start,
                length: text(headers, &CONTENT_LENGTH).and_then(|length| length.parse().ok()),
                headers: headers.clone(),
            };
            return Ok((head, response.into_body().into_reader()));
        }
        Err(Failure::Impossible(format!("{url} leads on and on")))
    }

    /// What the hub itself says of a file: its first answer, and those that it redirects to on
    /// its own.
    pub(super) fn told(&self, url: &str) -> Result<Vec<HeaderMap>, Failure> {
        let mut uri = parsed(url)?;
        let mut told = Vec::new();
        for _ in 0..=MOST_REDIRECTS {
            let mut response = self.ask(self.agent.head(&uri), &uri, 0)?;
            let status = response.status().as_u16();
            let has_length = response.headers().contains_key(CONTENT_LENGTH);
            if matches!(status, 405 | 501) || status == 200 && !has_length {
                // Some know no HEAD, and some do not count for it. The body is left.
                response = self.ask(self.agent.get(&uri), &uri, 0)?;
            }
            let mut headers = response.headers().clone();
            match response.status().as_u16() {
                200 => {
                    told.push(headers);
                    return Ok(told);
                }
                301 | 302 | 303 | 307 | 308 => {
                    let next = next(&uri, &headers);
                    // That of the redirect, not of the file.
                    headers.remove(CONTENT_LENGTH);
                    told.push(headers);
                    match next {
                        Ok(next) if self.is_own(&next) => uri = next,
                        _ => return Ok(told),
                    }
                }
                status if told.is_empty() => return Err(Failure::Status(status)),
                _ => return Ok(told),
            }
        }
        Ok(told)
    }

    /// Whether an address is at the hub.
    pub(super) fn is_own(&self, uri: &Uri) -> bool {
        self.origin.is_some() && origin(uri) == self.origin
    }

    fn ask(
        &self,
        request: ureq::RequestBuilder<WithoutBody>,
        uri: &Uri,
        from: u64,
    ) -> Result<ureq::http::Response<ureq::Body>, Failure> {
        // A hash is that of the bytes of the file, and a part is one of them.
        let mut request = request.header(ACCEPT_ENCODING, "identity");
        if from > 0 {
            request = request.header(RANGE, format!("bytes={from}-"));
        }
        if self.is_own(uri)
            && let Some(token) = &self.network.token
        {
            request = request.header(AUTHORIZATION, format!("Bearer {token}"));
        }
        let request = request.config().proxy(self.proxy_for(uri)?).build();
        let response = request.call().map_err(|error| match error {
            ureq::Error::BadUri(_) | ureq::Error::Http(_) | ureq::Error::InvalidProxyUrl => {
                Failure::Impossible(error.to_string())
            }
            error => Failure::Connection(words(&error)),
        })?;
        let encoding = text(response.headers(), &CONTENT_ENCODING).unwrap_or_default();
        let is_plain = encoding.is_empty() || encoding.eq_ignore_ascii_case("identity");
        if response.status().is_success() && !is_plain {
            return Err(Failure::Impossible(format!(
                "the server sends it encoded as {encoding:?}, and was asked for it as it is"
            )));
        }
        Ok(response)
    }

    /// The proxy for an address, as the environment says.
    fn proxy_for(&self, uri: &Uri) -> Result<Option<Proxy>, Failure> {
        let proxy = match uri.scheme_str() {
            Some("https") => &self.network.https_proxy,
            _ => &self.network.http_proxy,
        };
        let host = uri.host().unwrap_or_default();
        match proxy {
            Some(proxy) if !is_excepted(&self.network.no_proxy, host) => Proxy::new(proxy)
                .map(Some)
                // The address may hold a password.
                .map_err(|_| {
                    let reason = "the proxy that the environment names is no address";
                    Failure::Impossible(reason.to_owned())
                }),
            _ => Ok(None),
        }
    }
}

fn parsed(url: &str) -> Result<Uri, Failure> {
    let parsed = url.parse();
    parsed.map_err(|error| Failure::Impossible(format!("{url} is no address: {error}")))
}

fn text<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Option<&'a str> {
    headers.get(name)?.to_str().ok()
}

/// Where a redirect from `uri` leads.
fn next(uri: &Uri, headers: &HeaderMap) -> Result<Uri, Failure> {
    let to = headers.get(LOCATION).map_or(&[][..], |to| to.as_bytes());
    let found = redirect::resolve(uri, to).and_then(|next| next.parse::<Uri>().ok());
    let next = found.ok_or_else(|| {
        let to = String::from_utf8_lossy(to);
        Failure::Impossible(format!(
            "{uri} leads to {to:?}, which is no address of HTTP"
        ))
    })?;
    if uri.scheme_str() == Some("https") && next.scheme_str() != Some("https") {
        let reason = format!("{uri} leads to {next}, which is not encrypted");
        return Err(Failure::Impossible(reason));
    }
    Ok(next)
}

/// An error of a connection, in words.
fn words(error: &ureq::Error) -> String {
    match error {
        ureq::Error::Timeout(_) => "the server was silent for too long".to_owned(),
        ureq::Error::HostNotFound => "its name is not known; is there a network?".to_owned(),
        ureq::Error::Io(error) => io_words(error),
        error => error.to_string(),
    }
}

/// An error while bytes are read, in words.
pub(super) fn io_words(error: &io::Error) -> String {
    let inner = error.get_ref().and_then(|inner| inner.downcast_ref());
    match inner {
        Some(error @ ureq::Error::Timeout(_)) => words(error),
        _ if error.kind() == io::ErrorKind::TimedOut => {
            words(&ureq::Error::Timeout(ureq::Timeout::RecvBody))
        }
        _ => format!("the connection failed ({error})"),
    }
}

fn origin(uri: &Uri) -> Option<Origin> {
    let scheme = uri.scheme_str()?;
    let port = uri
        .port_u16()
        .unwrap_or(if scheme == "https" { 443 } else { 80 });
    Some((scheme.to_owned(), uri.host()?.to_lowercase(), port))
}

/// The first byte that a `Content-Range` names: `bytes 100-199/200`.
fn start_of(range: &str) -> Option<u64> {
    let bytes = range.trim().strip_prefix("bytes")?.trim_start();
    bytes.split('-').next()?.parse().ok()
}

/// Whether a host is to be reached without a proxy: `no_proxy` has names and suffixes of names,
/// separated by commas, or `*`.
fn is_excepted(no_proxy: &str, host: &str) -> bool {
    let host = host.trim_matches(['[', ']']).to_lowercase();
    no_proxy.split(',').map(str::trim).any(|entry| {
        let entry = entry
            .trim_start_matches('*')
            .trim_start_matches('.')
            .to_lowercase();
        let all = no_proxy.trim() == "*";
        all || !entry.is_empty() && (host == entry || host.ends_with(&format!(".{entry}")))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_are_excepted_from_proxies_by_name_and_suffix() {
        assert!(is_excepted("localhost,127.0.0.1", "127.0.0.1"));
        assert!(is_excepted(".example.com", "hub.example.com"));
        assert!(is_excepted("example.com", "hub.Example.com"));
        assert!(is_excepted("*.example.com", "hub.example.com"));
        assert!(is_excepted("*", "anything"));
        assert!(!is_excepted("example.com", "badexample.com"));
        assert!(!is_excepted("", "example.com"));
    }

    #[test]
    fn a_redirect_never_leads_from_https_to_http() {
        let leads = |from: &str, to: &str| {
            let headers = [(LOCATION, to.parse().unwrap())].into_iter().collect();
            next(&from.parse().unwrap(), &headers).map_err(|failure| failure.words())
        };
        assert_eq!(leads("https://a/b", "HTTPS://c/d").unwrap(), "https://c/d");
        assert_eq!(leads("http://a/b", "https://c/d").unwrap(), "https://c/d");
        for to in ["http://a/b", "HTTP://c/d"] {
            let words = leads("https://a/b", to).unwrap_err();
            assert!(words.contains("not encrypted"), "{words}");
        }
        let words = leads("https://a/b", "file:///etc/passwd").unwrap_err();
        assert!(words.contains("no address of HTTP"), "{words}");
    }

    #[test]
    fn the_token_belongs_to_scheme_host_and_port() {
        let of = |uri: &str| origin(&uri.parse().unwrap());
        assert_eq!(of("https://Hub.example/x"), of("https://hub.example:443/y"));
        assert_ne!(of("https://hub.example/x"), of("http://hub.example/x"));
        assert_ne!(of("http://h:1/x"), of("http://h:2/x"));
    }

    #[test]
    fn a_part_of_a_file_says_where_it_begins() {
        assert_eq!(start_of("bytes 100-199/200"), Some(100));
        assert_eq!(start_of("bytes */200"), None);
    }
}
