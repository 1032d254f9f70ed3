//! Transport to the broker: name resolution, TCP, TLS. Password, key and certificates are read at each connection, so
//! that new ones need no restart.

use std::fs::OpenOptions;
use std::io::{self, Read};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use crier_config::{MqttSettings, Tls};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpStream, lookup_host};
use tokio::task::spawn_blocking;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use tokio_rustls::rustls::{ClientConfig, RootCertStore};

use super::error::ConnectionError;

/// Timeout of each of name resolution, TCP connection and TLS handshake. A lost SYN is repeated after 1, 3 and 7 s.
const STEP_TIMEOUT: Duration = Duration::from_secs(10);
/// Longest password, in bytes: its length field has 16 bits (MQTT 3.1.1, section 3.1.3.5).
const PASSWORD_BYTES_MAX: usize = 65_535;
/// Longest file with certificates or a key, in bytes; the whole list of Debian's `ca-certificates` has a quarter of
/// this.
const PEM_BYTES_MAX: usize = 1024 * 1024;

/// Byte stream to the broker, encrypted or not.
pub(super) trait BrokerStream: AsyncRead + AsyncWrite + Send + Unpin {}
impl<S: AsyncRead + AsyncWrite + Send + Unpin> BrokerStream for S {}

/// Opens a byte stream to the broker.
pub(super) async fn connect(settings: &MqttSettings) -> Result<Box<dyn BrokerStream>, ConnectionError> {
    // Files first: their errors do not depend on the network and are shown before any of the network.
    let tls = match settings.tls.clone() {
        Some(tls) => Some(read_files(move || tls_config(&tls)).await?),
        None => None,
    };
    let tcp = connect_tcp(&settings.host, settings.port).await?;
    let Some(config) = tls else { return Ok(Box::new(tcp)) };
    let name = ServerName::try_from(settings.host.clone())
        .map_err(|error| ConnectionError::Name { host: settings.host.clone(), problem: error.to_string() })?;
    match timeout(STEP_TIMEOUT, TlsConnector::from(Arc::new(config)).connect(name, tcp)).await {
        Ok(Ok(stream)) => Ok(Box::new(stream)),
        Ok(Err(error)) => Err(ConnectionError::from_handshake(&error)),
        Err(_) => Err(ConnectionError::Tls { problem: "no answer to the handshake in time".into() }),
    }
}

async fn connect_tcp(host: &str, port: u16) -> Result<TcpStream, ConnectionError> {
    let unresolved = |problem: String| ConnectionError::Name { host: host.to_owned(), problem };
    let addresses = match timeout(STEP_TIMEOUT, lookup_host((host, port))).await {
        Ok(Ok(addresses)) => addresses,
        Ok(Err(error)) => return Err(unresolved(error.to_string())),
        Err(_) => return Err(unresolved("no answer in time".into())),
    };
    // Every address in turn, as a name often has an IPv6 address that the network does not route.
    let mut problem = None;
    for address in addresses {
        match timeout(STEP_TIMEOUT, TcpStream::connect(address)).await {
            Ok(Ok(stream)) => {
                // Nagle's algorithm would delay acknowledgements, which are small. An error costs only that delay.
                let _ = stream.set_nodelay(true);
                return Ok(stream);
            }
            Ok(Err(error)) => problem = Some(error.to_string()),
            Err(_) => problem = Some("no answer in time".to_owned()),
        }
    }
    let problem = problem.ok_or_else(|| unresolved("it has no address".into()))?;
    Err(ConnectionError::Unreachable { host: host.to_owned(), port, problem })
}

fn tls_config(tls: &Tls) -> Result<ClientConfig, ConnectionError> {
    let unusable = |error: tokio_rustls::rustls::Error| ConnectionError::TlsFiles(error.to_string());
    let builder = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(unusable)?
        .with_root_certificates(roots(tls.ca_file.as_deref())?);
    let Some(own) = &tls.client_certificate else { return Ok(builder.with_no_client_auth()) };
    let chain = certificates(&own.certificate_file)?;
    let key = secret(&own.key_file, PEM_BYTES_MAX)?;
    // The parser's error is dropped, since it could quote the key.
    let key = PrivateKeyDer::from_pem_slice(&key)
        .map_err(|_| ConnectionError::NotPem { path: own.key_file.clone(), wanted: "private key" })?;
    builder.with_client_auth_cert(chain, key).map_err(unusable)
}

fn roots(ca_file: Option<&Path>) -> Result<RootCertStore, ConnectionError> {
    let certificates = match ca_file {
        Some(path) => certificates(path)?,
        // Errors of single files are ignored, as long as any certificate is found.
        None => rustls_native_certs::load_native_certs().certs,
    };
    let mut roots = RootCertStore::empty();
    let (added, _) = roots.add_parsable_certificates(certificates);
    match (added, ca_file) {
        (0, None) => Err(ConnectionError::NoRoots),
        (0, Some(path)) => Err(ConnectionError::NotPem { path: path.to_owned(), wanted: "certificate" }),
        _ => Ok(roots),
    }
}

fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, ConnectionError> {
    let not_pem = || ConnectionError::NotPem { path: path.to_owned(), wanted: "certificate" };
    let (pem, _) = read(path, PEM_BYTES_MAX)?;
    let certificates: Vec<_> =
        CertificateDer::pem_slice_iter(&pem).collect::<Result<_, _>>().map_err(|_| not_pem())?;
    if certificates.is_empty() { Err(not_pem()) } else { Ok(certificates) }
}

/// Reads files on another thread. A system's certificates are a hundred files and more, and a disk may be slow; other
/// inputs share the event loop.
pub(super) async fn read_files<T: Send + 'static>(
    read: impl FnOnce() -> Result<T, ConnectionError> + Send + 'static,
) -> Result<T, ConnectionError> {
    let read = spawn_blocking(read).await;
    read.unwrap_or_else(|died| Err(ConnectionError::TlsFiles(died.to_string())))
}

/// Returns the password in a file: its bytes without the newline at the end.
pub(super) fn password(path: &Path) -> Result<Vec<u8>, ConnectionError> {
    // Two more bytes for the newline of an editor, of Windows at worst.
    let mut password = secret(path, PASSWORD_BYTES_MAX + 2)?;
    for end in [b'\n', b'\r'] {
        if password.last() == Some(&end) {
            password.pop();
        }
    }
    if password.is_empty() || password.len() > PASSWORD_BYTES_MAX {
        return Err(ConnectionError::Password { path: path.to_owned(), limit: PASSWORD_BYTES_MAX });
    }
    Ok(password)
}

fn secret(path: &Path, limit: usize) -> Result<Vec<u8>, ConnectionError> {
    // The mode of the open file, not of the path, which could be replaced between the two calls.
    let (bytes, mode) = read(path, limit)?;
    if mode & 0o077 != 0 { Err(ConnectionError::Exposed { path: path.to_owned() }) } else { Ok(bytes) }
}

/// Returns the bytes of a small file and its mode.
fn read(path: &Path, limit: usize) -> Result<(Vec<u8>, u32), ConnectionError> {
    let problem =
        |error: io::Error| ConnectionError::File { path: path.to_owned(), problem: error.to_string() };
    // Opening a FIFO without a writer would block the event loop of all inputs; O_NONBLOCK is without effect on files.
    let nonblocking = i32::try_from(rustix::fs::OFlags::NONBLOCK.bits()).unwrap_or_default();
    let file = OpenOptions::new().read(true).custom_flags(nonblocking).open(path).map_err(problem)?;
    let metadata = file.metadata().map_err(problem)?;
    if !metadata.is_file() {
        return Err(problem(io::Error::other("it is not a file")));
    }
    // One more byte than the limit distinguishes a file that is too long from one that just fits.
    let mut bytes = Vec::new();
    file.take(limit as u64 + 1).read_to_end(&mut bytes).map_err(problem)?;
    if bytes.len() > limit {
        return Err(problem(io::Error::other(format!("it has more than {limit} bytes"))));
    }
    Ok((bytes, metadata.permissions().mode()))
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn password_is_read_without_newline_and_rejected_when_readable_by_others() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("password");
        let write = |bytes: &[u8], mode| {
            fs::write(&path, bytes).unwrap();
            fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
        };
        for (bytes, read) in [("secret\n", "secret"), ("secret", "secret"), (" s\r\n", " s")] {
            write(bytes.as_bytes(), 0o600);
            assert_eq!(password(&path).unwrap(), read.as_bytes());
        }
        for mode in [0o640, 0o604, 0o660] {
            write(b"secret\n", mode);
            assert_eq!(password(&path), Err(ConnectionError::Exposed { path: path.clone() }));
        }
        let long = vec![b'a'; PASSWORD_BYTES_MAX + 3];
        for bytes in [b"", &b"\n"[..], &long[2..]] {
            write(bytes, 0o600);
            assert!(
                matches!(password(&path), Err(ConnectionError::Password { .. })),
                "{} bytes",
                bytes.len()
            );
        }
        write(&long, 0o600);
        assert!(matches!(password(&path), Err(ConnectionError::File { .. })));
        let fifo = folder.path().join("fifo");
        nix::unistd::mkfifo(&fifo, nix::sys::stat::Mode::S_IRUSR).unwrap();
        assert!(
            matches!(password(&fifo), Err(ConnectionError::File { .. })),
            "a FIFO is refused and not waited for"
        );
        assert!(matches!(password(folder.path()), Err(ConnectionError::File { .. })));
        assert!(matches!(password(&folder.path().join("none")), Err(ConnectionError::File { .. })));
    }
}
