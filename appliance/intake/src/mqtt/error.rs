//! Why there is no connection to the broker, in words that say what to do.

use std::error::Error;
use std::io;
use std::path::PathBuf;

use tokio_rustls::rustls;

/// Why there is no connection. Two that read the same are the same state of the input: told once.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum ConnectionError {
    #[error("cannot read `{}`: {problem}; check that it exists and that this user may read it", path.display())]
    File { path: PathBuf, problem: String },
    #[error("`{}` can be read by others than its owner; run `chmod 600 {}`", path.display(), path.display())]
    Exposed { path: PathBuf },
    #[error("`{}` holds no {wanted} in PEM; give the right file", path.display())]
    NotPem { path: PathBuf, wanted: &'static str },
    #[error("`{}` holds no password of 1 to {limit} bytes", path.display())]
    Password { path: PathBuf, limit: usize },
    #[error("the system trusts no certificates; install them or set `ca_file`")]
    NoRoots,
    #[error("cannot use TLS with these files: {0}")]
    TlsFiles(String),
    #[error("the name `{host}` cannot be resolved ({problem}); check `host` and the DNS server")]
    Name { host: String, problem: String },
    #[error(
        "nobody answers at {host}:{port} ({problem}); check `host` and `port`, and whether the broker runs"
    )]
    Unreachable { host: String, port: u16, problem: String },
    #[error("the certificate of the broker is not trusted: {problem}; check `ca_file`, `host` and the clock")]
    Certificate { problem: String },
    #[error(
        "TLS fails: {problem}; check that the port is one with TLS, and the client certificate if the broker wants one"
    )]
    Tls { problem: String },
    #[error(
        "the broker refuses the user name, the password or this client id; check `username`, `password_file`, `client_id`"
    )]
    Credentials,
    #[error("the broker does not speak this version of MQTT; set the other `version`")]
    Version,
    #[error("the broker takes no connection now ({0})")]
    Busy(String),
    #[error(
        "the broker closed the connection before it said a word; check that `port` is one for MQTT, with TLS if `tls` is set"
    )]
    Mute,
    #[error("the connection broke: {0}")]
    Lost(String),
    #[error(
        "the broker closed the connection; if it does so again and again, another client may use the client id `{0}`"
    )]
    Closed(String),
    #[error("the broker is silent; the connection was given up")]
    Silent,
    #[error("the broker ended the connection: {0}")]
    Ended(String),
    #[error(
        "the broker ended the connection because another client uses the client id `{0}`; give each its own"
    )]
    TakenOver(String),
    #[error("the broker broke the protocol: {0}")]
    Protocol(String),
    #[error("the broker allows no subscription to `{topic}`; allow it there")]
    Subscription { topic: String },
}

impl ConnectionError {
    /// What an error on an established connection means: TLS tells some of its refusals late.
    pub(super) fn from_connection(error: &io::Error, client_id: &str) -> Self {
        use io::ErrorKind::{BrokenPipe, ConnectionReset, UnexpectedEof};
        match tls_error(error) {
            Some(tls) => Self::from_tls(tls),
            None if matches!(error.kind(), BrokenPipe | ConnectionReset | UnexpectedEof) => {
                Self::Closed(client_id.to_owned())
            }
            None => Self::Lost(error.to_string()),
        }
    }

    /// What an error of the TLS handshake means.
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
