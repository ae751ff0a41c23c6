//! What the process is told by its surroundings, read in one place.

use std::ffi::OsString;
use std::fmt;
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
    /// `$XDG_DATA_HOME`, or `~/.local/share`.
    pub data_home: Option<PathBuf>,
    /// Whether systemd runs this process as a service with a state folder.
    pub is_service: bool,
    /// How models are downloaded.
    pub network: Network,
    /// `$ORT_DYLIB_PATH`: ONNX Runtime's shared library.
    pub onnxruntime: Option<PathBuf>,
    /// This program.
    pub program: PathBuf,
}

/// How this process reaches the hub that models come from.
#[derive(Clone, Default)]
pub struct Network {
    /// `$HF_ENDPOINT`: the hub's address, if it is another than the usual one.
    pub endpoint: Option<String>,
    /// `$HF_TOKEN`: what opens repositories that are not for everybody.
    pub token: Option<String>,
    /// `$HF_HUB_OFFLINE`: the network is not to be asked.
    pub offline: bool,
    /// `$HF_HUB_DOWNLOAD_TIMEOUT`: a server that is silent for so many seconds has stalled.
    pub stall_seconds: Option<u64>,
    /// `$HTTP_PROXY`, or `$ALL_PROXY`.
    pub http_proxy: Option<String>,
    /// `$HTTPS_PROXY`, or `$ALL_PROXY`.
    pub https_proxy: Option<String>,
    /// `$NO_PROXY`: hosts that are reached without one.
    pub no_proxy: String,
    /// `$SSL_CERT_FILE`: certificates to trust instead of the usual ones.
    pub certificates: Option<PathBuf>,
}

impl fmt::Debug for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // No token, and no proxy: their addresses may hold passwords.
        f.debug_struct("Network")
            .field("endpoint", &self.endpoint)
            .field("offline", &self.offline)
            .finish_non_exhaustive()
    }
}

impl Network {
    fn of(variable: impl Fn(&str) -> Option<OsString>) -> Self {
        let text = |name: &str| variable(name)?.into_string().ok();
        // Both spellings are in use.
        let either = |name: &str| text(name).or_else(|| text(&name.to_lowercase()));
        let all = either("ALL_PROXY");
        Self {
            endpoint: text("HF_ENDPOINT"),
            token: text("HF_TOKEN"),
            offline: text("HF_HUB_OFFLINE").is_some_and(|value| {
                ["1", "on", "yes", "true"].contains(&value.to_lowercase().as_str())
            }),
            stall_seconds: text("HF_HUB_DOWNLOAD_TIMEOUT").and_then(|value| value.parse().ok()),
            http_proxy: either("HTTP_PROXY").or_else(|| all.clone()),
            https_proxy: either("HTTPS_PROXY").or(all),
            no_proxy: either("NO_PROXY").unwrap_or_default(),
            certificates: variable("SSL_CERT_FILE").map(PathBuf::from),
        }
    }
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
            data_home: absolute("XDG_DATA_HOME").or_else(|| below_home(".local/share")),
            is_service: absolute("STATE_DIRECTORY").is_some(),
            network: Network::of(&variable),
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
        assert!(service.is_service && !plain.is_service);
        assert_eq!(plain.data_home, Some("/home/u/.local/share".into()));
    }

    #[test]
    fn proxies_have_two_spellings_and_one_for_all() {
        let network = environment(&[("all_proxy", "socks5://a:1"), ("HTTPS_PROXY", "http://b:2")]);
        let network = network.network;
        assert_eq!(network.http_proxy.as_deref(), Some("socks5://a:1"));
        assert_eq!(network.https_proxy.as_deref(), Some("http://b:2"));
        assert!(!network.offline);
        assert!(environment(&[("HF_HUB_OFFLINE", "1")]).network.offline);
        let secret = environment(&[("HF_TOKEN", "hf_secret"), ("HTTP_PROXY", "http://u:p@c")]);
        assert!(!format!("{secret:?}").contains("secret"));
        assert!(!format!("{secret:?}").contains("u:p"));
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
