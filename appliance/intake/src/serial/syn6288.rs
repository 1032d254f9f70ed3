//! The dialect of SYN6288: `FD length length command parameter text checksum`.

use crier_announce::Draft;

use crate::serial::dialect::DialectRequest;
use crate::serial::frames::FrameShape;
use crate::serial::speech_chip::SpeechChip;

/// Loudest volume tag.
const VOLUME_MAX: u32 = 16;

/// The module, with the volume of its latest tag in percent.
#[derive(Default)]
pub(crate) struct Syn6288 {
    volume: Option<u32>,
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

    fn tag(&mut self, tag: (char, Option<u32>)) {
        if let ('v', Some(value @ 0..=VOLUME_MAX)) = tag {
            self.volume = Some(value * 100 / VOLUME_MAX);
        }
    }

    fn apply(&self, draft: &mut Draft) {
        draft.volume = self.volume;
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
