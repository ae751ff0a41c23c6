use super::*;
use crate::date::DateError;

#[test]
fn what_is_no_query_says_why() {
    assert_eq!(error(" "), QueryError::Empty);
    assert_eq!(error("top=3"), QueryError::OnlyLimits);
    assert_eq!(error("min=0.5 top=3"), QueryError::OnlyLimits);
    assert_eq!(error("- dog"), QueryError::OnlyMinus);
    assert_eq!(error("- dog date=2023"), QueryError::OnlyMinus);
    for text in [
        "dog + ",
        "+",
        "+ + cat",
        "cat + date=2023",
        "-2 top=5",
        "camera=x +",
    ] {
        assert_eq!(error(text), QueryError::EmptyTerm, "{text}");
    }
    for top in ["lots", "0", "10001", "-1", "1.5"] {
        assert_eq!(
            error(&format!("dog top={top}")),
            QueryError::Top(top.into())
        );
    }
    assert_eq!(error("min=lots dog"), QueryError::Min("lots".into()));
    assert_eq!(error("date=32"), DateError::NoDate("32".into()).into());
    assert_eq!(error("shape=round"), QueryError::Shape("round".into()));
    assert_eq!(
        error("black/white"),
        QueryError::Slash("black/white".into())
    );
    assert_eq!(error(&"x".repeat(256)), QueryError::TooLong(256));
}

#[test]
fn an_unknown_filter_is_an_error_that_names_the_known_ones() {
    let message = error("dog colour=red").to_string();
    assert!(message.starts_with("`colour=`"), "{message}");
    for key in [
        "date", "camera", "place", "type", "tag", "in", "shape", "top", "min",
    ] {
        assert!(message.contains(&format!("`{key}=`")), "{message}");
    }
    // A mistyped filter is not taken for a part of the value before it.
    assert_eq!(
        error("camera=nikon dat=2023"),
        QueryError::UnknownFilter("dat".into())
    );
}

#[test]
fn a_filter_without_a_value_says_what_to_write() {
    for key in [
        "date", "camera", "place", "type", "tag", "in", "shape", "top", "min",
    ] {
        for text in [format!("dog {key}="), format!("{key}= dog")] {
            let message = error(&text).to_string();
            assert!(
                message.contains(&format!("for example `{key}=")),
                "{message}"
            );
        }
    }
    assert!(matches!(
        error("tag=\" \""),
        QueryError::NoValue { key: "tag", .. }
    ));
}

#[test]
fn a_query_of_parts_obeys_the_same_rules() {
    let of = |terms, filters, top| Query::of(terms, filters, top, None);
    let raw = |text: &str| Term {
        text: text.into(),
        ..term(Sign::Plus, 100, "x")
    };
    assert_eq!(of(vec![], vec![], None), Err(QueryError::Empty));
    assert_eq!(of(vec![], vec![], Some(1)), Err(QueryError::OnlyLimits));
    assert_eq!(
        of(vec![raw("a")], vec![], Some(0)),
        Err(QueryError::Top("0".into()))
    );
    assert_eq!(of(vec![raw(" ")], vec![], None), Err(QueryError::EmptyTerm));
    for word in ["+", "-2", "+1000", "a=b"] {
        let terms = vec![raw(&format!("x {word}"))];
        assert_eq!(
            of(terms, vec![], None),
            Err(QueryError::NoText(word.into()))
        );
    }
    assert_eq!(
        of(vec![raw("a/b")], vec![], None),
        Err(QueryError::Slash("a/b".into()))
    );
    let minus = term(Sign::Minus, 100, "dog");
    assert_eq!(
        of(vec![minus], vec![Filter::Shape(Shape::Square)], None),
        Err(QueryError::OnlyMinus)
    );
    let no_date = Filter::Date(Date::Between {
        from: None,
        to: None,
    });
    assert_eq!(
        of(vec![], vec![no_date], None),
        Err(DateError::NoEnds.into())
    );
    let made = of(
        vec![raw(" a  b")],
        vec![Filter::Tag(" c  d".into()), Filter::Type("JPG".into())],
        None,
    );
    assert_eq!(made.unwrap().to_string(), "a b tag=c d type=jpeg");
}
