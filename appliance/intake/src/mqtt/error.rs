//! Errors of the connection to the broker, with remedies.

use std::error::Error;
use std::io;
use std::path::PathBuf;

use tokio_rustls::rustls;

/// Error of the connection. Equal messages are one state of the input, which is logged and reported once.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum ConnectionError {
    #[error("cannot read `{}`: {problem}; check that it exists and that this user may read it", path.display())]
    File { path: PathBuf, problem: String },
    #[error("`{}` is readable by others than its owner; run `chmod 600 {}`", path.display(), path.display())]
    Exposed { path: PathBuf },
    #[error("`{}` contains no {wanted} in PEM; name the right file", path.display())]
    NotPem { path: PathBuf, wanted: &'static str },
    #[error("`{}` contains no password of 1 to {limit} bytes; write one line", path.display())]
    Password { path: PathBuf, limit: usize },
    #[error("the system has no trusted certificates; install `ca-certificates` or set `ca_file`")]
    NoRoots,
    #[error("cannot use TLS with these files: {0}; check `ca_file`, `certificate_file` and `key_file`")]
    TlsFiles(String),
    #[error("the name `{host}` cannot be resolved ({problem}); check `host` and the DNS server")]
    Name { host: String, problem: String },
    #[error("cannot connect to {host}:{port} ({problem}); check `host` and `port`, and that the broker runs")]
    Unreachable { host: String, port: u16, problem: String },
    #[error("the certificate of the broker is not trusted: {problem}; check `ca_file`, `host` and the clock")]
    Certificate { problem: String },
    #[error(
        "TLS fails: {problem}; check that the port is one with TLS, and the client certificate if the broker wants one"
    )]
    Tls { problem: String },
    #[error(
        "the broker refuses the user name, the password or this client id; check `username`, `password_file` and \
         `client_id`"
    )]
    Credentials,
    #[error("the broker does not support this version of MQTT; set the other `version`")]
    Version,
    #[error("the broker accepts no connection now ({0}); see the broker's log if it persists")]
    Unavailable(String),
    #[error(
        "the broker did not answer the MQTT handshake; check that `port` is one for MQTT, with TLS exactly if `tls` \
         is set"
    )]
    NoConnack,
    #[error("lost the connection to the broker: {0}; check the network")]
    Lost(String),
    #[error(
        "the broker closed the connection; if this repeats, another client may use the client id `{0}`: give each its \
         own"
    )]
    Closed(String),
    #[error("the broker does not respond, so the connection was closed; check the network and the broker")]
    Unresponsive,
    #[error("the broker ended the connection: {0}; see its log")]
    Disconnected(String),
    #[error(
        "the broker ended the connection because another client uses the client id `{0}`; give each its own"
    )]
    TakenOver(String),
    #[error("the broker violated the protocol: {0}; see its log")]
    Protocol(String),
    #[error("the broker permits no subscription to `{topic}`; permit it in the broker's access rights")]
    Subscription { topic: String },
}

impl ConnectionError {
    /// Converts an I/O error of an established connection. TLS 1.3 reports the rejection of a client certificate only
    /// after the handshake.
    pub(super) fn from_connection(error: &io::Error, client_id: &str) -> Self {
        use io::ErrorKind::{BrokenPipe, ConnectionReset, UnexpectedEof};
        match tls_error(error) {
            Some(tls) => Self::from_tls(tls),
            // The same as an end of file, seen from the writing side.
            None if matches!(error.kind(), BrokenPipe | ConnectionReset | UnexpectedEof) => {
                Self::Closed(client_id.to_owned())
            }
            None => Self::Lost(error.to_string()),
        }
    }

    /// Converts an I/O error of the TLS handshake.
    pub(super) fn from_handshake(error: &io::Error) -> Self {
        match tls_error(error) {
            Some(tls) => Self::from_tls(tls),
            None => Self::Tls { problem: error.to_string() },
        }
    }

    fn from_tls(error: &rustls::Error) -> Self {
        match error {
            rustls::Error::InvalidCertificate(problem) => Self::Certificate { problem: problem.to_string() },
            other => Self::Tls { problem: other.to_string() },
        }
    }
}

fn tls_error(error: &io::Error) -> Option<&rustls::Error> {
    // tokio-rustls wraps TLS errors in `io::Error`.
    let inner: &(dyn Error + 'static) = error.get_ref()?;
    inner.downcast_ref()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tls_errors_are_distinguished_from_lost_connections() {
        let untrusted = rustls::Error::InvalidCertificate(rustls::CertificateError::UnknownIssuer);
        let error = io::Error::new(io::ErrorKind::InvalidData, untrusted);
        assert!(matches!(ConnectionError::from_handshake(&error), ConnectionError::Certificate { .. }));
        let demanded = rustls::Error::AlertReceived(rustls::AlertDescription::CertificateRequired);
        let error = io::Error::new(io::ErrorKind::InvalidData, demanded);
        assert!(matches!(ConnectionError::from_connection(&error, "a"), ConnectionError::Tls { .. }));
        let error = io::Error::from(io::ErrorKind::ConnectionReset);
        assert_eq!(ConnectionError::from_connection(&error, "a"), ConnectionError::Closed("a".into()));
        let error = io::Error::from(io::ErrorKind::NetworkUnreachable);
        assert!(matches!(ConnectionError::from_connection(&error, "a"), ConnectionError::Lost(_)));
    }
}
