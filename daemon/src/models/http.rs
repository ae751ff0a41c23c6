//! Asking a server of files over HTTP: one GET at a time, through the proxies of the
//! environment, with redirects followed by hand so that the token goes to the hub alone. A
//! server that is silent holds nobody up who wants to end.
//!
//! Knows nothing of repositories and of the disk.

use std::fs;
use std::io::{self, Read};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::thread;
use std::time::{Duration, Instant};

use ureq::http::header::{
    ACCEPT_ENCODING, AUTHORIZATION, CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_RANGE, LOCATION,
    RANGE,
};
use ureq::http::{HeaderMap, HeaderName, Uri};
use ureq::tls::{PemItem, RootCerts, TlsConfig, parse_pem};
use ureq::typestate::WithoutBody;
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

/// How often a question is asked before it is given up.
pub(super) const ATTEMPTS: u32 = 4;

/// Bytes that are read at once.
const PIECE: usize = 1 << 16;

/// Pieces that have come and that nobody took yet.
const MOST_PIECES: usize = 4;

/// Time between two looks at whether to end.
const GLANCE: Duration = Duration::from_millis(100);

/// A client of one hub. What it waits for ends when `stop` is set.
pub(super) struct Http<'a> {
    client: Arc<Client>,
    stop: &'a AtomicBool,
}

/// What asks, on a thread of its own: one that waits for a server cannot be called back.
struct Client {
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
    /// The user ended it.
    Interrupted,
}

impl Failure {
    /// Whether the same question may be answered later.
    pub(super) fn may_pass(&self) -> bool {
        match self {
            Self::Status(status) => matches!(status, 408 | 425 | 429 | 500..=599),
            Self::Connection(_) => true,
            Self::Impossible(_) | Self::Interrupted => false,
        }
    }

    /// Of a question about `url`.
    pub(super) fn at(&self, url: &str) -> ModelError {
        match self {
            Self::Interrupted => ModelError::Interrupted,
            failure => ModelError::Hub {
                url: url.to_owned(),
                reason: failure.words(),
            },
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
            Self::Interrupted => ModelError::Interrupted.to_string(),
        }
    }
}

/// What a server sends.
pub(super) struct Answer<'a> {
    /// What it says of it.
    pub head: Head,
    /// The bytes.
    pub body: Body<'a>,
}

/// What a server says of what it sends.
pub(super) struct Head {
    /// The first byte that it sends, of those of the file.
    pub start: u64,
    /// How many it says that it sends.
    pub length: Option<u64>,
    /// All that it says.
    pub headers: HeaderMap,
}

/// Bytes on their way.
pub(super) struct Body<'a> {
    pieces: Receiver<Result<Vec<u8>, Failure>>,
    stop: &'a AtomicBool,
}

impl Body<'_> {
    /// The next bytes; none at the end.
    pub(super) fn next(&self) -> Result<Vec<u8>, Failure> {
        received(&self.pieces, self.stop)?
    }
}

impl<'a> Http<'a> {
    pub(super) fn new(
        network: &Network,
        endpoint: &str,
        stop: &'a AtomicBool,
    ) -> Result<Self, ModelError> {
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
        let client = Client {
            agent: config.new_agent(),
            network: network.clone(),
            origin: endpoint.parse().ok().and_then(|uri| origin(&uri)),
        };
        Ok(Self {
            client: Arc::new(client),
            stop,
        })
    }

    /// Gets a file from byte `from` on; from its first if the server cannot do otherwise.
    pub(super) fn get(&self, url: &str, from: u64) -> Result<Answer<'a>, Failure> {
        let url = url.to_owned();
        let (to_head, head) = sync_channel(1);
        let (to_body, pieces) = sync_channel(MOST_PIECES);
        self.apart(move |client| match client.get(&url, from) {
            Ok((head, body)) => {
                if to_head.send(Ok(head)).is_ok() {
                    pump(body, &to_body);
                }
            }
            Err(failure) => drop(to_head.send(Err(failure))),
        })?;
        let stop = self.stop;
        Ok(Answer {
            head: received(&head, stop)??,
            body: Body { pieces, stop },
        })
    }

    /// All that is at `url`, if that is not more than `longest` bytes, and what the server says
    /// of it. Asked for again where that may help.
    pub(super) fn text(&self, url: &str, longest: u64) -> Result<(HeaderMap, Vec<u8>), Failure> {
        self.again(url, || {
            let Answer { head, body } = self.get(url, 0)?;
            let mut text = Vec::new();
            loop {
                let piece = body.next()?;
                if piece.is_empty() {
                    return Ok((head.headers, text));
                }
                text.extend(piece);
                if text.len() as u64 > longest {
                    return Err(Failure::Impossible("its answer has no end".to_owned()));
                }
            }
        })
    }

    /// What the hub itself says of the file at `url`: its first answer, and those that it
    /// redirects to on its own. Nothing that others say. Asked for again where that may help.
    pub(super) fn told(&self, url: &str) -> Result<Vec<HeaderMap>, Failure> {
        self.again(url, || {
            let url = url.to_owned();
            let (to, told) = sync_channel(1);
            self.apart(move |client| drop(to.send(client.told(&url))))?;
            received(&told, self.stop)?
        })
    }

    /// How many bytes the file at `url` has by the word of whoever has it.
    pub(super) fn length(&self, url: &str) -> Result<Option<u64>, Failure> {
        self.again(url, || Ok(self.get(url, 0)?.head.length))
    }

    /// What `location` means at `url`, if that is at the hub.
    pub(super) fn own_address(&self, url: &str, location: &str) -> Option<String> {
        let next = redirect::resolve(&url.parse().ok()?, location.as_bytes())?;
        self.client.is_own(&next.parse().ok()?).then_some(next)
    }

    /// Waits before another attempt, longer each time.
    pub(super) fn wait(&self, attempt: u32) -> Result<(), Failure> {
        let end = Instant::now() + Duration::from_millis(250 << attempt.min(5));
        loop {
            let left = end.saturating_duration_since(Instant::now());
            if self.stop.load(Ordering::Relaxed) {
                return Err(Failure::Interrupted);
            }
            if left.is_zero() {
                return Ok(());
            }
            thread::sleep(left.min(GLANCE));
        }
    }

    fn again<T>(&self, url: &str, ask: impl Fn() -> Result<T, Failure>) -> Result<T, Failure> {
        let mut attempt = 1;
        loop {
            match ask() {
                Err(failure) if failure.may_pass() && attempt < ATTEMPTS => {
                    tracing::debug!(attempt, url, reason = failure.words(), "asking again");
                    self.wait(attempt)?;
                    attempt += 1;
                }
                other => return other,
            }
        }
    }

    /// Begins something on a thread that is left behind if it does not end.
    fn apart(&self, work: impl FnOnce(&Client) + Send + 'static) -> Result<(), Failure> {
        let client = Arc::clone(&self.client);
        let begun = thread::Builder::new()
            .name("http".to_owned())
            .spawn(move || work(&client));
        begun.map(drop).map_err(|error| {
            let reason = format!("the system begins no thread for it ({error})");
            Failure::Impossible(reason)
        })
    }
}

/// What a thread sends, unless `stop` is set before.
fn received<T>(from: &Receiver<T>, stop: &AtomicBool) -> Result<T, Failure> {
    loop {
        if stop.load(Ordering::Relaxed) {
            return Err(Failure::Interrupted);
        }
        match from.recv_timeout(GLANCE) {
            Ok(sent) => return Ok(sent),
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => {
                let reason = "the connection was given up".to_owned();
                return Err(Failure::Connection(reason));
            }
        }
    }
}

/// Sends all that is read, and then an empty piece; or why there is no more.
fn pump(mut from: impl Read, to: &SyncSender<Result<Vec<u8>, Failure>>) {
    loop {
        let mut piece = vec![0; PIECE];
        let sent = match from.read(&mut piece) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Ok(read) => {
                piece.truncate(read);
                Ok(piece)
            }
            Err(error) => Err(Failure::Connection(io_words(&error))),
        };
        let is_last = !sent.as_ref().is_ok_and(|piece| !piece.is_empty());
        if to.send(sent).is_err() || is_last {
            return;
        }
    }
}

impl Client {
    fn get(&self, url: &str, from: u64) -> Result<(Head, impl Read + use<>), Failure> {
        let mut uri = parsed(url)?;
        for _ in 0..=MOST_REDIRECTS {
            let response = self.ask(self.agent.get(&uri), &uri, from)?;
            let headers = response.headers();
            let start = match response.status().as_u16() {
                200 => 0,
                206 => {
                    let start = header(headers, &CONTENT_RANGE).and_then(start_of);
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
                length: header(headers, &CONTENT_LENGTH).and_then(|length| length.parse().ok()),
                headers: headers.clone(),
            };
            return Ok((head, response.into_body().into_reader()));
        }
        Err(Failure::Impossible(format!("{url} leads on and on")))
    }

    fn told(&self, url: &str) -> Result<Vec<HeaderMap>, Failure> {
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
    fn is_own(&self, uri: &Uri) -> bool {
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
        let encoding = header(response.headers(), &CONTENT_ENCODING).unwrap_or_default();
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

fn header<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Option<&'a str> {
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
fn io_words(error: &io::Error) -> String {
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
