//! The journal on its medium. A thread of its own writes it, because an fsync can take seconds.
//!
//! Both channels of the thread are unbounded so that the event loop never waits for it. Their lengths are bounded all
//! the same: a submission counts against `[queue] entries_max` from its `accepted` record until the medium has stored
//! that record; every other record is the consequence of an announcement that got this far; and at most one rewrite
//! is on its way at any time.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use crier_announce::{Record, Sequence, restore_quarantined};
use crier_system::{AppendFile, SystemError};
use tokio::sync::{mpsc, oneshot};

use crate::error::StoreError;
use crate::quarantine::{self, Contents, Quarantine};

/// Handle of the journal's thread.
pub struct Journal {
    requests: std::sync::mpsc::Sender<Request>,
    /// True while a rewrite waits for the thread.
    rewrite_pending: Arc<AtomicBool>,
    /// Bytes of the journal that could not be set aside; they are part of each rewrite.
    carried: Vec<u8>,
    quarantine_problem: Option<String>,
}

enum Request {
    Append {
        bytes: Vec<u8>,
        awaited: Option<Sequence>,
    },
    Rewrite(Vec<u8>),
    /// Answered when everything before it is done.
    Flush(oneshot::Sender<()>),
}

/// Report of the journal's thread.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum JournalEvent {
    /// The record of this announcement is on the medium, or cannot be written there.
    Appended {
        /// The announcement.
        sequence: Sequence,
        /// True if its record is on the medium.
        durable: bool,
    },
    /// New length of the journal, in bytes.
    Length(u64),
    /// A write failed; nothing is written until a rewrite succeeds.
    Failed(String),
    /// A rewrite succeeded, and with it everything that failed before is on the medium.
    Recovered,
}

impl Journal {
    /// Opens or creates the journal and returns its records. What this program cannot read is set aside in a file; see
    /// the file `quarantine.rs`.
    pub fn open(
        path: &Path,
    ) -> Result<(Self, Vec<Record>, mpsc::UnboundedReceiver<JournalEvent>), StoreError> {
        // Opening takes a lock, so that two appliances never write into one journal.
        let mut file = AppendFile::open(path)?;
        let mut quarantine = Quarantine::find(path);
        let (records, carried) = recover(path, &mut file, &mut quarantine)?;
        let (requests, received) = std::sync::mpsc::channel();
        let (report, events) = mpsc::unbounded_channel();
        let rewrite_pending = Arc::new(AtomicBool::new(false));
        let mut writer =
            Writer { file, failed: false, rewrite_pending: Arc::clone(&rewrite_pending), report };
        std::thread::Builder::new()
            .name("journal".to_owned())
            .spawn(move || writer.run(&received))
            .map_err(|source| StoreError::Thread { name: "journal", source })?;
        let quarantine_problem = quarantine.problem();
        Ok((Self { requests, rewrite_pending, carried, quarantine_problem }, records, events))
    }

    /// Message for the status if there are records that this program cannot read.
    pub fn quarantine_problem(&self) -> Option<&str> {
        self.quarantine_problem.as_deref()
    }

    /// Appends a record; [`JournalEvent::Appended`] follows if [`Record::awaited`] names an announcement.
    pub fn append(&self, record: &Record) {
        match record.encode() {
            Ok(bytes) => self.send(Request::Append { bytes, awaited: record.awaited() }),
            Err(error) => tracing::error!(%error, "cannot encode a journal record; it is lost"),
        }
    }

    /// Replaces the journal by `records`, unless an earlier rewrite has not begun yet.
    pub fn rewrite(&self, records: impl Iterator<Item = Record>) {
        // A medium that hangs would otherwise collect a copy of the whole queue with each attempt to recover. The
        // earlier rewrite is as good: whatever was appended behind it follows it through the channel.
        if self.rewrite_pending.swap(true, Ordering::AcqRel) {
            return;
        }
        // Unreadable records that could not be set aside survive every rewrite.
        let mut bytes = self.carried.clone();
        for record in records {
            match record.encode() {
                Ok(encoded) => bytes.extend(encoded),
                Err(error) => tracing::error!(%error, "cannot encode a journal record; it is lost"),
            }
        }
        self.send(Request::Rewrite(bytes));
    }

    /// Waits until all earlier requests are done.
    pub async fn flush(&self) {
        let (done, waits) = oneshot::channel();
        self.send(Request::Flush(done));
        // An error means that the thread has ended, and with it all requests.
        let _ = waits.await;
    }

    fn send(&self, request: Request) {
        // The thread ends only when this sender is dropped.
        let _ = self.requests.send(request);
    }
}

/// Reads the journal, takes back what its quarantine files hold for this program, and sets aside what it cannot read.
/// Returns the records, and the bytes that could not be set aside.
fn recover(
    path: &Path,
    file: &mut AppendFile,
    quarantine: &mut Quarantine,
) -> Result<(Vec<Record>, Vec<u8>), StoreError> {
    let bytes = file.read(quarantine::BYTES_MAX)?;
    let Contents { mut records, mut sound, aside, skipped } = Contents::read(path, &bytes);
    let mut readable = Vec::new();
    for path in quarantine.paths() {
        match quarantine::read(&path) {
            Ok(bytes) => readable.push((Contents::read(&path, &bytes), path)),
            Err(error) => tracing::warn!(%error, "cannot read a quarantine file"),
        }
    }
    if skipped > 0 {
        match quarantine.set_aside(&aside) {
            Ok(path) => tracing::error!(
                path = %path.display(),
                records = skipped,
                "set aside journal records that this version cannot read"
            ),
            Err(error) => {
                // The file stays as it is: new records behind the unreadable ones are found all the same.
                tracing::error!(%error, records = skipped, "cannot set aside unreadable journal records");
                return Ok((records, aside));
            }
        }
    }
    let mut returned = 0;
    for (contents, _) in &readable {
        for record in restore_quarantined(&contents.records, &records) {
            sound.extend(record.encode().unwrap_or_default());
            records.push(record);
            returned += 1;
        }
    }
    // The copies are durable before the journal loses the bytes, and the journal is before a copy goes. A crash in
    // between speaks an announcement twice, but loses none.
    if returned == 0 && bytes.starts_with(&sound) {
        file.truncate(sound.len() as u64)?;
    } else {
        file.replace(&sound)?;
    }
    if returned > 0 {
        tracing::info!(announcements = returned, "took back announcements that were set aside");
    }
    for (contents, path) in &readable {
        quarantine.keep(path, &contents.aside);
    }
    Ok((records, Vec::new()))
}

/// State of the journal's thread.
struct Writer {
    file: AppendFile,
    /// True after a failed write, until a rewrite succeeds.
    failed: bool,
    rewrite_pending: Arc<AtomicBool>,
    report: mpsc::UnboundedSender<JournalEvent>,
}

impl Writer {
    /// Carries out requests until the handle is dropped. Records that wait together are stored with one fsync.
    fn run(&mut self, requests: &std::sync::mpsc::Receiver<Request>) {
        while let Ok(first) = requests.recv() {
            let mut batch = Batch::default();
            let mut next = Some(first);
            while let Some(request) = next {
                match request {
                    Request::Append { bytes, awaited } => {
                        batch.bytes.extend(bytes);
                        batch.awaited.extend(awaited);
                    }
                    Request::Flush(done) => {
                        self.store(std::mem::take(&mut batch));
                        // The caller may have given up.
                        let _ = done.send(());
                    }
                    Request::Rewrite(bytes) => {
                        // The new journal holds these records too, but their senders wait for an answer.
                        self.store(std::mem::take(&mut batch));
                        self.rewrite(&bytes);
                    }
                }
                // Requests that arrived during the last fsync share the next one.
                next = requests.try_recv().ok();
            }
            self.store(batch);
            self.send(JournalEvent::Length(self.file.len_bytes()));
        }
    }

    fn store(&mut self, batch: Batch) {
        if batch.bytes.is_empty() {
            return;
        }
        // After a failed write the end of the file is unknown; appending there could hide all that follows from
        // recovery.
        if !self.failed
            && let Err(error) = self.file.append(&batch.bytes)
        {
            self.fail(&error);
        }
        for sequence in batch.awaited {
            self.send(JournalEvent::Appended { sequence, durable: !self.failed });
        }
    }

    fn rewrite(&mut self, bytes: &[u8]) {
        // Cleared before the write: a rewrite that is asked for from now on may hold records that this one lacks.
        self.rewrite_pending.store(false, Ordering::Release);
        match self.file.replace(bytes) {
            Ok(()) => {
                self.failed = false;
                self.send(JournalEvent::Recovered);
            }
            Err(error) => self.fail(&error),
        }
    }

    fn fail(&mut self, error: &SystemError) {
        self.failed = true;
        self.send(JournalEvent::Failed(error.to_string()));
    }

    fn send(&self, event: JournalEvent) {
        // The receiver is gone when the supervisor is ending.
        let _ = self.report.send(event);
    }
}

/// Records to store with one fsync.
#[derive(Default)]
struct Batch {
    bytes: Vec<u8>,
    awaited: Vec<Sequence>,
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use crier_announce::{Draft, Effect, Queue, QueueLimits};

    use super::*;

    /// Frames of announcements with these texts, and the records in them.
    fn frames(texts: &[&str]) -> (Vec<Vec<u8>>, Vec<Record>) {
        let mut queue = Queue::new(QueueLimits::default(), "boot", 0);
        for text in texts {
            queue.submit(Draft::plain(*text).validate().unwrap(), 1).unwrap();
        }
        let effects = std::iter::from_fn(|| queue.next_effect());
        let records: Vec<Record> = effects
            .filter_map(|effect| if let Effect::Append(record) = effect { Some(record) } else { None })
            .filter(|record| record.awaited().is_some())
            .collect();
        (records.iter().map(|record| record.encode().unwrap()).collect(), records)
    }

    /// The frame as a newer program would have written it: intact, with another version.
    fn foreign(frame: &[u8]) -> Vec<u8> {
        let payload = [&[2], &frame[9..]].concat();
        let crc = crc32fast::hash(&[&frame[..4], &payload].concat());
        [&frame[..4], &crc.to_le_bytes(), &payload].concat()
    }

    fn journal_of(frames: &[Vec<u8>]) -> (tempfile::TempDir, PathBuf) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("journal");
        std::fs::write(&path, frames.concat()).unwrap();
        (folder, path)
    }

    fn quarantine(journal: &Path, number: u64) -> PathBuf {
        journal.with_file_name(format!("journal.quarantine-{number}"))
    }

    /// Opens and closes the journal; returns its records and whether there is a problem to report.
    async fn opened(path: &Path) -> (Vec<Record>, bool) {
        let (journal, records, mut events) = Journal::open(path).unwrap();
        let has_problem = journal.quarantine_problem().is_some();
        // The thread holds the lock until it has ended.
        drop(journal);
        while events.recv().await.is_some() {}
        (records, has_problem)
    }

    #[tokio::test]
    async fn appended_records_are_read_back_and_a_torn_tail_is_cut_without_a_copy() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("journal");
        let (frames, records) = frames(&["one", "two"]);
        {
            let (journal, found, mut events) = Journal::open(&path).unwrap();
            assert!(found.is_empty());
            journal.append(&records[0]);
            let sequence = records[0].awaited().unwrap();
            loop {
                match events.recv().await.unwrap() {
                    JournalEvent::Appended { sequence: of, durable } => {
                        assert_eq!((of, durable), (sequence, true));
                        break;
                    }
                    other => assert!(matches!(other, JournalEvent::Length(_)), "{other:?}"),
                }
            }
            drop(journal);
            while events.recv().await.is_some() {}
        }
        assert_eq!(std::fs::read(&path).unwrap(), frames[0]);
        for torn in [&frames[1][..3], &frames[1][..20], &[0; 100]] {
            std::fs::write(&path, [&frames[0], torn].concat()).unwrap();
            assert_eq!(opened(&path).await, (vec![records[0].clone()], false));
            assert_eq!(std::fs::read(&path).unwrap(), frames[0]);
        }
        assert!(!quarantine(&path, 1).exists());
    }

    #[tokio::test]
    async fn a_foreign_record_is_set_aside_and_the_records_behind_it_are_read() {
        let (mut frames, mut records) = frames(&["one", "two", "three"]);
        frames[1] = foreign(&frames[1]);
        records.remove(1);
        let (_folder, path) = journal_of(&frames);
        assert_eq!(opened(&path).await, (records.clone(), true));
        assert_eq!(std::fs::read(quarantine(&path, 1)).unwrap(), frames[1]);
        assert_eq!(std::fs::read(&path).unwrap(), [&frames[0][..], &frames[2]].concat());
        // Another start sets nothing aside again, and still reports the file.
        assert_eq!(opened(&path).await, (records, true));
        assert!(!quarantine(&path, 2).exists());
    }

    #[tokio::test]
    async fn a_damaged_record_is_set_aside_in_the_middle_and_at_the_end() {
        for place in [1, 2] {
            let (mut frames, mut records) = frames(&["one", "two", "three"]);
            *frames[place].last_mut().unwrap() ^= 1;
            records.remove(place);
            let (_folder, path) = journal_of(&frames);
            assert_eq!(opened(&path).await, (records, true));
            assert_eq!(std::fs::read(quarantine(&path, 1)).unwrap(), frames[place]);
        }
    }

    #[tokio::test]
    async fn a_program_that_knows_the_records_takes_them_back_once() {
        let (frames, records) = frames(&["one", "two"]);
        let (_folder, path) = journal_of(&frames[..1]);
        std::fs::write(quarantine(&path, 3), &frames[1]).unwrap();
        assert_eq!(opened(&path).await, (records.clone(), false));
        assert!(!quarantine(&path, 3).exists());
        assert_eq!(opened(&path).await, (records, false));
    }

    #[tokio::test]
    async fn unreadable_bytes_of_a_quarantine_file_stay_when_its_announcements_are_taken_back() {
        let (frames, records) = frames(&["one", "two", "three"]);
        let (_folder, path) = journal_of(&frames[..1]);
        let unknown = foreign(&frames[2]);
        std::fs::write(quarantine(&path, 1), [&frames[1][..], &unknown].concat()).unwrap();
        for _ in 0..2 {
            assert_eq!(opened(&path).await, (records[..2].to_vec(), true));
            assert_eq!(std::fs::read(quarantine(&path, 1)).unwrap(), unknown);
        }
    }

    #[tokio::test]
    async fn the_number_of_quarantine_files_is_bounded_and_the_oldest_go_first() {
        let (_folder, path) = journal_of(&[]);
        for number in 0..12 {
            let (frames, _) = frames(&[&number.to_string()]);
            std::fs::write(&path, foreign(&frames[0])).unwrap();
            assert_eq!(opened(&path).await, (Vec::new(), true));
        }
        let kept: Vec<u64> = (1..=12).filter(|number| quarantine(&path, *number).exists()).collect();
        assert_eq!(kept, (5..=12).collect::<Vec<_>>());
    }

    #[tokio::test]
    async fn records_that_cannot_be_set_aside_stay_in_the_journal_through_a_rewrite() {
        let (mut frames, records) = frames(&["one", "two"]);
        frames[0] = foreign(&frames[0]);
        let (_folder, path) = journal_of(&frames);
        // The place of the first quarantine file is taken by a folder.
        std::fs::create_dir(quarantine(&path, 1)).unwrap();
        std::fs::create_dir(quarantine(&path, 2)).unwrap();
        std::fs::create_dir(path.with_file_name(".journal.quarantine-3.new")).unwrap();
        let (journal, found, mut events) = Journal::open(&path).unwrap();
        assert_eq!(found, records[1..]);
        journal.rewrite(found.into_iter());
        journal.flush().await;
        drop(journal);
        while events.recv().await.is_some() {}
        assert_eq!(std::fs::read(&path).unwrap(), frames.concat());
    }
}
