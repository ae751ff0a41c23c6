//! Asking a server of files, again where that may help, and without being held up by one that is
//! silent when the user wants to end.
//!
//! Knows nothing of repositories and of the disk, and how one question is asked is known to
//! [`Client`] alone.

use std::io::{self, Read};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::thread;
use std::time::{Duration, Instant};

use super::client::{Client, Head, HeaderMap, io_words};
use super::error::ModelError;
use super::redirect;
use crate::environment::Network;

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
        Ok(Self {
            client: Arc::new(Client::new(network, endpoint)?),
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
