//! Results on standard output, and the forms of output that every command has.

use std::io::Write;

pub(crate) use crier_terminal::{
    Align, Bars, counted, human_bytes, human_time, milliseconds, note, rounded, table,
};

use crate::error::CrierError;

/// Prints to standard output. A reader that has gone away is no error.
pub(crate) fn print(text: &str) -> Result<(), CrierError> {
    let mut output = std::io::stdout().lock();
    match output.write_all(text.as_bytes()).and_then(|()| output.flush()) {
        // `crier ctl queue | head` is not a failure.
        Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => Ok(()),
        Err(source) => Err(CrierError::Write { path: "standard output".into(), source }),
        Ok(()) => Ok(()),
    }
}

/// Prints a value as one line of JSON.
pub(crate) fn print_json(value: &serde_json::Value) -> Result<(), CrierError> {
    print(&format!("{value}\n"))
}
