//! The intake: what comes in by wire, and what those who sent it are told.

use crier_announce::{Draft, Event};
use serde::{Deserialize, Serialize};

/// From the intake.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum IntakeReport {
    /// Somebody wants something said; answered with the same ticket.
    Submit {
        /// Chosen by the intake.
        ticket: u64,
        /// What, not checked yet.
        draft: Box<Draft>,
    },
    /// Somebody wants something done; answered with the same ticket.
    Command {
        /// Chosen by the intake.
        ticket: u64,
        /// What.
        command: Command,
    },
    /// An input works, or does not; shown by `status`.
    Input {
        /// Its name, such as `serial:/dev/ttyS6`.
        input: String,
        /// Whether it works.
        up: bool,
        /// How it is connected, or why it is not.
        detail: String,
    },
    /// Counts of an input since its start, for metrics.
    Refused {
        /// Its name.
        input: String,
        /// Messages that were refused: damaged, too long or too many.
        count: u64,
    },
}

/// To the intake.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum IntakeRequest {
    /// The answer to a report.
    Answer {
        /// That of the report.
        ticket: u64,
        /// What became of it.
        answer: Answer,
    },
    /// Something happened to an announcement.
    Told(Told),
    /// How the appliance is; sent when it changes and every ten seconds.
    State(Box<State>),
}

/// Something that happened to an announcement.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Told {
    /// The number of the submission, as in [`Answer::Accepted`].
    pub sequence: u64,
    /// What happened.
    pub event: Event,
}

/// What became of a submission or a command.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Answer {
    /// The announcement is in the queue and, if `durable`, in the journal: it may be acknowledged.
    Accepted {
        /// The number of the submission.
        sequence: u64,
        /// Its id.
        id: String,
        /// Whether a power cut cannot lose it.
        durable: bool,
    },
    /// It came before, within 24 hours: it may be acknowledged, and is not spoken again.
    Duplicate {
        /// The number of the submission.
        sequence: u64,
        /// Its id.
        id: String,
    },
    /// The command was carried out.
    Done,
    /// It was refused, and why: for people. Sending it again changes nothing, unless `later`.
    Refused {
        /// Why, and what to do.
        reason: String,
        /// Whether it may be taken later, because the queue is full now.
        later: bool,
    },
}

/// What can be done besides speaking.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Command {
    /// Ends what is being spoken.
    Stop,
    /// Ends everything that was accepted.
    StopAll,
    /// Falls silent, keeps the place.
    Pause,
    /// Goes on.
    Resume,
    /// [`Command::Pause`] or [`Command::Resume`], whichever changes something.
    PauseToggle,
    /// Says again what was said last.
    RepeatLast,
    /// Sets the loudness.
    Volume {
        /// 0 to 100.
        percent: u32,
    },
    /// Changes the loudness.
    VolumeStep {
        /// -100 to 100.
        percent: i32,
    },
    /// Silence without stopping; `None` changes it.
    Mute {
        /// Whether.
        on: Option<bool>,
    },
    /// Chooses the voice that speaks from now on.
    Voice {
        /// One of [`State::voices`].
        name: String,
    },
}

/// What the appliance is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Mode {
    /// No voice can speak yet.
    #[default]
    Starting,
    /// Nothing is to be said.
    Idle,
    /// Something is to be said and nothing is heard yet.
    Preparing,
    /// Something is heard.
    Speaking,
    /// It was told to be silent for now.
    Paused,
    /// It cannot speak.
    Fault,
}

/// How the appliance is.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct State {
    /// What it is doing.
    pub mode: Mode,
    /// Id of the announcement that is being spoken.
    pub announcement: Option<String>,
    /// Announcements that have not ended.
    pub queued: usize,
    /// Loudness, 0 to 100.
    pub volume_percent: u32,
    /// Whether it is muted.
    pub muted: bool,
    /// The voice that speaks.
    pub voice: String,
    /// All voices.
    pub voices: Vec<String>,
    /// What does not work, in words; empty when all is well.
    pub problems: Vec<String>,
    /// Temperature of the processor.
    pub soc_celsius: Option<f32>,
    /// Seconds of work per second of speech, lately.
    pub real_time_factor: Option<f32>,
    /// Stages that were started again since the start of the supervisor.
    pub restarts: u64,
    /// Seconds since the start of the supervisor.
    pub uptime_s: u64,
}
