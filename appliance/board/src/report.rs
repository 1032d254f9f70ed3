//! The report: sections of rows, as Markdown.

use std::fmt;

/// Value of a row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Evidence {
    /// Value that was read or measured.
    Value(String),
    /// Reason why there is nothing.
    Absent(String),
}

/// Part of the report.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReportSection {
    /// Heading.
    pub title: &'static str,
    rows: Vec<(String, Evidence)>,
}

impl ReportSection {
    /// Creates a section without rows.
    #[must_use]
    pub fn new(title: &'static str) -> Self {
        Self { title, rows: Vec::new() }
    }

    /// Adds a value.
    pub fn value(&mut self, what: impl Into<String>, value: impl Into<String>) {
        self.rows.push((what.into(), Evidence::Value(value.into())));
    }

    /// Adds something that is not there, or could not be measured.
    pub fn absent(&mut self, what: impl Into<String>, reason: impl Into<String>) {
        self.rows.push((what.into(), Evidence::Absent(reason.into())));
    }

    /// Adds either of them.
    pub fn row(&mut self, what: impl Into<String>, value: Option<String>, otherwise: &str) {
        match value {
            Some(value) => self.value(what, value),
            None => self.absent(what, otherwise),
        }
    }

    /// Rows in their order.
    #[must_use]
    pub fn rows(&self) -> &[(String, Evidence)] {
        &self.rows
    }
}

/// The report. Its [`Display`](fmt::Display) is Markdown that can be attached to an issue.
#[derive(Debug, Clone, Default)]
pub struct BoardReport {
    /// In their order.
    pub sections: Vec<ReportSection>,
}

impl fmt::Display for BoardReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "# Board report")?;
        for section in &self.sections {
            writeln!(f, "\n## {}\n\n| what | found |\n|---|---|", section.title)?;
            for (what, finding) in &section.rows {
                let found = match finding {
                    Evidence::Value(value) => cell(value),
                    Evidence::Absent(reason) => format!("*absent: {}*", cell(reason)),
                };
                writeln!(f, "| {} | {found} |", cell(what))?;
            }
        }
        Ok(())
    }
}

/// Returns a text that stays within its cell: names of devices come from their makers.
fn cell(text: &str) -> String {
    let mut cell = String::with_capacity(text.len());
    for c in text.trim().chars() {
        match c {
            '|' | '\\' | '`' | '*' | '_' | '<' | '&' | '[' => cell.extend(['\\', c]),
            c if c.is_control() => cell.push(' '),
            c => cell.push(c),
        }
    }
    cell
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn report_is_a_table_per_section_and_values_cannot_leave_their_cell() {
        let mut section = ReportSection::new("Sound");
        section.value("card 0", "USB | <b>Audio</b>\n## forged");
        section.absent("card 1", "no such card");
        let report = BoardReport { sections: vec![section] }.to_string();
        let expected = "# Board report\n\n## Sound\n\n| what | found |\n|---|---|\n\
                        | card 0 | USB \\| \\<b>Audio\\</b> ## forged |\n| card 1 | *absent: no such card* |\n";
        assert_eq!(report, expected);
    }
}
