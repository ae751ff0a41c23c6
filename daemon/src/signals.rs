//! Ending early, for commands that are no daemon.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use tokio::runtime;
use tokio::signal::unix::{SignalKind, signal};

use crate::error::DaemonError;

/// A flag that is set on the first SIGINT or SIGTERM of this process. A second one ends
/// it at once, as if nothing had been asked for.
///
/// # Errors
/// When signals cannot be listened to.
pub fn stop_on_signal() -> Result<Arc<AtomicBool>, DaemonError> {
    let system = |source| DaemonError::System {
        action: "listening for signals",
        source,
    };
    let stop = Arc::new(AtomicBool::new(false));
    let runtime = runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(system)?;
    let (mut interrupt, mut terminate) = {
        let _guard = runtime.enter();
        (
            signal(SignalKind::interrupt()).map_err(system)?,
            signal(SignalKind::terminate()).map_err(system)?,
        )
    };
    let told = Arc::clone(&stop);
    thread::Builder::new()
        .name("signals".to_owned())
        .spawn(move || {
            let mut next = || {
                runtime.block_on(async {
                    tokio::select! {
                        _ = interrupt.recv() => 130,
                        _ = terminate.recv() => 143,
                    }
                })
            };
            next();
            told.store(true, Ordering::Relaxed);
            let status = next();
            // Commits are whole or not at all, so this loses nothing.
            #[allow(clippy::exit)]
            std::process::exit(status);
        })
        .map_err(system)?;
    Ok(stop)
}
