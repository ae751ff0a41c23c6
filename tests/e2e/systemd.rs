//! The units that are installed with semfs.

use std::fs;
use std::path::Path;
use std::process::Command;

use crate::support::skipped;

#[test]
fn units_have_no_unknown_keys() {
    if Command::new("systemd-analyze")
        .arg("--version")
        .output()
        .is_err()
    {
        skipped!("systemd-analyze is not there");
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    for unit in ["systemd/semfs.service", "systemd/user/semfs.service"] {
        let unit = Path::new(env!("CARGO_MANIFEST_DIR")).join(unit);
        let text = fs::read_to_string(unit).unwrap();
        assert!(
            text.contains("Type=notify"),
            "the daemon tells when it is mounted"
        );
        for hiding in [
            "ProtectSystem=",
            "PrivateTmp=",
            "ProtectHome=",
            "PrivateMounts=",
        ] {
            let hidden = text.lines().any(|line| line.starts_with(hiding));
            assert!(!hidden, "{hiding} hides the mount from everybody else");
        }
        // As `make install` writes it, with a program that is there.
        let program = env!("CARGO_BIN_EXE_semfs");
        let text = text.replace("@bindir@/semfs", program);
        let installed = folder.path().join("semfs.service");
        fs::write(&installed, text.replace("Documentation=man:semfs(1)\n", "")).unwrap();
        let output = Command::new("systemd-analyze")
            .args(["verify", "--recursive-errors=no"])
            .arg(&installed)
            .output()
            .unwrap();
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(
            output.status.success() && !errors.contains("semfs.service"),
            "{errors}"
        );
    }
}
