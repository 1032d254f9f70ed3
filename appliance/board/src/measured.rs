//! Measurements that commands of this program make and print as JSON.

use std::process::{Command, Stdio};

use serde_json::Value;

use crate::report::ReportSection;

/// Runs another command of this program, and lists the numbers that it prints.
#[must_use]
pub fn measured(title: &'static str, arguments: &[&str]) -> ReportSection {
    let mut section = ReportSection::new(title);
    // A process of its own: memory and threads of a measurement are those of the command that people run.
    let ran =
        Command::new("/proc/self/exe").args(arguments).stdin(Stdio::null()).stderr(Stdio::piped()).output();
    let command = format!("crier {}", arguments.join(" "));
    match ran {
        Ok(output) if output.status.success() => match serde_json::from_slice(&output.stdout) {
            Ok(value) => flatten(&mut section, String::new(), &value),
            Err(error) => section.absent(command, error.to_string()),
        },
        Ok(output) => section.absent(command, String::from_utf8_lossy(&output.stderr)),
        Err(error) => section.absent(command, error.to_string()),
    }
    section
}

/// Lists the leaves of a JSON value by their paths.
fn flatten(section: &mut ReportSection, path: String, value: &Value) {
    let below = |key: &str| if path.is_empty() { key.to_owned() } else { format!("{path}.{key}") };
    match value {
        Value::Object(members) => members.iter().for_each(|(key, value)| flatten(section, below(key), value)),
        Value::Array(items) => {
            items.iter().enumerate().for_each(|(at, value)| flatten(section, below(&at.to_string()), value));
        }
        Value::String(text) => section.value(path, text),
        leaf => section.value(path, leaf.to_string()),
    }
}
