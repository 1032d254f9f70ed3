//! The two sockets: the one of `crier ctl`, and the one that metrics are read from.

use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use crier_wire::Answer;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::Semaphore;
use tokio::time::timeout;

use super::Supervisor;
use crate::control::{REQUEST_BYTES_MAX, Request, Response};
use crate::error::CrierError;

/// Connections at the same time, for each socket.
const CONNECTIONS_MAX: usize = 16;
/// How long a request may take to arrive, and an answer to be taken.
const PATIENCE: Duration = Duration::from_secs(5);

/// Opens a socket in the place of one that a dead supervisor left.
pub(crate) fn listen(path: &Path, mode: u32, group: Option<u32>) -> Result<UnixListener, CrierError> {
    let failed = |source| CrierError::Socket { path: path.to_owned(), source };
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder).map_err(failed)?;
    }
    match std::os::unix::net::UnixStream::connect(path) {
        Ok(_) => return Err(failed(io::Error::from(io::ErrorKind::AddrInUse))),
        Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => {
            std::fs::remove_file(path).map_err(failed)?;
        }
        Err(_) => {}
    }
    let listener = UnixListener::bind(path).map_err(failed)?;
    if group.is_some() {
        std::os::unix::fs::chown(path, None, group).map_err(failed)?;
    }
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).map_err(failed)?;
    Ok(listener)
}

/// Answers `crier ctl`, for ever.
pub(crate) async fn control(supervisor: Rc<Supervisor>, listener: UnixListener, group: Option<u32>) {
    let room = Arc::new(Semaphore::new(CONNECTIONS_MAX));
    loop {
        let Ok((stream, _)) = listener.accept().await else {
            // Too many open files, mostly: waiting helps, ending does not.
            tokio::time::sleep(Duration::from_millis(100)).await;
            continue;
        };
        let Ok(permit) = Arc::clone(&room).try_acquire_owned() else { continue };
        let supervisor = Rc::clone(&supervisor);
        tokio::task::spawn_local(async move {
            if let Err(error) = converse(&supervisor, stream, group).await {
                tracing::debug!(%error, "a control connection ended");
            }
            drop(permit);
        });
    }
}

/// Tells metrics to whoever connects, for ever; reads nothing.
pub(crate) async fn metrics(supervisor: Rc<Supervisor>, listener: UnixListener) {
    loop {
        match listener.accept().await {
            Ok((mut stream, _)) => {
                let text = super::metrics::text(&supervisor);
                // One at a time is enough, and a reader that does not read is left.
                let _ = timeout(PATIENCE, stream.write_all(text.as_bytes())).await;
            }
            Err(_) => tokio::time::sleep(Duration::from_millis(100)).await,
        }
    }
}

async fn converse(supervisor: &Rc<Supervisor>, stream: UnixStream, group: Option<u32>) -> io::Result<()> {
    let peer = crier_system::peer(&stream).map_err(io::Error::other)?;
    let own = nix::unistd::getuid().as_raw();
    let allowed = peer.uid == 0 || peer.uid == own || group.is_some_and(|group| group == peer.gid);
    let (reader, mut writer) = stream.into_split();
    let mut line = Vec::new();
    let mut reader = BufReader::new(reader).take(REQUEST_BYTES_MAX as u64);
    let read = timeout(PATIENCE, reader.read_until(b'\n', &mut line)).await;
    if read.is_err() {
        return tell(&mut writer, &Response::Error("no request came; send one line of JSON".to_owned()))
            .await;
    }
    if !allowed {
        let reason = "you may not control this appliance; be root, its own user, or in its control group";
        return tell(&mut writer, &Response::Error(reason.to_owned())).await;
    }
    match serde_json::from_slice::<Request>(&line) {
        Ok(Request::Say { draft, wait }) => {
            let mut events = supervisor.appliance.events();
            let answer = supervisor.appliance.submit(*draft).await;
            let sequence = match &answer {
                Answer::Accepted { sequence, .. } if wait => Some(*sequence),
                _ => None,
            };
            tell(&mut writer, &Response::Answer(answer)).await?;
            while let Some(sequence) = sequence {
                let Ok(told) = events.recv().await else { break };
                if told.sequence == sequence {
                    let is_end = told.event.kind.is_end();
                    tell(&mut writer, &Response::Event(told.event)).await?;
                    if is_end {
                        break;
                    }
                }
            }
            Ok(())
        }
        Ok(request) => {
            let response = supervisor.request(request).await;
            tell(&mut writer, &response).await
        }
        Err(error) => tell(&mut writer, &Response::Error(format!("not a request: {error}"))).await,
    }
}

async fn tell(writer: &mut tokio::net::unix::OwnedWriteHalf, response: &Response) -> io::Result<()> {
    let mut line = serde_json::to_vec(response)?;
    line.push(b'\n');
    timeout(PATIENCE, writer.write_all(&line)).await.map_err(|_| io::ErrorKind::TimedOut)?
}

/// The number of a group.
pub(crate) fn group_id(name: &str) -> Result<u32, CrierError> {
    let unknown =
        || CrierError::Usage(format!("there is no group '{name}'; create it, or name another in [control]"));
    let group = nix::unistd::Group::from_name(name).ok().flatten().ok_or_else(unknown)?;
    Ok(group.gid.as_raw())
}

/// Takes the place of a socket's file away.
pub(crate) fn remove(path: &PathBuf) {
    // It may be gone already.
    let _ = std::fs::remove_file(path);
}
