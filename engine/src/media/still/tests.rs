use std::io::Write;
use std::path::Path;

use super::*;

/// Says that a test is skipped where it is seen also if the test passes.
fn skipped(why: &str) {
    let _ = writeln!(std::io::stderr(), "SKIPPED: {why}");
}

fn settings() -> Option<StillSettings> {
    let Some(program) = Program::find() else {
        skipped("ffmpeg is not installed (apt install ffmpeg)");
        return None;
    };
    Some(StillSettings {
        program,
        deadline: Duration::from_secs(30),
        memory: 1 << 30,
        side: 128,
    })
}

/// A program in place of ffmpeg: a script, which gets ffmpeg's arguments.
fn script(text: &str) -> (tempfile::TempDir, PathBuf) {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().unwrap();
    let program = folder.path().join("program");
    // Written by another process: a file that we have open for writing, or a child that
    // was forked meanwhile, cannot be started.
    let mut shell = Command::new("sh")
        .args(["-c", "cat > \"$0\""])
        .arg(&program)
        .stdin(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = shell.stdin.take().unwrap();
    write!(stdin, "#!/bin/sh\n{text}\n").unwrap();
    drop(stdin);
    assert!(shell.wait().unwrap().success());
    std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o755)).unwrap();
    (folder, program)
}

fn bounded(program: &Path, deadline: Duration) -> io::Result<Running> {
    start(Command::new(program), Bounds::new(1 << 30, deadline))
}

/// What a program in bounds says until it ends.
fn run(program: &Path) -> Vec<u8> {
    let deadline = Duration::from_secs(20);
    let mut running = bounded(program, deadline).unwrap();
    let (output, status) = running.finish(Instant::now() + deadline).unwrap();
    assert!(status.unwrap().success());
    output.unwrap()
}

/// Two seconds of red, then eight of blue.
fn film(folder: &Path, name: &str, codec: &str) -> Option<File> {
    let path = folder.join(name);
    let made = Command::new(installed()?)
        .args(["-v", "error", "-nostdin"])
        .args([
            "-f",
            "lavfi",
            "-i",
            "color=red:size=640x360:rate=10:duration=2",
        ])
        .args([
            "-f",
            "lavfi",
            "-i",
            "color=blue:size=640x360:rate=10:duration=8",
        ])
        .args(["-filter_complex", "concat", "-g", "10", "-c:v", codec])
        .arg(&path)
        .status()
        .unwrap();
    assert!(made.success());
    File::open(path).ok()
}

#[test]
fn a_still_is_made_of_each_container_at_the_time_that_is_wanted() {
    let Some(settings) = settings() else { return };
    let folder = tempfile::tempdir().unwrap();
    for (name, codec, format) in [
        ("a.mp4", "mpeg4", VideoFormat::Mp4),
        ("a.mov", "mpeg4", VideoFormat::Mov),
        ("a.avi", "mjpeg", VideoFormat::Avi),
        ("a.mkv", "mpeg4", VideoFormat::Mkv),
    ] {
        let video = film(folder.path(), name, codec).unwrap();
        let color = |duration| {
            let png = still(&settings, &video, format, duration).unwrap();
            let picture = image::load_from_memory(&png).unwrap().into_rgb8();
            assert!(picture.height().abs_diff(128) <= 1, "{name}");
            assert!(picture.width().abs_diff(228) <= 2, "{name}");
            let image::Rgb([red, _, blue]) = picture[(100, 60)];
            red > blue
        };
        assert!(color(Some(10_000)), "{name}: a tenth of ten seconds is red");
        assert!(!color(Some(50_000)), "{name}: five seconds in, it is blue");
        // Longer than it is: from the start, then.
        let _ = color(Some(600_000));
        let bytes = std::fs::read(folder.path().join(name)).unwrap();
        let facts = crate::media::facts(&bytes).unwrap();
        assert_eq!(facts.format, crate::media::Format::Video(format));
        assert_eq!((facts.width, facts.height), (640, 360), "{name}");
        let length = crate::metadata::read(&bytes).duration.unwrap();
        assert!(length.abs_diff(10_000) < 300, "{name}: {length}");
    }
}

#[test]
fn what_is_no_video_makes_no_still() {
    let Some(settings) = settings() else { return };
    let mut file = tempfile::tempfile().unwrap();
    file.write_all(b"\0\0\0\x18ftypisom\0\0\0\0isommp42 and then nothing")
        .unwrap();
    let error = still(&settings, &file, VideoFormat::Mp4, None).unwrap_err();
    assert!(matches!(error, StillError::Nothing(_)), "{error}");
}

#[test]
fn a_program_that_does_not_end_is_ended_with_its_children() {
    let (_folder, program) = script("sleep 600 & echo $$ $!; wait");
    let began = Instant::now();
    let deadline = Duration::from_secs(1);
    let mut running = bounded(&program, deadline).unwrap();
    let (output, status) = running.finish(began + deadline).unwrap();
    assert!(status.is_none());
    drop(running);
    assert!(began.elapsed() < Duration::from_secs(10));
    let numbers = String::from_utf8(output.unwrap()).unwrap();
    assert_eq!(numbers.split_whitespace().count(), 2, "{numbers}");
    for number in numbers.split_whitespace() {
        // It may take its time to die, and its new parent to bury it.
        let state = || std::fs::read_to_string(format!("/proc/{number}/stat")).unwrap_or_default();
        let is_dead = || state().is_empty() || state().contains(") Z");
        let ends = Instant::now() + Duration::from_secs(10);
        while !is_dead() && Instant::now() < ends {
            std::thread::sleep(PAUSE);
        }
        assert!(is_dead(), "{}", state());
    }
}

#[test]
fn a_program_in_bounds_can_change_no_file_and_reach_no_network() {
    let (folder, program) = script("cd \"${0%/*}\"; (echo x > written); echo still here");
    assert_eq!(run(&program), b"still here\n");
    assert!(!folder.path().join("written").exists());
    let (folder, program) =
        script("cd \"${0%/*}\"; mkdir made; rm -f program; mv program other; echo done");
    assert_eq!(run(&program), b"done\n");
    assert!(!folder.path().join("made").exists());
    assert!(program.exists());
    let (_folder, program) = script(
        "/usr/bin/python3 -c 'import socket\ntry: socket.socket(); print(\"open\")\n\
         except PermissionError: print(\"refused\")' || echo missing",
    );
    match run(&program).as_slice() {
        b"missing\n" => skipped("there is no python3 to try a socket with"),
        answer => assert_eq!(answer, b"refused\n"),
    }
}

#[test]
fn a_program_that_writes_without_end_is_ended() {
    let (_folder, program) = script("exec cat /dev/zero");
    let deadline = Duration::from_secs(20);
    let mut running = bounded(&program, deadline).unwrap();
    let (output, _) = running.finish(Instant::now() + deadline).unwrap();
    assert!(output.is_none());
}

#[test]
fn a_program_that_is_not_there_is_named() {
    let settings = StillSettings {
        program: Program {
            path: "/nowhere/ffmpeg".into(),
            knows_descriptors: true,
        },
        deadline: Duration::from_secs(1),
        memory: 1 << 30,
        side: 128,
    };
    let nothing = tempfile::tempfile().unwrap();
    let error = still(&settings, &nothing, VideoFormat::Mp4, None).unwrap_err();
    assert!(error.to_string().contains("/nowhere/ffmpeg"), "{error}");
}
