//! A hub of models for tests: the paths of the real one over plain HTTP, and every way in which
//! a server or a line can fail.

mod api;

use std::collections::{BTreeMap, HashMap};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

/// The commit of every repository.
pub const COMMIT: &str = "0123456789abcdef0123456789abcdef01234567";

/// How long a server that stalls sleeps: longer than any test.
const ASLEEP: Duration = Duration::from_secs(600);

/// A running hub: one address that tells and redirects, and one that has the large files.
#[derive(Clone)]
pub struct Hub {
    shared: Arc<Shared>,
}

struct Shared {
    hub: SocketAddr,
    store: SocketAddr,
    repositories: Mutex<HashMap<String, Repository>>,
    faults: Mutex<Vec<(String, Fault)>>,
    manners: Mutex<Vec<Manner>>,
    requests: Mutex<Vec<Request>>,
}

/// Files by their paths, and whether each is a large one.
pub type Repository = BTreeMap<String, (Vec<u8>, bool)>;

/// What goes wrong with a file.
#[derive(Debug, Clone, PartialEq)]
pub enum Fault {
    /// The connection ends after so many bytes, so many times.
    Cut(usize, usize),
    /// Some of its bytes are others.
    WrongBytes,
    /// The server answers with this status.
    Status(u16),
    /// From this byte of the file on, nothing comes.
    Stall(usize),
    /// The whole file is sent, whatever is asked for.
    NoRange,
    /// It has another length than was said.
    WrongLength,
}

/// What a hub does otherwise than the usual one.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Manner {
    /// Of files whose paths end so, the listing has the path alone.
    NamesOnly(&'static str),
    /// The hash of a large file is listed as `oid`, with what it is before it.
    LfsOid,
    /// It redirects there for a large file, whose name is where `FILE` is, and has it itself.
    Redirect(&'static str),
    /// It says that its listing is compressed.
    Compressed,
    /// It has a tree as well, in pages.
    Tree,
    /// It has a tree and no listing.
    TreeOnly,
    /// It has neither.
    Unlisted,
    /// It tells of a repository, and of no revision of it.
    NoRevision,
    /// The commit is told so, or not at all.
    Commit(Option<&'static str>),
    /// The commit is told in a header.
    CommitInHeader,
    /// Files are had by the name of their revision and not by the commit.
    MainOnly,
    /// The headers of a file tell its size and hash.
    Tags,
    /// It knows no HEAD.
    NoHead,
}

/// What was asked for.
#[derive(Debug, Clone)]
pub struct Request {
    pub method: String,
    pub path: String,
    pub from: Option<usize>,
    pub token: Option<String>,
    pub encoding: Option<String>,
    /// It was asked of the address that has the large files.
    pub is_store: bool,
}

impl Hub {
    pub fn start() -> Self {
        let listen = || TcpListener::bind("127.0.0.1:0").unwrap();
        let (hub, store) = (listen(), listen());
        let shared = Arc::new(Shared {
            hub: hub.local_addr().unwrap(),
            store: store.local_addr().unwrap(),
            repositories: Mutex::default(),
            faults: Mutex::default(),
            manners: Mutex::default(),
            requests: Mutex::default(),
        });
        for (listener, is_store) in [(hub, false), (store, true)] {
            let shared = Arc::clone(&shared);
            // Ends with the process of the tests.
            thread::spawn(move || {
                for stream in listener.incoming().flatten() {
                    let shared = Arc::clone(&shared);
                    thread::spawn(move || serve(&shared, &stream, is_store));
                }
            });
        }
        Self { shared }
    }

    /// For `HF_ENDPOINT`.
    pub fn endpoint(&self) -> String {
        format!("http://{}", self.shared.hub)
    }

    pub fn put(&self, name: &str, repository: Repository) {
        let mut repositories = self.shared.repositories.lock().unwrap();
        repositories.insert(name.to_owned(), repository);
    }

    /// From now on, a file whose path ends so fails so; in place of what was said before.
    pub fn fail(&self, path: &str, fault: Fault) {
        let mut faults = self.shared.faults.lock().unwrap();
        faults.retain(|(other, _)| other != path);
        faults.push((path.to_owned(), fault));
    }

    pub fn mend(&self) {
        self.shared.faults.lock().unwrap().clear();
    }

    /// From now on it does that as well.
    pub fn behave(&self, manner: Manner) {
        self.shared.manners.lock().unwrap().push(manner);
    }

    /// What was asked for since this was asked last.
    pub fn requests(&self) -> Vec<Request> {
        std::mem::take(&mut *self.shared.requests.lock().unwrap())
    }
}

/// One connection, until it ends.
fn serve(shared: &Shared, stream: &TcpStream, is_store: bool) {
    let mut reader = BufReader::new(stream.try_clone().unwrap());
    while let Some(request) = read(&mut reader, is_store) {
        shared.requests.lock().unwrap().push(request.clone());
        if !answer(shared, &request, stream) {
            return;
        }
    }
}

fn read(reader: &mut impl BufRead, is_store: bool) -> Option<Request> {
    let mut first = String::new();
    if reader.read_line(&mut first).ok()? == 0 {
        return None;
    }
    let mut words = first.split(' ');
    let mut request = Request {
        method: words.next()?.to_owned(),
        path: words.next()?.to_owned(),
        from: None,
        token: None,
        encoding: None,
        is_store,
    };
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).ok()?;
        let Some((name, value)) = line.trim_end().split_once(": ") else {
            return Some(request);
        };
        match name.to_lowercase().as_str() {
            "range" => {
                let from = value.strip_prefix("bytes=")?.split('-').next()?;
                request.from = from.parse().ok();
            }
            "accept-encoding" => request.encoding = Some(value.to_owned()),
            "authorization" => request.token = Some(value.to_owned()),
            _ => {}
        }
    }
}

/// Answers one request; whether the connection goes on.
fn answer(shared: &Shared, request: &Request, mut stream: &TcpStream) -> bool {
    if request.method == "CONNECT" {
        // A proxy to nowhere else: what follows is served here.
        return stream.write_all(b"HTTP/1.1 200 Connected\r\n\r\n").is_ok();
    }
    let path = request.path.split('?').next().unwrap_or_default();
    let (fault, at) = fault_of(shared, path);
    if let Some(Fault::Status(status)) = fault {
        return send(stream, &format!("{status} No"), "", b"");
    }
    let manners = shared.manners.lock().unwrap().clone();
    if let Some(rest) = path.strip_prefix("/api/models/") {
        if let Some(Fault::Stall(_)) = fault {
            return sleep(stream);
        }
        let name: Vec<_> = rest.splitn(3, '/').take(2).collect();
        let repositories = shared.repositories.lock().unwrap();
        let repository = repositories.get(&name.join("/"));
        let endpoint = format!("http://{}", shared.hub);
        let answer = repository.and_then(|it| api::answer(&manners, it, &endpoint, &request.path));
        return match answer {
            Some((headers, text)) => send(stream, "200 OK", &headers, text.as_bytes()),
            None => send(stream, "404 Not Found", "", b"{}"),
        };
    }
    let revisions: &[_] = match manners.contains(&Manner::MainOnly) {
        true => &["main"],
        false => &["main", COMMIT],
    };
    let resolved = |revision| path[1..].split_once(&format!("/resolve/{revision}/"));
    let Some((name, file)) = revisions.iter().find_map(resolved) else {
        return send(stream, "404 Not Found", "", b"");
    };
    let repositories = shared.repositories.lock().unwrap();
    let found = repositories.get(name).and_then(|files| files.get(file));
    let Some((bytes, is_large)) = found.cloned() else {
        return send(stream, "404 Not Found", "", b"");
    };
    drop(repositories);
    let is_head = request.method == "HEAD";
    if is_head && manners.contains(&Manner::NoHead) {
        return send(stream, "405 Method Not Allowed", "", b"");
    }
    let told = api::headers(&manners, &bytes, is_large);
    let is_signed = request.path.ends_with("signature=1");
    if is_large && !request.is_store && !is_signed {
        let own = manners.iter().find_map(|manner| match manner {
            Manner::Redirect(to) => Some(to.replace("FILE", file.rsplit('/').next()?)),
            _ => None,
        });
        let to = own.unwrap_or_else(|| format!("http://{}{path}?signature=1", shared.store));
        return send(
            stream,
            "302 Found",
            &format!("{told}Location: {to}\r\n"),
            b"",
        );
    }
    if is_head {
        let length = bytes.len();
        let head = format!("HTTP/1.1 200 OK\r\n{told}Content-Length: {length}\r\n\r\n");
        return (&mut &*stream).write_all(head.as_bytes()).is_ok();
    }
    send_file(shared, request, stream, bytes, &told, fault.zip(at))
}

fn fault_of(shared: &Shared, path: &str) -> (Option<Fault>, Option<usize>) {
    let faults = shared.faults.lock().unwrap();
    let at = faults.iter().position(|(end, _)| path.ends_with(end));
    (at.map(|at| faults[at].1.clone()), at)
}

fn send_file(
    shared: &Shared,
    request: &Request,
    mut stream: &TcpStream,
    mut bytes: Vec<u8>,
    told: &str,
    fault: Option<(Fault, usize)>,
) -> bool {
    let mut from = request.from.unwrap_or(0);
    let mut cut = None;
    match fault {
        Some((Fault::WrongBytes, _)) => {
            let middle = bytes.len() / 2;
            bytes[middle] ^= 0xff;
        }
        Some((Fault::NoRange, _)) => from = 0,
        Some((Fault::WrongLength, _)) => bytes.truncate(bytes.len() - 1),
        Some((Fault::Stall(at), _)) => cut = Some((at.saturating_sub(from), true)),
        Some((Fault::Cut(after, times), at)) if times > 0 => {
            shared.faults.lock().unwrap()[at].1 = Fault::Cut(after, times - 1);
            cut = Some((after, false));
        }
        _ => {}
    }
    if from > 0 && from >= bytes.len() {
        return send(stream, "416 Range Not Satisfiable", "", b"");
    }
    let (status, range) = match from {
        0 => ("200 OK", told.to_owned()),
        from => {
            let (last, all) = (bytes.len() - 1, bytes.len());
            let range = format!("Content-Range: bytes {from}-{last}/{all}\r\n");
            ("206 Partial Content", range)
        }
    };
    let body = &bytes[from..];
    let Some((after, sleeps)) = cut else {
        return send(stream, status, &range, body);
    };
    let length = body.len();
    let head = format!("HTTP/1.1 {status}\r\n{range}Content-Length: {length}\r\n\r\n");
    let sent = stream.write_all(head.as_bytes());
    let sent = sent.and_then(|()| stream.write_all(&body[..after.min(length)]));
    if sent.is_ok() && sleeps {
        return sleep(stream);
    }
    let _ = stream.shutdown(std::net::Shutdown::Both);
    false
}

/// Says nothing until the other end has had enough.
fn sleep(mut stream: &TcpStream) -> bool {
    let _ = stream.set_read_timeout(Some(ASLEEP));
    let _ = stream.read(&mut [0]);
    let _ = stream.shutdown(std::net::Shutdown::Both);
    false
}

fn send(mut stream: &TcpStream, status: &str, headers: &str, body: &[u8]) -> bool {
    let length = body.len();
    let head = format!("HTTP/1.1 {status}\r\n{headers}Content-Length: {length}\r\n\r\n");
    let sent = stream.write_all(head.as_bytes());
    sent.and_then(|()| stream.write_all(body)).is_ok()
}
