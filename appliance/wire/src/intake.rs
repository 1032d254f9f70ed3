//! Messages of the intake: submissions and commands from the inputs, and the responses to their senders.

use crier_announce::{Draft, QueueEvent};
use serde::{Deserialize, Serialize};

/// Report from the intake.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum IntakeReport {
    /// Submits an announcement; answered by [`IntakeRequest::Answer`] with the same request id.
    Submit {
        /// Request id, chosen by the intake.
        request_id: u64,
        /// Announcement as received, not validated yet.
        draft: Box<Draft>,
    },
    /// Submits a command; answered by [`IntakeRequest::Answer`] with the same request id.
    Command {
        /// Request id, chosen by the intake.
        request_id: u64,
        /// The command.
        command: Command,
    },
    /// State of an input, shown by `status`.
    Input {
        /// Name of the input, such as `serial:/dev/ttyS6`.
        input: String,
        /// True if the input works.
        up: bool,
        /// Connection parameters, or the error and its remedy.
        detail: String,
    },
    /// Messages that an input received and did not submit since its last such report.
    Lost {
        /// Name of the input.
        input: String,
        /// Reason of the loss.
        reason: LossReason,
        /// Number of messages.
        count: u64,
        /// Explanation of the latest one, where the reason alone does not say what to do.
        explanation: Option<String>,
    },
    /// Messages that an input has read and that wait for room in the queue. They are lost if the intake ends.
    Waiting {
        /// Name of the input.
        input: String,
        /// Number of messages.
        count: u64,
    },
}

/// Reason for the loss of a message of an input. A closed set, because it is a label of metrics.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LossReason {
    /// The queue was full, and the sender got `busy` or could not be made to wait.
    QueueFull,
    /// Over the input's limit of messages per minute.
    RateLimited,
    /// Longer than the limit of the protocol or of a line.
    TooLong,
    /// Not valid in the configured encoding.
    Encoding,
    /// Damaged, or not a message of the protocol.
    Invalid,
    /// Valid, but rejected by the supervisor, for an unknown voice for example.
    Rejected,
    /// Expired while the queue was full.
    Expired,
    /// Cancelled by a stop command of its input while the queue was full.
    Cancelled,
    /// Button press in excess of those that may wait.
    Dropped,
    /// Read and waiting for room in the queue when the intake ended, by a reload, an operator or a crash.
    Interrupted,
}

impl LossReason {
    /// All reasons.
    pub const ALL: [Self; 10] = [
        Self::QueueFull,
        Self::RateLimited,
        Self::TooLong,
        Self::Encoding,
        Self::Invalid,
        Self::Rejected,
        Self::Expired,
        Self::Cancelled,
        Self::Dropped,
        Self::Interrupted,
    ];

    /// Returns the name in messages, metrics and status. Stable: dashboards and alarms refer to it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        // Written out, as serde offers no name without serializing; a test compares the two.
        match self {
            Self::QueueFull => "queue_full",
            Self::RateLimited => "rate_limited",
            Self::TooLong => "too_long",
            Self::Encoding => "encoding",
            Self::Invalid => "invalid",
            Self::Rejected => "rejected",
            Self::Expired => "expired",
            Self::Cancelled => "cancelled",
            Self::Dropped => "dropped",
            Self::Interrupted => "interrupted",
        }
    }
}

impl std::fmt::Display for LossReason {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())
    }
}

/// Request to the intake.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum IntakeRequest {
    /// Response to a report.
    Answer {
        /// Request id of the report.
        request_id: u64,
        /// Result.
        answer: Answer,
    },
    /// Progress of an announcement.
    Event(AnnouncementEvent),
    /// State of the appliance; sent when it changes and every ten seconds.
    State(Box<ApplianceState>),
}

/// Event in the life of an announcement.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AnnouncementEvent {
    /// Sequence number, as in [`Answer::Accepted`].
    pub sequence: u64,
    /// The event.
    pub event: QueueEvent,
}

/// Result of a submission or a command.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Answer {
    /// The announcement is in the queue and, if `durable`, in the journal. The input may acknowledge it.
    Accepted {
        /// Sequence number.
        sequence: u64,
        /// Id of the announcement.
        id: String,
        /// True if a power cut cannot lose the announcement.
        durable: bool,
    },
    /// An announcement with this id was accepted within the last 24 hours. The input may acknowledge this one, which is
    /// not spoken.
    Duplicate {
        /// Sequence number.
        sequence: u64,
        /// Id of the announcement.
        id: String,
    },
    /// The command was carried out.
    Done,
    /// Refused. Repetition is of no use, unless `later`.
    Refused {
        /// Reason and remedy.
        reason: String,
        /// True if it may be accepted later, as the queue is full now.
        later: bool,
    },
}

/// Command other than an announcement.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Command {
    /// Stops the current announcement.
    Stop,
    /// Stops the current announcement and drops the queue.
    StopAll,
    /// Cancels all announcements of one source, the current one included, and no others.
    StopSource {
        /// Name of the source: of the input, unless the sender of an announcement named another.
        source: String,
    },
    /// Pauses playback and keeps its position.
    Pause,
    /// Resumes playback.
    Resume,
    /// Pauses, or resumes if paused.
    PauseToggle,
    /// Repeats the last announcement.
    RepeatLast,
    /// Sets the volume.
    Volume {
        /// 0 to 100.
        percent: u32,
    },
    /// Changes the volume by a step.
    VolumeStep {
        /// -100 to 100.
        percent: i32,
    },
    /// Mutes or unmutes the output while playback continues.
    Mute {
        /// True to mute, false to unmute, `None` to toggle.
        on: Option<bool>,
    },
    /// Selects the voice for the following announcements.
    Voice {
        /// Name of the voice, one of [`ApplianceState::voices`].
        name: String,
    },
}

/// Activity of the appliance.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Mode {
    /// No voice can speak yet.
    #[default]
    Starting,
    /// The queue is empty.
    Idle,
    /// An announcement is being prepared and is not audible yet.
    Preparing,
    /// An announcement is audible.
    Speaking,
    /// Playback is paused.
    Paused,
    /// No voice or no sound device works.
    Fault,
}

/// State of the appliance, as inputs show it.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ApplianceState {
    /// Activity.
    pub mode: Mode,
    /// Id of the current announcement.
    pub announcement: Option<String>,
    /// Number of announcements that have not ended.
    pub queued: usize,
    /// Volume in percent, 0 to 100.
    pub volume_percent: u32,
    /// True if the output is muted.
    pub muted: bool,
    /// Name of the current voice.
    pub voice: String,
    /// Names of all voices.
    pub voices: Vec<String>,
    /// Descriptions of current problems; empty if there are none.
    pub problems: Vec<String>,
    /// Temperature of the processor, in degrees Celsius.
    pub soc_celsius: Option<f32>,
    /// Recent real-time factor: computing time per duration of speech.
    pub real_time_factor: Option<f32>,
    /// Number of stage restarts since the start of the supervisor.
    pub restarts: u64,
    /// Seconds since the start of the supervisor.
    pub uptime_s: u64,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn loss_reason_is_serialized_by_its_name() {
        for reason in LossReason::ALL {
            assert_eq!(serde_json::to_value(reason).unwrap(), reason.name());
        }
    }
}
