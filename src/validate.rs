//! `crier validate`: checks a configuration file and explains its errors.

use std::io::IsTerminal;
use std::path::Path;

use crier_config::{Config, ConfigError, report};
use crier_playback::BundleFolders;
use serde_json::json;

use crate::error::CrierError;
use crate::report::{note, print, print_json};

pub(crate) fn run(path: &Path, json: bool) -> Result<(), CrierError> {
    let (errors, warnings, lexicon_problems) = match Config::read(path) {
        Ok((config, warnings)) => {
            let folders = crate::voice::bundle_folders(&config);
            let problems = folders.lexicon_problems().iter().map(ToString::to_string).collect();
            (style_errors(path, &config, &folders), warnings, problems)
        }
        Err(errors) => (errors, Vec::new(), Vec::new()),
    };
    let valid = errors.is_empty();
    if json {
        let texts: Vec<String> = errors.iter().map(ToString::to_string).collect();
        let warnings = warnings.iter().map(ToString::to_string);
        let warnings: Vec<String> = warnings.chain(lexicon_problems).collect();
        print_json(&json!({ "valid": valid, "errors": texts, "warnings": warnings }))?;
    } else if valid {
        // Not a reason to refuse the configuration: the appliance speaks without what they hold.
        lexicon_problems.iter().for_each(|problem| note(&format!("crier: warning: {problem}")));
        print(&report(&errors, &warnings, std::io::stdout().is_terminal()))?;
    } else if !matches!(errors.as_slice(), [ConfigError::Read { .. }]) {
        // To standard error: a script that captures the output gets nothing from a file that is not valid.
        note(report(&errors, &warnings, std::io::stderr().is_terminal()).trim_end());
    }
    // The exit code tells scripts what the text tells people.
    match errors.into_iter().next() {
        None => Ok(()),
        Some(error @ ConfigError::Read { .. }) => Err(CrierError::NoConfig { text: error.to_string() }),
        Some(_) => Err(CrierError::Invalid { path: path.to_owned() }),
    }
}

fn style_errors(path: &Path, config: &Config, folders: &BundleFolders) -> Vec<ConfigError> {
    // It was read a moment ago; should it be gone, the errors are those of its beginning.
    let text = std::fs::read_to_string(path).unwrap_or_default();
    folders.config_errors(config, &path.to_string_lossy(), &text)
}

/// Reads a configuration, and logs its warnings; without a path, returns the built-in one.
pub(crate) fn read_config(path: Option<&Path>) -> Result<Config, CrierError> {
    let Some(path) = path else { return Ok(Config::default()) };
    let (config, warnings) = Config::read(path).map_err(|errors| {
        // All of them at once, a line each as the program prints errors: one start shows everything to correct.
        let text = errors.iter().map(ToString::to_string).collect::<Vec<_>>().join("\ncrier: ");
        match errors.as_slice() {
            [ConfigError::Read { .. }] => CrierError::NoConfig { text },
            _ => CrierError::Config { text },
        }
    })?;
    for warning in warnings {
        tracing::warn!("{warning}");
    }
    Ok(config)
}
