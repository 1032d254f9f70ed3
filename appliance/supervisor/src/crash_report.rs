//! Post-mortem of an instance: the reason of its end, its last words, and the last messages.

use std::collections::VecDeque;
use std::fs::File;
use std::io::{ErrorKind, Read};
use std::os::fd::OwnedFd;

use crier_system::Watched;
use serde::Serialize;

/// Lines of standard error that are kept: a panic message with a short backtrace.
const LINES_MAX: usize = 20;
/// Longest line that is kept, in bytes.
const LINE_BYTES_MAX: usize = 400;
/// Blocks that are read from the pipe of a process that has ended. Its group is dead, but a grandchild in another
/// group may still hold the pipe and write for ever.
const LAST_BLOCKS_MAX: usize = 16;

/// Messages that are kept.
const MESSAGES_MAX: usize = 8;
/// Characters that are kept of a message.
const MESSAGE_CHARACTERS_MAX: usize = 72;
/// Characters that are kept of a message that may carry spoken text. Enough for `{"work":{"submit":{`, too short for
/// anything that follows.
const PRIVATE_MESSAGE_CHARACTERS_MAX: usize = 19;

/// Post-mortem of an instance.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct CrashReport {
    /// Reason of the end, in words.
    pub reason: String,
    /// Last lines of standard error.
    pub stderr: Vec<String>,
    /// Heads of the last messages to it (`>`) and from it (`<`), without payload.
    pub messages: Vec<String>,
    /// Uptime of the machine at that moment, in milliseconds.
    pub at_ms: u64,
    /// Exit code, if the process exited by itself; `reason` has it in words.
    #[serde(skip)]
    pub exit_code: Option<i32>,
}

impl CrashReport {
    pub(crate) fn new(reason: String, lines: &LastLines, messages: &MessageLog) -> Self {
        let stderr = lines.kept.iter().cloned().collect();
        let messages = messages.kept.iter().cloned().collect();
        Self { reason, stderr, messages, at_ms: crier_system::uptime_ms(), exit_code: None }
    }
}

impl CrashReport {
    /// Report of a spawn that failed, which leaves nothing behind.
    pub(crate) fn without_instance(reason: String) -> Self {
        Self::new(reason, &LastLines::default(), &MessageLog::new(true))
    }
}

/// The last lines of a stream of bytes.
#[derive(Debug, Default)]
pub(crate) struct LastLines {
    kept: VecDeque<String>,
    part: Vec<u8>,
}

impl LastLines {
    /// Takes bytes; calls `each` for every complete line.
    fn take(&mut self, bytes: &[u8], mut each: impl FnMut(&str)) {
        for &byte in bytes {
            if byte != b'\n' {
                // The rest of a line that is too long is left out: its beginning names the error.
                if self.part.len() < LINE_BYTES_MAX {
                    self.part.push(byte);
                }
                continue;
            }
            self.end_line(&mut each);
        }
    }

    /// Completes the line that has begun: the stream has ended, and a process that is killed by the kernel in the
    /// middle of a message has no time for a newline.
    fn finish(&mut self, mut each: impl FnMut(&str)) {
        if !self.part.is_empty() {
            self.end_line(&mut each);
        }
    }

    fn end_line(&mut self, each: &mut impl FnMut(&str)) {
        // Escaped, so that a stage cannot forge log lines or send control sequences to a terminal.
        let line = String::from_utf8_lossy(&self.part).escape_debug().to_string();
        self.part.clear();
        each(&line);
        if self.kept.len() == LINES_MAX {
            self.kept.pop_front();
        }
        self.kept.push_back(line);
    }
}

/// The last messages between supervisor and stage.
pub(crate) struct MessageLog {
    kept: VecDeque<String>,
    characters_max: usize,
}

impl MessageLog {
    /// `private`: messages may carry spoken text, so only their kind is kept.
    pub(crate) fn new(private: bool) -> Self {
        let characters_max = if private { PRIVATE_MESSAGE_CHARACTERS_MAX } else { MESSAGE_CHARACTERS_MAX };
        Self { kept: VecDeque::with_capacity(MESSAGES_MAX), characters_max }
    }

    pub(crate) fn sent(&mut self, packet: &[u8]) {
        self.keep('>', packet);
    }

    pub(crate) fn received(&mut self, packet: &[u8]) {
        self.keep('<', packet);
    }

    /// Keeps the beginning of a packet's head, which stands behind four bytes of its length.
    fn keep(&mut self, direction: char, packet: &[u8]) {
        // The line that goes lends its memory to the one that comes: this runs for every packet.
        let mut line = if self.kept.len() == MESSAGES_MAX {
            self.kept.pop_front().unwrap_or_default()
        } else {
            String::new()
        };
        line.clear();
        line.push(direction);
        line.push(' ');
        let head = packet.get(4..).unwrap_or_default();
        // Up to the first space or control character: the head is compact JSON, so what follows one is content, which
        // may be text of an announcement.
        line.extend(
            head.iter()
                .map(|&byte| char::from(byte))
                .take(self.characters_max)
                .take_while(char::is_ascii_graphic),
        );
        self.kept.push_back(line);
    }
}

/// Standard error of an instance.
pub(crate) struct StderrReader {
    pipe: Option<(Watched<OwnedFd>, File)>,
    pub(crate) lines: LastLines,
}

impl StderrReader {
    /// Watches the pipe; without one nothing is read.
    pub(crate) fn new(pipe: Option<OwnedFd>) -> Self {
        let pipe = pipe.and_then(|pipe| {
            // Without a descriptor left the pipe is closed and its lines are lost; the stage runs on.
            let file = File::from(pipe.try_clone().ok()?);
            Some((Watched::new(pipe).ok()?, file))
        });
        Self { pipe, lines: LastLines::default() }
    }

    /// Reads one block into the log; pends for ever once the pipe has ended. Cancel-safe.
    pub(crate) async fn read(&mut self, stage: &str) {
        let Some((watched, file)) = &mut self.pipe else { return std::future::pending().await };
        // One block a call, so that packets get their turn between two blocks of a stage that writes without end.
        let mut block = [0; 4096];
        let ended = match watched.readable().await {
            Err(_) => true,
            Ok(mut ready) => match file.read(&mut block) {
                Ok(0) => true,
                Ok(count) => {
                    self.lines.take(&block[..count], |line| tracing::debug!(stage, "{line}"));
                    false
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => {
                    ready.clear();
                    false
                }
                Err(error) => error.kind() != ErrorKind::Interrupted,
            },
        };
        if ended {
            self.pipe = None;
        }
    }

    /// Takes what an ended process has left in the pipe, also a last line without a newline. Does not wait.
    pub(crate) fn drain(&mut self, stage: &str) {
        if let Some((_, file)) = &mut self.pipe {
            let mut block = [0; 4096];
            for _ in 0..LAST_BLOCKS_MAX {
                match file.read(&mut block) {
                    Ok(count) if count > 0 => {
                        self.lines.take(&block[..count], |line| tracing::debug!(stage, "{line}"));
                    }
                    // The end, or nothing more (the pipe does not block).
                    _ => break,
                }
            }
        }
        self.lines.finish(|line| tracing::debug!(stage, "{line}"));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_last_lines_are_kept_escaped_and_cut() {
        let mut lines = LastLines::default();
        let mut seen = 0;
        for number in 0..100 {
            lines.take(format!("line {number}\u{1b}[31m").as_bytes(), |_| ());
            lines.take(b"\n", |_| seen += 1);
        }
        lines.take(&[b'x'; 10_000], |_| ());
        lines.take(b"\n", |_| seen += 1);
        let report = CrashReport::new("killed".into(), &lines, &MessageLog::new(false));
        assert_eq!((seen, report.stderr.len()), (101, LINES_MAX));
        assert_eq!(report.stderr[0], "line 81\\u{1b}[31m");
        assert_eq!(report.stderr.last().map(String::len), Some(LINE_BYTES_MAX));
    }

    #[test]
    fn a_last_line_without_newline_is_kept() {
        let mut lines = LastLines::default();
        lines.take(b"first\nGGML_ASSERT(x) failed", |_| ());
        lines.finish(|_| ());
        let report = CrashReport::new("killed".into(), &lines, &MessageLog::new(false));
        assert_eq!(report.stderr, ["first", "GGML_ASSERT(x) failed"]);
    }

    #[test]
    fn of_a_private_message_only_the_kind_is_kept() {
        let mut messages = MessageLog::new(true);
        let packet = [
            b"\x40\0\0\0".as_slice(),
            br#"{"work":{"submit":{"request_id":1,"draft":{"text":"the secret words"}}}}"#,
        ]
        .concat();
        for _ in 0..20 {
            messages.received(&packet);
        }
        let report = CrashReport::new("killed".into(), &LastLines::default(), &messages);
        assert_eq!(report.messages.len(), MESSAGES_MAX);
        assert_eq!(report.messages[0], "< {\"work\":{\"submit\":{");
    }
}
