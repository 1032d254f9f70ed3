//! What is left of a stage that died: how it ended, and what it said last.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::fs::File;
use std::io::Read;
use std::os::fd::{AsFd, OwnedFd};

use crier_system::Watched;
use serde::Serialize;

use crate::cli::StageName;

/// Lines that are kept.
const LINES_MAX: usize = 20;
/// Longest line that is kept, in bytes.
const LINE_BYTES_MAX: usize = 400;

/// Messages that are kept.
const MESSAGES_MAX: usize = 8;
/// Of a message, in characters.
const MESSAGE_CHARACTERS_MAX: usize = 72;
/// Enough for `{"work":{"submit":{`, too short for anything that follows.
const KIND_CHARACTERS: usize = 19;

/// How a life ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Evidence {
    /// In words.
    pub(crate) reason: String,
    /// The last lines of its standard error.
    pub(crate) stderr: Vec<String>,
    /// The last messages to it (`>`) and from it (`<`), without what they carry.
    pub(crate) messages: Vec<String>,
    /// Uptime of the machine at that moment, in milliseconds.
    pub(crate) at_ms: u64,
}

impl Evidence {
    pub(crate) fn new(reason: String, lines: &Lines, messages: &Messages) -> Self {
        let stderr = lines.kept.iter().cloned().collect();
        let messages = messages.kept.borrow().iter().cloned().collect();
        Self { reason, stderr, messages, at_ms: crier_system::uptime_ms() }
    }
}

/// The last lines of something.
#[derive(Debug, Default)]
pub(crate) struct Lines {
    kept: VecDeque<String>,
    part: Vec<u8>,
}

impl Lines {
    /// Takes bytes; calls `each` for every whole line.
    fn take(&mut self, bytes: &[u8], mut each: impl FnMut(&str)) {
        for &byte in bytes {
            if byte != b'\n' {
                if self.part.len() < LINE_BYTES_MAX {
                    self.part.push(byte);
                }
                continue;
            }
            let line = String::from_utf8_lossy(&self.part).escape_debug().to_string();
            self.part.clear();
            each(&line);
            if self.kept.len() == LINES_MAX {
                self.kept.pop_front();
            }
            self.kept.push_back(line);
        }
    }
}

/// The last messages between the supervisor and a stage, as far as anybody may see them.
pub(crate) struct Messages {
    kept: RefCell<VecDeque<String>>,
    characters_max: usize,
}

impl Messages {
    /// Of the intake, only the kind of a message is kept: what follows may be spoken text.
    pub(crate) fn new(stage: StageName) -> Self {
        let characters_max =
            if stage == StageName::Intake { KIND_CHARACTERS } else { MESSAGE_CHARACTERS_MAX };
        Self { kept: RefCell::new(VecDeque::with_capacity(MESSAGES_MAX)), characters_max }
    }

    pub(crate) fn sent(&self, packet: &[u8]) {
        self.keep('>', packet);
    }

    pub(crate) fn received(&self, packet: &[u8]) {
        self.keep('<', packet);
    }

    /// Keeps the beginning of a packet's head, which stands behind four bytes of its length.
    fn keep(&self, direction: char, packet: &[u8]) {
        let mut kept = self.kept.borrow_mut();
        // The line that goes lends its memory to the one that comes.
        let mut line =
            if kept.len() == MESSAGES_MAX { kept.pop_front().unwrap_or_default() } else { String::new() };
        line.clear();
        line.push(direction);
        line.push(' ');
        let head = packet.get(4..).unwrap_or_default();
        line.extend(
            head.iter()
                .map(|&byte| char::from(byte))
                .take(self.characters_max)
                .take_while(char::is_ascii_graphic),
        );
        kept.push_back(line);
    }
}

/// Reads a stage's standard error for ever, into `lines` and the log. Never ends, not even when the stage does.
pub(crate) async fn read_lines(stage: &str, stderr: Option<&OwnedFd>, lines: &mut Lines) {
    if let Some(stderr) = stderr
        && let Ok(copy) = stderr.try_clone()
        && let Ok(watched) = Watched::new(stderr.as_fd())
    {
        let mut file = File::from(copy);
        let mut block = [0; 4096];
        while let Ok(mut ready) = watched.readable().await {
            match file.read(&mut block) {
                Ok(0) => break,
                Ok(count) => lines.take(&block[..count], |line| tracing::debug!(stage, "{line}")),
                Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => ready.clear(),
                Err(_) => break,
            }
        }
    }
    std::future::pending::<()>().await;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_last_lines_are_kept_and_none_is_long_or_strange() {
        let mut lines = Lines::default();
        let mut seen = 0;
        for number in 0..100 {
            lines.take(format!("line {number}\u{1b}[31m").as_bytes(), |_| ());
            lines.take(b"\n", |_| seen += 1);
        }
        lines.take(&[b'x'; 10_000], |_| ());
        lines.take(b"\nunfinished", |_| seen += 1);
        let evidence = Evidence::new("killed".into(), &lines, &Messages::new(StageName::Talker));
        assert_eq!((seen, evidence.stderr.len()), (101, LINES_MAX));
        assert_eq!(evidence.stderr[0], "line 81\\u{1b}[31m");
        assert_eq!(evidence.stderr.last().map(String::len), Some(LINE_BYTES_MAX));
    }

    #[test]
    fn of_what_somebody_says_only_the_kind_of_message_is_kept() {
        let messages = Messages::new(StageName::Intake);
        let mut packet = Vec::new();
        let draft = Box::new(crier_announce::Draft::plain("the secret words"));
        let report = crier_wire::FromStage::Work(crier_wire::IntakeReport::Submit { ticket: 1, draft });
        crier_wire::encode(&report, &[], &mut packet).unwrap();
        for _ in 0..20 {
            messages.received(&packet);
        }
        let evidence = Evidence::new("killed".into(), &Lines::default(), &messages);
        assert_eq!(evidence.messages.len(), MESSAGES_MAX);
        assert_eq!(evidence.messages[0], "< {\"work\":{\"submit\":{");
    }
}
