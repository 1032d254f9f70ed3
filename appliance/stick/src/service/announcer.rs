//! The running appliance, by its control socket: it says what becomes of a stick, and is told of what is new.

use std::cell::Cell;
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::thread::sleep;
use std::time::{Duration, Instant};

use crate::words::StickSentence;
use crier_announce::{Draft, Priority};
use crier_config::Config;
use crier_control::{ControlClient, ControlError, ControlRequest, ControlResponse};
use crier_wire::{Answer, Mode};
use nix::sys::signal::{Signal, kill};
use nix::sys::socket::{getsockopt, sockopt::PeerCredentials};
use nix::unistd::Pid;
use serde_json::{Value, json};

use super::places::StickPlaces;

/// Time in which an appliance that does not answer may begin to: it may be starting, like the machine.
const SAY_TIMEOUT: Duration = Duration::from_secs(60);
/// Made before the appliance is started again on purpose.
const RESTARTED: &str = "/run/crier-restarted";
/// Interval at which the appliance is asked.
const POLL: Duration = Duration::from_millis(500);
/// Language of the sentences, which a voice in another language reads as such.
const LANGUAGE: &str = "english";

/// Client of the running appliance.
#[derive(Debug)]
pub(super) struct Announcer {
    socket: Option<PathBuf>,
    config: PathBuf,
    /// False after a sentence without an answer: a broken appliance is mended without waiting for it at each sentence.
    is_awaited: Cell<bool>,
}

impl Announcer {
    pub(super) fn new(places: &StickPlaces) -> Self {
        Self { socket: places.socket.clone(), config: places.config.clone(), is_awaited: Cell::new(true) }
    }

    /// Has a sentence spoken, after what waits already.
    pub(super) fn say(&self, sentence: StickSentence) {
        tracing::info!(text = %sentence, "sentence");
        let draft = Draft {
            // Not `Important`, which would cancel what is being spoken.
            priority: Priority::Message,
            language: Some(LANGUAGE.to_owned()),
            source: Some("stick".to_owned()),
            ..Draft::plain(sentence.to_string())
        };
        let deadline = Instant::now() + if self.is_awaited.get() { SAY_TIMEOUT } else { Duration::ZERO };
        let answer = loop {
            match self.submit(draft.clone()) {
                Err(error) if error.is_unreachable() && Instant::now() < deadline => sleep(POLL),
                // The present voice may not speak English; then it reads the sentence as it can.
                Ok(Answer::Refused { .. }) => break self.submit(Draft { language: None, ..draft }),
                answer => break answer,
            }
        };
        self.is_awaited.set(answer.is_ok());
        match answer {
            Ok(Answer::Refused { reason, .. }) => tracing::warn!(%reason, "the sentence is not spoken"),
            Ok(_) => {}
            Err(error) => tracing::warn!(%error, "the sentence is not spoken"),
        }
    }

    fn submit(&self, draft: Draft) -> Result<Answer, ControlError> {
        let request = ControlRequest::Say { draft: Box::new(draft), wait: false, cancel_on_exit: false };
        match self.ask(&request)? {
            ControlResponse::Answer(answer) => Ok(answer),
            _ => Ok(Answer::Done),
        }
    }

    /// Waits until nothing is being spoken and nothing waits; returns false if that takes longer than `timeout`. An
    /// appliance that does not answer says nothing.
    pub(super) fn wait_until_quiet(&self, timeout: Duration) -> bool {
        let deadline = Instant::now() + timeout;
        loop {
            match self.ask(&ControlRequest::Status {}) {
                // A pause with something in the queue is no silence: it goes on when somebody resumes.
                Ok(ControlResponse::Status(status)) => {
                    if status.state.queued == 0
                        && !matches!(status.state.mode, Mode::Speaking | Mode::Preparing)
                    {
                        return true;
                    }
                }
                Ok(_) => {}
                Err(error) if error.is_unreachable() => return true,
                Err(_) => {}
            }
            if Instant::now() >= deadline {
                return false;
            }
            sleep(POLL);
        }
    }

    /// Returns the response to a request as JSON, for people to read.
    pub(super) fn describe(&self, request: &ControlRequest) -> Value {
        match self.ask(request) {
            Ok(response) => json!(response),
            Err(error) => json!({ "error": error.to_string() }),
        }
    }

    /// Ends the intake and starts it again, so that it reads certificates anew.
    pub(super) fn restart_intake(&self) {
        for request in [
            ControlRequest::Hold { stage: "intake".to_owned() },
            ControlRequest::Release { stage: "intake".to_owned() },
        ] {
            // Without it the certificates are read at the next start.
            if let Err(error) = self.ask(&request) {
                tracing::warn!(%error, "the intake is not started again");
            }
        }
    }

    /// Returns the process of the appliance; none if it does not run.
    pub(super) fn process(&self) -> Option<Pid> {
        let stream = UnixStream::connect(self.socket()).ok()?;
        // Of the process that listens, whatever its name is.
        let credentials = getsockopt(&stream, PeerCredentials).ok()?;
        Some(Pid::from_raw(credentials.pid()))
    }

    /// Has the appliance read its configuration again.
    pub(super) fn reload(&self) {
        self.signal(Signal::SIGHUP);
    }

    /// Has the appliance end after what it is speaking, and waits until init has started it again; returns false if
    /// that takes longer than `timeout`.
    pub(super) fn restart(&self, timeout: Duration) -> bool {
        let Some(before) = self.process() else {
            // It is not there, and init starts it with what is new.
            return self.wait_for_another(None, timeout);
        };
        // For `slot-good`, which takes a start that nobody has asked for as a fault of the slot. Elsewhere than in the
        // image there may be no such folder.
        let _ = std::fs::write(RESTARTED, "");
        self.signal(Signal::SIGTERM);
        self.wait_for_another(Some(before), timeout)
    }

    fn wait_for_another(&self, before: Option<Pid>, timeout: Duration) -> bool {
        let deadline = Instant::now() + timeout;
        while Instant::now() < deadline {
            // While it ends, the old process still answers.
            let process = self.process();
            if process.is_some() && process != before && self.ask(&ControlRequest::Status {}).is_ok() {
                return true;
            }
            sleep(POLL);
        }
        false
    }

    fn signal(&self, signal: Signal) {
        if let Some(process) = self.process()
            && let Err(error) = kill(process, signal)
        {
            tracing::warn!(%error, ?signal, "the appliance cannot be told of what is new");
        }
    }

    fn ask(&self, request: &ControlRequest) -> Result<ControlResponse, ControlError> {
        ControlClient::connect(&self.socket())?.ask(request)
    }

    /// Path of the control socket. The configuration may change while this program runs.
    fn socket(&self) -> PathBuf {
        self.socket.clone().unwrap_or_else(|| {
            let config = Config::read(&self.config).map_or_else(|_| Config::default(), |(config, _)| config);
            config.control.socket
        })
    }
}

/// Errors after which another attempt may succeed.
trait Unreachable {
    fn is_unreachable(&self) -> bool;
}

impl Unreachable for ControlError {
    fn is_unreachable(&self) -> bool {
        matches!(self, Self::Unreachable { .. })
    }
}
