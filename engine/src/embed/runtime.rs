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
            let builder = Session::builder(&self.environment)?
                .with_intra_threads(1)?
                .with_inter_threads(1)?
                .with_intra_op_spinning(false)?
                .with_optimization_level(GraphOptimizationLevel::All)?;
            let mut builder = if fast_products_are_exact() {
                builder
            } else {
                builder.with_precise_qmm()?
            };
            builder.commit_from_file(path)
        };
        build().map_err(|error| EmbedError::model(path, error))
    }
}

/// Whether the fast product of bytes is exact on this processor: it is with VNNI, which adds
/// in 32 bits. Without, it saturates at 16 bits and vectors would differ from machine to
/// machine; the slower product does not (2.5 times the time, `docs/decisions.md`). Processors
/// that are not x86 have no such pair of products.
fn fast_products_are_exact() -> bool {
    #[cfg(target_arch = "x86_64")]
    {
        std::arch::is_x86_feature_detected!("avx512vnni")
            || std::arch::is_x86_feature_detected!("avxvnni")
    }
    #[cfg(not(target_arch = "x86_64"))]
    true
}
