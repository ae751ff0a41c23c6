//! Asking a server of files over HTTP: one GET at a time, through the proxies of the
//! environment, with redirects followed by hand so that the token goes to the hub alone.
//!
//! Knows nothing of repositories and of the disk.

use std::fs;
use std::io::{self, Read};
use std::time::Duration;

use ureq::http::Uri;
use ureq::http::header::{AUTHORIZATION, CONTENT_LENGTH, CONTENT_RANGE, LOCATION, RANGE};
use ureq::tls::{PemItem, RootCerts, TlsConfig, parse_pem};
use ureq::{Agent, Proxy};

use super::error::ModelError;
use super::redirect;
use crate::environment::Network;

/// A server that sends nothing for so long has stalled.
const STALL: Duration = Duration::from_secs(60);

/// How long a connection may take to come about.
const CONNECT: Duration = Duration::from_secs(30);

/// Redirects that are followed.
const MOST_REDIRECTS: usize = 10;

/// A client of one hub.
pub(super) struct Http {
    agent: Agent,
    network: Network,
    /// Where the token may go: scheme, host and port.
    origin: Option<Origin>,
}

type Origin = (String, String, u16);

/// Why there is no answer.
#[derive(Debug)]
pub(super) enum Failure {
    /// The server says so; whether asking again can help.
    Status(u16),
    /// The connection failed or stalled: asking again may help.
    Connection(String),
    /// It cannot work.
    Impossible(String),
}

impl Failure {
    /// Whether the same question may be answered later.
    pub(super) fn may_pass(&self) -> bool {
        match self {
            Self::Status(status) => matches!(status, 408 | 425 | 429 | 500..=599),
            Self::Connection(_) => true,
            Self::Impossible(_) => false,
        }
    }

    /// In words, for people.
    pub(super) fn words(&self) -> String {
        match self {
            Self::Status(401 | 403) => {
                "the hub refuses it: the repository is private or asks for a licence to be \
                 accepted there; set HF_TOKEN to a token that may read it"
                    .to_owned()
            }
            Self::Status(404) => "the hub has no such repository, revision or file".to_owned(),
            Self::Status(429) => "the hub says that it was asked too often (429)".to_owned(),
            Self::Status(status) => format!("the server answered {status}"),
            Self::Connection(reason) | Self::Impossible(reason) => reason.clone(),
        }
    }
}

/// What a server sends.
pub(super) struct Answer {
    /// The first byte that it sends, of those of the file.
    pub start: u64,
    /// How many it says that it sends.
    pub length: Option<u64>,
    /// The bytes.
    pub body: Box<dyn Read>,
}

impl Http {
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

    /// Gets a file from byte `from` on; from its first if the server cannot do otherwise.
    pub(super) fn get(&self, url: &str, from: u64) -> Result<Answer, Failure> {
        let mut url = url.to_owned();
        for _ in 0..=MOST_REDIRECTS {
            let uri: Uri = url
                .parse()
                .map_err(|error| Failure::Impossible(format!("{url} is no address: {error}")))?;
            let response = self.ask(&uri, from)?;
            let header = |name| {
                let value = response.headers().get(&name);
                value
                    .and_then(|value| value.to_str().ok())
                    .map(str::to_owned)
            };
            match response.status().as_u16() {
                200 => {
                    let length = header(CONTENT_LENGTH).and_then(|length| length.parse().ok());
                    return Ok(answer(0, length, response));
                }
                206 => {
                    let start = header(CONTENT_RANGE).and_then(|range| start_of(&range));
                    let start = start.ok_or_else(|| {
                        let reason = "the server sent a part of the file and not which";
                        Failure::Impossible(reason.to_owned())
                    })?;
                    let length = header(CONTENT_LENGTH).and_then(|length| length.parse().ok());
                    return Ok(answer(start, length, response));
                }
                301 | 302 | 303 | 307 | 308 => {
                    let to = response.headers().get(LOCATION);
                    let next = to.and_then(|to| redirect::resolve(&uri, to.as_bytes()));
                    let next = next.ok_or_else(|| {
                        let reason = format!("{url} leads to {to:?}, which is no address of HTTP");
                        Failure::Impossible(reason)
                    })?;
                    if uri.scheme_str() == Some("https") && !next.starts_with("https:") {
                        let reason = format!("{url} leads to {next}, which is not encrypted");
                        return Err(Failure::Impossible(reason));
                    }
                    url = next;
                }
                status => return Err(Failure::Status(status)),
            }
        }
        Err(Failure::Impossible(format!("{url} leads on and on")))
    }

    fn ask(&self, uri: &Uri, from: u64) -> Result<ureq::http::Response<ureq::Body>, Failure> {
        let mut request = self.agent.get(uri);
        if from > 0 {
            request = request.header(RANGE, format!("bytes={from}-"));
        }
        let own = self.origin.is_some() && origin(uri) == self.origin;
        if own && let Some(token) = &self.network.token {
            request = request.header(AUTHORIZATION, format!("Bearer {token}"));
        }
        let request = request.config().proxy(self.proxy_for(uri)?).build();
        request.call().map_err(|error| match error {
            ureq::Error::BadUri(_) | ureq::Error::Http(_) | ureq::Error::InvalidProxyUrl => {
                Failure::Impossible(error.to_string())
            }
            error => Failure::Connection(words(&error)),
        })
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

fn answer(start: u64, length: Option<u64>, response: ureq::http::Response<ureq::Body>) -> Answer {
    Answer {
        start,
        length,
        body: Box::new(response.into_body().into_reader()),
    }
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
