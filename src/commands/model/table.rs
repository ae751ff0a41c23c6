//! Models and measurements as lines for people.

use semfs_daemon::models::{Agreement, ListedModel, Measurement, ModelState, megabytes};

/// The head of the table of measurements.
pub(super) const MEASUREMENTS: &str = "\
model                     dim  photos/s   text ms   load ms    memory
";

/// All models, a line each.
pub(super) fn models(models: &[ListedModel]) -> String {
    let width = models.iter().map(|model| model.name.len()).max();
    let width = width.unwrap_or(0).max(4);
    let mut text = format!(
        "{:width$}  {:10}  {:>8}  {:>4}  origin\n",
        "name", "state", "size", "dim"
    );
    for model in models {
        let dimension = model
            .dimension
            .map_or_else(|| "-".to_owned(), |d| d.to_string());
        let mut notes = vec![model.origin.clone()];
        if let (ModelState::Known, Some(purpose)) = (model.state, model.purpose) {
            notes.push(purpose.to_owned());
        }
        notes.extend(model.licence.map(|licence| format!("licence {licence}")));
        let others = model.languages.filter(|languages| *languages != "English");
        notes.extend(others.map(|languages| format!("{languages} languages")));
        notes.extend(model.reason.clone());
        notes.retain(|note| !note.is_empty());
        text.push_str(&format!(
            "{:width$}  {:10}  {:>8}  {:>4}  {}\n",
            model.name,
            state(model),
            megabytes(model.bytes),
            dimension,
            notes.join("; ")
        ));
    }
    text
}

fn state(model: &ListedModel) -> &'static str {
    match (model.state, model.in_use, model.wanted) {
        (ModelState::Broken, _, _) => "broken",
        (ModelState::Begun, _, _) => "begun",
        (ModelState::Known, _, true) => "wanted",
        (ModelState::Known, _, false) => "known",
        (_, true, _) => "in use",
        (_, false, true) => "wanted",
        (ModelState::Shipped, _, _) => "shipped",
        (ModelState::Installed, _, _) => "installed",
    }
}

/// A line of the table of measurements.
pub(super) fn measurement(measurement: &Measurement) -> String {
    let measured = &measurement.measured;
    let mut line = format!(
        "{:24}  {:>3}  {:>8.1}  {:>8.2}  {:>8.0}  {:>8}\n",
        measurement.name,
        measurement.dimension,
        measured.photos_per_second,
        measured.text_milliseconds,
        measured.load_milliseconds,
        megabytes(measured.peak_bytes),
    );
    if let Some(agreement) = &measurement.agreement {
        line.push_str(&format!("  {}\n", self::agreement(agreement)));
    }
    line
}

/// How far small weights agree with full ones.
pub(super) fn agreement(agreement: &Agreement) -> String {
    let Agreement {
        with,
        mean,
        least,
        photos,
        times_as_fast,
    } = agreement;
    let verdict = match agreement.is_within_bound() {
        true => "good enough to stand in for it",
        false if agreement.agrees() => "no faster, so no reason to use it",
        false => "not good enough to stand in for it",
    };
    format!(
        "agrees with {with} on {photos} pictures to {mean:.4} on average, {least:.4} at least, \
         {times_as_fast:.1} times as fast: {verdict}"
    )
}
