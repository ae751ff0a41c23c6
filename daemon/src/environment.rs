//! What the process is told by its surroundings, read in one place.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

/// Folders of the user and of the program.
#[derive(Debug, Clone)]
pub struct Environment {
    /// `$HOME`.
    pub home: Option<PathBuf>,
    /// `$XDG_CONFIG_HOME`, or `~/.config`.
    pub config_home: Option<PathBuf>,
    /// `$STATE_DIRECTORY` of systemd, or `$XDG_STATE_HOME/semfs`, or `~/.local/state/semfs`.
    pub state: Option<PathBuf>,
    /// `$ORT_DYLIB_PATH`: ONNX Runtime's shared library.
    pub onnxruntime: Option<PathBuf>,
    /// This program.
    pub program: PathBuf,
}

impl Environment {
    /// Reads the environment of this process.
    #[must_use]
    pub fn read() -> Self {
        Self::of(
            |name| std::env::var_os(name).filter(|value| !value.is_empty()),
            std::env::current_exe().unwrap_or_else(|_| PathBuf::from("semfs")),
        )
    }

    fn of(variable: impl Fn(&str) -> Option<OsString>, program: PathBuf) -> Self {
        // Relative paths in XDG variables are to be ignored, says the specification.
        let absolute = |name: &str| {
            let path = variable(name).map(PathBuf::from);
            path.filter(|path| path.is_absolute())
        };
        let home = absolute("HOME");
        let below_home = |folder: &str| home.as_ref().map(|home| home.join(folder));
        let state_home = absolute("XDG_STATE_HOME").or_else(|| below_home(".local/state"));
        Self {
            config_home: absolute("XDG_CONFIG_HOME").or_else(|| below_home(".config")),
            state: absolute("STATE_DIRECTORY")
                .or_else(|| state_home.map(|folder| folder.join("semfs"))),
            onnxruntime: absolute("ORT_DYLIB_PATH"),
            home,
            program,
        }
    }

    /// Folders around the program in which `relative` is looked for, the nearest first.
    pub(crate) fn around_program(&self, relative: &[&str]) -> Vec<PathBuf> {
        let folder = self.program.parent().unwrap_or(Path::new("/"));
        relative
            .iter()
            .map(|path| normal(&folder.join(path)))
            .collect()
    }

    /// `~/x` as a path below the home folder.
    pub(crate) fn expand(&self, path: &Path) -> PathBuf {
        match (path.strip_prefix("~"), &self.home) {
            (Ok(rest), Some(home)) => home.join(rest),
            _ => path.to_owned(),
        }
    }
}

/// Takes `..` out of a path, by its text: for showing it.
fn normal(path: &Path) -> PathBuf {
    let mut normal = PathBuf::new();
    for part in path.components() {
        match part {
            std::path::Component::ParentDir => {
                normal.pop();
            }
            part => normal.push(part),
        }
    }
    normal
}

#[cfg(test)]
mod tests {
    use super::*;

    fn environment(variables: &[(&str, &str)]) -> Environment {
        let find = |name: &str| {
            let found = variables.iter().find(|(key, _)| *key == name);
            found.map(|(_, value)| OsString::from(value))
        };
        Environment::of(find, PathBuf::from("/opt/semfs/bin/semfs"))
    }

    #[test]
    fn folders_follow_the_xdg_rules() {
        let plain = environment(&[("HOME", "/home/u")]);
        assert_eq!(plain.config_home, Some("/home/u/.config".into()));
        assert_eq!(plain.state, Some("/home/u/.local/state/semfs".into()));
        let set = environment(&[
            ("HOME", "/home/u"),
            ("XDG_STATE_HOME", "/s"),
            ("XDG_CONFIG_HOME", "c"),
        ]);
        assert_eq!(set.state, Some("/s/semfs".into()));
        assert_eq!(set.config_home, Some("/home/u/.config".into()));
        let service = environment(&[("STATE_DIRECTORY", "/var/lib/semfs")]);
        assert_eq!(service.state, Some("/var/lib/semfs".into()));
        assert_eq!(service.config_home, None);
    }

    #[test]
    fn the_home_folder_is_expanded_and_nothing_else() {
        let environment = environment(&[("HOME", "/home/u")]);
        assert_eq!(environment.expand(Path::new("~/p")), Path::new("/home/u/p"));
        assert_eq!(environment.expand(Path::new("/a/~/p")), Path::new("/a/~/p"));
        assert_eq!(
            environment.around_program(&["../share/semfs"]),
            [PathBuf::from("/opt/semfs/share/semfs")]
        );
    }
}
