//! The log: one line for each event on standard error, `level=warn msg="..." key=value ...`, with control characters
//! escaped and a rate limit for each place in the program.

#![forbid(unsafe_code)]

mod file;

use std::collections::HashMap;
use std::fmt::{self, Write};
use std::path::Path;
use std::sync::{Mutex, OnceLock, PoisonError};
use std::time::Instant;

use crier_system::TokenBucket;
use tracing::field::{Field, Visit};
use tracing::{Event, Subscriber};
use tracing_appender::non_blocking::{NonBlockingBuilder, WorkerGuard};
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::writer::BoxMakeWriter;
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormatFields};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::registry::LookupSpan;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{EnvFilter, Registry, reload};

use crate::file::CopiedLog;

/// Environment variable with `tracing` directives; takes precedence over the configuration.
const VARIABLE: &str = "CRIER_LOG";
/// Environment variable with the path of a file that gets a copy of the lines of [`LogWriter::Thread`].
const FILE_VARIABLE: &str = "CRIER_LOG_FILE";
/// Lines per minute, and the largest burst, from one place in the program: a fault that repeats a hundred times a
/// second must not fill the disk, yet its course stays visible.
const LINES_PER_MINUTE: u32 = 120;

static LEVEL: OnceLock<reload::Handle<EnvFilter, Registry>> = OnceLock::new();

/// Lines that wait for a slow reader of the log; further ones are dropped.
const WAITING_LINES_MAX: usize = 4096;

/// Way of the lines to standard error.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogWriter {
    /// Each line is written before the program goes on: the last words of a process that dies are there.
    Direct,
    /// A thread writes the lines: an event loop must not wait for whatever reads them, such as a hung journal.
    Thread,
}

/// Starts the log of this process at level `warn`, which a configuration may change. The guard writes the waiting lines
/// when it is dropped.
pub fn start(writer: LogWriter) -> Option<WorkerGuard> {
    let (writer, guard) = match writer {
        LogWriter::Direct => (BoxMakeWriter::new(std::io::stderr), None),
        LogWriter::Thread => {
            let builder = NonBlockingBuilder::default().buffered_lines_limit(WAITING_LINES_MAX).lossy(true);
            let (writer, guard) = match std::env::var_os(FILE_VARIABLE) {
                Some(path) => builder.finish(CopiedLog::new(Path::new(&path))),
                None => builder.finish(std::io::stderr()),
            };
            (BoxMakeWriter::new(writer), Some(guard))
        }
    };
    let filter = EnvFilter::try_from_env(VARIABLE).unwrap_or_else(|_| "crier=warn,warn".into());
    let (filter, handle) = reload::Layer::new(filter);
    let lines = tracing_subscriber::fmt::layer().with_writer(writer).event_format(LineFormat::default());
    tracing_subscriber::registry().with(filter).with(lines).init();
    // Called once; a second call would change nothing.
    let _ = LEVEL.set(handle);
    guard
}

/// Turns the log off unless the environment sets directives: a command for people ends with one line that names the
/// cause, which an event of its stages would only repeat.
pub fn silence() {
    if std::env::var_os(VARIABLE).is_none()
        && let Some(handle) = LEVEL.get()
    {
        // Fails only without a subscriber, which writes nothing either.
        let _ = handle.reload(EnvFilter::new("off"));
    }
}

/// Sets the level of the configuration unless the environment sets directives.
pub fn set_level(log: &crier_config::LogSettings) {
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

/// Formatter of events, with a rate limit.
#[derive(Default)]
struct LineFormat {
    /// Budget of each place in the program, and the number of lines suppressed since the last one that passed.
    places: Mutex<HashMap<tracing::callsite::Identifier, (TokenBucket, u64)>>,
}

impl LineFormat {
    /// Returns the number of lines of this place that were suppressed since the last one that passed, or none if this
    /// line is suppressed, too.
    fn pass(&self, place: tracing::callsite::Identifier, now: Instant) -> Option<u64> {
        // A panic while the lock was held left the counters as they were: they are still good.
        let mut places = self.places.lock().unwrap_or_else(PoisonError::into_inner);
        let (bucket, suppressed) =
            places.entry(place).or_insert_with(|| (TokenBucket::new(LINES_PER_MINUTE, now), 0));
        if bucket.pass(now) {
            return Some(std::mem::take(suppressed));
        }
        *suppressed += 1;
        None
    }
}

impl<S, N> FormatEvent<S, N> for LineFormat
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    fn format_event(
        &self,
        _: &FmtContext<'_, S, N>,
        mut writer: Writer<'_>,
        event: &Event<'_>,
    ) -> fmt::Result {
        let metadata = event.metadata();
        // By place and not by text: a repeated fault differs in its values, and is one fault all the same.
        let Some(suppressed) = self.pass(metadata.callsite(), Instant::now()) else { return Ok(()) };
        write!(writer, "level={}", metadata.level().as_str().to_ascii_lowercase())?;
        let mut line = EventFields { message: String::new(), rest: String::new() };
        event.record(&mut line);
        if !line.message.is_empty() {
            write!(writer, " msg={}", line.message)?;
        }
        writer.write_str(&line.rest)?;
        if suppressed > 0 {
            write!(writer, " suppressed={suppressed}")?;
        }
        writeln!(writer)
    }
}

/// Fields of an event; the message comes first.
struct EventFields {
    message: String,
    rest: String,
}

impl Visit for EventFields {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        let value = quoted(&format!("{value:?}"));
        match field.name() {
            "message" => self.message = value,
            // Writing to a string does not fail.
            name => drop(write!(self.rest, " {name}={value}")),
        }
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.record_debug(field, &format_args!("{value}"));
    }
}

/// Returns a value as it appears in a line: quoted if it has blanks, with control characters escaped.
fn quoted(value: &str) -> String {
    let plain = |c: char| c.is_alphanumeric() || "-_.,:/#+%@()[]".contains(c);
    if !value.is_empty() && value.chars().all(plain) {
        return value.to_owned();
    }
    let mut line = String::with_capacity(value.len() + 2);
    line.push('"');
    for c in value.chars() {
        match c {
            '"' | '\\' => line.extend(['\\', c]),
            c if c.is_control() => line.extend(c.escape_default()),
            c => line.push(c),
        }
    }
    line.push('"');
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_cannot_break_out_of_their_line() {
        assert_eq!(quoted("killed"), "killed");
        assert_eq!(quoted("two words"), "\"two words\"");
        assert_eq!(quoted("a\"b\\c\u{1b}[31m\nlevel=error"), "\"a\\\"b\\\\c\\u{1b}[31m\\nlevel=error\"");
        assert_eq!(quoted(""), "\"\"");
    }

    #[test]
    fn one_place_does_not_drown_the_others() {
        let lines = LineFormat::default();
        let now = Instant::now();
        let (first, second) = (place!(), place!());
        let passed = (0..1000).filter(|_| lines.pass(first.clone(), now).is_some()).count();
        assert_eq!(passed, LINES_PER_MINUTE as usize);
        assert_eq!(lines.pass(second, now), Some(0));
        let later = now + std::time::Duration::from_secs(1);
        assert_eq!(lines.pass(first, later), Some(1000 - u64::from(LINES_PER_MINUTE)));
    }

    /// A place in the program, as tracing knows it.
    macro_rules! place {
        () => {{
            struct Place(u8);
            impl tracing::callsite::Callsite for Place {
                fn set_interest(&self, _: tracing::subscriber::Interest) {}
                fn metadata(&self) -> &tracing::Metadata<'_> {
                    unreachable!("only the identity is looked at")
                }
            }
            // Not empty, so that no two have the same address.
            static PLACE: Place = Place(0);
            assert_eq!(PLACE.0, 0);
            tracing::callsite::Identifier(&PLACE)
        }};
    }
    use place;
}
