//! One module a command: calls one function below, prints what it returns.

pub(crate) mod generate;
pub(crate) mod index;
mod progress_bar;
pub(crate) mod search;
pub(crate) mod status;
pub(crate) mod worker;
