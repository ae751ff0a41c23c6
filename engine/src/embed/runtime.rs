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
        self.session_with(path, !fast_products_are_exact())
    }

    /// The same, with products of bytes computed the wide way or the fast one.
    fn session_with(&self, path: &Path, wide: bool) -> Result<Session, EmbedError> {
        let build = || -> ort::Result<Session> {
            let builder = Session::builder(&self.environment)?
                .with_intra_threads(1)?
                .with_inter_threads(1)?
                .with_intra_op_spinning(false)?
                .with_optimization_level(GraphOptimizationLevel::All)?;
            let mut builder = match wide {
                true => builder.with_precise_qmm()?,
                false => builder,
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::embed::{ImageTower, Model};

    /// Beside the build; `make setup` puts it there.
    fn runtime() -> Runtime {
        let program = std::env::current_exe().unwrap();
        let beside = |folder: &Path| folder.join("onnxruntime/libonnxruntime.so");
        let found = program.ancestors().map(beside).find(|path| path.is_file());
        Runtime::load(&found.expect("ONNX Runtime beside the build: run `make setup`")).unwrap()
    }

    #[test]
    fn the_default_model_gives_the_same_bits_as_with_wide_products() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../models/mini");
        let (runtime, model) = (runtime(), Model::read(&folder).unwrap());
        let side = model.image().size;
        // Waves, and the loudest that there can be: single pixels of black and white.
        let wave = |x: u32, y: u32, c: u32| ((x * (3 + c) + y * 7) % 256) as u8;
        let loud = |x: u32, y: u32, _: u32| if (x ^ y) & 1 == 0 { 0 } else { 255 };
        let draw = |colour: &dyn Fn(u32, u32, u32) -> u8| -> Vec<u8> {
            let places = (0..side).flat_map(|y| (0..side).map(move |x| (x, y)));
            let bytes = places.flat_map(|(x, y)| (0..3).map(move |c| (x, y, c)));
            bytes.map(|(x, y, c)| colour(x, y, c)).collect()
        };
        let (wave, loud) = (draw(&wave), draw(&loud));
        let path = folder.join(&model.image().file);
        let embed = |session: Session| {
            let section = model.image().clone();
            let tower = ImageTower::new(session, section, model.dimension(), path.clone());
            tower.unwrap().embed(&[&wave, &loud]).unwrap()
        };
        let ours = embed(runtime.session(&path).unwrap());
        let wide = embed(runtime.session_with(&path, true).unwrap());
        assert!(ours.iter().all(Option::is_some));
        assert_eq!(ours, wide);
    }
}
