//! Scouts with real processes, real folders, and a filesystem that hangs.

mod answers;
mod hanging;

use std::path::PathBuf;
use std::time::Duration;

use semfs_engine::scout::{Scout, ScoutSettings};

fn settings(deadline: Duration) -> ScoutSettings {
    ScoutSettings {
        program: PathBuf::from(env!("CARGO_BIN_EXE_semfs")),
        arguments: vec![semfs_daemon::SCOUT_COMMAND.to_owned()],
        deadline,
    }
}

fn scout() -> Scout {
    Scout::new(settings(Duration::from_secs(20)))
}

fn wanted() -> Vec<String> {
    vec!["jpg".to_owned(), "png".to_owned()]
}
