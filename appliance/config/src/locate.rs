//! Problems of a valid file that show only beside something else, such as the bundle of a voice.

use std::ops::Range;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use crate::error::Finding;
use crate::place::Source;

/// Returns a finding at the value of a key, or else at the deepest part of its path that the file has. The `path` is
/// that from the root, with numbers for the tables of a list: `["serial", "2", "language"]`.
#[must_use]
pub fn finding_at(
    file: &str,
    text: &str,
    path: &[&str],
    problem: impl Into<String>,
    remedy: impl Into<String>,
) -> Finding {
    // A file that was read without an error before; should it have changed since, the place is that of another line.
    let (table, _) = DeTable::parse_recoverable(text);
    let source = Source::new(file, text);
    let place = source.place(deepest(table.get_ref(), path));
    Finding {
        file: source.name().to_owned(),
        line: place.line,
        column: place.column,
        excerpt: place.excerpt,
        caret: place.caret,
        width: place.width,
        key: path.join("."),
        problem: problem.into(),
        remedy: remedy.into(),
    }
}

fn deepest(root: &DeTable<'_>, path: &[&str]) -> Range<usize> {
    let Some((first, rest)) = path.split_first() else { return 0..0 };
    let Some(mut value) = in_table(root, first) else { return 0..0 };
    for step in rest {
        let next = match value.get_ref() {
            DeValue::Table(table) => in_table(table, step),
            DeValue::Array(values) => step.parse().ok().and_then(|index: usize| values.get(index)),
            _ => None,
        };
        let Some(next) = next else { break };
        value = next;
    }
    value.span()
}

fn in_table<'t, 'a>(table: &'t DeTable<'a>, key: &str) -> Option<&'t Spanned<DeValue<'a>>> {
    table.iter().find(|(name, _)| name.get_ref() == key).map(|(_, value)| value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finding_is_at_the_deepest_part_of_the_path_that_the_file_has() {
        let text = "# x\n[voice]\nseed = 3\nlanguage = \"de\"\n[[serial]]\ndevice = \"a\"\n[[serial]]\n\
                    language = \"ru\"\n[voices.anna]\nseed = 1\n";
        for (path, line) in [
            (&["voice", "language"][..], 4),
            (&["serial", "1", "language"], 8),
            (&["voices", "anna", "language"], 9),
            (&["mqtt", "language"], 1),
        ] {
            let finding = finding_at("crier.toml", text, path, "is wrong", "mend it");
            assert_eq!((finding.line, finding.key.as_str()), (line, path.join(".").as_str()));
        }
        let finding = finding_at("crier.toml", text, &["voice", "language"], "is wrong", "mend it");
        assert_eq!(finding.to_string(), "crier.toml:4:12: `voice.language` is wrong; mend it");
    }
}
