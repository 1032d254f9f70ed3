//! Messages. A client sends one request; the server sends one response, followed by events for `say` with `wait`.

use crier_announce::{Draft, QueueEvent, RecentOutcome};
use crier_wire::{Answer, Command, ShownText};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::status::{ApplianceStatus, DeviceEntry, QueueEntry, VoiceEntry};

/// Version of the protocol. Raised only when a message changes its meaning or is removed; new verbs, new optional
/// fields of requests and new fields of responses are compatible.
pub const VERSION: u32 = 1;

/// Longest request, in bytes: the longest announcement, and 1 KiB for the fields around it.
pub const REQUEST_BYTES_MAX: usize = crier_announce::JSON_BYTES_MAX + 1024;

/// Longest message of an error, in characters: room for a remedy, and a bound on parsers that quote their input.
const MESSAGE_CHARACTERS_MAX: usize = 400;

/// All verbs.
pub const VERBS: [&str; 18] = [
    "hello",
    "status",
    "queue",
    "history",
    "voices",
    "devices",
    "say",
    "show_text",
    "stop",
    "pause",
    "resume",
    "repeat",
    "volume",
    "mute",
    "unmute",
    "voice",
    "hold",
    "release",
];

/// Request of a client.
///
/// The variants without fields have braces because serde then rejects unknown fields there, too: a client must not take
/// an option that this version lacks for granted.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "verb", rename_all = "snake_case", deny_unknown_fields)]
pub enum ControlRequest {
    /// Returns versions and verbs; answered in every version.
    Hello {},
    /// Returns state, stages, inputs and counters.
    Status {},
    /// Returns the announcements that have not ended, in the order of speaking.
    Queue {},
    /// Returns the last announcements that ended.
    History {},
    /// Returns the voices.
    Voices {},
    /// Returns the sound devices.
    Devices {},
    /// Submits an announcement.
    Say {
        /// The announcement.
        draft: Box<Draft>,
        /// Sends its events until it has ended.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        wait: bool,
        /// Cancels it when the client closes the connection before its end. Only with `wait`.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        cancel_on_exit: bool,
    },
    /// Returns an announcement's text as it would be spoken, without speaking it.
    ShowText {
        /// The announcement.
        draft: Box<Draft>,
    },
    /// Cancels the current announcement.
    Stop {
        /// Cancels all waiting announcements as well.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        all: bool,
    },
    /// Pauses playback and keeps its position.
    Pause {},
    /// Resumes playback.
    Resume {},
    /// Repeats the last announcement.
    Repeat {},
    /// Sets the volume, or changes it by a step: exactly one of the two.
    Volume {
        /// 0 to 100.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        percent: Option<u32>,
        /// -100 to 100, added to the present volume; the sum is kept within 0 and 100.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        step: Option<i32>,
    },
    /// Mutes the output while playback continues.
    Mute {},
    /// Ends the muting.
    Unmute {},
    /// Selects the voice of the following announcements.
    Voice {
        /// Name of the voice.
        name: String,
    },
    /// Ends a stage and does not restart it.
    Hold {
        /// Name of the stage; `talker` is the talker of every voice.
        stage: String,
    },
    /// Starts a stage that is held.
    Release {
        /// Name of the stage.
        stage: String,
    },
}

impl ControlRequest {
    /// Returns the request as the command that inputs share; `None` if it is not one of them.
    #[must_use]
    pub fn command(&self) -> Option<Command> {
        Some(match self {
            Self::Stop { all: true } => Command::StopAll,
            Self::Stop { all: false } => Command::Stop,
            Self::Pause {} => Command::Pause,
            Self::Resume {} => Command::Resume,
            Self::Repeat {} => Command::RepeatLast,
            Self::Volume { percent: Some(percent), .. } => Command::Volume { percent: *percent },
            Self::Volume { step: Some(percent), .. } => Command::VolumeStep { percent: *percent },
            Self::Mute {} => Command::Mute { on: Some(true) },
            Self::Unmute {} => Command::Mute { on: Some(false) },
            Self::Voice { name } => Command::Voice { name: name.clone() },
            _ => return None,
        })
    }
}

/// Line of a request.
#[derive(Debug, Serialize)]
pub struct RequestLine<'a> {
    /// [`VERSION`] of the client.
    pub version: u32,
    /// The request.
    #[serde(flatten)]
    pub request: &'a ControlRequest,
}

/// Response of the server.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ControlResponse {
    /// Response to `hello`.
    Hello(Hello),
    /// Result of an announcement or a command.
    Answer(Answer),
    /// Response to `status`.
    Status(Box<ApplianceStatus>),
    /// Response to `queue`.
    Queue(Vec<QueueEntry>),
    /// Response to `history`, newest first.
    History(Vec<RecentOutcome>),
    /// Response to `voices`.
    Voices(Vec<VoiceEntry>),
    /// Response to `devices`.
    Devices(Vec<DeviceEntry>),
    /// Response to `show_text`.
    Text(ShownText),
    /// Event of the announcement that the client waits for.
    Event(QueueEvent),
    /// The request was not carried out.
    Error(ErrorReport),
}

/// Line of a response. Clients must ignore unknown fields.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ResponseLine {
    /// [`VERSION`] of the server.
    pub version: u32,
    /// The response.
    #[serde(flatten)]
    pub response: ControlResponse,
}

/// Response to `hello`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hello {
    /// Version of the program.
    pub program: String,
    /// Versions of the protocol that the server supports.
    pub versions: Vec<u32>,
    /// Verbs of the server.
    pub verbs: Vec<String>,
}

impl Hello {
    /// Returns the description of this implementation.
    #[must_use]
    pub fn current(program: &str) -> Self {
        Self { program: program.to_owned(), versions: vec![VERSION], verbs: verbs() }
    }
}

/// Code of an error, for programs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ErrorCode {
    /// The line is not a JSON object with `version` and `verb`.
    Malformed,
    /// The request is longer than [`REQUEST_BYTES_MAX`].
    TooLong,
    /// No complete request arrived in time.
    Timeout,
    /// The server does not support the version of the request.
    Version,
    /// The server does not know the verb.
    UnknownVerb,
    /// The fields of the verb are wrong.
    Invalid,
    /// No stage of this name exists.
    NotFound,
    /// The request is valid, but failed.
    Failed,
}

/// Error of a request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ErrorReport {
    /// Code, for programs.
    pub code: ErrorCode,
    /// Problem and remedy, for the operator.
    pub message: String,
    /// Versions that the server supports; only with [`ErrorCode::Version`].
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub versions: Vec<u32>,
    /// Verbs of the server; only with [`ErrorCode::UnknownVerb`].
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub verbs: Vec<String>,
}

impl ErrorReport {
    /// Creates a report. A long message is cut.
    #[must_use]
    pub fn new(code: ErrorCode, message: &str) -> Self {
        let message = message.chars().take(MESSAGE_CHARACTERS_MAX).collect();
        Self { code, message, versions: Vec::new(), verbs: Vec::new() }
    }
}

/// Parses the line of a request.
///
/// # Errors
/// Report for the response.
pub fn parse_request(line: &[u8]) -> Result<ControlRequest, ErrorReport> {
    let malformed = |problem: &str| {
        let message = format!(r#"{problem}; send one line such as {{"version":{VERSION},"verb":"status"}}"#);
        ErrorReport::new(ErrorCode::Malformed, &message)
    };
    // In two steps, since the version decides how the rest is parsed, and may come last in the object.
    let mut fields: Map<String, Value> = serde_json::from_slice(line)
        .map_err(|error| malformed(&format!("the request is not a JSON object: {error}")))?;
    let version = fields.remove("version").ok_or_else(|| malformed("the request has no `version`"))?;
    let verb =
        fields.get("verb").and_then(Value::as_str).ok_or_else(|| malformed("the request has no `verb`"))?;
    if verb == "hello" {
        // With any version and any fields, since clients ask here which version to use.
        return Ok(ControlRequest::Hello {});
    }
    if version != VERSION {
        let message =
            format!("version {version} of the control protocol is not known here; use version {VERSION}");
        return Err(ErrorReport {
            versions: vec![VERSION],
            ..ErrorReport::new(ErrorCode::Version, &message)
        });
    }
    // Before serde, whose error for an unknown variant lists the verbs in its message rather than in a field.
    if !VERBS.contains(&verb) {
        let message = format!("the verb '{}' is not known here; use one of `verbs`", verb.escape_debug());
        return Err(ErrorReport { verbs: verbs(), ..ErrorReport::new(ErrorCode::UnknownVerb, &message) });
    }
    let invalid = format!("the fields of `{verb}` are wrong");
    let request = serde_json::from_value(Value::Object(fields))
        .map_err(|error| ErrorReport::new(ErrorCode::Invalid, &format!("{invalid}: {error}")))?;
    // Without `wait` the connection closes at once, which would cancel everything or, ignored, nothing.
    if matches!(request, ControlRequest::Say { wait: false, cancel_on_exit: true, .. }) {
        let message = format!("{invalid}: `cancel_on_exit` needs `wait`");
        return Err(ErrorReport::new(ErrorCode::Invalid, &message));
    }
    // An untagged enum would do, but its errors name neither field.
    if let ControlRequest::Volume { percent, step } = request
        && percent.is_some() == step.is_some()
    {
        let message = format!("{invalid}: give either `percent` or `step`");
        return Err(ErrorReport::new(ErrorCode::Invalid, &message));
    }
    if let ControlRequest::Volume { step: Some(step), .. } = request
        && !(-100..=100).contains(&step)
    {
        let message = format!("{invalid}: `step` is from -100 to 100");
        return Err(ErrorReport::new(ErrorCode::Invalid, &message));
    }
    Ok(request)
}

fn verbs() -> Vec<String> {
    VERBS.map(str::to_owned).to_vec()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn code(line: &str) -> ErrorCode {
        parse_request(line.as_bytes()).unwrap_err().code
    }

    #[test]
    fn cancel_on_exit_without_wait_is_refused() {
        let line = br#"{"version":1,"verb":"say","draft":{"text":"Hi."},"cancel_on_exit":true}"#;
        let report = parse_request(line).unwrap_err();
        assert_eq!(report.code, ErrorCode::Invalid);
        assert!(report.message.contains("`cancel_on_exit` needs `wait`"), "{}", report.message);
    }

    #[test]
    fn volume_takes_a_percentage_or_a_step() {
        let parse = |fields: &str| {
            let line = format!(r#"{{"version":1,"verb":"volume"{fields}}}"#);
            parse_request(line.as_bytes()).map(|request| request.command().unwrap())
        };
        assert_eq!(parse(r#","percent":40"#), Ok(Command::Volume { percent: 40 }));
        assert_eq!(parse(r#","step":-5"#), Ok(Command::VolumeStep { percent: -5 }));
        for fields in ["", r#","percent":40,"step":5"#, r#","step":101"#, r#","percent":-5"#] {
            assert_eq!(parse(fields).unwrap_err().code, ErrorCode::Invalid, "{fields}");
        }
    }

    #[test]
    fn verb_list_agrees_with_request_type() {
        let error = serde_json::from_value::<ControlRequest>(serde_json::json!({ "verb": "?" })).unwrap_err();
        let known: Vec<String> = error
            .to_string()
            .split('`')
            .skip(1)
            .step_by(2)
            .map(str::to_owned)
            .filter(|name| name != "?")
            .collect();
        assert_eq!(known, VERBS);
    }

    #[test]
    fn version_is_required_and_checked_before_verb() {
        assert_eq!(code(r#"{"verb":"status"}"#), ErrorCode::Malformed);
        assert_eq!(code(r#"{"version":2,"verb":"dance"}"#), ErrorCode::Version);
        assert_eq!(code(r#"{"version":"1","verb":"status"}"#), ErrorCode::Version);
        let report = parse_request(br#"{"version":2,"verb":"status"}"#).unwrap_err();
        assert_eq!(report.versions, [VERSION]);
    }

    #[test]
    fn hello_is_answered_in_every_version() {
        let request = parse_request(br#"{"version":99,"verb":"hello","more":true}"#);
        assert_eq!(request, Ok(ControlRequest::Hello {}));
    }

    #[test]
    fn unknown_fields_are_rejected_in_every_verb() {
        for verb in VERBS.iter().filter(|verb| **verb != "hello") {
            let line = format!(r#"{{"version":1,"verb":"{verb}","sarcasm":true}}"#);
            assert_eq!(code(&line), ErrorCode::Invalid, "{verb}");
        }
    }

    #[test]
    fn error_message_is_bounded() {
        let line = format!(r#"{{"version":1,"verb":"{}"}}"#, "x".repeat(60_000));
        let report = parse_request(line.as_bytes()).unwrap_err();
        assert_eq!(report.message.chars().count(), MESSAGE_CHARACTERS_MAX);
    }

    #[test]
    fn requests_round_trip_through_their_line() {
        let requests = [
            ControlRequest::Status {},
            ControlRequest::Stop { all: true },
            ControlRequest::Say {
                draft: Box::new(Draft::plain("Hello.")),
                wait: true,
                cancel_on_exit: false,
            },
        ];
        for request in requests {
            let line = serde_json::to_vec(&RequestLine { version: VERSION, request: &request }).unwrap();
            assert_eq!(parse_request(&line), Ok(request));
        }
    }
}
