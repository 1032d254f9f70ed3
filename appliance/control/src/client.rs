//! Blocking client, for one request per connection.

use std::io::{self, BufRead, BufReader, ErrorKind, Read, Write};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::Value;

use crate::error::ControlError;
use crate::protocol::{ControlRequest, ControlResponse, RequestLine, ResponseLine, VERSION};

/// Timeout of a response, except for `wait`. The slowest is `devices`, for which the server waits up to 8 s.
const RESPONSE_TIMEOUT: Duration = Duration::from_secs(10);

/// Longest response, in bytes: the entries of a full queue have less than 1 MiB, and a small machine can spare this.
const RESPONSE_BYTES_MAX: u64 = 16 * 1024 * 1024;

/// Connection to the appliance, for one request.
#[derive(Debug)]
pub struct ControlClient {
    socket: PathBuf,
    stream: BufReader<UnixStream>,
}

impl ControlClient {
    /// Connects to the appliance.
    ///
    /// # Errors
    /// [`ControlError::Denied`] and [`ControlError::Unreachable`].
    pub fn connect(socket: &Path) -> Result<Self, ControlError> {
        let failed = |source: io::Error| match source.kind() {
            ErrorKind::PermissionDenied => ControlError::Denied { socket: socket.to_owned() },
            _ => ControlError::Unreachable { socket: socket.to_owned(), source },
        };
        let stream = UnixStream::connect(socket).map_err(failed)?;
        Ok(Self { socket: socket.to_owned(), stream: BufReader::new(stream) })
    }

    /// Sends the request and returns the response.
    ///
    /// # Errors
    /// The connection broke, the response cannot be read, or the appliance reported an error.
    pub fn ask(&mut self, request: &ControlRequest) -> Result<ControlResponse, ControlError> {
        let line = RequestLine { version: VERSION, request };
        let mut bytes = serde_json::to_vec(&line).map_err(|error| self.failed(error.into()))?;
        bytes.push(b'\n');
        self.stream
            .get_ref()
            // Set for every request, since `next_response` removes it.
            .set_read_timeout(Some(RESPONSE_TIMEOUT))
            .map_err(|source| self.failed(source))?;
        self.stream.get_mut().write_all(&bytes).map_err(|source| self.failed(source))?;
        self.receive()
    }

    /// Returns the next response without a timeout: the events after a `say` that waits may come hours later.
    ///
    /// # Errors
    /// As for [`ControlClient::ask`].
    pub fn next_response(&mut self) -> Result<ControlResponse, ControlError> {
        self.stream.get_ref().set_read_timeout(None).map_err(|source| self.failed(source))?;
        self.receive()
    }

    fn receive(&mut self) -> Result<ControlResponse, ControlError> {
        let mut line = Vec::new();
        let read = self.stream.by_ref().take(RESPONSE_BYTES_MAX).read_until(b'\n', &mut line);
        if read.map_err(|source| self.failed(source))? == 0 {
            return Err(self.failed(ErrorKind::UnexpectedEof.into()));
        }
        // A line cut at the limit has no complete JSON and ends as an unreadable response.
        parse_response(&line)
    }

    fn failed(&self, source: io::Error) -> ControlError {
        ControlError::Unreachable { socket: self.socket.clone(), source }
    }
}

fn parse_response(line: &[u8]) -> Result<ControlResponse, ControlError> {
    let unreadable = |error: serde_json::Error| ControlError::Response { problem: error.to_string() };
    // The version first, as the rest of another version need not fit the types of this one.
    let value: Value = serde_json::from_slice(line).map_err(unreadable)?;
    if let Some(theirs) = value["version"].as_u64().filter(|&theirs| theirs != u64::from(VERSION)) {
        return Err(ControlError::Version { theirs });
    }
    match serde_json::from_value::<ResponseLine>(value).map_err(unreadable)?.response {
        ControlResponse::Error(report) => Err(ControlError::Reported { report }),
        response => Ok(response),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn response_of_other_version_is_an_error_with_both_versions() {
        let error = parse_response(br#"{"version":2,"news":[]}"#).unwrap_err().to_string();
        assert!(error.contains("version 2") && error.contains("version 1"), "{error}");
    }

    #[test]
    fn unknown_fields_of_a_response_are_ignored() {
        let response = parse_response(br#"{"version":1,"answer":"done","mood":"good"}"#).unwrap();
        assert_eq!(response, ControlResponse::Answer(crier_wire::Answer::Done));
    }

    #[test]
    fn foreign_response_is_an_error() {
        for line in [&b"\"Done\""[..], b"{}", b"HTTP/1.1 400 Bad Request", b"\xff", b"[]"] {
            assert!(matches!(parse_response(line), Err(ControlError::Response { .. })), "{line:?}");
        }
    }
}
