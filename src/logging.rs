//! The log: one line for each event on standard error, `key=value`, with control characters escaped.

use std::sync::OnceLock;

use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{EnvFilter, Registry, reload};

/// The variable that wins over everything else, with the directives of `tracing`.
const VARIABLE: &str = "CRIER_LOG";

static LEVEL: OnceLock<reload::Handle<EnvFilter, Registry>> = OnceLock::new();

/// Starts the log; until a configuration says otherwise, warnings and errors are written.
pub(crate) fn start() {
    let filter = EnvFilter::try_from_env(VARIABLE).unwrap_or_else(|_| "crier=warn,warn".into());
    let (filter, handle) = reload::Layer::new(filter);
    let lines = tracing_subscriber::fmt::layer()
        .with_writer(std::io::stderr)
        .with_target(false)
        .with_ansi(false)
        .without_time();
    tracing_subscriber::registry().with(filter).with(lines).init();
    // Called once; a second call would change nothing.
    let _ = LEVEL.set(handle);
}

/// From now on events of this level and above are written, unless the environment has an opinion.
pub(crate) fn set_level(log: &crier_config::Log) {
    if std::env::var_os(VARIABLE).is_some() {
        return;
    }
    let level = match log.level {
        crier_config::LogLevel::Error => "error",
        crier_config::LogLevel::Warn => "warn",
        crier_config::LogLevel::Info => "info",
        crier_config::LogLevel::Debug => "debug",
        crier_config::LogLevel::Trace => "trace",
    };
    if let Some(handle) = LEVEL.get()
        && let Err(error) = handle.reload(EnvFilter::new(level))
    {
        tracing::warn!(%error, "the log keeps its level");
    }
}
