//! Common parts of SYN6288 and XFS5152: frames that begin with 0xFD and a length, tags in brackets, one-byte answers.

use std::time::{Duration, Instant};

use crier_announce::EventKind;
use crier_config::TextEncoding;
use crier_markup::PAUSE_MS_MAX;
use crier_wire::LossReason;

use crate::rate_limited::RequestOutcome;
use crate::serial::dialect::{DialectRequest, PortQueue};
use crate::text::{self, clean, decode_strictly, decode_utf16};

/// A silence inside a frame that ends it unfinished. The originals allow 8 ms; USB adapters and a busy machine take
/// longer over a byte that came in time.
pub(crate) const SILENCE: Duration = Duration::from_millis(100);

const START: u8 = 0xFD;
/// Start and length.
const HEAD_BYTES: usize = 3;

pub(crate) const READY: u8 = 0x4A;
pub(crate) const ACCEPTED: u8 = 0x41;
pub(crate) const DAMAGED: u8 = 0x45;
pub(crate) const SPEAKING: u8 = 0x4E;
pub(crate) const IDLE: u8 = 0x4F;

/// Layout of a module's frames.
pub(crate) trait FrameShape {
    /// Bytes after the text: 1 for a checksum that is the exclusive or of all others.
    const CHECK_BYTES: usize;
    /// Longest text, in bytes.
    const TEXT_BYTES_MAX: usize;
    /// Returns the least and the most bytes that a frame of this command has between length and checksum.
    fn body_bytes(command: u8) -> Option<(usize, usize)>;
}

/// Finds frames in a stream, wherever it begins.
pub(crate) struct Frames<S> {
    buffer: Vec<u8>,
    /// Time of the latest byte.
    last: Option<Instant>,
    /// True if the current run of damage is reported: once until the next good frame or silence.
    reported: bool,
    shape: std::marker::PhantomData<S>,
}

/// Beginning of the buffer.
enum Found {
    /// Beginning of a frame.
    Part,
    /// No frame.
    Damage,
    /// Frame of so many bytes.
    Frame(usize),
}

impl<S: FrameShape> Frames<S> {
    pub(crate) fn new() -> Self {
        Self { buffer: Vec::new(), last: None, reported: false, shape: std::marker::PhantomData }
    }

    /// Reads bytes and passes the body of each frame (command, parameter, text) to `frame`.
    pub(crate) fn read(
        &mut self,
        bytes: &[u8],
        now: Instant,
        requests: &mut Vec<DialectRequest>,
        mut frame: impl FnMut(&[u8], &mut Vec<DialectRequest>),
    ) {
        // The bytes may be read before the timer is polled; they belong to the next frame all the same.
        if self.deadline().is_some_and(|deadline| now >= deadline) {
            self.silence(requests);
        }
        self.last = Some(now);
        self.buffer.extend_from_slice(bytes);
        let mut at = 0;
        while let Some(start) = self.buffer[at..].iter().position(|byte| *byte == START) {
            at += start;
            match Self::find(&self.buffer[at..]) {
                Found::Part => break,
                Found::Damage => {
                    // Only past the start byte: the length was damaged, perhaps, and a good frame may begin anywhere
                    // behind.
                    at += 1;
                    self.damage(requests);
                }
                Found::Frame(bytes) => {
                    self.reported = false;
                    let end = at + bytes;
                    frame(&self.buffer[at + HEAD_BYTES..end - S::CHECK_BYTES], requests);
                    at = end;
                }
            }
        }
        // What precedes a start byte can be part of no frame, so that noise is never kept.
        let rest =
            self.buffer[at..].iter().position(|byte| *byte == START).map_or(self.buffer.len(), |n| at + n);
        self.buffer.drain(..rest);
    }

    fn find(bytes: &[u8]) -> Found {
        let [_, high, low, rest @ ..] = bytes else { return Found::Part };
        let length = usize::from(u16::from_be_bytes([*high, *low]));
        let most = 2 + S::TEXT_BYTES_MAX + S::CHECK_BYTES;
        if !(1 + S::CHECK_BYTES..=most).contains(&length) {
            return Found::Damage;
        }
        // Checked before the frame is complete: a damaged length would swallow the good frames behind it.
        let Some(command) = rest.first() else { return Found::Part };
        match S::body_bytes(*command) {
            Some((least, most)) if (least..=most).contains(&(length - S::CHECK_BYTES)) => {}
            _ => return Found::Damage,
        }
        let total = HEAD_BYTES + length;
        let Some(frame) = bytes.get(..total) else { return Found::Part };
        if S::CHECK_BYTES > 0 && frame.iter().fold(0, |sum, byte| sum ^ byte) != 0 {
            return Found::Damage;
        }
        Found::Frame(total)
    }

    fn damage(&mut self, requests: &mut Vec<DialectRequest>) {
        // Once for a run of noise: an answer to each damaged byte would come back as noise to a sender with an echo.
        if !std::mem::replace(&mut self.reported, true) {
            requests.push(DialectRequest::Refuse(LossReason::Invalid, "a damaged frame".to_owned()));
        }
    }

    pub(crate) fn deadline(&self) -> Option<Instant> {
        let waiting = !self.buffer.is_empty() || self.reported;
        self.last.filter(|_| waiting).map(|last| last + SILENCE)
    }

    /// Nothing came for [`SILENCE`]: a frame that was begun is damaged, and the next byte begins anew.
    pub(crate) fn silence(&mut self, requests: &mut Vec<DialectRequest>) {
        if !self.buffer.is_empty() {
            self.damage(requests);
        }
        self.reset();
    }

    pub(crate) fn reset(&mut self) {
        self.buffer = Vec::new();
        self.reported = false;
        self.last = None;
    }

    pub(crate) fn held(&self) -> usize {
        self.buffer.len()
    }
}

/// Decodes the text of a frame, whose encoding both modules name by the same numbers.
pub(crate) fn decode(encoding: u8, bytes: &[u8]) -> Option<String> {
    let named = match encoding {
        // GB2312 is a part of GBK.
        0 | 1 => TextEncoding::Gbk,
        2 => TextEncoding::Big5,
        3 => return decode_utf16(bytes),
        _ => return None,
    };
    // Editors write UTF-8, and sketches send what stands in them. Its bytes for Chinese are valid GBK, too, but
    // hardly any GBK is valid as characters of three bytes.
    if let Ok(text) = std::str::from_utf8(bytes)
        && text.chars().any(|character| character.len_utf8() > 2)
    {
        return Some(text.to_owned());
    }
    decode_strictly(named, bytes).or_else(|| text::decode(TextEncoding::Utf8, bytes))
}

/// Returns a text without the names of prompt sounds: `sounda`, `msgb` and `ringc` of the SYN6288, `sound101` of the
/// XFS5152. They are sounds to play, which there are none of here, and never words. `enabled` is what the tag `[x]`
/// says.
pub(crate) fn without_sounds(text: &str, enabled: Option<bool>) -> String {
    if enabled == Some(false) {
        return text.to_owned();
    }
    let is_part = |character: char| character.is_ascii_alphanumeric();
    let mut kept = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let end = rest.find(|character| is_part(character) != is_part(first)).unwrap_or(rest.len());
        let (piece, behind) = rest.split_at(end);
        if !is_sound(piece, enabled.is_some()) {
            kept.push_str(piece);
        }
        rest = behind;
    }
    clean(&kept)
}

/// Returns true for the name of a prompt sound. Unless they are `asked` for, "sounds" and "rings" are words.
fn is_sound(word: &str, asked: bool) -> bool {
    if let Some(number) = word.strip_prefix("sound")
        && number.len() == 3
    {
        return number.bytes().all(|byte| byte.is_ascii_digit());
    }
    let letter = ["sound", "msg", "ring"].iter().find_map(|kind| word.strip_prefix(kind));
    matches!(letter.map(str::as_bytes), Some([letter @ b'a'..=b'y']) if asked || *letter != b's')
}

/// A text and the tags that stood in it.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Tagged {
    pub(crate) text: String,
    /// Letter and number, in order; a tag without a number has none.
    pub(crate) tags: Vec<(char, Option<u32>)>,
}

/// Takes tags such as `[v8]` out of `text`: a letter, digits, in brackets; `[=ba4]` tells how a character is read. With
/// `pauses`, `[p500]` is silence, which keeps its place in the text.
pub(crate) fn untag(text: &str, pauses: bool) -> Tagged {
    let mut tagged = Tagged { text: String::with_capacity(text.len()), tags: Vec::new() };
    let mut rest = text;
    while let Some(open) = rest.find('[') {
        let (before, bracket) = rest.split_at(open);
        tagged.text.push_str(before);
        match bracket.split_once(']').and_then(|(inside, after)| Some((tag(&inside[1..])?, after))) {
            Some((('p', Some(ms)), after)) if pauses => {
                tagged.text.push_str(&pause(ms));
                rest = after;
            }
            Some((tag, after)) => {
                tagged.tags.push(tag);
                rest = after;
            }
            None => {
                tagged.text.push('[');
                rest = &bracket[1..];
            }
        }
    }
    tagged.text.push_str(rest);
    tagged.text = clean(&tagged.text);
    tagged
}

/// Returns the markup of a pause, cut to the longest that there is: the originals know no limit and refuse nothing.
pub(crate) fn pause(ms: u32) -> String {
    format!("[pause:{}ms]", ms.min(PAUSE_MS_MAX))
}

fn tag(inside: &str) -> Option<(char, Option<u32>)> {
    let mut characters = inside.chars();
    let letter = characters.next()?;
    let argument = characters.as_str();
    match letter {
        '=' if argument.len() <= 8 && argument.chars().all(|c| c.is_ascii_alphanumeric()) => {
            Some((letter, None))
        }
        'a'..='z' if argument.is_empty() => Some((letter, None)),
        'a'..='z' if argument.len() <= 5 => argument.parse().ok().map(|number| (letter, Some(number))),
        _ => None,
    }
}

/// Returns the byte that answers `request`, if one does.
pub(crate) fn answer(request: &DialectRequest, outcome: &RequestOutcome, queue: PortQueue) -> Option<u8> {
    match (request, outcome) {
        (DialectRequest::Query, _) if queue.unfinished > 0 => Some(SPEAKING),
        (DialectRequest::Query, _) => Some(IDLE),
        (DialectRequest::Reply(_), _) => None,
        (_, RequestOutcome::Busy) => Some(SPEAKING),
        (_, RequestOutcome::Refused(_)) => Some(DAMAGED),
        _ => Some(ACCEPTED),
    }
}

/// Returns the byte that reports an event, if one does.
pub(crate) fn event(kind: &EventKind, queue: PortQueue) -> Option<u8> {
    (kind.is_end() && queue.unfinished == 0).then_some(IDLE)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn silence_of_a_tag_keeps_its_place() {
        let tagged = untag("one[p500] two [v3][p99999]", true);
        assert_eq!((tagged.text.as_str(), tagged.tags.len()), ("one[pause:500ms] two [pause:60000ms]", 1));
        assert_eq!(untag("one[p500] two", false).text, "one two");
    }

    #[test]
    fn names_of_prompt_sounds_are_never_words() {
        for (text, enabled, left) in [
            ("sounda", Some(true), ""),
            ("msgb", None, ""),
            ("ringc 直行", None, "直行"),
            ("sound101直行", None, "直行"),
            ("That sounds right; the phone rings.", None, "That sounds right; the phone rings."),
            ("sounds", Some(true), ""),
            ("sounda", Some(false), "sounda"),
            ("sound 101, soundab", None, "sound 101, soundab"),
        ] {
            assert_eq!(without_sounds(text, enabled), left, "{text}");
        }
    }

    #[test]
    fn utf8_is_told_from_the_encoding_that_the_frame_names() {
        assert_eq!(decode(0, "你好世界".as_bytes()).as_deref(), Some("你好世界"));
        assert_eq!(decode(2, "你好世界".as_bytes()).as_deref(), Some("你好世界"));
        assert_eq!(decode(0, b"\xD6\xB1\xD0\xD0").as_deref(), Some("直行"));
        assert_eq!(decode(1, b"\xC1\xAA\xCD\xA8").as_deref(), Some("联通"));
        assert_eq!(decode(0, b"room 5").as_deref(), Some("room 5"));
    }

    #[test]
    fn tags_are_removed_and_other_brackets_stay() {
        let tagged = untag("[v8][t5]直行[=xing2] [see note] [m] [v99999999]x", false);
        assert_eq!(tagged.text, "直行 [see note]  [v99999999]x");
        assert_eq!(tagged.tags, [('v', Some(8)), ('t', Some(5)), ('=', None), ('m', None)]);
    }
}
