//! The dialect of SYN6288: `FD length length command parameter text checksum`.

use crier_announce::{Draft, SpeechRate};

use crate::serial::device_voices::{self, rate_of_step};
use crate::serial::dialect::DialectRequest;
use crate::serial::frames::FrameShape;
use crate::serial::speech_chip::SpeechChip;

/// Loudest volume tag.
const VOLUME_MAX: u32 = 16;
/// Fastest speed tag; the module itself has those up to 5.
const SPEED_MAX: u32 = 9;
/// Speed of the module unless told otherwise.
const SPEED_NORMAL: u32 = 4;

/// The module, with volume in percent and rate of its latest tags.
#[derive(Default)]
pub(crate) struct Syn6288 {
    volume: Option<u32>,
    rate: Option<SpeechRate>,
}

impl FrameShape for Syn6288 {
    const CHECK_BYTES: usize = 1;
    const TEXT_BYTES_MAX: usize = 200;

    fn body_bytes(command: u8) -> Option<(usize, usize)> {
        match command {
            0x01 => Some((3, 2 + Self::TEXT_BYTES_MAX)),
            0x02 | 0x03 | 0x04 | 0x21 | 0x88 => Some((1, 1)),
            0x31 => Some((2, 2)),
            _ => None,
        }
    }
}

impl SpeechChip for Syn6288 {
    const NAME: &'static str = "SYN6288";
    // Bits 3 to 7 choose music to speak over, which is left out.
    const ENCODING_BITS: u8 = 0b111;
    // Its drivers read two bytes, 41 4E or 41 4F.
    const ACKNOWLEDGES_QUERY: bool = true;
    const PAUSES: bool = false;

    fn tag(&mut self, tag: (char, Option<u32>)) {
        match tag {
            ('v', Some(value @ 0..=VOLUME_MAX)) => self.volume = Some(value * 100 / VOLUME_MAX),
            ('t', Some(step @ 0..=SPEED_MAX)) => self.rate = Some(rate_of_step(step, SPEED_NORMAL)),
            ('d', None) => *self = Self::default(),
            _ => {}
        }
    }

    fn apply(&self, draft: &mut Draft) {
        draft.volume = self.volume;
        device_voices::apply(draft, self.rate, None);
    }

    fn command(body: &[u8]) -> Option<DialectRequest> {
        match body {
            [0x31, 0] => Some(DialectRequest::Baud(9600)),
            [0x31, 1] => Some(DialectRequest::Baud(19_200)),
            [0x31, 2] => Some(DialectRequest::Baud(38_400)),
            _ => None,
        }
    }
}
