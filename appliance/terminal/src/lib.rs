//! Output for people: tables, numbers with units, progress bars.

#![forbid(unsafe_code)]

use std::io::{IsTerminal, Write};
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

/// Writes a message that is not part of the result to standard error.
pub fn note(text: &str) {
    // Nothing can be done when standard error is closed.
    let _ = writeln!(std::io::stderr(), "{text}");
}

/// Alignment of all columns of a table but the first, which is left-aligned.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Align {
    /// For words.
    Left,
    /// For numbers, so that digits of the same place align.
    Right,
}

/// Formats rows as lines whose columns are as wide as their widest cell.
#[must_use]
pub fn table(align: Align, rows: &[Vec<String>]) -> String {
    let columns = rows.iter().map(Vec::len).max().unwrap_or(0);
    let width = |column: usize| {
        rows.iter().filter_map(|row| row.get(column)).map(|cell| cell.chars().count()).max().unwrap_or(0)
    };
    let widths: Vec<usize> = (0..columns).map(width).collect();
    let mut text = String::new();
    for row in rows {
        let cells: Vec<String> = row
            .iter()
            .zip(&widths)
            .enumerate()
            .map(|(column, (cell, &width))| match align {
                Align::Right if column > 0 => format!("{cell:>width$}"),
                _ => format!("{cell:<width$}"),
            })
            .collect();
        // Trailing spaces would wrap on a narrow terminal.
        text.push_str(format!("  {}", cells.join("  ")).trim_end());
        text.push('\n');
    }
    text
}

/// Returns a number with its noun, in the singular for one.
#[must_use]
pub fn counted(number: usize, noun: &str) -> String {
    if number == 1 { format!("1 {noun}") } else { format!("{number} {noun}s") }
}

/// Returns a number of bytes with a decimal unit.
#[must_use]
pub fn human_bytes(bytes: u64) -> String {
    match bytes {
        0..1_000 => format!("{bytes} B"),
        1_000..1_000_000 => format!("{:.1} kB", bytes as f64 / 1e3),
        1_000_000..1_000_000_000 => format!("{:.1} MB", bytes as f64 / 1e6),
        _ => format!("{:.2} GB", bytes as f64 / 1e9),
    }
}

/// Returns a time in its largest units.
#[must_use]
pub fn human_time(seconds: u64) -> String {
    match seconds {
        0..60 => format!("{seconds} s"),
        60..3600 => format!("{} min", seconds / 60),
        3600..86_400 => format!("{} h {} min", seconds / 3600, seconds % 3600 / 60),
        _ => format!("{} days", seconds / 86_400),
    }
}

/// Returns the duration in milliseconds.
#[must_use]
pub fn milliseconds(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1e3
}

/// Rounds a number to `decimals` places: further digits of a measurement are noise.
#[must_use]
pub fn rounded(value: f64, decimals: i32) -> f64 {
    let factor = 10_f64.powi(decimals);
    (value * factor).round() / factor
}

/// Progress bars on standard error, if that is a terminal.
#[derive(Default)]
pub struct Bars {
    bar: Option<ProgressBar>,
}

impl Bars {
    /// Returns bars of which none is shown yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Shows a bar of `total` units in the place of the present one.
    pub fn begin(&mut self, name: &str, total: u64) {
        // A bar that an error left behind must not stay on the screen.
        self.end();
        let bar = ProgressBar::new(total);
        // In a log file each refresh would be another line.
        if !std::io::stderr().is_terminal() {
            bar.set_draw_target(ProgressDrawTarget::hidden());
        }
        if let Ok(style) = ProgressStyle::with_template("{msg:>18} [{bar:32}] {percent:>3} %  {eta}") {
            bar.set_style(style.progress_chars("=> "));
        }
        bar.set_message(name.to_owned());
        self.bar = Some(bar);
    }

    /// Reports that `units` more units are done.
    pub fn step(&self, units: u64) {
        if let Some(bar) = &self.bar {
            bar.inc(units);
        }
    }

    /// Takes the present bar off the screen.
    pub fn end(&mut self) {
        if let Some(bar) = self.bar.take() {
            bar.finish_and_clear();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn table_columns_are_as_wide_as_their_widest_cell() {
        let rows = [vec!["a".to_owned(), "1".to_owned()], vec!["long".to_owned(), "22".to_owned()]];
        assert_eq!(table(Align::Right, &rows), "  a      1\n  long  22\n");
        assert_eq!(table(Align::Left, &rows), "  a     1\n  long  22\n");
    }

    #[test]
    fn noun_of_one_is_singular() {
        assert_eq!([0, 1, 2].map(|number| counted(number, "thread")), ["0 threads", "1 thread", "2 threads"]);
    }

    #[test]
    fn times_have_their_largest_units() {
        let times = [5, 65, 7265, 200_000].map(human_time);
        assert_eq!(times, ["5 s", "1 min", "2 h 1 min", "2 days"]);
    }

    #[test]
    fn bytes_have_decimal_units() {
        assert_eq!(human_bytes(999), "999 B");
        assert_eq!(human_bytes(1_811_577_344), "1.81 GB");
        assert_eq!(human_bytes(52_300), "52.3 kB");
    }
}
