//! The journal on its medium: a thread of its own, for a medium may take seconds to say that something is stored.

use std::path::Path;

use crier_announce::{Record, Records, Sequence};
use crier_system::{AppendFile, SystemError};
use tokio::sync::{mpsc, oneshot};

use crate::error::CrierError;

/// Largest journal that is read: all that a full queue and a day's ids can weigh, and as much again that is over.
const JOURNAL_BYTES_MAX: u64 = 64 * 1024 * 1024;

/// The way to the thread.
pub(crate) struct Journal {
    to: std::sync::mpsc::Sender<Request>,
}

enum Request {
    Append {
        bytes: Vec<u8>,
        awaited: Option<Sequence>,
    },
    Rewrite(Vec<u8>),
    /// Says when everything before it is done.
    Done(oneshot::Sender<()>),
}

/// What the thread tells.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Stored {
    /// The record of this announcement is on the medium, or cannot be written there.
    Awaited { sequence: Sequence, durable: bool },
    /// How long the journal is now.
    Bytes(u64),
    /// Something cannot be written; until a rewrite succeeds nothing is.
    Failed(String),
    /// A rewrite succeeded: what was missing is there now.
    Whole,
}

impl Journal {
    /// Opens (or creates) the journal and gives its records; damage at its end is cut off and told.
    pub(crate) fn open(
        path: &Path,
    ) -> Result<(Self, Vec<Record>, mpsc::UnboundedReceiver<Stored>), CrierError> {
        let mut file = AppendFile::open(path)?;
        let bytes = file.read(JOURNAL_BYTES_MAX)?;
        let mut reader = Records::new(&bytes);
        let records: Vec<Record> = reader.by_ref().collect();
        if let Some(damage) = reader.damage() {
            tracing::warn!(path = %path.display(), %damage, "the journal is cut to what is sound");
            file.truncate(reader.sound_bytes())?;
        }
        let (to, requests) = std::sync::mpsc::channel();
        let (tell, stored) = mpsc::unbounded_channel();
        std::thread::Builder::new()
            .name("journal".to_owned())
            .spawn(move || write(file, &requests, &tell))
            .map_err(|source| CrierError::Start { what: "start the journal's thread", source })?;
        Ok((Self { to }, records, stored))
    }

    /// Appends a record; [`Stored::Awaited`] follows if somebody waits for it.
    pub(crate) fn append(&self, record: &Record) {
        match record.encode() {
            Ok(bytes) => self.send(Request::Append { bytes, awaited: record.awaited() }),
            Err(error) => tracing::error!(%error, "a record is lost"),
        }
    }

    /// Puts a new journal in the place of the old one.
    pub(crate) fn rewrite(&self, records: impl Iterator<Item = Record>) {
        let mut bytes = Vec::new();
        for record in records {
            match record.encode() {
                Ok(encoded) => bytes.extend(encoded),
                Err(error) => tracing::error!(%error, "a record is lost"),
            }
        }
        self.send(Request::Rewrite(bytes));
    }

    /// Waits until everything that was given is done.
    pub(crate) async fn written(&self) {
        let (done, waits) = oneshot::channel();
        self.send(Request::Done(done));
        // Without a thread there is nothing to wait for.
        let _ = waits.await;
    }

    fn send(&self, request: Request) {
        // The thread ends only with this sender.
        let _ = self.to.send(request);
    }
}

/// The thread. What waits together is stored together: one wait for the medium, however many records.
fn write(
    mut file: AppendFile,
    requests: &std::sync::mpsc::Receiver<Request>,
    tell: &mpsc::UnboundedSender<Stored>,
) {
    let mut broken = false;
    while let Ok(first) = requests.recv() {
        let mut batch = Batch::default();
        let mut next = Some(first);
        while let Some(request) = next {
            match request {
                Request::Append { bytes, awaited } => {
                    batch.bytes.extend(bytes);
                    batch.awaited.extend(awaited);
                }
                Request::Done(done) => {
                    batch.store(&mut file, &mut broken, tell);
                    batch = Batch::default();
                    let _ = done.send(());
                }
                Request::Rewrite(bytes) => {
                    // Everything before it is in it.
                    batch.store(&mut file, &mut broken, tell);
                    batch = Batch::default();
                    match file.replace(&bytes) {
                        Ok(()) => {
                            broken = false;
                            let _ = tell.send(Stored::Whole);
                        }
                        Err(error) => fail(&mut broken, &error, tell),
                    }
                }
            }
            next = requests.try_recv().ok();
        }
        batch.store(&mut file, &mut broken, tell);
        let _ = tell.send(Stored::Bytes(file.len_bytes()));
    }
}

#[derive(Default)]
struct Batch {
    bytes: Vec<u8>,
    awaited: Vec<Sequence>,
}

impl Batch {
    fn store(&mut self, file: &mut AppendFile, broken: &mut bool, tell: &mpsc::UnboundedSender<Stored>) {
        if self.bytes.is_empty() {
            return;
        }
        if !*broken && let Err(error) = file.append(&self.bytes) {
            fail(broken, &error, tell);
        }
        for sequence in self.awaited.drain(..) {
            // Nobody listens any more when the supervisor is ending.
            let _ = tell.send(Stored::Awaited { sequence, durable: !*broken });
        }
    }
}

fn fail(broken: &mut bool, error: &SystemError, tell: &mpsc::UnboundedSender<Stored>) {
    *broken = true;
    let _ = tell.send(Stored::Failed(error.to_string()));
}

#[cfg(test)]
mod tests {
    use crier_announce::{Draft, Effect, Limits, Queue};

    use super::*;

    #[tokio::test]
    async fn what_was_appended_is_there_after_a_restart_and_a_torn_end_is_cut() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("journal");
        let mut queue = Queue::new(Limits::default(), "boot", 0);
        let sequence = queue.submit(Draft::plain("Hello.").validate().unwrap(), 1).unwrap();
        let mut written = Vec::new();
        {
            let (journal, records, mut stored) = Journal::open(&path).unwrap();
            assert!(records.is_empty());
            while let Some(Effect::Append(record)) = queue.next_effect() {
                journal.append(&record);
                written.push(record);
            }
            loop {
                match stored.recv().await.unwrap() {
                    Stored::Awaited { sequence: of, durable } => {
                        assert_eq!((of, durable), (sequence, true));
                        break;
                    }
                    other => assert!(matches!(other, Stored::Bytes(_)), "{other:?}"),
                }
            }
            // The thread holds the lock until it has ended.
            drop(journal);
            while stored.recv().await.is_some() {}
        }
        let mut bytes = std::fs::read(&path).unwrap();
        bytes.extend_from_slice(b"torn");
        std::fs::write(&path, &bytes).unwrap();
        let (_journal, records, _stored) = Journal::open(&path).unwrap();
        assert_eq!(records, written);
        assert_eq!(std::fs::metadata(&path).unwrap().len() as usize, bytes.len() - 4);
    }
}
