//! Every dialect: what its messages mean, and that nothing else does harm.

use std::time::{Duration, Instant};

use crier_announce::{Draft, JSON_BYTES_MAX, PitchShift, SpeechRate};
use crier_config::{DialectName, SerialSettings};
use crier_intake::serial::{Dialect, DialectRequest, dialect};
use crier_wire::Command;
use proptest::prelude::*;

pub(crate) const DIALECTS: [DialectName; 5] =
    [DialectName::Line, DialectName::Emic2, DialectName::Syn6288, DialectName::Xfs5152, DialectName::Dectalk];

pub(crate) fn parser(name: DialectName) -> Box<dyn Dialect> {
    dialect(&SerialSettings { dialect: name, ..SerialSettings::new("") })
}

/// What comes of `bytes`, cut into `chunk`s, and of the silence after them.
pub(crate) fn requests(name: DialectName, bytes: &[u8], chunk: usize) -> Vec<DialectRequest> {
    let mut parser = parser(name);
    let (now, mut requests) = (Instant::now(), Vec::new());
    for part in bytes.chunks(chunk.max(1)) {
        parser.read(part, now, &mut requests);
    }
    silence(parser.as_mut(), &mut requests);
    requests
}

/// Lets pass the time that the dialect waits for.
pub(crate) fn silence(parser: &mut dyn Dialect, requests: &mut Vec<DialectRequest>) {
    if let Some(deadline) = parser.deadline() {
        parser.silence(deadline, requests);
    }
}

/// Most bytes that a dialect keeps.
pub(crate) fn held_max(name: DialectName) -> usize {
    match name {
        // What a growing buffer may have in reserve.
        DialectName::Line => 2 * JSON_BYTES_MAX,
        DialectName::Emic2 => 4096,
        DialectName::Syn6288 => 512,
        DialectName::Xfs5152 => 8 * 1024,
        DialectName::Dectalk => 16 * 1024,
    }
}

/// Bytes after which the next message is understood whatever came before; besides, there is a silence.
pub(crate) fn resynchronise(name: DialectName) -> &'static [u8] {
    match name {
        DialectName::Line | DialectName::Emic2 => b"\n",
        DialectName::Syn6288 | DialectName::Xfs5152 => b"",
        // One that ends a character of Latin-1, a command and a text.
        DialectName::Dectalk => b"\x0b",
    }
}

/// A message that says "Hi" in each dialect.
pub(crate) fn hi(name: DialectName) -> &'static [u8] {
    match name {
        DialectName::Line => b"Hi\n",
        DialectName::Emic2 => b"SHi\n",
        DialectName::Syn6288 => &[0xFD, 0, 5, 1, 0, b'H', b'i', 0xFD ^ 5 ^ 1 ^ b'H' ^ b'i'],
        DialectName::Xfs5152 => &[0xFD, 0, 4, 1, 0, b'H', b'i'],
        DialectName::Dectalk => b"Hi\x0b",
    }
}

pub(crate) fn says(request: Option<&DialectRequest>, text: &str) -> bool {
    matches!(request, Some(DialectRequest::Say(draft)) if draft.text == text)
}

fn say(text: &str) -> DialectRequest {
    DialectRequest::Say(Box::new(Draft::plain(text)))
}

#[test]
fn syn6288_frames_are_those_of_its_manual() {
    let syn = |bytes: &[u8]| requests(DialectName::Syn6288, bytes, 1);
    let go = [0xFD, 0x00, 0x07, 0x01, 0x01, 0xD6, 0xB1, 0xD0, 0xD0, 0x9D];
    assert_eq!(syn(&go), [say("直行")]);
    assert_eq!(syn(&[0xFD, 0, 7, 1, 1, 0xBC, 0xF5, 0xCB, 0xD9, 0xA1]), [say("减速")]);
    assert_eq!(syn(&[0xFD, 0, 7, 1, 1, 0xCD, 0xA3, 0xCF, 0xC2, 0x99]), [say("停下")]);
    assert_eq!(syn(&[0xFD, 0, 2, 2, 0xFD]), [DialectRequest::StopSource]);
    assert_eq!(syn(&[0xFD, 0, 2, 3, 0xFC]), [DialectRequest::Command(Command::Pause)]);
    assert_eq!(syn(&[0xFD, 0, 2, 4, 0xFB]), [DialectRequest::Command(Command::Resume)]);
    assert_eq!(syn(&[0xFD, 0, 2, 0x21, 0xDE]), [DialectRequest::Query]);
    assert_eq!(syn(&[0xFD, 0, 2, 0x88, 0x77]), [DialectRequest::Reply(vec![0x41])]);
    assert_eq!(syn(&[0xFD, 0, 3, 0x31, 2, 0xFD ^ 3 ^ 0x31 ^ 2]), [DialectRequest::Baud(38_400)]);
    // Music in the upper bits of the parameter.
    let mut music = go;
    music[4] |= 0x78;
    music[9] ^= 0x78;
    assert_eq!(syn(&music), [say("直行")]);
}

#[test]
fn a_damaged_syn6288_frame_is_refused_once_and_the_next_understood() {
    let mut bytes = hi(DialectName::Syn6288).to_vec();
    bytes[6] ^= 1;
    bytes.extend_from_slice(hi(DialectName::Syn6288));
    let requests = requests(DialectName::Syn6288, &bytes, 3);
    assert!(
        matches!(&requests[..], [DialectRequest::Refuse(..), last] if says(Some(last), "Hi")),
        "{requests:?}"
    );
}

#[test]
fn a_gap_inside_a_frame_ends_it() {
    for name in [DialectName::Syn6288, DialectName::Xfs5152] {
        let (mut parser, mut requests, start) = (parser(name), Vec::new(), Instant::now());
        parser.read(&hi(name)[..5], start, &mut requests);
        assert_eq!(requests, []);
        parser.read(hi(name), start + Duration::from_secs(1), &mut requests);
        assert!(
            matches!(&requests[..], [DialectRequest::Refuse(..), last] if says(Some(last), "Hi")),
            "{requests:?}"
        );
    }
}

#[test]
fn xfs5152_texts_come_in_four_encodings_and_with_tags() {
    let xfs = |encoding: u8, text: &[u8]| {
        let length = u16::try_from(text.len() + 2).unwrap().to_be_bytes();
        let frame = [&[0xFD, length[0], length[1], 1, encoding], text].concat();
        requests(DialectName::Xfs5152, &frame, 7)
    };
    assert_eq!(xfs(0, b"\xD6\xB1\xD0\xD0"), [say("直行")]);
    assert_eq!(xfs(1, b"\xD6\xB1\xD0\xD0"), [say("直行")]);
    assert_eq!(xfs(2, b"\xA4\xA4\xA4\xE5"), [say("中文")]);
    assert_eq!(xfs(3, b"\xF4\x76\x4C\x88"), [say("直行")]);
    assert_eq!(xfs(3, b"\x76\xF4\x88\x4C"), [say("直行")]);
    let [DialectRequest::Say(draft)] = &xfs(0, b"[v5][g2][m3]Stop [see below]")[..] else { panic!() };
    assert_eq!(draft.text, "Stop [see below]");
    assert_eq!((draft.volume, draft.language.as_deref()), (Some(50), Some("english")));
    assert!(matches!(&xfs(0, b"\xD6")[..], [DialectRequest::Refuse(..)]));
    assert!(matches!(&xfs(9, b"x")[..], [DialectRequest::Refuse(..)]));
    let command = |command: u8| requests(DialectName::Xfs5152, &[0xFD, 0, 1, command], 1);
    assert_eq!(command(2), [DialectRequest::StopSource]);
    assert_eq!(command(3), [DialectRequest::Command(Command::Pause)]);
    assert_eq!(command(4), [DialectRequest::Command(Command::Resume)]);
    assert_eq!(command(0x21), [DialectRequest::Query]);
}

#[test]
fn emic2_takes_what_arduino_libraries_send() {
    let emic = |text: &str| requests(DialectName::Emic2, text.as_bytes(), 2);
    let ready = || DialectRequest::Reply(b":".to_vec());
    assert_eq!(emic("\nSHello, world.\r\n"), [DialectRequest::Query, say("Hello, world.")]);
    assert_eq!(emic("N8\nW120\nP1\n"), [ready(), ready(), ready()]);
    // Stop and pause act without a line end.
    assert_eq!(emic("XZ"), [DialectRequest::StopSource, DialectRequest::Command(Command::PauseToggle)]);
    assert_eq!(emic("S[:rate 200]Hello\n"), [say("Hello")]);
    let [first, second, DialectRequest::Say(draft)] = &emic("V-15\nL1\nSHola\n")[..] else { panic!() };
    assert_eq!([first, second], [&ready(), &ready()]);
    assert_eq!((draft.volume, draft.language.as_deref()), (Some(50), Some("spanish")));
    assert!(matches!(&emic("V19\n")[..], [DialectRequest::Refuse(..)]));
    assert_eq!(requests(DialectName::Emic2, b"SA\xF1o\n", 1), [say("Año")]);
    let long = format!("S{}\nSnext\n", "x".repeat(1024));
    assert!(matches!(&emic(&long)[..], [DialectRequest::Refuse(..), next] if says(Some(next), "next")));
    let longest = "x".repeat(1023);
    assert_eq!(emic(&format!("S{longest}\n")), [say(&longest)]);
}

#[test]
fn dectalk_takes_what_the_kernel_sends() {
    let dectalk = |text: &str| requests(DialectName::Dectalk, text.as_bytes(), 5);
    let init = "[:error sp :name paul :rate 180 :tsr off] [:dv ap 122 ] [:ra 180] [:pu n] [:np] ";
    assert_eq!(dectalk(&format!("{init}hello,\x0b world\x0b")), [say("hello,"), say("world")]);
    assert_eq!(dectalk("one [:in re 5 ]two\r"), [say("one"), DialectRequest::Mark(5), say("two")]);
    assert_eq!(dectalk("never heard [:ra\x03heard\x0b"), [DialectRequest::StopSource, say("heard")]);
    assert_eq!(dectalk("a [b] c"), [say("a [b] c")], "a silence ends a text");
    let [DialectRequest::Say(draft)] = &dectalk("[:volume set 30][:lang gr]Hallo\x0b")[..] else { panic!() };
    assert_eq!((draft.volume, draft.language.as_deref()), (Some(30), Some("german")));
    assert_eq!(dectalk("[:phoneme on][hxae<300,10>]la[:phone off] [x]\x0b"), [say("la [x]")]);
    assert_eq!(
        dectalk("[:phoneme on]One[_<500>][_<9,4>_<1>] two\x0b"),
        [say("One[pause:500ms][pause:10ms] two")]
    );
    let endless = format!("[:{}\rHi\x0b", "x".repeat(1000));
    assert!(says(dectalk(&endless).last(), "Hi"));
}

#[test]
fn speeds_and_voices_of_the_devices_are_rates_and_pitches() {
    let manner = |name: DialectName, bytes: &[u8]| {
        let requests = requests(name, bytes, 3);
        let draft = requests.into_iter().rev().find_map(|request| match request {
            DialectRequest::Say(draft) => Some(draft),
            _ => None,
        });
        let draft = draft.unwrap();
        (draft.rate.map(SpeechRate::thousandths), draft.pitch.map(PitchShift::cents))
    };
    let emic = |text: &str| manner(DialectName::Emic2, text.as_bytes());
    assert_eq!(emic("W400\nSHi\n"), (Some(2000), None));
    assert_eq!(emic("W75\nN1\nSHi\n"), (Some(500), Some(-273)));
    assert_eq!(emic("W200\nN0\nSHi\n"), (None, None), "as configured");
    assert_eq!(emic("W400\nN5\nR\nSHi\n"), (None, None), "defaults");
    let dectalk = |text: &str| manner(DialectName::Dectalk, text.as_bytes());
    assert_eq!(dectalk("[:rate 360]Hi\x0b"), (Some(2000), None));
    assert_eq!(dectalk("[:nb]Hi\x0b"), (None, Some(462)));
    assert_eq!(dectalk("[:name betty :ra 90]Hi\x0b"), (Some(500), Some(462)));
    assert_eq!(dectalk("[:dv ap 61]Hi\x0b"), (None, Some(-1200)));
    let [first, second] = &requests(DialectName::Dectalk, b"one [:ra 360]two\x0b", 4)[..] else { panic!() };
    assert!(says(Some(first), "one") && says(Some(second), "two"), "what is begun keeps its speed");
    let chip = |text: &str| {
        let head = [0xFD, 0, u8::try_from(text.len() + 2).unwrap(), 1, 0];
        manner(DialectName::Xfs5152, &[&head, text.as_bytes()].concat())
    };
    assert_eq!(chip("[s9][t0]Hi"), (Some(2000), Some(-500)));
    assert_eq!(chip("[s0][m54][t9]Hi"), (Some(500), Some(1200)));
    assert_eq!(chip("[s5][t5][m3]Hi"), (None, None), "as configured");
    assert_eq!(chip("[s9][t0][d]Hi"), (None, None), "defaults");
}

#[test]
fn a_line_is_refused_only_for_what_is_wrong_with_it() {
    let line = |bytes: &[u8]| requests(DialectName::Line, bytes, 4);
    assert_eq!(line(b"Hello.\r\n\r\n!stop\r\n"), [say("Hello."), DialectRequest::Command(Command::Stop)]);
    assert!(
        matches!(&line(b"\xFF\xFE\nHi\n")[..], [DialectRequest::Refuse(..), next] if says(Some(next), "Hi"))
    );
    assert!(
        matches!(&line(b"{\"txt\":1}\nHi\n")[..], [DialectRequest::Refuse(..), next] if says(Some(next), "Hi"))
    );
}

/// Bytes that look like something, more often than chance would have it.
fn pieces() -> impl Strategy<Value = Vec<u8>> {
    let pieces: Vec<&'static [u8]> = vec![
        b"\xFD",
        b"\xFD\x00\x07\x01\x01",
        b"\xFD\x00\x02\x02\xFD",
        b"\xFD\x00\x01\x21",
        b"\xFD\x10\x02\x01\x00",
        b"S",
        b"X",
        b"Z",
        b"\r",
        b"\n",
        b"\r\n",
        b"[",
        b"[:",
        b"[:in re 3 ]",
        b"]",
        b"\x03",
        b"\x0b",
        b"!stop\n",
        b"!",
        b"{",
        b"{\"text\":\"x\"}\n",
        b"\xC3",
        b"\xBC",
        b"\xF0\x9F",
        b"\0",
        b"V-10\n",
        b"hello, ",
    ];
    let piece = prop_oneof![
        prop::sample::select(pieces).prop_map(<[u8]>::to_vec),
        prop::collection::vec(any::<u8>(), 0..20),
    ];
    prop::collection::vec(piece, 0..40).prop_map(|pieces| pieces.concat())
}

proptest! {
    #[test]
    fn how_bytes_are_cut_changes_nothing(bytes in pieces(), cuts in prop::collection::vec(1_usize..50, 1..40)) {
        for name in DIALECTS {
            let (mut parser, now, mut found) = (parser(name), Instant::now(), Vec::new());
            let (mut rest, mut cuts) = (&bytes[..], cuts.iter().cycle());
            while !rest.is_empty() {
                let (part, after) = rest.split_at(rest.len().min(*cuts.next().unwrap()));
                parser.read(part, now, &mut found);
                prop_assert!(parser.held() <= held_max(name), "{:?} holds {}", name, parser.held());
                rest = after;
            }
            silence(parser.as_mut(), &mut found);
            prop_assert_eq!(&found, &requests(name, &bytes, usize::MAX), "{:?}", name);
        }
    }

    #[test]
    fn after_junk_the_next_message_is_understood(junk in pieces()) {
        for name in DIALECTS {
            let (mut parser, now, mut found) = (parser(name), Instant::now(), Vec::new());
            parser.read(&junk, now, &mut found);
            silence(parser.as_mut(), &mut found);
            parser.read(resynchronise(name), now, &mut found);
            parser.read(hi(name), now + Duration::from_secs(10), &mut found);
            silence(parser.as_mut(), &mut found);
            prop_assert!(says(found.last(), "Hi"), "{:?}: {:?}", name, found);
        }
    }
}

#[test]
fn a_million_random_inputs_do_no_harm() {
    // xorshift64: the same numbers in every run.
    let mut state = 0x9E37_79B9_7F4A_7C15_u64;
    let mut random = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state
    };
    let now = Instant::now();
    for name in DIALECTS {
        let mut parser = parser(name);
        let mut found = Vec::new();
        for _ in 0..200_000 {
            let mut bytes = [0; 24];
            for part in bytes.chunks_mut(8) {
                part.copy_from_slice(&random().to_le_bytes());
            }
            // Half of them begin like a message.
            if bytes[23] & 1 == 0 {
                let begun = hi(name);
                let kept = usize::from(bytes[22]) % begun.len();
                bytes[..kept].copy_from_slice(&begun[..kept]);
            }
            parser.read(&bytes[..usize::from(bytes[21]) % 24], now, &mut found);
            if bytes[20] < 8 {
                silence(parser.as_mut(), &mut found);
            }
            assert!(found.len() <= 48, "{name:?} makes more of bytes than there are");
            found.clear();
            assert!(parser.held() <= held_max(name), "{name:?} holds {}", parser.held());
        }
    }
}

#[test]
fn endless_messages_are_bounded() {
    for name in DIALECTS {
        let begun: &[u8] = match name {
            DialectName::Line => b"{",
            DialectName::Emic2 => b"S",
            DialectName::Syn6288 | DialectName::Xfs5152 => b"\xFD\x0F\x02\x01",
            DialectName::Dectalk => b"[:",
        };
        let (mut parser, now, mut found) = (parser(name), Instant::now(), Vec::new());
        parser.read(begun, now, &mut found);
        for _ in 0..500 {
            parser.read(&[b'x'; 4096], now, &mut found);
            assert!(parser.held() <= held_max(name) + 4096, "{name:?} holds {}", parser.held());
        }
        parser.read(resynchronise(name), now, &mut found);
        silence(parser.as_mut(), &mut found);
        parser.read(hi(name), now + Duration::from_secs(10), &mut found);
        assert!(says(found.last(), "Hi"), "{name:?}");
    }
}
