//! A sink in a thread of its own: a sound card takes samples no faster than they are heard, and a medium may hang.

use std::time::Instant;

use crier_player::{PlayerError, Sink};
use tokio::sync::{mpsc, oneshot};

/// Pieces of sound between the vocoder and the sink: some ten seconds. A sink that takes them no faster than they are
/// heard stops the engines there.
const PIECES_AHEAD_MAX: usize = 16;

/// Reasons why samples do not reach a sink.
#[derive(Debug, thiserror::Error)]
pub enum SinkThreadError {
    /// The system starts no thread.
    #[error("start a thread: {0}")]
    Start(#[source] std::io::Error),
    /// The sink cannot be opened, or fails.
    #[error(transparent)]
    Sink(#[from] PlayerError),
    /// The thread ended without a result: a defect of the program.
    #[error("the thread of the output ended")]
    Ended,
}

/// Connection to the thread. When it is dropped, the sink is left as it is.
pub(crate) struct SinkThread {
    samples: mpsc::Sender<Vec<f32>>,
    /// Time of the first samples, once the sink has ended.
    ended: oneshot::Receiver<Result<Option<Instant>, PlayerError>>,
}

impl SinkThread {
    /// Starts the thread and waits until it has opened the sink.
    ///
    /// # Errors
    /// The sink's.
    pub(crate) async fn start(
        open: impl FnOnce() -> Result<Box<dyn Sink>, PlayerError> + Send + 'static,
    ) -> Result<Self, SinkThreadError> {
        let (samples, pieces) = mpsc::channel(PIECES_AHEAD_MAX);
        let (opened, is_open) = oneshot::channel();
        let (end, ended) = oneshot::channel();
        let work = move || match open() {
            Ok(sink) => {
                // Both fail only when the command has ended meanwhile.
                let _ = opened.send(Ok(()));
                let _ = end.send(write_all(sink, pieces));
            }
            Err(error) => {
                let _ = opened.send(Err(error));
            }
        };
        std::thread::Builder::new().name("output".into()).spawn(work).map_err(SinkThreadError::Start)?;
        is_open.await.map_err(|_| SinkThreadError::Ended)??;
        Ok(Self { samples, ended })
    }

    /// Hands samples over; waits while the sink is behind.
    ///
    /// # Errors
    /// The sink's.
    pub(crate) async fn write(&mut self, samples: Vec<f32>) -> Result<(), SinkThreadError> {
        if samples.is_empty() || self.samples.send(samples).await.is_ok() {
            return Ok(());
        }
        let ended = (&mut self.ended).await.map_err(|_| SinkThreadError::Ended)?;
        ended.map_err(SinkThreadError::Sink).and(Err(SinkThreadError::Ended))
    }

    /// Waits until everything is written or heard; returns the time of the first samples.
    ///
    /// # Errors
    /// The sink's.
    pub(crate) async fn finish(self) -> Result<Option<Instant>, SinkThreadError> {
        // The end of the channel is the end of the sound.
        drop(self.samples);
        Ok(self.ended.await.map_err(|_| SinkThreadError::Ended)??)
    }
}

/// Writes all pieces; returns the time at which the sink had the first one.
fn write_all(
    mut sink: Box<dyn Sink>,
    mut pieces: mpsc::Receiver<Vec<f32>>,
) -> Result<Option<Instant>, PlayerError> {
    let mut first = None;
    while let Some(piece) = pieces.blocking_recv() {
        sink.write(&piece)?;
        first.get_or_insert_with(Instant::now);
    }
    sink.finish()?;
    Ok(first)
}
