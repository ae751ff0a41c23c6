//! ONNX Runtime: found, loaded once, and asked for sessions.

use std::path::Path;

use ort::environment::Environment;
use ort::session::Session;
use ort::session::builder::GraphOptimizationLevel;

use super::EmbedError;

/// ONNX Runtime, loaded. Cheap to clone; the library stays loaded until the process ends.
#[derive(Clone, Debug)]
pub struct Runtime {
    environment: Environment,
}

impl Runtime {
    /// Loads the shared library at `path`.
    ///
    /// # Errors
    /// When there is none, or it is too old.
    pub fn load(path: &Path) -> Result<Self, EmbedError> {
        let error = |reason: String| EmbedError::Runtime {
            path: path.to_owned(),
            reason,
        };
        let environment = ort::init_from(path)
            .map_err(|cause| error(cause.to_string()))?
            .with_telemetry(false)
            .build()
            .map_err(|cause| error(cause.to_string()))?;
        Ok(Self { environment })
    }

    /// Makes a session of one thread. Several of these, one a core, do more work than
    /// one session of several threads (`docs/decisions.md`).
    ///
    /// The model is read from its file, so its weights are not in memory twice, and weights
    /// in files of their own are found beside it.
    pub(super) fn session(&self, path: &Path) -> Result<Session, EmbedError> {
        let build = || -> ort::Result<Session> {
            Session::builder(&self.environment)?
                .with_intra_threads(1)?
                .with_inter_threads(1)?
                .with_intra_op_spinning(false)?
                .with_optimization_level(GraphOptimizationLevel::All)?
                // Without VNNI the fast 8-bit product saturates at 16 bits and the
                // vectors would differ from machine to machine; this one does not.
                .with_precise_qmm()?
                .commit_from_file(path)
        };
        build().map_err(|error| EmbedError::model(path, error))
    }
}
