use super::*;

fn time(text: &str) -> String {
    match parse(text) {
        None => "none".to_owned(),
        Some((time, offset)) => format!("{time} {:?} {offset:?}", time.nanosecond),
    }
}

#[test]
fn the_ways_in_which_files_write_dates_are_read() {
    assert_eq!(time("2023:05:17 18:30:01"), "2023-05-17 18:30:01 None None");
    assert_eq!(
        time("2023-05-17T18:30:01.25+02:00"),
        "2023-05-17 18:30:01 Some(250000000) Some(120)"
    );
    assert_eq!(
        time("2023-05-17T18:30Z"),
        "2023-05-17 18:30:00 None Some(0)"
    );
    assert_eq!(
        time("2023-05-17T18:30:01-0730"),
        "2023-05-17 18:30:01 None Some(-450)"
    );
    assert_eq!(time("2023-05"), "2023-05-01 00:00:00 None None");
    assert_eq!(time("2023"), "2023-01-01 00:00:00 None None");
    assert_eq!(time("20230517T183001Z"), "2023-05-17 18:30:01 None Some(0)");
    assert_eq!(time("20230517"), "2023-05-17 00:00:00 None None");
    assert_eq!(
        time("Mon Mar 10 15:04:43 2003\n"),
        "2003-03-10 15:04:43 None None"
    );
    assert_eq!(time("2002/02/20 24:00:00"), "2002-02-20 00:00:00 None None");
}

#[test]
fn what_is_no_date_is_none() {
    for text in [
        "",
        "    :  :     :  :  ",
        "0000:00:00 00:00:00",
        "2023:13:01",
        "2023:02:29",
        "yesterday",
        "99999999",
        "2023é05-17",
        "12",
        "2023x05",
        "2023-05x",
        "2008.?",
    ] {
        assert_eq!(time(text), "none", "{text:?}");
    }
}

#[test]
fn seconds_and_civil_time_agree() {
    for seconds in (-62_135_596_800_i64..253_402_300_799).step_by(987_654_321) {
        let time = CivilTime::from_unix(seconds).unwrap();
        assert_eq!(time.to_unix(), seconds, "{time}");
    }
    assert_eq!(
        CivilTime::from_unix(1_684_341_000).unwrap().to_string(),
        "2023-05-17 16:30:00"
    );
    assert_eq!(CivilTime::from_unix(i64::MAX), None);
    assert_eq!(CivilTime::from_unix(i64::MIN), None);
}
