use super::*;
use crate::date::{Date, Day};

mod errors;
mod round_trip;

fn query(text: &str) -> Query {
    Query::parse(text).unwrap_or_else(|error| panic!("{text}: {error}"))
}

fn printed(text: &str) -> String {
    query(text).to_string()
}

fn error(text: &str) -> QueryError {
    Query::parse(text).unwrap_err()
}

fn term(sign: Sign, hundredths: u16, text: &str) -> Term {
    Term::new(sign, Weight::of_hundredths(hundredths).unwrap(), text).unwrap()
}

fn filters(text: &str) -> Vec<Filter> {
    query(text).filters().to_vec()
}

fn days(from: &str, to: &str) -> Filter {
    Filter::Date(Date::between(Day::parse(from), Day::parse(to)).unwrap())
}

#[test]
fn words_are_one_text_that_counts_for() {
    let red_car = query("  red   car ");
    assert_eq!(red_car.terms(), [term(Sign::Plus, 100, "red car")]);
    assert_eq!(red_car.filters(), []);
    assert_eq!((red_car.top(), red_car.min()), (None, None));
    assert_eq!(red_car.to_string(), "red car");
}

#[test]
fn signs_between_spaces_are_text_arithmetic() {
    assert_eq!(
        query("cat + snow - dog").terms(),
        [
            term(Sign::Plus, 100, "cat"),
            term(Sign::Plus, 100, "snow"),
            term(Sign::Minus, 100, "dog"),
        ]
    );
    assert_eq!(printed("- dog + cat"), "- dog + cat");
    assert_eq!(printed("+ cat"), "cat");
}

#[test]
fn a_number_at_a_sign_is_the_weight_of_the_following_words() {
    assert_eq!(
        query("cat +0.5 snow field -2 dog").terms(),
        [
            term(Sign::Plus, 100, "cat"),
            term(Sign::Plus, 50, "snow field"),
            term(Sign::Minus, 200, "dog"),
        ]
    );
    assert_eq!(query("+2 cat").terms(), [term(Sign::Plus, 200, "cat")]);
    assert_eq!(printed("+2.50 cat -.5 dog +1 x"), "+2.5 cat -0.5 dog + x");
    assert_eq!(printed("+1.0 cat -0.014 dog"), "cat -0.01 dog");
}

#[test]
fn a_weight_is_from_a_hundredth_to_a_hundred() {
    assert_eq!(printed("+0.01 cat -100 dog"), "+0.01 cat -100 dog");
    for word in ["+0", "-0.004", "+100.01", "-2023", "+99999999999999999999"] {
        let text = format!("cat {word} dog");
        assert_eq!(error(&text), QueryError::Weight(word.into()));
    }
}

#[test]
fn signs_within_a_word_are_part_of_it() {
    for text in [
        "well-known man's hat",
        "c++",
        "-5c",
        "at -5c",
        "rock-'n'-roll +",
        "a -- b",
    ] {
        let words = text.trim_end_matches(" +");
        assert_eq!(query(words).terms(), [term(Sign::Plus, 100, words)]);
    }
}

#[test]
fn a_date_is_a_filter_beside_the_text() {
    let beach = query("beach date=2023");
    assert_eq!(beach.terms(), [term(Sign::Plus, 100, "beach")]);
    assert_eq!(beach.filters(), [days("2023-01-01", "2023-12-31")]);
    assert_eq!(
        filters("beach date=2023-05..2024-01"),
        [days("2023-05-01", "2024-01-31")]
    );
    assert_eq!(filters("date=unknown"), [Filter::Date(Date::Unknown)]);
}

#[test]
fn every_attribute_is_a_filter() {
    for (text, filter) in [
        ("camera=nikon", Filter::Camera("nikon".into())),
        ("place=paris", Filter::Place("paris".into())),
        ("type=raw", Filter::Type("raw".into())),
        ("tag=family", Filter::Tag("family".into())),
        ("in=holiday∕2019", Filter::In("holiday/2019".into())),
        ("shape=portrait", Filter::Shape(Shape::Portrait)),
        ("shape=landscape", Filter::Shape(Shape::Landscape)),
        ("shape=square", Filter::Shape(Shape::Square)),
    ] {
        assert_eq!(filters(text), [filter]);
        assert_eq!(printed(text), text);
    }
}

#[test]
fn filters_alone_are_a_query() {
    let alone = query("date=2023 camera=nikon top=5 min=0");
    assert_eq!(alone.terms(), []);
    assert_eq!(alone.filters().len(), 2);
    assert_eq!(alone.to_string(), "date=2023 camera=nikon top=5 min=0");
}

#[test]
fn words_after_a_value_of_one_word_are_text_again() {
    assert_eq!(printed("red date=2023 car"), "red car date=2023");
    assert_eq!(
        printed("date=2023 red top=5 car"),
        "red car date=2023 top=5"
    );
    assert_eq!(
        printed("cat type=raw - dog shape=square + x"),
        "cat - dog + x type=raw shape=square"
    );
}

#[test]
fn a_free_value_goes_on_until_the_next_filter_or_sign() {
    assert_eq!(
        filters("camera=nikon  d90 date=2023"),
        [
            Filter::Camera("nikon d90".into()),
            days("2023-01-01", "2023-12-31")
        ]
    );
    for text in ["camera=nikon d90 + beach", "camera=\"nikon d90\" beach"] {
        assert_eq!(filters(text), [Filter::Camera("nikon d90".into())]);
        assert_eq!(printed(text), "beach camera=nikon d90");
    }
    assert_eq!(printed("tag=x y -2 dog + cat"), "-2 dog + cat tag=x y");
    assert_eq!(
        filters("tag=black-and white c++"),
        [Filter::Tag("black-and white c++".into())]
    );
}

#[test]
fn quotes_end_a_value_and_doubled_quotes_are_part_of_it() {
    let tag = |value: &str| vec![Filter::Tag(value.into())];
    assert_eq!(
        filters("tag=\"  a  + date=2023 \" type=raw")[..1],
        tag("a + date=2023")
    );
    assert_eq!(filters("tag=\"say \"\"hi\"\"\""), tag("say \"hi\""));
    assert_eq!(filters("tag=5\" disk\""), tag("5\" disk\""));
    assert_eq!(error("tag=\"a b"), QueryError::OpenQuote("tag"));
    assert_eq!(error("tag=\"a\"b"), QueryError::AfterQuote("tag"));
}

#[test]
fn values_that_look_like_signs_or_filters_are_printed_in_quotes() {
    for (value, written) in [
        ("a=b", "tag=\"a=b\""),
        ("+", "tag=\"+\""),
        ("x -2", "tag=\"x -2\""),
        ("+1000", "tag=\"+1000\""),
        ("x date=y", "tag=\"x date=y\""),
        ("\"hi\"", "tag=\"\"\"hi\"\"\""),
        ("say \"hi\"", "tag=say \"hi\""),
        ("1/2", "tag=1∕2"),
        ("1∕2", "tag=1∕2"),
        ("  a \t b ", "tag=a b"),
    ] {
        let filter = Filter::tag(value).unwrap();
        assert_eq!(filter.to_string(), written);
        assert_eq!(filters(written), [filter]);
    }
}

#[test]
fn a_folder_is_written_with_any_slash_and_kept_with_one_kind() {
    for text in ["a∕b c", "a:b c", "a⁄b c", "a/b c", "∕a∕∕b c∕", " a : b c"] {
        assert_eq!(Filter::folder(text), Ok(Filter::In("a/b c".into())));
    }
    assert_eq!(printed("in=:a:b c"), "in=a∕b c");
    for text in ["in=a:..:b", "in=.", "in=a∕."] {
        assert!(matches!(error(text), QueryError::Folder(_)), "{text}");
    }
    assert!(matches!(
        error("in=∕"),
        QueryError::NoValue { key: "in", .. }
    ));
    assert_eq!(printed("in=.hidden:a..b"), "in=.hidden∕a..b");
}

#[test]
fn a_type_has_one_name_in_lower_case() {
    let types = [
        ("JPG", "jpeg"),
        ("tif", "tiff"),
        ("heif", "heic"),
        ("NEF", "nef"),
        ("3gp", "3gp"),
        ("video", "video"),
    ];
    for (written, name) in types {
        assert_eq!(printed(&format!("type={written}")), format!("type={name}"));
    }
    let message = error("type=doc").to_string();
    assert!(
        message.contains("jpeg, png") && message.contains("raw (or cr2"),
        "{message}"
    );
    assert!(Filter::formats_of("raw").contains(&"nef"));
    assert_eq!(Filter::formats_of("png"), ["png"]);
}

#[test]
fn several_filters_must_all_hold_and_equal_ones_count_once() {
    assert_eq!(
        printed("tag=a tag=b tag=a date=2023 date=2023-01..2023-12"),
        "tag=a tag=b date=2023"
    );
    let nested = query("beach tag=a").and(Filter::tag("b").unwrap());
    let same = nested.and(Filter::Tag(" a".into()));
    assert_eq!(same, nested);
    assert_eq!(same.to_string(), "beach tag=a tag=b");
}

#[test]
fn of_several_limits_the_strictest_counts() {
    let limits = query("beach top=50 min=.6 top=20 min=25% top=30");
    assert_eq!(limits.top(), Some(20));
    assert_eq!(limits.min(), Relevance::of_thousandths(600));
    assert_eq!(limits.to_string(), "beach top=20 min=0.6");
}

#[test]
fn a_relevance_is_a_number_to_one_or_percent() {
    for (text, thousandths) in [
        ("0.6", 600),
        (".6", 600),
        ("60%", 600),
        ("62.5%", 625),
        ("1", 1000),
        ("100%", 1000),
        ("0", 0),
    ] {
        let relevance = Relevance::parse(text).unwrap();
        assert_eq!(relevance.thousandths(), thousandths, "{text}");
        assert_eq!(Relevance::parse(&relevance.to_string()), Ok(relevance));
    }
    for text in ["lots", "1.1", "60", "101%", "-1", "%", "nan", "6e-1"] {
        assert_eq!(Relevance::parse(text), Err(QueryError::Min(text.into())));
    }
}

#[test]
fn a_query_made_by_nesting_may_be_longer_than_a_name() {
    let long = "x".repeat(250);
    let nested = query(&long).and(Filter::tag(&long).unwrap());
    assert_eq!(
        Query::parse(&nested.to_string()),
        Err(QueryError::TooLong(505))
    );
    assert_eq!(parse::parse(&nested.to_string()), Ok(nested));
}
