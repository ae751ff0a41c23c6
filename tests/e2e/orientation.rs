//! EXIF orientation, on real photos.

use std::fs;

use crate::support::{Home, shared_data};

#[test]
fn one_scene_in_all_orientations_scores_alike() {
    let Some(samples) = shared_data("exif/recurser-orientation") else {
        return;
    };
    let home = Home::new();
    for entry in fs::read_dir(samples).unwrap() {
        let entry = entry.unwrap();
        fs::copy(entry.path(), home.photos().join(entry.file_name())).unwrap();
    }
    assert_eq!(home.index().new, 18);
    let json = home.ok(&[
        "search",
        "--json",
        "--top",
        "18",
        "a man stands in the street min=0",
    ]);
    let found: Vec<serde_json::Value> = serde_json::from_str(&json).unwrap();
    for group in ["Landscape_", "Portrait_"] {
        let scores: Vec<f64> = found
            .iter()
            .filter(|found| found["path"].as_str().unwrap().contains(group))
            .map(|found| found["score"].as_f64().unwrap())
            .collect();
        assert_eq!(scores.len(), 9);
        let spread = scores[0] - scores[8];
        // Turned by 90 degrees without need, a scene scores otherwise by 0.1 and more.
        assert!(spread < 0.03, "{group}: {scores:?}");
    }
}
