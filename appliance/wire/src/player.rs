//! The player: one linear stream of samples for each announcement.

use serde::{Deserialize, Serialize};

/// To the player.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum PlayerRequest {
    /// A stream begins; whatever was played before has ended or was stopped.
    Begin {
        /// Its number, never used again.
        stream: u64,
        /// Samples per second.
        rate_hz: u32,
        /// Loudness of this stream in percent, over the device's.
        volume_percent: Option<u32>,
        /// Samples of it that were heard already, by an earlier player.
        offset: u64,
    },
    /// More of the stream; payload: the samples.
    Samples {
        /// Which stream.
        stream: u64,
        /// Samples of the stream before these.
        offset: u64,
    },
    /// The stream has no more samples than `length`.
    End {
        /// Which stream.
        stream: u64,
        /// Its samples.
        length: u64,
    },
    /// Falls silent with a short fade and forgets the stream.
    Stop {
        /// Which stream.
        stream: u64,
    },
    /// Falls silent with a short fade and keeps the place.
    Pause,
    /// Goes on where it was paused.
    Resume,
    /// Loudness of everything, in percent.
    Volume {
        /// 0 to 100.
        percent: u32,
    },
    /// Silence without stopping.
    Mute {
        /// Whether.
        on: bool,
    },
}

/// From the player.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum PlayerReport {
    /// So much of the stream left the loudspeaker; at least once a period while it plays.
    Heard {
        /// Which stream.
        stream: u64,
        /// Samples of the stream that were heard.
        offset: u64,
    },
    /// Samples of the stream are taken as long as they end at or before `until`.
    Room {
        /// Which stream.
        stream: u64,
        /// Samples from its start.
        until: u64,
    },
    /// All of the stream was heard.
    Finished {
        /// Which stream.
        stream: u64,
    },
    /// The stream was stopped.
    Stopped {
        /// Which stream.
        stream: u64,
        /// Samples of it that were heard.
        offset: u64,
    },
    /// The stream ran dry; it goes on when samples come.
    Underrun {
        /// Which stream.
        stream: u64,
    },
    /// The stream has a gap, or something else is wrong with what was sent.
    Refused {
        /// Which stream.
        stream: u64,
        /// Why.
        reason: String,
    },
    /// The sound device was opened, or lost.
    Device {
        /// Whether it is open.
        open: bool,
        /// What was opened, or why not.
        detail: String,
    },
}
