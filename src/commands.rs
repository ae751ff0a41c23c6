//! One module a command: calls one function below, prints what it returns.

pub(crate) mod dupes;
pub(crate) mod forget;
pub(crate) mod generate;
pub(crate) mod index;
pub(crate) mod model;
pub(crate) mod pins;
mod progress_bar;
pub(crate) mod search;
pub(crate) mod status;
pub(crate) mod worker;

use std::os::unix::ffi::OsStrExt;
use std::path::Path;

/// An object with a path; one that is not UTF-8 has its bytes beside its nearest text.
fn json_of_path(path: &Path) -> serde_json::Value {
    let mut json = serde_json::json!({ "path": path.to_string_lossy() });
    if path.to_str().is_none() {
        json["path_bytes"] = path.as_os_str().as_bytes().into();
    }
    json
}
