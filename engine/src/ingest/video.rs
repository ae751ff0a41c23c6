//! Pictures of videos: made by another program, then decoded by a worker as any picture is.

use std::ffi::CStr;
use std::fs::File;
use std::io::Write;
use std::sync::OnceLock;

use nix::sys::memfd::{MFdFlags, memfd_create};

use crate::media::still::{self, Program, StillError, StillSettings};
use crate::media::{Format, VideoFormat};
use crate::problem::{Problem, ProblemKind};
use crate::worker::{Examined, Worker, WorkerError, WorkerSettings};

/// The name of a file in memory, for those who look into `/proc`.
const NAME: &CStr = c"semfs-still";

/// What makes pictures of videos, if it is installed; looked for with the first video.
#[derive(Debug, Default)]
pub(super) struct Stills(OnceLock<Option<Program>>);

/// Adds the picture to a video that was examined, where one can be made. A video of which none
/// can be made is still a video.
///
/// # Errors
/// Only when no worker can be had.
pub(super) fn with_still(
    stills: &Stills,
    limits: &WorkerSettings,
    size: u32,
    worker: &mut Worker,
    video: &File,
    mut examined: Examined,
) -> Result<Examined, WorkerError> {
    let Format::Video(format) = examined.facts.format else {
        return Ok(examined);
    };
    let Some(program) = stills.0.get_or_init(Program::find).clone() else {
        return Ok(examined);
    };
    let settings = StillSettings {
        program,
        deadline: limits.deadline,
        memory: limits.memory,
        // As the decoders of pictures: twice what the model sees.
        side: size * 2,
    };
    // One picture of it says nothing of the rest, so a video has no fingerprint.
    examined.picture = match picture(&settings, worker, video, format, examined.metadata.duration) {
        Ok(still) => still.picture,
        Err(WorkerError::Problem(problem)) => Err(problem),
        Err(error) => return Err(error),
    };
    Ok(examined)
}

/// A picture of a video, decoded.
fn picture(
    settings: &StillSettings,
    worker: &mut Worker,
    video: &File,
    format: VideoFormat,
    duration: Option<u64>,
) -> Result<Examined, WorkerError> {
    let still = still::still(settings, video, format, duration).map_err(|error| {
        let kind = match &error {
            StillError::TimedOut(_) => ProblemKind::TimedOut,
            StillError::Unusable { .. } => ProblemKind::Unsupported,
            StillError::Nothing(_) | StillError::TooMuch => ProblemKind::Damaged,
        };
        Problem::new(kind, error.to_string())
    })?;
    let unwritten =
        |error: std::io::Error| Problem::new(ProblemKind::Unreadable, error.to_string());
    let file =
        memfd_create(NAME, MFdFlags::MFD_CLOEXEC).map_err(|error| unwritten(error.into()))?;
    let mut file = File::from(file);
    file.write_all(&still).map_err(unwritten)?;
    worker.read(&file)?;
    worker.examine()
}
