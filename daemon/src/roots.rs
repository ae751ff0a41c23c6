//! Which folders are roots, and what is known of them before they are touched.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use semfs_engine::ingest::{Excludes, RootSettings};
use semfs_engine::scout::{Scout, ScoutSettings};

use crate::config::{Config, RootConfig, WatchMode};
use crate::error::DaemonError;
use crate::watch::mounts;

/// The roots as they are looked at: resolved, and none inside another. A root that does not
/// answer is kept as it was named.
///
/// # Errors
/// When there is none, one lies inside another or inside a mount of semfs. A root that is
/// unreachable is no error.
pub(crate) fn resolve(
    roots: &[RootConfig],
    scout: &ScoutSettings,
) -> Result<Vec<RootConfig>, DaemonError> {
    if roots.is_empty() {
        return Err(DaemonError::NoRoots);
    }
    let mut resolved_roots: Vec<RootConfig> = Vec::new();
    let ours = semfs_fs::mounted();
    for root in roots {
        let error = |reason: String| DaemonError::Root {
            path: root.path.clone(),
            reason,
        };
        let path = resolved(&root.path, scout);
        if is_local(&path) && path.is_file() {
            return Err(error(
                "it is a file; name the folder that it is in".to_owned(),
            ));
        }
        if let Some(mount) = ours.iter().find(|mount| path.starts_with(mount)) {
            let mount = mount.display();
            return Err(error(format!(
                "it lies in {mount}, which is a mount of semfs"
            )));
        }
        let mut others = resolved_roots.iter().map(|root| &root.path);
        let other = others.find(|other| path.starts_with(other) || other.starts_with(&path));
        match other {
            Some(other) if *other == path => {}
            Some(other) => {
                let other = other.display();
                return Err(error(format!(
                    "it and {other} lie one inside the other; name one"
                )));
            }
            None => resolved_roots.push(RootConfig { path, ..*root }),
        }
    }
    Ok(resolved_roots)
}

/// What is known of a root from the mount table, without touching it.
pub(crate) fn settings(root: &RootConfig, config: &Config, excludes: &Excludes) -> RootSettings {
    let table = mounts::table().unwrap_or_default();
    let mut never_enter: BTreeSet<PathBuf> = BTreeSet::new();
    let mine = semfs_fs::mounted().into_iter();
    for folder in mine.chain([config.mount.clone(), config.state.clone()]) {
        if let Ok(relative) = folder.strip_prefix(&root.path) {
            never_enter.insert(relative.to_owned());
        }
    }
    let mut below = Vec::new();
    let mut remote = !mounts::local_way(&table, &root.path);
    for entry in &table {
        if let Ok(relative) = entry.point.strip_prefix(&root.path)
            && !never_enter.contains(relative)
            && !excludes.excludes_anywhere(relative)
        {
            remote |= !mounts::delivers_events(&entry.fstype);
            below.push(relative.to_owned());
        }
    }
    below.sort();
    below.dedup();
    RootSettings {
        path: root.path.clone(),
        remote,
        mounts: below,
        never_enter,
    }
}

/// Whether the root's filesystem is asked to tell of changes.
pub(crate) fn is_watched(root: &RootConfig, settings: &RootSettings) -> bool {
    match root.watch {
        WatchMode::Auto => !settings.remote,
        WatchMode::Poll => false,
        WatchMode::Inotify | WatchMode::Fanotify => true,
    }
}

/// Whether nothing on the way to a path can hang.
fn is_local(path: &Path) -> bool {
    mounts::table().is_ok_and(|table| mounts::local_way(&table, path))
}

/// The path without links, if it exists and answers, else as it is. A link on the way may
/// lead to a server that hangs, so where any is mounted, a scout goes and looks.
fn resolved(path: &Path, scout: &ScoutSettings) -> PathBuf {
    let table = mounts::table().unwrap_or_default();
    let all_local = table
        .iter()
        .all(|entry| mounts::delivers_events(&entry.fstype));
    let found = if all_local {
        std::fs::canonicalize(path).ok()
    } else {
        Scout::new(scout.clone()).resolve(path).ok()
    };
    found.unwrap_or_else(|| path.to_owned())
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::time::Duration;

    use super::*;

    fn resolve_paths(paths: &[PathBuf]) -> Result<Vec<PathBuf>, DaemonError> {
        let scout = ScoutSettings {
            program: "/no/such/program".into(),
            arguments: Vec::new(),
            deadline: Duration::from_secs(1),
        };
        let roots: Vec<_> = paths.iter().cloned().map(RootConfig::new).collect();
        let resolved = resolve(&roots, &scout)?;
        Ok(resolved.into_iter().map(|root| root.path).collect())
    }

    #[test]
    fn roots_inside_each_other_are_refused_and_doubles_are_dropped() {
        let folder = tempfile::tempdir().unwrap();
        let (a, b) = (folder.path().join("a"), folder.path().join("a/b"));
        fs::create_dir_all(&b).unwrap();
        assert!(resolve_paths(&[a.clone(), b.clone()]).is_err());
        assert!(resolve_paths(&[b, a.clone()]).is_err());
        let resolved = resolve_paths(&[a.clone(), a.clone()]).unwrap();
        assert_eq!(resolved, [a]);
    }

    #[test]
    fn an_unreachable_root_is_kept() {
        let gone = PathBuf::from("/no/such/root");
        assert_eq!(resolve_paths(std::slice::from_ref(&gone)).unwrap(), [gone]);
        assert!(matches!(resolve_paths(&[]), Err(DaemonError::NoRoots)));
    }
}
