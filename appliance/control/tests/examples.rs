//! Checks that the examples of `docs/CONTROL.md` agree with the types of the program.

#![allow(clippy::unwrap_used)]

use crier_control::{
    ApplianceStatus, ControlResponse, ErrorCode, ErrorReport, REQUEST_BYTES_MAX, ResponseLine, VERBS,
    VERSION, parse_request,
};
use serde_json::Value;

const DOCUMENT: &str = include_str!("../../../docs/CONTROL.md");

/// Returns the lines of all examples that begin with this mark, with the line that follows each.
fn examples(mark: &str) -> Vec<(&'static str, &'static str)> {
    let lines: Vec<&str> = DOCUMENT.lines().collect();
    let pairs = lines.windows(2).filter_map(|pair| Some((pair[0].strip_prefix(mark)?, pair[1])));
    pairs.collect()
}

#[test]
fn every_request_example_is_answered_as_documented() {
    let mut verbs = Vec::new();
    for (request, next) in examples("> ") {
        match parse_request(request.as_bytes()) {
            Ok(_) => {
                let value: Value = serde_json::from_str(request).unwrap();
                verbs.push(value["verb"].as_str().unwrap().to_owned());
            }
            Err(report) => {
                let line = ResponseLine { version: VERSION, response: ControlResponse::Error(report) };
                let expected: Value = serde_json::from_str(next.strip_prefix("< ").unwrap()).unwrap();
                assert_eq!(serde_json::to_value(&line).unwrap(), expected, "{request}");
            }
        }
    }
    for verb in VERBS {
        assert!(verbs.iter().any(|known| known == verb), "docs/CONTROL.md has no example of `{verb}`");
    }
}

#[test]
fn every_response_example_has_exactly_the_fields_of_the_types() {
    let responses = examples("< ");
    assert!(responses.len() > 15);
    for (response, _) in responses {
        let value: Value = serde_json::from_str(response).unwrap();
        let line: ResponseLine = serde_json::from_value(value.clone()).unwrap();
        // Writing it again shows fields that the types have and the document lacks, and the other way round.
        assert_eq!(serde_json::to_value(&line).unwrap(), value, "{response}");
    }
}

#[test]
fn hello_example_lists_all_verbs() {
    let hello = crier_control::Hello::current("0.1.0");
    let line = ResponseLine { version: VERSION, response: ControlResponse::Hello(hello) };
    assert!(DOCUMENT.contains(&serde_json::to_string(&line).unwrap()));
}

#[test]
fn error_codes_and_limits_of_the_document_are_those_of_the_program() {
    let codes = [
        ErrorCode::Malformed,
        ErrorCode::TooLong,
        ErrorCode::Timeout,
        ErrorCode::Version,
        ErrorCode::UnknownVerb,
        ErrorCode::Invalid,
        ErrorCode::NotFound,
        ErrorCode::Failed,
    ];
    for code in codes {
        let report = serde_json::to_value(ErrorReport::new(code, "")).unwrap();
        assert!(DOCUMENT.contains(&format!("`{}`", report["code"].as_str().unwrap())), "{code:?}");
    }
    assert!(DOCUMENT.contains(&format!("| {REQUEST_BYTES_MAX} bytes |")));
    assert!(DOCUMENT.contains(&format!("| {} |", crier_announce::RECENT_OUTCOMES_MAX)));
}

#[test]
fn status_with_unknown_fields_is_parsed() {
    let (example, _) = examples("< ").into_iter().find(|(line, _)| line.contains("\"status\":{")).unwrap();
    let mut value: Value = serde_json::from_str(example).unwrap();
    value["status"]["mood"] = "good".into();
    let status: ApplianceStatus = serde_json::from_value(value["status"].clone()).unwrap();
    assert_eq!(status.id, "hall");
}
