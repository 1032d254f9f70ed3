//! `crier validate`: checks a configuration file and explains its errors.

use std::io::IsTerminal;
use std::path::Path;

use crier_config::{Config, report};
use serde_json::json;

use crate::error::CrierError;
use crate::report::{note, print, print_json};

pub(crate) fn run(path: &Path, json: bool) -> Result<(), CrierError> {
    let (errors, warnings) = match Config::read(path) {
        Ok((_, warnings)) => (Vec::new(), warnings),
        Err(errors) => (errors, Vec::new()),
    };
    let valid = errors.is_empty();
    if json {
        let texts: Vec<String> = errors.iter().map(ToString::to_string).collect();
        let warnings: Vec<String> = warnings.iter().map(ToString::to_string).collect();
        print_json(&json!({ "valid": valid, "errors": texts, "warnings": warnings }))?;
    } else if valid {
        print(&report(&errors, &warnings, std::io::stdout().is_terminal()))?;
    } else {
        // To standard error: a script that captures the output gets nothing from a file that is not valid.
        note(report(&errors, &warnings, std::io::stderr().is_terminal()).trim_end());
    }
    // The exit code tells scripts what the text tells people.
    if valid { Ok(()) } else { Err(CrierError::Invalid { path: path.to_owned() }) }
}

/// Reads a configuration, and logs its warnings; without a path, returns the built-in one.
pub(crate) fn read_config(path: Option<&Path>) -> Result<Config, CrierError> {
    let Some(path) = path else { return Ok(Config::default()) };
    let (config, warnings) = Config::read(path).map_err(|errors| CrierError::Config {
        // All of them at once, a line each as the program prints errors: one start shows everything to correct.
        text: errors.iter().map(ToString::to_string).collect::<Vec<_>>().join("\ncrier: "),
    })?;
    for warning in warnings {
        tracing::warn!("{warning}");
    }
    Ok(config)
}
