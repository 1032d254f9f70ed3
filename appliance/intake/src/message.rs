//! Lines of text: words to speak, an announcement in JSON, or a command that begins with `!`.

use crier_announce::{Draft, NAME_CHARACTERS_MAX, Priority};
use crier_config::{MannerSettings, TextEncoding};
use crier_wire::{Command, LossReason};
use serde::Deserialize;
use serde::de::IgnoredAny;

use crate::text::{clean, decode, is_json, without_prefix};

/// Reasons why a line that begins with `!` is not carried out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
enum CommandError {
    /// There is no such command.
    #[error(
        "there is no such command; the commands are !stop, !stop all, !pause, !resume, !repeat, !volume N, \
         !volume +N, !volume -N, !mute, !unmute and !voice NAME; a text that begins with ! is written with !!"
    )]
    Unknown,
    /// The volume is not one.
    #[error("!volume takes a percentage from 0 to 100, or a step from -100 to +100 with its sign")]
    Volume,
    /// The name of the voice is too long.
    #[error("!voice takes a name of at most {NAME_CHARACTERS_MAX} characters")]
    Voice,
}

/// Properties that an input gives to announcements whose sender names none.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Defaults {
    /// Priority.
    pub priority: Priority,
    /// Language; `None`: that of the voice.
    pub language: Option<String>,
    /// Voice; `None`: the current one.
    pub voice: Option<String>,
    /// Manner of speaking.
    pub manner: MannerSettings,
    /// Encoding of text that is not UTF-8.
    pub encoding: TextEncoding,
}

impl Defaults {
    /// Returns the defaults with `encoding` in place of UTF-8, which every dialect reads anyway.
    #[must_use]
    pub(crate) fn with_fallback_encoding(self, encoding: TextEncoding) -> Self {
        if self.encoding == TextEncoding::Utf8 { Self { encoding, ..self } } else { self }
    }

    /// Returns an announcement of `text`.
    #[must_use]
    pub fn draft(&self, text: String) -> Draft {
        let mut draft = Draft {
            priority: self.priority,
            language: self.language.clone(),
            voice: self.voice.clone(),
            ..Draft::plain(text)
        };
        self.manner.complete(&mut draft);
        draft
    }
}

/// Message of a line.
#[derive(Debug, Clone, PartialEq)]
pub enum Message {
    /// Blank line.
    Empty,
    /// Announcement.
    Say(Box<Draft>),
    /// Command.
    Command(Command),
    /// Invalid message: the reason for the count of losses, and an explanation for people.
    Wrong(LossReason, String),
}

impl Message {
    /// Reads one line without its end.
    #[must_use]
    pub fn read(line: &[u8], defaults: &Defaults) -> Self {
        // Decided by the first byte, before the encoding is: JSON is UTF-8 by definition, and a damaged object must
        // not be read out.
        if is_json(line) {
            return json(without_prefix(line), defaults);
        }
        let Some(text) = decode(defaults.encoding, line) else {
            let problem = "the text is not UTF-8; send UTF-8, or set `encoding` to what is sent";
            return Self::Wrong(LossReason::Encoding, problem.to_owned());
        };
        let text = clean(&text);
        match text.strip_prefix('!') {
            _ if text.is_empty() => Self::Empty,
            // A doubled mark is the way to say a text that begins with one.
            Some(literal) if literal.starts_with('!') => {
                Self::Say(Box::new(defaults.draft(literal.to_owned())))
            }
            Some(command) => match command_of(command) {
                Ok(command) => Self::Command(command),
                Err(error) => Self::Wrong(LossReason::Invalid, error.to_string()),
            },
            None => Self::Say(Box::new(defaults.draft(text))),
        }
    }

    /// Returns the message in place of a line beyond the limits of [`LineSplitter`](crate::LineSplitter).
    #[must_use]
    pub fn too_long() -> Self {
        Self::Wrong(LossReason::TooLong, "the line is too long; send the text in parts".to_owned())
    }
}

fn json(line: &[u8], defaults: &Defaults) -> Message {
    /// Presence of a priority, which a draft does not tell from the default.
    #[derive(Deserialize)]
    struct Written {
        priority: Option<IgnoredAny>,
    }

    let mut draft = match Draft::from_json(line) {
        Ok(draft) => draft,
        Err(error) => return Message::Wrong(LossReason::Invalid, error.to_string()),
    };
    if serde_json::from_slice::<Written>(line).is_ok_and(|written| written.priority.is_none()) {
        // A draft without priority has the general default, which would override that of the input.
        draft.priority = defaults.priority;
    }
    draft.language = draft.language.or_else(|| defaults.language.clone());
    draft.voice = draft.voice.or_else(|| defaults.voice.clone());
    defaults.manner.complete(&mut draft);
    Message::Say(Box::new(draft))
}

fn command_of(text: &str) -> Result<Command, CommandError> {
    let mut words = text.split_whitespace();
    let verb = words.next().ok_or(CommandError::Unknown)?.to_ascii_lowercase();
    let argument = words.next();
    // Refused rather than ignored: "!stop all now" is not understood, and half of a command may be the wrong half.
    if words.next().is_some() {
        return Err(CommandError::Unknown);
    }
    Ok(match (verb.as_str(), argument) {
        ("stop", None) => Command::Stop,
        ("stop", Some(all)) if all.eq_ignore_ascii_case("all") => Command::StopAll,
        ("pause", None) => Command::Pause,
        ("resume", None) => Command::Resume,
        ("repeat", None) => Command::RepeatLast,
        ("mute", None) => Command::Mute { on: Some(true) },
        ("unmute", None) => Command::Mute { on: Some(false) },
        ("volume", Some(number)) => volume(number).ok_or(CommandError::Volume)?,
        ("volume", None) => return Err(CommandError::Volume),
        ("voice", Some(name)) if name.chars().count() <= NAME_CHARACTERS_MAX => {
            Command::Voice { name: name.to_owned() }
        }
        ("voice", Some(_)) => return Err(CommandError::Voice),
        _ => return Err(CommandError::Unknown),
    })
}

/// Parses `40`, `40.0`, `+5` or `-5`. The sign tells a step from a volume, as people write it: +5 is louder, 5 is
/// nearly silent.
pub(crate) fn volume(text: &str) -> Option<Command> {
    // Sliders of Home Assistant send floating-point numbers.
    let whole = match text.split_once('.') {
        Some((whole, fraction)) if fraction.bytes().all(|digit| digit == b'0') => whole,
        Some(_) => return None,
        None => text,
    };
    let value: i32 = whole.parse().ok().filter(|value| (-100..=100).contains(value))?;
    if text.starts_with(['+', '-']) {
        return Some(Command::VolumeStep { percent: value });
    }
    u32::try_from(value).ok().map(|percent| Command::Volume { percent })
}

#[cfg(test)]
mod tests {
    use crier_announce::SpeechRate;

    use super::*;

    fn read(line: &str) -> Message {
        Message::read(line.as_bytes(), &Defaults::default())
    }

    #[test]
    fn line_is_parsed_as_text_command_or_json() {
        assert_eq!(read("Hello."), Message::Say(Box::new(Draft::plain("Hello."))));
        assert_eq!(read("  \t"), Message::Empty);
        assert_eq!(read("!!stop"), Message::Say(Box::new(Draft::plain("!stop"))));
        assert_eq!(read("Stop! All"), Message::Say(Box::new(Draft::plain("Stop! All"))));
        let draft = Draft { id: Some("a".into()), ..Draft::plain("x") };
        assert_eq!(read(r#"{"id":"a","text":"x"}"#), Message::Say(Box::new(draft)));
        assert!(matches!(read("{x"), Message::Wrong(..)));
    }

    #[test]
    fn listed_commands_are_parsed_and_others_rejected() {
        let table = [
            ("!stop", Command::Stop),
            ("!STOP All", Command::StopAll),
            ("!pause", Command::Pause),
            ("!resume", Command::Resume),
            ("!repeat", Command::RepeatLast),
            ("!volume 40", Command::Volume { percent: 40 }),
            ("!volume +5", Command::VolumeStep { percent: 5 }),
            ("!volume -5", Command::VolumeStep { percent: -5 }),
            ("!mute", Command::Mute { on: Some(true) }),
            ("!unmute", Command::Mute { on: Some(false) }),
            ("!voice anna", Command::Voice { name: "anna".into() }),
        ];
        for (line, command) in table {
            assert_eq!(read(line), Message::Command(command), "{line}");
        }
        for line in ["!", "! stop now", "!stop everything", "!volume", "!volume 101", "!volume x", "!explode"]
        {
            assert!(matches!(read(line), Message::Wrong(..)), "{line}");
        }
    }

    #[test]
    fn volume_out_of_range_is_told_as_such() {
        for line in ["!volume 400", "!volume 101", "!volume -101", "!volume loud", "!volume", "!volume 5.5"] {
            let Message::Wrong(LossReason::Invalid, reason) = read(line) else { panic!("{line}") };
            assert!(reason.contains("from 0 to 100") && !reason.contains("no such command"), "{reason}");
        }
        assert_eq!(read("!volume 50.0"), Message::Command(Command::Volume { percent: 50 }));
    }

    #[test]
    fn json_may_have_blanks_a_mark_and_line_ends_before_and_within_it() {
        for line in [
            "\u{feff}{\"text\":\"x\"}",
            "  {\"text\":\"x\"}",
            "{\n  \"text\": \"x\"\n}",
            "\t\u{feff} {\"text\":\"x\"}",
        ] {
            assert_eq!(read(line), Message::Say(Box::new(Draft::plain("x"))), "{line:?}");
        }
    }

    #[test]
    fn properties_of_the_sender_override_the_defaults() {
        let defaults = Defaults {
            priority: Priority::Text,
            language: Some("de".into()),
            voice: Some("anna".into()),
            manner: MannerSettings {
                rate: Some(SpeechRate::from_factor(1.5)),
                pitch: None,
                instruct: Some("calm".into()),
            },
            encoding: TextEncoding::Utf8,
        };
        let Message::Say(draft) = Message::read(br#"{"text":"x","language":"en"}"#, &defaults) else {
            panic!()
        };
        assert_eq!((draft.priority, draft.language.as_deref()), (Priority::Text, Some("en")));
        assert_eq!(draft.voice.as_deref(), Some("anna"));
        assert_eq!((draft.rate, draft.instruct.as_deref()), (defaults.manner.rate, Some("calm")));
        let Message::Say(draft) = Message::read(br#"{"text":"x","priority":"message","rate":2}"#, &defaults)
        else {
            panic!()
        };
        assert_eq!(draft.rate, Some(SpeechRate::from_factor(2.0)));
        assert_eq!(draft.priority, Priority::Message);
    }
}
