//! Messages of the player: one linear stream of samples for each announcement, and the list of sound devices.
//!
//! The supervisor sends requests, the player stage answers with reports. Flow control is by credit: the player grants
//! the sample position up to which it accepts samples ([`PlayerReport::Credit`]), and refuses what exceeds it.

use std::ops::RangeInclusive;

use serde::{Deserialize, Serialize};

/// Sample rates of a stream, in hertz: from telephone quality to the fastest rate of any sound card.
pub const STREAM_RATES_HZ: RangeInclusive<u32> = 4_000..=768_000;

/// Largest offset at which a stream may begin, in samples: 190 years at 24 kHz, far below an overflow of `u64` sums.
pub const STREAM_OFFSET_MAX: u64 = 1 << 47;

/// Request to the player.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum PlayerRequest {
    /// Begins a stream. It is played after the streams that began before it.
    Begin {
        /// Identifier of the stream, never used again.
        stream: u64,
        /// Samples per second, within [`STREAM_RATES_HZ`].
        rate_hz: u32,
        /// Volume of this stream in percent, relative to the device's volume; 100 if absent.
        volume_percent: Option<u32>,
        /// First sample to play: above 0 when a restarted player continues the stream of its predecessor.
        offset: u64,
    },
    /// More samples of the stream; payload: mono samples in `-1.0 ..= 1.0`.
    Samples {
        /// Identifier of the stream.
        stream: u64,
        /// Position of the first of these samples. Samples received before are ignored, a gap is refused.
        offset: u64,
    },
    /// Ends the stream: no samples follow.
    End {
        /// Identifier of the stream.
        stream: u64,
        /// Total length in samples.
        length: u64,
    },
    /// Fades out and discards the stream.
    Stop {
        /// Identifier of the stream.
        stream: u64,
    },
    /// Fades out and keeps all streams.
    Pause,
    /// Continues where [`PlayerRequest::Pause`] began to fade.
    Resume,
    /// Sets the volume of the device.
    Volume {
        /// Percent, 0 to 100; larger values are taken as 100.
        percent: u32,
    },
    /// Mutes the output while streams continue.
    Mute {
        /// True to mute, false to unmute.
        on: bool,
    },
    /// Lists the playback devices of this machine. Answered by [`PlayerReport::Devices`] or
    /// [`PlayerReport::DevicesUnavailable`].
    ListDevices {
        /// Identifier that the answer repeats.
        request_id: u64,
    },
}

/// Report from the player.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum PlayerReport {
    /// Playback position of the stream; sent at least once per period while it plays. A restarted player continues
    /// here.
    Played {
        /// Identifier of the stream.
        stream: u64,
        /// Samples that were played.
        offset: u64,
    },
    /// Grants credit: samples are accepted if they end at or before `until`.
    Credit {
        /// Identifier of the stream.
        stream: u64,
        /// Sample position up to which samples are accepted.
        until: u64,
    },
    /// The stream was played to its end and is discarded.
    Finished {
        /// Identifier of the stream.
        stream: u64,
    },
    /// The stream was stopped, is silent and is discarded.
    Stopped {
        /// Identifier of the stream.
        stream: u64,
        /// Samples that were played, including the fade-out.
        offset: u64,
    },
    /// Samples arrived too late: the sound has a gap, no sample is lost.
    Underrun {
        /// Identifier of the stream.
        stream: u64,
    },
    /// Refusal of a request, which had no effect.
    Refused {
        /// Identifier of the stream.
        stream: u64,
        /// Reason of the refusal.
        reason: PlayerRefusal,
    },
    /// The sound device was opened or lost. A lost device is reopened.
    Device {
        /// True if the device is open.
        open: bool,
        /// Description of the open device, or the error and its remedy.
        detail: String,
    },
    /// Answer to [`PlayerRequest::ListDevices`].
    Devices {
        /// Identifier of the request.
        request_id: u64,
        /// Playback devices in the order of the sound library.
        devices: Vec<SoundDevice>,
    },
    /// The devices asked for by [`PlayerRequest::ListDevices`] cannot be listed.
    DevicesUnavailable {
        /// Identifier of the request.
        request_id: u64,
        /// Error and remedy.
        reason: String,
    },
}

/// Playback device of the sound library.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SoundDevice {
    /// Name under which the device is opened.
    pub name: String,
    /// Description for the operator, in one line.
    pub description: String,
}

/// Reason of the player's refusal.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum PlayerRefusal {
    /// No stream with this identifier has begun, or it has ended.
    #[error("there is no such stream; begin it first")]
    UnknownStream,
    /// A stream with this identifier has begun already.
    #[error("a stream with this identifier exists already; use a new one")]
    KnownStream,
    /// The maximum number of streams has begun.
    #[error("too many streams have begun; wait until one has finished")]
    TooManyStreams,
    /// The sample rate is outside [`STREAM_RATES_HZ`].
    #[error(
        "cannot play sound at this sample rate; use {} to {} Hz", STREAM_RATES_HZ.start(), STREAM_RATES_HZ.end()
    )]
    Rate,
    /// The stream begins beyond [`STREAM_OFFSET_MAX`].
    #[error("a stream cannot begin beyond sample {STREAM_OFFSET_MAX}")]
    Offset,
    /// Samples before these are missing.
    #[error("samples are missing before these; send sample {expected} first")]
    Gap {
        /// Position of the first missing sample.
        expected: u64,
    },
    /// The samples exceed the credit.
    #[error("credit is granted up to sample {until} only; wait for more")]
    BeyondCredit {
        /// Sample position up to which credit is granted.
        until: u64,
    },
    /// The samples lie beyond the announced end of the stream.
    #[error("the stream was announced to end before these samples")]
    AfterEnd,
    /// The length contradicts the samples received or a length announced before.
    #[error("the length contradicts the samples received or the length announced before")]
    OtherLength,
}

#[cfg(test)]
mod tests {
    use super::{PlayerRefusal, PlayerReport, PlayerRequest, SoundDevice};

    #[test]
    fn player_messages_round_trip_through_json() {
        let request = PlayerRequest::ListDevices { request_id: 7 };
        let json = serde_json::to_string(&request).unwrap();
        assert_eq!(json, r#"{"list_devices":{"request_id":7}}"#);
        assert_eq!(serde_json::from_str::<PlayerRequest>(&json).unwrap(), request);
        let device = SoundDevice { name: "hw:0".to_owned(), description: "Card".to_owned() };
        for report in [
            PlayerReport::Devices { request_id: 7, devices: vec![device] },
            PlayerReport::DevicesUnavailable { request_id: 7, reason: "no".to_owned() },
            PlayerReport::Refused { stream: 1, reason: PlayerRefusal::Gap { expected: 9 } },
            PlayerReport::Refused { stream: 1, reason: PlayerRefusal::UnknownStream },
        ] {
            let json = serde_json::to_string(&report).unwrap();
            assert_eq!(serde_json::from_str::<PlayerReport>(&json).unwrap(), report);
        }
    }
}
