//! kill -9 at any moment: nothing that was indexed is embedded again, nothing is missing.

use std::time::Duration;

use crate::pictures::write_many;
use crate::support::Home;

const PHOTOS: u32 = 1500;

#[test]
fn kill_at_any_moment_loses_nothing_and_repeats_nothing() {
    let home = Home::new();
    write_many(&home.photos(), PHOTOS);
    let mut before = 0;
    let mut in_between = 0;
    for trial in 0..12 {
        let mut indexing = home.start_indexing(&[]);
        std::thread::sleep(Duration::from_millis(150 + trial * 97 % 700));
        indexing.kill().unwrap();
        indexing.wait().unwrap();
        let status = home.status();
        let photos = status.number("photos");
        assert!(photos >= before, "{photos} after {before}");
        // Every committed photo has its vector: a search lists exactly these.
        assert_eq!(home.search("anything", 2000).len() as u64, photos);
        in_between += u32::from(photos > before && photos < u64::from(PHOTOS));
        before = photos;
    }
    assert!(in_between > 0, "no kill fell into the middle of the work");
    let last = home.index();
    assert_eq!(last.unchanged, before);
    assert_eq!(last.new, u64::from(PHOTOS) - before);
    assert_eq!(home.status().number("photos"), u64::from(PHOTOS));
    assert_eq!(home.search("anything", 2000).len(), PHOTOS as usize);
    assert_eq!(home.index().new, 0);
}

#[test]
fn an_interrupted_run_keeps_what_it_did() {
    let home = Home::new();
    write_many(&home.photos(), PHOTOS);
    let indexing = home.start_indexing(&[]);
    std::thread::sleep(Duration::from_millis(600));
    let process = nix::unistd::Pid::from_raw(i32::try_from(indexing.id()).unwrap());
    nix::sys::signal::kill(process, nix::sys::signal::Signal::SIGINT).unwrap();
    let output = indexing.wait_with_output().unwrap();
    assert!(output.status.success());
    let kept = home.status().number("photos");
    assert_eq!(home.index().unchanged, kept);
}
