//! TOML syntax errors in words for users who do not know TOML.

use std::ops::Range;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use crate::reader::Trouble;

/// Translates an error of the parser about `span` of `text`.
pub(crate) fn trouble(complaint: &str, text: &str, span: &Range<usize>) -> Trouble {
    let has = |words: &str| complaint.contains(words);
    // The words are those of the `toml` crate, whose errors have no kinds; if an update changes them, the last branch
    // shows its own text. More special words are tested before more general ones.
    let after = text.get(span.start..).unwrap_or_default();
    let (number, rest) =
        after.split_at(after.bytes().take_while(|&byte| byte.is_ascii_digit() || byte == b'.').count());
    let is_percentage = !number.is_empty() && rest.trim_start_matches(' ').starts_with('%');
    let nothing_there = text.get(span.clone()).is_none_or(|there| there.trim().is_empty());
    let (problem, remedy) = if has("must be quoted") && nothing_there {
        ("there is no value here", "write key = value, or put # before the line")
    } else if has("must be quoted") && is_percentage {
        ("a percentage is a plain number here", "leave the % out: key = 50")
    } else if has("must be quoted") {
        ("text must stand in quotes", "write key = \"text\"")
    } else if has("unquoted keys cannot be empty") {
        ("there is no name here", "write key = value, and sections as [name]")
    } else if has("unclosed table") || has("unclosed array table") {
        ("this section's name is not closed", "write [name], or [[name]] where there may be several")
    } else if has("duplicate key") {
        ("this name comes twice", "leave one of the two out, or join them")
    } else if has("leading zero") {
        ("a number has no leading zero", "leave it out, or put quotes around it: mode = \"0620\"")
    } else if has("key with no value") || has("missing value") {
        ("this is no key with a value", "write key = value, or put # before the line")
    } else if has("invalid boolean") {
        ("this is no value", "write true or false, or put text in quotes")
    } else if has("missing comma") {
        ("there is a comma missing before this", "write a list as [1, 2] and a table as { a = 1, b = 2 }")
    } else if has("escape") {
        (
            "the backslash means something else here",
            "write \\\\ for one, or put single quotes around the text",
        )
    } else if has("basic string") || has("literal string") {
        ("the text is not closed, or has characters that are not allowed", "write key = \"text\" on one line")
    } else if has("recurs") {
        ("lists or tables lie too deep in each other", "write a flat list")
    } else {
        let problem = complaint.split(", expected").next().unwrap_or(complaint);
        return Trouble::new(problem, "write key = value on each line, text in quotes, sections as [name]");
    };
    Trouble::new(problem, remedy)
}

/// Returns the start of a list, table or long text that is never closed. The parser takes what follows for a part of
/// it, so that further errors behind it mean nothing.
pub(crate) fn unclosed(table: &DeTable<'_>, text: &str) -> Option<Range<usize>> {
    table.values().filter_map(|value| unclosed_value(value, text)).min_by_key(|span| span.start)
}

fn unclosed_value(value: &Spanned<DeValue<'_>>, text: &str) -> Option<Range<usize>> {
    let span = value.span();
    let written = text.get(span.clone())?;
    // The place of a section is its head, which begins a line; a value never does.
    let line_start = text.get(..span.start)?.rfind('\n').map_or(0, |at| at + 1);
    let is_head = text.get(line_start..span.start)?.trim_start_matches('\u{feff}').trim().is_empty();
    let delimiters = [("\"\"\"", "\"\"\""), ("'''", "'''"), ("[", "]"), ("{", "}")];
    if let Some((opening, closing)) = delimiters.iter().find(|(opening, _)| written.starts_with(opening))
        && !is_head
        && (written.len() < opening.len() + closing.len() || !written.ends_with(closing))
    {
        return Some(span.start..span.start + opening.len());
    }
    match value.get_ref() {
        DeValue::Array(values) => {
            values.iter().filter_map(|value| unclosed_value(value, text)).min_by_key(|span| span.start)
        }
        DeValue::Table(table) => unclosed(table, text),
        _ => None,
    }
}
