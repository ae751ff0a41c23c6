use proptest::prelude::*;

use super::*;

/// Words that are something else in some place.
fn nasty() -> impl Strategy<Value = String> {
    let words = [
        "+",
        "-",
        "+2",
        "-0.5",
        "+1000",
        "-5c",
        "c++",
        "--",
        "a=b",
        "=",
        "date=2023",
        "top=5",
        "tag=",
        "in=a:b",
        "\"",
        "\"\"",
        "\"\"\"",
        "a\"b",
        "a\"",
        "\"a",
        "/",
        "a/b",
        "∕",
        "⁄",
        ":",
        ".",
        "..",
        "unknown",
        "é",
        "\u{3000}",
        "\t",
        "\u{a0}x",
        "x",
    ];
    prop_oneof![
        3 => prop::sample::select(words.to_vec()).prop_map(str::to_owned),
        1 => "\\PC{1,5}",
        1 => "[a-z]{1,5}",
    ]
}

fn value() -> impl Strategy<Value = String> {
    (
        prop::collection::vec(nasty(), 1..4),
        prop::sample::select(&["", " ", "  "][..]),
    )
        .prop_map(|(words, between)| words.join(between))
}

fn text() -> impl Strategy<Value = String> {
    prop::collection::vec("[a-z\"'∕c:+-]{1,6}", 1..4).prop_map(|words| words.join("  "))
}

fn a_term() -> impl Strategy<Value = Term> {
    let signs = prop::sample::select(&[Sign::Plus, Sign::Minus][..]);
    let weights = prop_oneof![Just(100_u16), 1..=10_000_u16];
    (signs, weights, text()).prop_filter_map("a text that is no text", |(sign, weight, text)| {
        Term::new(sign, Weight::of_hundredths(weight)?, &text).ok()
    })
}

fn a_day() -> impl Strategy<Value = Day> {
    let any = (Day::MIN.number()..=Day::MAX.number()).prop_filter_map("", Day::of_number);
    let ends = prop::sample::select(
        &[
            "2023-01-01",
            "2023-12-31",
            "2024-02-29",
            "2023-05-01",
            "2023-05-31",
        ][..],
    );
    prop_oneof![any, ends.prop_filter_map("", Day::parse)]
}

fn a_filter() -> impl Strategy<Value = Filter> {
    let kinds = ["jpeg", "JPG", "raw", "nef", "video", "3gp"];
    prop_oneof![
        (prop::option::of(a_day()), prop::option::of(a_day())).prop_filter_map("", |(from, to)| {
            Date::between(from, to).ok().map(Filter::Date)
        }),
        Just(Filter::Date(Date::Unknown)),
        value().prop_map(Filter::Camera),
        value().prop_map(Filter::Place),
        value().prop_map(Filter::Tag),
        value().prop_map(Filter::In),
        prop::sample::select(kinds.to_vec()).prop_map(|name| Filter::Type(name.to_owned())),
        prop::sample::select(&[Shape::Portrait, Shape::Landscape, Shape::Square][..])
            .prop_map(Filter::Shape),
    ]
}

fn a_query() -> impl Strategy<Value = Query> {
    (
        prop::collection::vec(a_term(), 0..4),
        prop::collection::vec(a_filter(), 0..4),
        prop::option::of(1..=MOST_RESULTS),
        prop::option::of((0..=1000_u16).prop_filter_map("", Relevance::of_thousandths)),
    )
        .prop_filter_map("parts that are no query", |(terms, filters, top, min)| {
            Query::of(terms, filters, top, min).ok()
        })
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 500,
        max_global_rejects: 200_000,
        max_local_rejects: 200_000,
        ..ProptestConfig::default()
    })]

    #[test]
    fn a_printed_tree_is_parsed_to_the_same_tree(query in a_query()) {
        let printed = query.to_string();
        prop_assert_eq!(parse::parse(&printed), Ok(query), "{}", printed);
    }

    #[test]
    fn a_printed_tree_can_be_the_name_of_a_folder(query in a_query()) {
        prop_assert!(!query.to_string().contains('/'));
    }

    #[test]
    fn a_tree_taken_apart_makes_the_same_tree(query in a_query()) {
        let (terms, filters) = (query.terms().to_vec(), query.filters().to_vec());
        prop_assert_eq!(Query::of(terms, filters, query.top(), query.min()), Ok(query));
    }

    #[test]
    fn a_text_printed_and_parsed_again_is_the_same_query(
        words in prop::collection::vec(
            prop_oneof![
                nasty(),
                "(date|camera|place|type|tag|in|shape|top|min)=(2023|raw|square|5|0\\.5|\"|\"?[a-z+ ]{0,6}\"?)",
            ],
            1..6,
        ),
    ) {
        if let Ok(query) = parse::parse(&words.join(" ")) {
            prop_assert_eq!(parse::parse(&query.to_string()), Ok(query));
        }
    }

    #[test]
    fn any_text_is_a_query_or_a_sentence(text in "\\PC{0,80}") {
        match Query::parse(&text) {
            Ok(query) => prop_assert_eq!(parse::parse(&query.to_string()), Ok(query)),
            Err(error) => prop_assert!(!error.to_string().is_empty()),
        }
    }
}
