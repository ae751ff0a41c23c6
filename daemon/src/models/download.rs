//! One file from the hub onto the disk: whole, checked, and gone on with after every kind of
//! interruption.
//!
//! What has come lies in `NAME.part`; only a file whose hash is right gets its name.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use nix::fcntl::OFlag;

use super::Progress;
use super::error::ModelError;
use super::hash::{Expected, Hasher};
use super::http::{ATTEMPTS, Answer, Failure, Http};
use super::hub::first_found;
use super::origin::LockedFile;

/// A download.
pub(super) struct Download<'a> {
    pub http: &'a Http<'a>,
    /// Where it lies, the likeliest place first.
    pub urls: &'a [String],
    pub file: &'a LockedFile,
    /// The folder of the model on its way.
    pub folder: &'a Path,
    pub progress: &'a Progress,
}

/// What is here of a file.
struct Part {
    path: PathBuf,
    file: File,
    /// Bytes that are here, and the hash of them.
    done: u64,
    hasher: Hasher,
    /// Some of them came before this download.
    is_old: bool,
}

/// How an attempt ended.
enum Ended {
    Whole,
    /// It may go on from where it is.
    Broken(String),
}

impl Download<'_> {
    /// Fetches the file, or what is missing of it; what it is then.
    ///
    /// # Errors
    /// When it does not come whole, is another than the hub says, or does not fit on the disk.
    /// What came of it is kept, unless it is wrong.
    pub(super) fn run(&self) -> Result<LockedFile, ModelError> {
        let target = self.folder.join(&self.file.path);
        let failed = |path: &Path, error| ModelError::write(path, error, self.file.size);
        if self.file.fault(self.folder, true).is_none() {
            self.progress.add(self.file.size);
            return Ok(self.file.clone());
        }
        if let Some(parent) = target.parent() {
            fs::create_dir_all(parent).map_err(|error| failed(parent, error))?;
        }
        let mut name = target.clone().into_os_string();
        name.push(".part");
        let mut part = self
            .open(Path::new(&name))
            .map_err(|error| failed(self.folder, error))?;
        let expected = loop {
            self.fill(&mut part)?;
            let found = part.hasher.clone().hex();
            if self.file.expected == Expected::Untold {
                tracing::warn!(
                    "the hub tells no hash of {}: what came is taken for it as it is, and held \
                     against its SHA-256 from now on",
                    self.file.path
                );
                break Expected::Sha256(found);
            }
            if self.file.expected.is(&found) {
                break self.file.expected.clone();
            }
            let was_old = part.is_old;
            self.restart(&mut part)?;
            if !was_old {
                let _ = fs::remove_file(&part.path);
                return Err(ModelError::Hash {
                    file: self.file.path.clone(),
                    expected: self.file.expected.hex().to_owned(),
                    found,
                });
            }
            // What was here already may be of another version: once more from the start.
            tracing::debug!(file = self.file.path, "what was here was wrong");
        };
        let finished = part.file.sync_all();
        let finished = finished.and_then(|()| fs::rename(&part.path, &target));
        finished.map_err(|error| failed(self.folder, error))?;
        Ok(LockedFile {
            expected,
            ..self.file.clone()
        })
    }

    /// Opens what is here of the file and hashes it.
    fn open(&self, path: &Path) -> io::Result<Part> {
        let mut file = OpenOptions::new()
            .read(true)
            .append(true)
            .create(true)
            .custom_flags(OFlag::O_NOFOLLOW.bits())
            .open(path)?;
        let mut done = file.metadata()?.len();
        let mut hasher = self.file.expected.hasher(self.file.size);
        // Of what cannot be checked nobody knows whether two parts belong together.
        if done > self.file.size || self.file.expected == Expected::Untold {
            file.set_len(0)?;
            done = 0;
        } else {
            hasher.read(&mut file)?;
        }
        self.progress.add(done);
        Ok(Part {
            path: path.to_owned(),
            file,
            done,
            hasher,
            is_old: done > 0,
        })
    }

    fn restart(&self, part: &mut Part) -> Result<(), ModelError> {
        let emptied = part.file.set_len(0);
        emptied.map_err(ModelError::disk(&part.path, "written"))?;
        self.progress.take_back(part.done);
        part.done = 0;
        part.is_old = false;
        part.hasher = self.file.expected.hasher(self.file.size);
        Ok(())
    }

    /// Until all bytes are here, or it is given up.
    fn fill(&self, part: &mut Part) -> Result<(), ModelError> {
        let mut attempt = 1;
        while part.done < self.file.size {
            let before = part.done;
            let reason = match self.attempt(part)? {
                Ended::Whole => return Ok(()),
                Ended::Broken(reason) => reason,
            };
            // A bad line that brings something each time is no failure, if it can be gone on with.
            let goes_on = self.file.expected != Expected::Untold;
            attempt = match goes_on && part.done > before {
                true => 1,
                false => attempt + 1,
            };
            if attempt > ATTEMPTS {
                return Err(ModelError::Download {
                    file: self.file.path.clone(),
                    done: part.done,
                    size: self.file.size,
                    reason,
                });
            }
            if !goes_on {
                // Nobody could tell whether the rest is of the same file.
                self.restart(part)?;
            }
            tracing::debug!(file = self.file.path, attempt, reason, "going on");
            let waited = self.http.wait(attempt);
            waited.map_err(|failure| self.failed(&failure))?;
        }
        Ok(())
    }

    fn attempt(&self, part: &mut Part) -> Result<Ended, ModelError> {
        let got = first_found(self.urls, |url| self.http.get(url, part.done));
        let answer = match got {
            Ok(answer) => answer,
            // Not satisfiable: there is no such byte, so this is another file.
            Err(Failure::Status(416)) => {
                self.restart(part)?;
                return Ok(Ended::Broken("the server has less of it".to_owned()));
            }
            Err(failure) if failure.may_pass() => return Ok(Ended::Broken(failure.words())),
            Err(failure) => return Err(self.failed(&failure)),
        };
        let head = &answer.head;
        let end = head.length.map(|length| head.start.saturating_add(length));
        match end {
            Some(end) if end != self.file.size => {
                let expected = self.file.size;
                let reason = format!("the server has {end} bytes of it, not {expected}");
                Ok(Ended::Broken(reason))
            }
            _ => self.receive(part, &answer),
        }
    }

    fn receive(&self, part: &mut Part, answer: &Answer) -> Result<Ended, ModelError> {
        let start = answer.head.start;
        if start != part.done {
            // A server that knows no ranges sends all of it.
            self.restart(part)?;
            if start != 0 {
                return Ok(Ended::Broken("the server sent another part".to_owned()));
            }
        }
        loop {
            let bytes = match answer.body.next() {
                Err(Failure::Interrupted) => return Err(ModelError::Interrupted),
                // The last byte is here; how the connection ends is no matter.
                Err(_) if part.done == self.file.size => return Ok(Ended::Whole),
                Err(failure) => return Ok(Ended::Broken(failure.words())),
                Ok(bytes) => bytes,
            };
            let read = bytes.len() as u64;
            if read == 0 {
                return Ok(match part.done == self.file.size {
                    true => Ended::Whole,
                    false => Ended::Broken("the server sent no more".to_owned()),
                });
            }
            if read > self.file.size - part.done {
                self.restart(part)?;
                let size = self.file.size;
                return Ok(Ended::Broken(format!(
                    "the server sent more than {size} bytes"
                )));
            }
            part.file.write_all(&bytes).map_err(|error| {
                let missing = self.file.size - part.done;
                ModelError::write(self.folder, error, missing)
            })?;
            part.hasher.update(&bytes);
            part.done += read;
            self.progress.add(read);
        }
    }

    fn failed(&self, failure: &Failure) -> ModelError {
        failure.at(self.urls.first().map_or("", String::as_str))
    }
}
