//! The dialect of XFS5152CE: `FD length length command encoding text`, without checksum.

use crier_announce::{Draft, PitchShift, SpeechRate};
use crier_normalise::Language;

use crate::serial::device_voices::{self, rate_of_step};
use crate::serial::dialect::DialectRequest;
use crate::serial::frames::{self, FrameShape};
use crate::serial::speech_chip::SpeechChip;

/// Loudest volume tag.
const VOLUME_MAX: u32 = 10;
/// Highest tag of speed and of pitch.
const STEP_MAX: u32 = 9;
/// Speed and pitch of the module unless told otherwise.
const STEP_NORMAL: u32 = 5;
/// The module's speakers, and how many semitones higher than its first one each speaks here: Xiaoyan (a woman, the
/// first one), Xu Jiu and Xu Duo (men), Xiaoping (a woman), Donald Duck, Xu Xiaobao (a child).
const SPEAKERS: [(u32, i32); 6] = [(3, 0), (51, -4), (52, -2), (53, 2), (54, 8), (55, 5)];

/// The module, with the settings of its latest tags.
#[derive(Default)]
pub(crate) struct Xfs5152 {
    volume: Option<u32>,
    language: Option<Language>,
    rate: Option<SpeechRate>,
    /// Semitones of the tag of pitch, and of the speaker.
    tone: Option<i32>,
    speaker: Option<i32>,
}

impl FrameShape for Xfs5152 {
    const CHECK_BYTES: usize = 0;
    const TEXT_BYTES_MAX: usize = 4096;

    fn body_bytes(command: u8) -> Option<(usize, usize)> {
        match command {
            0x01 => Some((3, 2 + Self::TEXT_BYTES_MAX)),
            0x02 | 0x03 | 0x04 | 0x21 | 0x88 | 0xFF => Some((1, 1)),
            _ => None,
        }
    }
}

impl SpeechChip for Xfs5152 {
    const NAME: &'static str = "XFS5152";
    const ENCODING_BITS: u8 = 0xFF;
    // Its drivers read one byte, and compare it with 4F.
    const ACKNOWLEDGES_QUERY: bool = false;
    const PAUSES: bool = true;

    fn tag(&mut self, tag: (char, Option<u32>)) {
        match tag {
            ('v', Some(value @ 0..=VOLUME_MAX)) => self.volume = Some(value * 100 / VOLUME_MAX),
            ('g', Some(0)) => self.language = None,
            ('g', Some(1)) => self.language = Some(Language::Chinese),
            ('g', Some(2)) => self.language = Some(Language::English),
            ('s', Some(step @ 0..=STEP_MAX)) => self.rate = Some(rate_of_step(step, STEP_NORMAL)),
            ('t', Some(step @ 0..=STEP_MAX)) => {
                self.tone = step.checked_signed_diff(STEP_NORMAL);
            }
            ('m', Some(number)) => {
                let speaker = SPEAKERS.iter().find(|(known, _)| *known == number);
                self.speaker = speaker.map(|(_, semitones)| *semitones).or(self.speaker);
            }
            ('d', None) => *self = Self::default(),
            _ => {}
        }
    }

    fn apply(&self, draft: &mut Draft) {
        draft.volume = self.volume;
        // The tag of pitch is relative to the speaker, as with the module.
        let semitones = self.tone.unwrap_or(0) + self.speaker.unwrap_or(0);
        device_voices::apply(draft, self.rate, Some(PitchShift::from_semitones(semitones.into()).clamped()));
        if let Some(language) = self.language {
            draft.language = Some(language.name().to_owned());
        }
    }

    fn command(body: &[u8]) -> Option<DialectRequest> {
        // The wake-up of a module that sleeps; this one never does.
        (body == [0xFF]).then(|| DialectRequest::Reply(vec![frames::READY]))
    }
}
