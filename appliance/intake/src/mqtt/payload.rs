//! Parsing of payloads to announcements and commands. All input is untrusted.

use std::str;

use crier_announce::{
    AnnounceError, Draft, EXPIRES_IN_S_MAX, ID_CHARACTERS_MAX, JSON_BYTES_MAX, NAME_CHARACTERS_MAX,
    TEXT_BYTES_MAX,
};
use crier_wire::{Command, LossReason};

use super::topics::level;
use crate::message::volume;
use crate::text::{is_json, without_prefix};

/// Longest payload of a command, in bytes: a voice name of 64 characters in UTF-8.
const COMMAND_BYTES_MAX: usize = 256;

/// Error of a payload. Never quotes the payload.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum PayloadError {
    #[error("the message has {bytes} bytes, at most {limit} are accepted; send the text in parts")]
    TooLong { bytes: usize, limit: usize },
    #[error("the message is not UTF-8; send plain text or JSON in UTF-8")]
    NotUtf8,
    #[error(transparent)]
    Announcement(#[from] AnnounceError),
    #[error("the announcement expired before it could be spoken; send it again if it still matters")]
    Expired,
    #[error("`{0}` takes `all` or nothing")]
    Stop(&'static str),
    #[error("`{0}` takes `on`, `off`, `toggle` or nothing, which is `on`")]
    Pause(&'static str),
    #[error("`{0}` takes a percentage from 0 to 100, or a step such as `+5` or `-5`")]
    Volume(&'static str),
    #[error("`{0}` takes `ON`, `OFF` or `TOGGLE`")]
    Mute(&'static str),
    #[error("`{0}` takes the name of a voice")]
    Voice(&'static str),
}

impl PayloadError {
    /// Returns the reason under which a message with this error is counted.
    pub(super) fn loss_reason(&self) -> LossReason {
        match self {
            Self::TooLong { .. } => LossReason::TooLong,
            Self::NotUtf8 => LossReason::Encoding,
            Self::Expired => LossReason::Expired,
            _ => LossReason::Invalid,
        }
    }
}

/// Rejected announcement: the error, and the id given by the sender if it could be parsed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct RejectedPayload {
    pub(super) id: Option<String>,
    pub(super) error: PayloadError,
}

impl<E: Into<PayloadError>> From<E> for RejectedPayload {
    fn from(error: E) -> Self {
        Self { id: None, error: error.into() }
    }
}

/// Parses an announcement: JSON if the payload begins with `{`, else plain text. `expires_in_s` is the Message Expiry
/// Interval of MQTT 5; the stricter of the two expiries is used.
pub(super) fn announcement(payload: &[u8], expires_in_s: Option<u32>) -> Result<Draft, RejectedPayload> {
    // MQTT 3.1.1 has no content type.
    let is_json = is_json(payload);
    let limit = if is_json { JSON_BYTES_MAX } else { TEXT_BYTES_MAX };
    if payload.len() > limit {
        return Err(PayloadError::TooLong { bytes: payload.len(), limit }.into());
    }
    let text = str::from_utf8(payload).map_err(|_| PayloadError::NotUtf8)?;
    let mut draft = if is_json { Draft::from_json(without_prefix(payload))? } else { Draft::plain(text) };
    // Not validated yet, and about to be published with a rejection, hence bounded.
    let id = draft.id.clone().filter(|id| id.chars().count() <= ID_CHARACTERS_MAX);
    if let Some(expires_in_s) = expires_in_s {
        // The broker forwards the remaining time (MQTT 5, section 3.3.2.3.3); 0 has expired on the way.
        if expires_in_s == 0 {
            return Err(RejectedPayload { id, error: PayloadError::Expired });
        }
        let stricter = draft.expires_in_s.unwrap_or(EXPIRES_IN_S_MAX).min(expires_in_s);
        draft.expires_in_s = Some(stricter);
    }
    // Validated here already, so that an invalid announcement is rejected at once, even while others wait for the
    // queue.
    let announcement = draft.validate().map_err(|error| RejectedPayload { id, error: error.into() })?;
    Ok(announcement.into())
}

/// Parses the payload of a command; `level` is that of its topic.
pub(super) fn command(level: &'static str, payload: &[u8]) -> Result<Command, PayloadError> {
    if payload.len() > COMMAND_BYTES_MAX {
        return Err(PayloadError::TooLong { bytes: payload.len(), limit: COMMAND_BYTES_MAX });
    }
    let text = str::from_utf8(payload).map_err(|_| PayloadError::NotUtf8)?.trim();
    // Home Assistant sends `ON` and `OFF` in capitals, people do not.
    let word = text.to_ascii_lowercase();
    match level {
        level::STOP => match word.as_str() {
            "" => Ok(Command::Stop),
            "all" => Ok(Command::StopAll),
            _ => Err(PayloadError::Stop(level)),
        },
        level::PAUSE => match word.as_str() {
            "" | "on" => Ok(Command::Pause),
            "off" => Ok(Command::Resume),
            "toggle" => Ok(Command::PauseToggle),
            _ => Err(PayloadError::Pause(level)),
        },
        level::VOLUME_SET => volume(&word).ok_or(PayloadError::Volume(level)),
        level::MUTE_SET => match word.as_str() {
            "on" => Ok(Command::Mute { on: Some(true) }),
            "off" => Ok(Command::Mute { on: Some(false) }),
            "toggle" => Ok(Command::Mute { on: None }),
            _ => Err(PayloadError::Mute(level)),
        },
        _ => {
            let is_name = (1..=NAME_CHARACTERS_MAX).contains(&text.chars().count());
            if !is_name || text.chars().any(char::is_control) {
                return Err(PayloadError::Voice(level));
            }
            Ok(Command::Voice { name: text.to_owned() })
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::mqtt::topics::COMMANDS;

    #[test]
    fn plain_text_and_json_are_parsed_as_announcements() {
        assert_eq!(announcement("Grüß dich.".as_bytes(), None).unwrap(), Draft::plain("Grüß dich."));
        let json = announcement(br#" {"id":"a","text":"Hello.","expires_in_s":60}"#, None).unwrap();
        assert_eq!((json.id.as_deref(), json.expires_in_s), (Some("a"), Some(60)));
    }

    #[test]
    fn invalid_announcement_payloads_are_rejected_with_reason() {
        let refused = |payload: &[u8]| announcement(payload, None).unwrap_err().error;
        assert_eq!(refused(b"\xff"), PayloadError::NotUtf8);
        assert!(matches!(
            refused(b""),
            PayloadError::Announcement(AnnounceError::Field { field: "text", .. })
        ));
        assert!(matches!(refused(b"{\"text\":"), PayloadError::Announcement(AnnounceError::Json { .. })));
        assert!(refused(br#"{"text":"a","speed":1}"#).to_string().contains("speed"));
        let limit = TEXT_BYTES_MAX;
        announcement(&vec![b'a'; limit], None).unwrap();
        assert_eq!(refused(&vec![b'a'; limit + 1]), PayloadError::TooLong { bytes: limit + 1, limit });
        let mut json = vec![b' '; JSON_BYTES_MAX];
        json[0] = b'{';
        json.push(b'}');
        assert!(matches!(refused(&json), PayloadError::TooLong { limit: JSON_BYTES_MAX, .. }));
    }

    #[test]
    fn stricter_of_message_and_json_expiry_is_used() {
        let expiry = |json: &str, message| announcement(json.as_bytes(), message).unwrap().expires_in_s;
        assert_eq!(expiry("Hello.", None), None);
        assert_eq!(expiry("Hello.", Some(7)), Some(7));
        assert_eq!(expiry(r#"{"text":"a","expires_in_s":3}"#, Some(7)), Some(3));
        assert_eq!(expiry(r#"{"text":"a","expires_in_s":9}"#, Some(7)), Some(7));
        assert_eq!(expiry("Hello.", Some(u32::MAX)), Some(EXPIRES_IN_S_MAX));
        assert_eq!(announcement(b"Hello.", Some(0)).unwrap_err().error, PayloadError::Expired);
    }

    #[test]
    fn rejection_has_the_id_if_it_is_valid() {
        let refused = announcement(br#"{"id":"a","text":"Hello.","volume":101}"#, None).unwrap_err();
        assert_eq!(refused.id.as_deref(), Some("a"));
        let long = format!(r#"{{"id":"{}","text":"Hello."}}"#, "a".repeat(129));
        assert_eq!(announcement(long.as_bytes(), None).unwrap_err().id, None);
    }

    #[test]
    fn command_payloads_are_parsed_or_rejected() {
        let expected = [
            (level::STOP, "", Command::Stop),
            (level::STOP, "all", Command::StopAll),
            (level::PAUSE, "", Command::Pause),
            (level::PAUSE, "OFF", Command::Resume),
            (level::PAUSE, "toggle", Command::PauseToggle),
            (level::VOLUME_SET, "0", Command::Volume { percent: 0 }),
            (level::VOLUME_SET, "100.0", Command::Volume { percent: 100 }),
            (level::VOLUME_SET, "+5", Command::VolumeStep { percent: 5 }),
            (level::VOLUME_SET, "-100", Command::VolumeStep { percent: -100 }),
            (level::MUTE_SET, "ON", Command::Mute { on: Some(true) }),
            (level::MUTE_SET, "off", Command::Mute { on: Some(false) }),
            (level::MUTE_SET, "Toggle", Command::Mute { on: None }),
            (level::VOICE_SET, " de.small ", Command::Voice { name: "de.small".into() }),
        ];
        for (level, payload, wanted) in expected {
            assert_eq!(command(level, payload.as_bytes()), Ok(wanted), "{level} {payload:?}");
        }
        let wrong = [
            (level::STOP, "PRESS"),
            (level::PAUSE, "now"),
            (level::VOLUME_SET, ""),
            (level::VOLUME_SET, "101"),
            (level::VOLUME_SET, "40.5"),
            (level::VOLUME_SET, "-101"),
            (level::VOLUME_SET, "NaN"),
            (level::VOLUME_SET, "1e2"),
            (level::MUTE_SET, ""),
            (level::VOICE_SET, ""),
            (level::VOICE_SET, "a\u{7}b"),
        ];
        for (level, payload) in wrong {
            assert!(command(level, payload.as_bytes()).is_err(), "{level} {payload:?}");
        }
    }

    proptest! {
        #[test]
        fn arbitrary_bytes_give_valid_announcement_or_bounded_error(
            payload in proptest::collection::vec(any::<u8>(), 0..2000),
            expiry in proptest::option::of(any::<u32>()),
        ) {
            match announcement(&payload, expiry) {
                Ok(draft) => prop_assert!(draft.validate().is_ok()),
                Err(refused) => prop_assert!(refused.error.to_string().len() < 1000),
            }
        }

        #[test]
        fn text_without_leading_brace_is_announced_unchanged(text in "[^{\\s]\\PC{0,200}") {
            prop_assert_eq!(announcement(text.as_bytes(), None).unwrap().text, text);
        }

        #[test]
        fn arbitrary_json_never_panics(json in "\\{[\"a-z0-9:,{}\\[\\] \\\\]{0,200}") {
            let _ = announcement(json.as_bytes(), None);
        }

        #[test]
        fn commands_from_arbitrary_payloads_are_within_limits(
            payload in proptest::collection::vec(any::<u8>(), 0..300),
            number in any::<i64>(),
            level in proptest::sample::select(COMMANDS.to_vec()),
        ) {
            for payload in [payload, number.to_string().into_bytes()] {
                match command(level, &payload) {
                    Ok(Command::Volume { percent }) => prop_assert!(percent <= 100),
                    Ok(Command::VolumeStep { percent }) => prop_assert!((-100..=100).contains(&percent)),
                    Ok(Command::Voice { name }) => prop_assert!(name.chars().count() <= NAME_CHARACTERS_MAX),
                    Ok(_) | Err(_) => {}
                }
            }
        }
    }
}
