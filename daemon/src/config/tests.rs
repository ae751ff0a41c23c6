use super::*;

fn environment() -> Environment {
    Environment {
        home: Some("/home/u".into()),
        config_home: Some("/home/u/.config".into()),
        state: Some("/home/u/.local/state/semfs".into()),
        data_home: Some("/home/u/.local/share".into()),
        is_service: false,
        network: Default::default(),
        onnxruntime: None,
        program: "/usr/bin/semfs".into(),
    }
}

fn parse(text: &str) -> Result<Config, ConfigError> {
    Config::parse(text, Some(Path::new("/etc/x/semfs.toml")), &environment())
}

#[test]
fn paths_are_made_absolute() {
    let config = parse(
        r#"
        roots = ["~/Pictures", "photos", "/volume1/photo"]
        mount = "/mnt/s"
        "#,
    )
    .unwrap();
    let roots = ["/home/u/Pictures", "/etc/x/photos", "/volume1/photo"];
    assert_eq!(config.roots, roots.map(|path| RootConfig::new(path.into())));
    assert_eq!(config.state, Path::new("/home/u/.local/state/semfs"));
}

#[test]
fn a_root_may_say_how_it_is_watched() {
    let config =
        parse(r#"roots = ["/a", { path = "b", watch = "poll" }, { path = "/c" }]"#).unwrap();
    let watched: Vec<_> = config.roots.iter().map(|root| root.watch).collect();
    assert_eq!(watched, [WatchMode::Auto, WatchMode::Poll, WatchMode::Auto]);
    assert_eq!(config.roots[1].path, Path::new("/etc/x/b"));
    let error = parse(r#"roots = [{ path = "/a", watch = "sometimes" }]"#).unwrap_err();
    assert!(error.to_string().contains("roots"), "{error}");
    let error = parse(r#"roots = [{ path = "/a", wach = "poll" }]"#).unwrap_err();
    assert!(error.to_string().contains("line 1"), "{error}");
}

#[test]
fn an_unknown_key_is_named_with_its_line() {
    let error = parse("results = 10\nrots = []\n").unwrap_err().to_string();
    assert!(
        error.contains("line 2") && error.contains("rots"),
        "{error}"
    );
    let error = parse("[limits]\nworker = 3\n").unwrap_err().to_string();
    assert!(
        error.contains("line 2") && error.contains("worker"),
        "{error}"
    );
}

#[test]
fn a_wrong_type_is_named_with_its_line_and_key() {
    let error = parse("model = \"mini\"\nresults = \"many\"\n")
        .unwrap_err()
        .to_string();
    assert!(
        error.contains("line 2") && error.contains("results"),
        "{error}"
    );
    let error = parse("roots = \"/photos\"\n").unwrap_err().to_string();
    assert!(
        error.contains("line 1") && error.contains("roots"),
        "{error}"
    );
}

#[test]
fn values_out_of_range_are_named() {
    for (text, key) in [
        ("results = 0", "results"),
        ("[limits]\nworker_mib = 10", "limits.worker_mib"),
        ("[limits]\nfile_mib = 2000", "limits.file_mib"),
        ("[limits]\nfile_seconds = 0", "limits.file_seconds"),
        ("exclude = [\"a[\"]", "a["),
        ("poll_seconds = 0", "poll_seconds"),
        ("rest_seconds = 4000", "rest_seconds"),
        ("loss_percent = 101", "loss_percent"),
        ("grace_days = 40000", "grace_days"),
        ("[limits]\nanswer_seconds = 0", "limits.answer_seconds"),
        ("[limits]\nwatch_percent = 101", "limits.watch_percent"),
    ] {
        let error = parse(text).unwrap_err().to_string();
        assert!(error.contains(key), "{error}");
    }
}

#[test]
fn models_of_a_user_lie_in_the_folder_of_data_and_those_of_a_service_with_its_state() {
    let user = parse("").unwrap();
    assert_eq!(user.models, Path::new("/home/u/.local/share/semfs/models"));
    assert_eq!(user.model, None);
    let named = parse("models = \"m\"\nmodel = \"other/x\"\n").unwrap();
    assert_eq!(named.models, Path::new("/etc/x/m"));
    assert_eq!(named.model.as_deref(), Some("/etc/x/other/x"));
    let text = "state = \"/var/lib/semfs\"\n";
    let mut system = Config::parse(text, Some(Path::new(SYSTEM_FILE)), &environment()).unwrap();
    assert_eq!(system.models, Path::new("/var/lib/semfs/models"));
    system.keep_state_in("/srv/semfs".into());
    assert_eq!(system.models, Path::new("/srv/semfs/models"));
    let service = Environment {
        is_service: true,
        state: Some("/var/lib/private".into()),
        ..environment()
    };
    let service = Config::parse("", None, &service).unwrap();
    assert_eq!(service.models, Path::new("/var/lib/private/models"));
}

/// The table of the document names every key with its default, and no other.
#[test]
fn the_document_describes_exactly_the_keys_that_there_are() {
    let document = include_str!("../../../docs/CONFIGURATION.md");
    let example = document
        .split("```toml")
        .nth(1)
        .and_then(|rest| rest.split("```").next())
        .expect("docs/CONFIGURATION.md begins with an example of all keys");
    let written: toml::Table = toml::from_str(example).unwrap();
    let defaults = ConfigFile {
        state: Some("~/.local/state/semfs".into()),
        model: Some("mini".into()),
        models: Some("~/.local/share/semfs/models".into()),
        onnxruntime: Some("/usr/local/lib/semfs/libonnxruntime.so".into()),
        roots: vec![
            RootEntry::Path("/volume1/photo".into()),
            RootEntry::Table(RootTable {
                path: "/mnt/nas/photo".into(),
                watch: WatchMode::Poll,
            }),
        ],
        ..ConfigFile::default()
    };
    let expected = toml::Table::try_from(defaults).unwrap();
    assert_eq!(written, expected);
    for key in expected.keys() {
        assert!(
            document.contains(&format!("| `{key}")) || key == "limits",
            "{key}"
        );
    }
    for key in expected["limits"].as_table().unwrap().keys() {
        assert!(document.contains(&format!("| `limits.{key}`")), "{key}");
    }
    for pattern in DEFAULT_EXCLUDES {
        assert!(document.contains(&format!("`{pattern}`")), "{pattern}");
    }
}
