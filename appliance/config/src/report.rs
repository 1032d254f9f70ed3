//! Output of `crier validate` for people: the place, the line with a caret, and the remedy.

use std::fmt::Write;

use crate::error::{ConfigError, Finding, Warning};

/// Colours of a terminal, or none.
struct Paint {
    red: &'static str,
    yellow: &'static str,
    blue: &'static str,
    green: &'static str,
    bold: &'static str,
    plain: &'static str,
}

const COLOURED: Paint = Paint {
    red: "\x1b[1;31m",
    yellow: "\x1b[1;33m",
    blue: "\x1b[34m",
    green: "\x1b[1;32m",
    bold: "\x1b[1m",
    plain: "\x1b[0m",
};
const PLAIN: Paint = Paint { red: "", yellow: "", blue: "", green: "", bold: "", plain: "" };

/// Everything that was found, over some lines each, with a line at the end that counts it; `color` is for terminals.
#[must_use]
pub fn report(errors: &[ConfigError], warnings: &[Warning], color: bool) -> String {
    let paint = if color { COLOURED } else { PLAIN };
    let mut text = String::new();
    for error in errors {
        match error {
            ConfigError::At(finding) => paint.finding(&mut text, "error", paint.red, finding),
            other => paint.headline(&mut text, "error", paint.red, &other.to_string()),
        }
        text.push('\n');
    }
    for Warning(finding) in warnings {
        paint.finding(&mut text, "warning", paint.yellow, finding);
        text.push('\n');
    }
    paint.summary(&mut text, errors, warnings.len());
    text
}

impl Paint {
    // Writing to a `String` cannot fail.
    fn headline(&self, text: &mut String, word: &str, colour: &str, message: &str) {
        let _ = writeln!(text, "{colour}{word}{}{}: {message}{}", self.plain, self.bold, self.plain);
    }

    fn finding(&self, text: &mut String, word: &str, colour: &str, finding: &Finding) {
        let Finding { file, line, column, excerpt, caret, width, key, problem, remedy } = finding;
        let message = if key.is_empty() { problem.clone() } else { format!("`{key}` {problem}") };
        self.headline(text, word, colour, &message);
        let (blue, plain) = (self.blue, self.plain);
        // As wide as the line number, so that the bars stand below each other.
        let margin = " ".repeat(line.to_string().len());
        let _ = writeln!(text, "{margin}{blue}-->{plain} {file}:{line}:{column}");
        let _ = writeln!(text, "{margin} {blue}|{plain}");
        let _ = writeln!(text, "{blue}{line} |{plain} {}", excerpt.trim_end());
        let carets = "^".repeat(*width);
        let _ = writeln!(text, "{margin} {blue}|{plain} {}{colour}{carets}{plain}", " ".repeat(*caret));
        let _ = writeln!(text, "{margin} {blue}={plain} {remedy}");
    }

    fn summary(&self, text: &mut String, errors: &[ConfigError], warnings: usize) {
        let hidden: usize = errors
            .iter()
            .map(
                // Counted as one error by the length of the list already.
                |error| if let ConfigError::More { count, .. } = error { count.saturating_sub(1) } else { 0 },
            )
            .sum();
        let (colour, verdict) = match (errors.is_empty(), warnings) {
            (false, _) => (self.red, "not valid"),
            (true, 0) => (self.green, "valid"),
            (true, _) => (self.yellow, "valid"),
        };
        let mut counts = Vec::new();
        for (count, noun) in [(errors.len() + hidden, "error"), (warnings, "warning")] {
            if count > 0 {
                counts.push(format!("{count} {noun}{}", if count == 1 { "" } else { "s" }));
            }
        }
        let counts = if counts.is_empty() { String::new() } else { format!(": {}", counts.join(", ")) };
        let _ = writeln!(text, "{colour}{verdict}{}{counts}", self.plain);
    }
}
