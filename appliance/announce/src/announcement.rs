//! Announcements: as received ([`Draft`]) and validated ([`Announcement`]).

use std::fmt;

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize};

use crate::error::cut;
use crate::limits::{
    EXPIRES_IN_S_MAX, ID_CHARACTERS_MAX, INSTRUCT_CHARACTERS_MAX, JSON_BYTES_MAX, LANGUAGE_CHARACTERS_MAX,
    NAME_CHARACTERS_MAX, REASON_CHARACTERS_MAX, TEXT_BYTES_MAX,
};
use crate::manner::{PitchShift, SpeechRate, TextFormat};
use crate::{AnnounceError, Priority};

/// Announcement as received, in JSON or field by field. No field is validated.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Draft {
    /// Id for deduplication within 24 hours. Without one the announcement is always spoken, and events call it `#N`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// Text to speak; optional only with a chime.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub text: String,
    /// Kind of the text; plain if absent, unless it begins with `<speak`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub format: Option<TextFormat>,
    /// Name of the voice; the configured one if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub voice: Option<String>,
    /// Speaker of the voice; the configured one if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub speaker: Option<String>,
    /// Rewriting of numbers and the like as words; the configured one if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub normalise: Option<Normalise>,
    /// Language name or tag; the configured one if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub language: Option<String>,
    /// Speed of speech, 0.5 to 3; the configured one if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rate: Option<SpeechRate>,
    /// Shift of the pitch in semitones, -12 to 12; the configured one if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pitch: Option<PitchShift>,
    /// Manner of speaking in words, for voices that take instructions; the configured one if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub instruct: Option<String>,
    /// SSIP priority; [`Priority::Message`] if absent.
    #[serde(default)]
    pub priority: Priority,
    /// Volume of this announcement in percent, 0 to 100; the configured one if absent.
    #[serde(default, deserialize_with = "whole_number", skip_serializing_if = "Option::is_none")]
    pub volume: Option<u32>,
    /// Name of a sound to play before the text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub chime: Option<String>,
    /// Seconds after acceptance within which speaking must begin; no expiry if absent.
    #[serde(default, deserialize_with = "whole_number", skip_serializing_if = "Option::is_none")]
    pub expires_in_s: Option<u32>,
    /// Name of the source, for events and logs; the intake sets its input's name if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
}

/// Rewriting of numbers, dates, units and the like as words of the language, for voices that can read them as they are
/// written.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Normalise {
    /// They are rewritten.
    #[default]
    On,
    /// They are left as they are.
    Off,
}

impl Draft {
    /// Names of all fields in the JSON form.
    pub(crate) const FIELDS: [&str; 15] = [
        "id",
        "text",
        "format",
        "voice",
        "speaker",
        "language",
        "normalise",
        "rate",
        "pitch",
        "instruct",
        "priority",
        "volume",
        "chime",
        "expires_in_s",
        "source",
    ];

    /// Returns a draft with a text and no other field.
    #[must_use]
    pub fn plain(text: impl Into<String>) -> Self {
        Self { text: text.into(), ..Self::default() }
    }

    /// Parses the JSON form. Unknown keys are rejected, so that a misspelt option does not pass unnoticed.
    ///
    /// # Errors
    /// More than [`JSON_BYTES_MAX`] bytes, or not the JSON of an announcement.
    pub fn from_json(json: &[u8]) -> Result<Self, AnnounceError> {
        // Before parsing, because the parser allocates in proportion to its input.
        if json.len() > JSON_BYTES_MAX {
            return Err(AnnounceError::JsonTooLong { bytes: json.len(), limit: JSON_BYTES_MAX });
        }
        // Cut, because the parser quotes an unknown key, which may be as long as the input.
        serde_json::from_slice(json).map_err(|source| AnnounceError::Json {
            problem: cut(&without_quoted_value(&source.to_string()), REASON_CHARACTERS_MAX),
        })
    }

    /// Validates every field.
    ///
    /// # Errors
    /// [`AnnounceError::Field`] for the first field that is invalid, with the remedy.
    pub fn validate(self) -> Result<Announcement, AnnounceError> {
        check_text(&self)?;
        if let Some(id) = &self.id {
            check_id(id)?;
        }
        // Voice and chime become paths on the appliance; the labels below are only compared and logged.
        let file_names = [("voice", &self.voice), ("chime", &self.chime)];
        for (field, name) in file_names {
            if let Some(name) = name {
                check_file_name(field, name)?;
            }
        }
        let labels = [
            ("speaker", &self.speaker, NAME_CHARACTERS_MAX),
            ("language", &self.language, LANGUAGE_CHARACTERS_MAX),
            ("source", &self.source, NAME_CHARACTERS_MAX),
        ];
        for (field, label, limit) in labels {
            if let Some(label) = label {
                check_label(field, label, limit)?;
            }
        }
        check_manner(&self)?;
        if let Some(volume) = self.volume.filter(|volume| *volume > 100) {
            return Err(field("volume", format!("is {volume}"), "send a percentage from 0 to 100"));
        }
        if let Some(expires_in_s) = self.expires_in_s {
            check_expiry(expires_in_s)?;
        }
        Ok(Announcement(self))
    }
}

impl TryFrom<Draft> for Announcement {
    type Error = AnnounceError;

    fn try_from(draft: Draft) -> Result<Self, AnnounceError> {
        draft.validate()
    }
}

impl From<Announcement> for Draft {
    fn from(announcement: Announcement) -> Self {
        announcement.0
    }
}

/// Omits the text, which is private and must not reach a log.
impl fmt::Debug for Draft {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Without `..`, so that a new field fails to compile until it is decided here whether it is private.
        let Self {
            id,
            text,
            format,
            voice,
            speaker,
            language,
            normalise,
            rate,
            pitch,
            instruct,
            priority,
            volume,
            chime,
            expires_in_s,
            source,
        } = self;
        formatter
            .debug_struct("Draft")
            .field("id", id)
            .field("text", &format_args!("<{} bytes>", text.len()))
            .field("format", format)
            .field("voice", voice)
            .field("speaker", speaker)
            .field("language", language)
            .field("normalise", normalise)
            .field("rate", rate)
            .field("pitch", pitch)
            // Written by the owner for one text, and may quote from it.
            .field("instruct", &instruct.as_ref().map(|instruct| format!("<{} bytes>", instruct.len())))
            .field("priority", priority)
            .field("volume", volume)
            .field("chime", chime)
            .field("expires_in_s", expires_in_s)
            .field("source", source)
            .finish()
    }
}

/// Validated announcement. [`Draft::validate`] is the only constructor, also when deserializing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Draft", into = "Draft")]
pub struct Announcement(Draft);

impl Announcement {
    /// Parses and validates the JSON form.
    ///
    /// # Errors
    /// As [`Draft::from_json`] and [`Draft::validate`].
    pub fn from_json(json: &[u8]) -> Result<Self, AnnounceError> {
        Draft::from_json(json)?.validate()
    }

    /// Id for deduplication, if the sender gave one.
    #[must_use]
    pub fn id(&self) -> Option<&str> {
        self.0.id.as_deref()
    }

    /// Text to speak; empty only with a chime. Private: never logged.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.0.text
    }

    /// Name of the voice, if the sender chose one.
    #[must_use]
    pub fn voice(&self) -> Option<&str> {
        self.0.voice.as_deref()
    }

    /// Speaker of the voice, if the sender chose one.
    #[must_use]
    pub fn speaker(&self) -> Option<&str> {
        self.0.speaker.as_deref()
    }

    /// Language name or tag, if the sender gave one.
    #[must_use]
    pub fn language(&self) -> Option<&str> {
        self.0.language.as_deref()
    }

    /// Rewriting of numbers and the like as words, if the sender chose.
    #[must_use]
    pub fn normalise(&self) -> Option<Normalise> {
        self.0.normalise
    }

    /// Kind of the text, if the sender named it.
    #[must_use]
    pub fn format(&self) -> Option<TextFormat> {
        self.0.format
    }

    /// Speed of speech, if the sender chose one.
    #[must_use]
    pub fn rate(&self) -> Option<SpeechRate> {
        self.0.rate
    }

    /// Shift of the pitch, if the sender chose one.
    #[must_use]
    pub fn pitch(&self) -> Option<PitchShift> {
        self.0.pitch
    }

    /// Manner of speaking in words, if the sender described one.
    #[must_use]
    pub fn instruct(&self) -> Option<&str> {
        self.0.instruct.as_deref()
    }

    /// Priority of the announcement.
    #[must_use]
    pub fn priority(&self) -> Priority {
        self.0.priority
    }

    /// Volume in percent, 0 to 100, if the sender chose one.
    #[must_use]
    pub fn volume(&self) -> Option<u32> {
        self.0.volume
    }

    /// Name of a sound to play before the text.
    #[must_use]
    pub fn chime(&self) -> Option<&str> {
        self.0.chime.as_deref()
    }

    /// Seconds after acceptance within which speaking must begin.
    #[must_use]
    pub fn expires_in_s(&self) -> Option<u32> {
        self.0.expires_in_s
    }

    /// Name of the source, if known.
    #[must_use]
    pub fn source(&self) -> Option<&str> {
        self.0.source.as_deref()
    }

    /// Returns a copy for `repeat last`: without id and expiry, and with the priority of a message at least, so that
    /// neither deduplication nor preemption drops an explicit request.
    pub(crate) fn repeated(&self) -> Self {
        // `Priority` is ordered by urgency, so the smaller one is the more urgent one.
        let priority = self.0.priority.min(Priority::Message);
        Self(Draft { id: None, expires_in_s: None, priority, ..self.0.clone() })
    }
}

/// Returns a message of the parser without the string that it quotes, which may be a text in the wrong place.
fn without_quoted_value(message: &str) -> String {
    let quoted = message.split_once(" string \"").zip(message.rsplit_once("\", expected "));
    match quoted {
        Some(((before, _), (_, after))) => format!("{before} string, expected {after}"),
        None => message.to_owned(),
    }
}

/// Reads a whole number, also one that is written with a fraction of zero: `50.0`, as sliders and scripts write it.
fn whole_number<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<u32>, D::Error> {
    let Some(number) = Option::<serde_json::Number>::deserialize(deserializer)? else { return Ok(None) };
    let whole = match number.as_u64() {
        Some(whole) => u32::try_from(whole).ok(),
        // Exact: every `u32` is an `f64`, and the comparison finds every other value.
        None => number
            .as_f64()
            .map(|float| float as u32)
            .filter(|whole| number.as_f64() == Some(f64::from(*whole))),
    };
    let wrong = || D::Error::custom(format_args!("{number} is no whole number from 0 on"));
    whole.map(Some).ok_or_else(wrong)
}

fn field(field: &'static str, problem: impl Into<String>, remedy: &'static str) -> AnnounceError {
    AnnounceError::Field { field, problem: problem.into(), remedy }
}

fn check_text(draft: &Draft) -> Result<(), AnnounceError> {
    let bytes = draft.text.len();
    if bytes > TEXT_BYTES_MAX {
        let problem = format!("has {bytes} bytes, at most {TEXT_BYTES_MAX} are accepted");
        return Err(field("text", problem, "send it in parts"));
    }
    // Text of white space only would occupy the queue and play nothing.
    if draft.chime.is_none() && draft.text.trim().is_empty() {
        return Err(field("text", "is empty", "send something to say, or a chime"));
    }
    Ok(())
}

fn check_id(id: &str) -> Result<(), AnnounceError> {
    let remedy = "use 1 to 128 characters without control characters, or leave it out";
    check_length("id", id, ID_CHARACTERS_MAX, remedy)?;
    if id.chars().any(char::is_control) {
        return Err(field("id", "contains a control character", remedy));
    }
    // Sequence numbers are shown as `#N`: a sender that used one could pass its events off as another announcement's.
    if id.starts_with('#') {
        return Err(field("id", "begins with '#'", "such ids are assigned by the appliance; choose another"));
    }
    Ok(())
}

fn check_manner(draft: &Draft) -> Result<(), AnnounceError> {
    if let Some(rate) = draft.rate.filter(|rate| !rate.is_in_range()) {
        let problem = format!("is {}", rate.factor());
        return Err(field("rate", problem, "send a factor from 0.5 (slow) to 3 (fast), or leave it out"));
    }
    if let Some(pitch) = draft.pitch.filter(|pitch| !pitch.is_in_range()) {
        let problem = format!("is {}", pitch.semitones());
        return Err(field("pitch", problem, "send semitones from -12 to 12, or leave it out"));
    }
    let Some(instruct) = &draft.instruct else { return Ok(()) };
    let remedy = "describe the manner of speaking in 1 to 500 characters, or leave it out";
    check_length("instruct", instruct, INSTRUCT_CHARACTERS_MAX, remedy)?;
    if instruct.trim().is_empty() || instruct.chars().any(char::is_control) {
        return Err(field("instruct", "is blank or contains a control character", remedy));
    }
    Ok(())
}

/// Checks a name that becomes a file name and must not lead out of its directory.
fn check_file_name(name: &'static str, value: &str) -> Result<(), AnnounceError> {
    let remedy = "use 1 to 64 letters, digits, '-', '_' or '.', not beginning with '.', or leave it out";
    check_length(name, value, NAME_CHARACTERS_MAX, remedy)?;
    // Letters of every script, since owners name their voices and chimes. Without a separator and a leading dot no
    // name can leave the directory or address a hidden file.
    let allowed = |c: char| c.is_alphanumeric() || matches!(c, '-' | '_' | '.');
    if value.starts_with('.') || !value.chars().all(allowed) {
        return Err(field(name, "is not the name of a file in its folder", remedy));
    }
    Ok(())
}

fn check_label(name: &'static str, value: &str, limit: usize) -> Result<(), AnnounceError> {
    let remedy = "use a short name without control characters, or leave it out";
    check_length(name, value, limit, remedy)?;
    if value.chars().any(char::is_control) {
        return Err(field(name, "contains a control character", remedy));
    }
    Ok(())
}

fn check_length(
    name: &'static str,
    value: &str,
    limit: usize,
    remedy: &'static str,
) -> Result<(), AnnounceError> {
    // Characters rather than bytes: the remedy speaks of characters, and 64 Cyrillic letters are 128 bytes.
    match value.chars().count() {
        0 => Err(field(name, "is empty", remedy)),
        characters if characters > limit => {
            Err(field(name, format!("has {characters} characters, at most {limit} are accepted"), remedy))
        }
        _ => Ok(()),
    }
}

fn check_expiry(expires_in_s: u32) -> Result<(), AnnounceError> {
    if (1..=EXPIRES_IN_S_MAX).contains(&expires_in_s) {
        return Ok(());
    }
    let problem = format!("is {expires_in_s}");
    Err(field(
        "expires_in_s",
        problem,
        "send seconds from 1 to 2678400 (31 days), or leave it out for no expiry",
    ))
}

#[cfg(test)]
mod tests {
    use super::{Announcement, Draft, Normalise};
    use crate::manner::{PitchShift, SpeechRate, TextFormat};
    use crate::{AnnounceError, EXPIRES_IN_S_MAX, JSON_BYTES_MAX, Priority, TEXT_BYTES_MAX};

    fn refused_field(draft: Draft) -> &'static str {
        match draft.validate() {
            Err(AnnounceError::Field { field, .. }) => field,
            other => panic!("expected a refused field, got {other:?}"),
        }
    }

    #[test]
    fn json_with_all_keys_is_parsed_and_round_trips() {
        let json = br#"{"id":"door-1","text":"Somebody is at the door.","voice":"en.small","speaker":"Ryan",
            "language":"en-GB","normalise":"off","format":"ssml","rate":1.25,"pitch":-2.5,
            "instruct":"calm","priority":"important","volume":80,"chime":"ding.wav",
            "expires_in_s":30,"source":"door"}"#;
        let announcement = Announcement::from_json(json).unwrap();
        assert_eq!(announcement.id(), Some("door-1"));
        assert_eq!(announcement.text(), "Somebody is at the door.");
        assert_eq!(announcement.voice(), Some("en.small"));
        assert_eq!(announcement.speaker(), Some("Ryan"));
        assert_eq!(announcement.language(), Some("en-GB"));
        assert_eq!(announcement.normalise(), Some(Normalise::Off));
        assert_eq!(announcement.format(), Some(TextFormat::Ssml));
        assert_eq!(announcement.rate().map(SpeechRate::thousandths), Some(1250));
        assert_eq!(announcement.pitch().map(PitchShift::cents), Some(-250));
        assert_eq!(announcement.instruct(), Some("calm"));
        assert_eq!(announcement.priority(), Priority::Important);
        assert_eq!(announcement.volume(), Some(80));
        assert_eq!(announcement.chime(), Some("ding.wav"));
        assert_eq!(announcement.expires_in_s(), Some(30));
        assert_eq!(announcement.source(), Some("door"));
        let again = serde_json::to_vec(&announcement).unwrap();
        let fields: serde_json::Map<String, serde_json::Value> = serde_json::from_slice(&again).unwrap();
        assert_eq!(fields.len(), Draft::FIELDS.len());
        assert!(Draft::FIELDS.iter().all(|name| fields.contains_key(*name)));
        assert_eq!(Announcement::from_json(&again).unwrap(), announcement);
    }

    #[test]
    fn json_with_text_only_gets_default_priority() {
        let announcement = Announcement::from_json(br#"{"text":"Hello."}"#).unwrap();
        assert_eq!(announcement.priority(), Priority::Message);
        assert_eq!(announcement.id(), None);
    }

    #[test]
    fn whole_numbers_may_be_written_with_a_fraction_of_zero() {
        let draft = |json: &str| Draft::from_json(json.as_bytes());
        let read = draft(r#"{"text":"x","volume":50.0,"expires_in_s":6e1}"#).unwrap();
        assert_eq!((read.volume, read.expires_in_s), (Some(50), Some(60)));
        assert_eq!(draft(r#"{"text":"x","volume":null}"#).unwrap().volume, None);
        for number in ["50.5", "-1", "1e99", "true"] {
            let refused = draft(&format!(r#"{{"text":"x","volume":{number}}}"#));
            assert!(matches!(refused, Err(AnnounceError::Json { .. })), "{number}: {refused:?}");
        }
    }

    #[test]
    fn strings_in_the_wrong_place_are_not_quoted() {
        let error =
            Draft::from_json(br#"{"text":"x","volume":"the code is \"1234\""}"#).unwrap_err().to_string();
        assert!(error.contains("string") && !error.contains("1234"), "{error}");
    }

    #[test]
    fn unknown_json_key_is_rejected_by_name() {
        let error = Announcement::from_json(br#"{"text":"Hello.","speed":3}"#).unwrap_err();
        assert!(error.to_string().contains("speed"), "{error}");
    }

    #[test]
    fn empty_text_is_rejected_without_chime() {
        Draft { chime: Some("gong".into()), ..Draft::default() }.validate().unwrap();
        assert_eq!(refused_field(Draft::plain(" \n\t")), "text");
    }

    #[test]
    fn fields_are_accepted_at_their_limits_and_rejected_beyond() {
        Draft::plain("a".repeat(TEXT_BYTES_MAX)).validate().unwrap();
        assert_eq!(refused_field(Draft::plain("a".repeat(TEXT_BYTES_MAX + 1))), "text");

        let draft = |change: fn(&mut Draft)| {
            let mut draft = Draft::plain("Hello.");
            change(&mut draft);
            draft
        };
        draft(|d| d.id = Some("ы".repeat(128))).validate().unwrap();
        assert_eq!(refused_field(draft(|d| d.id = Some("ы".repeat(129)))), "id");
        assert_eq!(refused_field(draft(|d| d.id = Some(String::new()))), "id");
        assert_eq!(refused_field(draft(|d| d.id = Some("#1".into()))), "id");
        assert_eq!(refused_field(draft(|d| d.id = Some("a\nb".into()))), "id");
        assert_eq!(refused_field(draft(|d| d.voice = Some("../etc".into()))), "voice");
        assert_eq!(refused_field(draft(|d| d.chime = Some(".hidden".into()))), "chime");
        assert_eq!(refused_field(draft(|d| d.speaker = Some("a".repeat(65)))), "speaker");
        assert_eq!(refused_field(draft(|d| d.language = Some("a".repeat(33)))), "language");
        assert_eq!(refused_field(draft(|d| d.source = Some("\u{7}".into()))), "source");
        draft(|d| d.instruct = Some("ы".repeat(500))).validate().unwrap();
        for wrong in [String::new(), " ".into(), "a\nb".into(), "ы".repeat(501)] {
            let draft = Draft { instruct: Some(wrong), ..Draft::plain("Hello.") };
            assert_eq!(refused_field(draft), "instruct");
        }
        draft(|d| d.volume = Some(100)).validate().unwrap();
        assert_eq!(refused_field(draft(|d| d.volume = Some(101))), "volume");
        draft(|d| d.expires_in_s = Some(EXPIRES_IN_S_MAX)).validate().unwrap();
        assert_eq!(refused_field(draft(|d| d.expires_in_s = Some(EXPIRES_IN_S_MAX + 1))), "expires_in_s");
        assert_eq!(refused_field(draft(|d| d.expires_in_s = Some(0))), "expires_in_s");
    }

    #[test]
    fn rate_and_pitch_are_refused_out_of_their_range_with_what_to_send() {
        for (json, remedy) in [
            (r#"{"text":"x","rate":0.49}"#, "`rate` is 0.49; send a factor from 0.5"),
            (r#"{"text":"x","rate":3.1}"#, "send a factor from 0.5"),
            (r#"{"text":"x","rate":-1e99}"#, "send a factor from 0.5"),
            (r#"{"text":"x","pitch":13}"#, "`pitch` is 13; send semitones from -12"),
            (r#"{"text":"x","pitch":1e99}"#, "send semitones from -12"),
            (r#"{"text":"x","rate":"fast"}"#, "expected f64"),
            (r#"{"text":"x","format":"html"}"#, "`plain` or `ssml`"),
        ] {
            let error = Announcement::from_json(json.as_bytes()).unwrap_err().to_string();
            assert!(error.contains(remedy), "{json}: {error}");
        }
        for json in [r#"{"text":"x","rate":0.5,"pitch":-12}"#, r#"{"text":"x","rate":3,"pitch":12.0}"#] {
            Announcement::from_json(json.as_bytes()).unwrap();
        }
    }

    #[test]
    fn json_errors_are_bounded_in_length() {
        let junk = format!("{{\"{}\":1}}", "k".repeat(10_000));
        assert!(Draft::from_json(junk.as_bytes()).unwrap_err().to_string().len() < 500);
        let long = vec![b' '; JSON_BYTES_MAX + 1];
        assert!(matches!(Draft::from_json(&long), Err(AnnounceError::JsonTooLong { .. })));
    }

    #[test]
    fn debug_output_omits_text() {
        let draft = Draft { instruct: Some("like a secret".into()), ..Draft::plain("the secret") };
        let announcement = draft.validate().unwrap();
        assert!(!format!("{announcement:?}").contains("secret"));
    }
}
