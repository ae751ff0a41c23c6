//! A still out of a video, by the program `ffmpeg`, if it is installed.
//!
//! A worker in its sandbox starts no programs, so this is for its host: it gives `ffmpeg`
//! the open file and takes a small PNG, which a worker then decodes like any picture.
//! `ffmpeg` reads the bytes of strangers, so it is bounded as well (`still/bounds.rs`): it
//! gets no name, no environment and no network, changes no file, and ends at a deadline.
//! What the video is and how long, is known by [`crate::metadata`].

mod bounds;

use std::fs::File;
use std::io::{self, Read, Seek};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Child, ChildStdout, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;

use self::bounds::Bounds;
use super::VideoFormat;

/// Where `ffmpeg` is looked for. Not along the path of whoever started us.
const PROGRAMS: &[&str] = &["/usr/bin/ffmpeg", "/usr/local/bin/ffmpeg", "/bin/ffmpeg"];

/// A picture of more bytes is none of ours.
const LARGEST: usize = 32 << 20;

/// Pixels of one frame, at most: 16 K video has 133 million.
const PIXELS: &str = "140000000";

/// How far into a video of unknown length the still is taken.
const START: Duration = Duration::from_secs(1);

/// It is taken at this part of the length, but no later than [`LATEST`].
const PART: u32 = 10;
const LATEST: Duration = Duration::from_secs(60);

/// How long the program may take to say what it can do.
const PATIENCE: Duration = Duration::from_secs(5);

/// How long to wait between looks at whether the program has ended.
const PAUSE: Duration = Duration::from_millis(2);

/// How stills are made.
#[derive(Debug, Clone)]
pub struct StillSettings {
    /// The program.
    pub program: Program,
    /// After so long it is ended, and there is no still.
    pub deadline: Duration,
    /// Its address space in bytes; a large video needs 512 MiB.
    pub memory: u64,
    /// The shorter side of the still in pixels, where the video has as many. Twice what
    /// the model wants is good.
    pub side: u32,
}

/// Why there is no still.
#[derive(Debug, thiserror::Error)]
pub enum StillError {
    /// The program could not be started, or talked to.
    #[error("{} cannot be used to make a picture of a video: {source}", program.display())]
    Unusable {
        /// The program.
        program: PathBuf,
        /// The system's words.
        source: io::Error,
    },
    /// It took too long.
    #[error("ffmpeg took longer than {0} s to make a picture of it (limits.file_seconds)")]
    TimedOut(u64),
    /// It ended without a picture: damaged, or a codec that it does not have.
    #[error("ffmpeg made no picture of it ({0})")]
    Nothing(ExitStatus),
    /// It wrote more than a picture.
    #[error("ffmpeg wrote more than a picture of it")]
    TooMuch,
}

/// The program, and what it can do.
#[derive(Debug, Clone)]
pub struct Program {
    path: PathBuf,
    /// Whether it reads from an open descriptor wherever it wants (6.0).
    knows_descriptors: bool,
}

impl Program {
    /// The program, if it is installed. Asks it what it can do, which takes 50 ms.
    #[must_use]
    pub fn find() -> Option<Self> {
        let path = installed()?;
        let mut command = Command::new(&path);
        command
            .args(["-nostdin", "-v", "quiet", "-protocols"])
            .stdin(Stdio::null());
        let bounds = Bounds::new(1 << 30, PATIENCE);
        let answer = start(command, bounds).and_then(|mut asked| {
            let ends = Instant::now() + PATIENCE;
            asked.finish(ends)
        });
        let listed = answer.ok().and_then(|(output, _)| output)?;
        let mut words = listed.split(u8::is_ascii_whitespace);
        let knows_descriptors = words.any(|word| word == b"fd");
        Some(Self {
            path,
            knows_descriptors,
        })
    }
}

/// Whether [`Program::find`] would find one.
#[must_use]
pub fn is_installed() -> bool {
    installed().is_some()
}

fn installed() -> Option<PathBuf> {
    let mut known = PROGRAMS.iter().map(PathBuf::from);
    known.find(|program| program.is_file())
}

/// Makes a still of an open video: a PNG, upright.
///
/// `duration` is the video's length in milliseconds, if its metadata tells. The position
/// within `video` is lost. With versions of ffmpeg before 6.0 the file is opened again by
/// its descriptor, which may change its time of last access.
///
/// # Errors
/// [`StillError`] says why there is none.
pub fn still(
    settings: &StillSettings,
    video: &File,
    format: VideoFormat,
    duration: Option<u64>,
) -> Result<Vec<u8>, StillError> {
    let ends = Instant::now() + settings.deadline;
    let at = match duration {
        Some(length) => (Duration::from_millis(length) / PART).min(LATEST),
        None => START,
    };
    match try_at(settings, video, format, at, ends) {
        // Shorter than it says, or an index that is damaged.
        Err(StillError::Nothing(_)) if at > Duration::ZERO => {
            try_at(settings, video, format, Duration::ZERO, ends)
        }
        still => still,
    }
}

fn try_at(
    settings: &StillSettings,
    video: &File,
    format: VideoFormat,
    at: Duration,
    ends: Instant,
) -> Result<Vec<u8>, StillError> {
    let unusable = |source| StillError::Unusable {
        program: settings.program.path.clone(),
        source,
    };
    let command = command(settings, video, format, at).map_err(unusable)?;
    let bounds = Bounds::new(settings.memory, settings.deadline);
    let mut running = start(command, bounds).map_err(unusable)?;
    let (picture, status) = running.finish(ends).map_err(unusable)?;
    match (picture, status) {
        (None, _) => Err(StillError::TooMuch),
        (_, None) => Err(StillError::TimedOut(settings.deadline.as_secs())),
        (Some(picture), Some(status)) if picture.is_empty() || !status.success() => {
            Err(StillError::Nothing(status))
        }
        (Some(picture), _) => Ok(picture),
    }
}

/// The demuxer by its name: guessing could be led to playlists, which name other files.
fn demuxer(format: VideoFormat) -> &'static str {
    match format {
        VideoFormat::Mp4 | VideoFormat::Mov | VideoFormat::ThreeGp => "mov",
        VideoFormat::Avi => "avi",
        VideoFormat::Mkv | VideoFormat::Webm => "matroska",
    }
}

/// What ffmpeg is asked to do.
fn command(
    settings: &StillSettings,
    mut video: &File,
    format: VideoFormat,
    at: Duration,
) -> io::Result<Command> {
    video.rewind()?;
    let side = settings.side;
    // The shorter side becomes `side`, but no picture is enlarged. Commas are its own.
    let scale = format!(
        "scale='if(gt(iw,ih),-2,min({side},iw))':'if(gt(iw,ih),min({side},ih),-2)':flags=area"
    );
    let input = if settings.program.knows_descriptors {
        "fd:"
    } else {
        "/dev/fd/0"
    };
    let mut command = Command::new(&settings.program.path);
    command
        .args(["-nostdin", "-v", "quiet", "-filter_threads", "1"])
        .args(["-protocol_whitelist", "file,pipe,fd", "-threads", "1"])
        .args(["-max_pixels", PIXELS, "-f", demuxer(format)])
        // The last picture before that time which needs no other: soon decoded.
        .args(["-skip_frame", "nokey", "-noaccurate_seek", "-ss"])
        .arg(format!("{:.3}", at.as_secs_f64()))
        .args(["-i", input, "-map", "0:V:0", "-frames:v", "1", "-vf"])
        .arg(scale)
        .args(["-threads", "1", "-c:v", "png", "-f", "image2pipe", "pipe:1"])
        .stdin(Stdio::from(OwnedFd::from(video.try_clone()?)));
    Ok(command)
}

/// Starts a program with all that bounds it.
fn start(mut command: Command, bounds: Bounds) -> io::Result<Running> {
    command
        .env_clear()
        // Each arena of the allocator's reserves address space, which is bounded.
        .env("MALLOC_ARENA_MAX", "1")
        .current_dir("/")
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .process_group(0);
    // SAFETY: between fork and exec it calls the kernel only: it allocates nothing and
    // takes no lock.
    unsafe { command.pre_exec(move || bounds.enter()) };
    let process = command.spawn()?;
    Ok(Running { process })
}

/// ffmpeg, started. It is ended, at the latest, when this is dropped.
struct Running {
    process: Child,
}

impl Running {
    /// Its output, unless it is too much, and its end, unless it took too long.
    fn finish(&mut self, ends: Instant) -> io::Result<(Option<Vec<u8>>, Option<ExitStatus>)> {
        let mut output = Vec::new();
        if let Some(stdout) = self.process.stdout.take() {
            match read_until(stdout, ends, &mut output)? {
                End::Complete => {}
                End::TimedOut => return Ok((Some(output), None)),
                End::TooMuch => return Ok((None, None)),
            }
        }
        while Instant::now() < ends {
            if let Some(status) = self.process.try_wait()? {
                return Ok((Some(output), Some(status)));
            }
            std::thread::sleep(PAUSE);
        }
        Ok((Some(output), None))
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if matches!(self.process.try_wait(), Ok(Some(_))) {
            return;
        }
        if let Ok(group) = i32::try_from(self.process.id()) {
            // Not waited for yet, so the number is still its own.
            let _ = killpg(Pid::from_raw(group), Signal::SIGKILL);
        }
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

enum End {
    Complete,
    TimedOut,
    TooMuch,
}

fn read_until(mut from: ChildStdout, ends: Instant, output: &mut Vec<u8>) -> io::Result<End> {
    let mut buffer = vec![0; 64 << 10];
    loop {
        let left = ends.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Ok(End::TimedOut);
        }
        let milliseconds = i32::try_from(left.as_millis()).unwrap_or(i32::MAX);
        let timeout = PollTimeout::try_from(milliseconds.max(1)).unwrap_or(PollTimeout::MAX);
        let mut waiting = [PollFd::new(from.as_fd(), PollFlags::POLLIN)];
        match poll(&mut waiting, timeout) {
            Ok(0) | Err(nix::Error::EINTR) => continue,
            Ok(_) => {}
            Err(error) => return Err(error.into()),
        }
        match from.read(&mut buffer)? {
            0 => return Ok(End::Complete),
            read => output.extend_from_slice(&buffer[..read]),
        }
        if output.len() > LARGEST {
            return Ok(End::TooMuch);
        }
    }
}

#[cfg(test)]
mod tests;
