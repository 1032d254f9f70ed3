//! Scripts of SSML and of plain text, and the refusals of what is neither.

#![allow(clippy::unwrap_used, clippy::panic)]

use crier_announce::{Gain, PitchShift, SpeechRate, TextFormat};
use crier_markup::{MarkupError, MarkupProblem, Script, ScriptPiece, SpokenPiece};
use proptest::prelude::*;

fn ssml(text: &str) -> Result<Script, MarkupError> {
    Script::parse(text, Some(TextFormat::Ssml), None)
}

/// The pieces in short: texts as they are, `500` for a pause, `#name` for a mark, `~name` for a sound.
fn shown(text: &str) -> Vec<String> {
    let shown = |piece: ScriptPiece| match piece {
        ScriptPiece::Speak(spoken) => spoken.text.trim().to_owned(),
        ScriptPiece::Pause { ms, .. } => ms.to_string(),
        ScriptPiece::Mark { name, .. } => format!("#{name}"),
        ScriptPiece::Sound { name, instead, .. } => {
            format!("~{name}{}", instead.map_or(String::new(), |instead| format!(" or {}", instead.text)))
        }
    };
    ssml(text).unwrap().pieces.into_iter().map(shown).collect()
}

fn spoken(text: &str) -> Vec<SpokenPiece> {
    ssml(text).unwrap().spoken().cloned().collect()
}

fn refused(text: &str) -> (u32, u32, MarkupProblem) {
    let error = ssml(text).unwrap_err();
    (error.line, error.column, error.problem)
}

#[test]
fn elements_become_pieces() {
    assert_eq!(shown("<speak>Hello.</speak>"), ["Hello."]);
    assert_eq!(
        shown("<speak>One<break time='250ms'/>two<break strength='strong'/><mark name='m'/>three</speak>"),
        ["One", "250", "two", "700", "#m", "three"]
    );
    assert_eq!(shown("<speak>A<break/>B<break strength='none'/>C</speak>"), ["A", "400", "BC"]);
    assert_eq!(shown("<speak>A<break strength='x-strong' time='1.5s'/></speak>"), ["A", "1500"]);
    assert_eq!(shown("<speak><p><s>One</s><s>Two</s></p></speak>"), ["One\n\nTwo"]);
    assert_eq!(
        shown("<speak>The <sub alias='World Wide Web Consortium'>W3C</sub>.</speak>"),
        ["The World Wide Web Consortium."]
    );
    assert_eq!(shown("<speak>Code <say-as interpret-as='characters'>AB</say-as>!</speak>"), ["Code A, B!"]);
    assert_eq!(
        shown("<speak><audio src='ding.wav'>a bell<desc>bell</desc></audio> x</speak>"),
        ["~ding.wav or a bell", "x"]
    );
    assert_eq!(shown("<speak><audio src='http://x/y.wav'>a bell</audio></speak>"), ["a bell"]);
    assert_eq!(
        shown("<speak>a <emphasis level='strong'>b</emphasis> <phoneme ph='x'>c</phoneme></speak>"),
        ["a b c"]
    );
    assert_eq!(shown("<speak><meta name='x' content='y'/><metadata>z</metadata>a</speak>"), ["a"]);
    assert_eq!(shown("<speak>5 &lt; 6 &amp; &#65; <![CDATA[<b>]]></speak>"), ["5 < 6 & A <b>"]);
}

#[test]
fn document_of_the_standard_is_read() {
    let text = r#"<?xml version="1.0"?>
        <speak version="1.1" xmlns="http://www.w3.org/2001/10/synthesis" xml:lang="en-US">
          <p><s>You have 4 new messages.</s></p>
        </speak>"#;
    let script = Script::parse(text, None, Some("german")).unwrap();
    let [ScriptPiece::Speak(piece)] = &script.pieces[..] else { panic!("{script:?}") };
    assert_eq!((piece.text.trim(), piece.language.as_deref()), ("You have 4 new messages.", Some("en-US")));
}

#[test]
fn language_speaker_and_prosody_are_those_of_the_innermost_element() {
    let pieces = spoken(
        "<speak>a<lang xml:lang='de-DE'>b<voice name='anna bert'>c</voice></lang>\
         <prosody rate='50%' pitch='+2st' volume='-6dB'>d<prosody pitch='+1st'>e</prosody></prosody>f</speak>",
    );
    let [a, b, c, d, e, f] = &pieces[..] else { panic!("{pieces:?}") };
    assert_eq!(
        (a.language.as_deref(), b.language.as_deref(), c.language.as_deref()),
        (None, Some("de-DE"), Some("de-DE"))
    );
    assert_eq!(
        (b.speaker.as_deref(), c.speaker.as_deref(), d.speaker.as_deref()),
        (None, Some("anna"), None)
    );
    assert_eq!((d.prosody.rate, d.prosody.pitch), (SpeechRate::MIN, PitchShift::from_semitones(2.0)));
    assert_eq!(
        (e.prosody.pitch, e.prosody.gain),
        (PitchShift::from_semitones(3.0), Gain::from_decibels(-6.0))
    );
    assert_eq!(f.prosody, a.prosody);
}

#[test]
fn broken_documents_are_refused_with_line_and_column() {
    assert_eq!(refused("<speak>\n a <break time='soon'/></speak>").0, 2);
    let (line, column, problem) = refused("<speak>a</speek>");
    assert!(matches!(problem, MarkupProblem::Xml(_)), "{problem}");
    assert_eq!((line, column), (1, 9));
    assert_eq!(refused("<speak>\n<blink>a</blink></speak>"), (2, 1, MarkupProblem::Element("blink".into())));
    assert_eq!(refused("<html/>"), (1, 1, MarkupProblem::Root("html".into())));
    assert_eq!(refused("\n <speak>a").0, 2);
    assert_eq!(refused("<speak><break time='61s'/></speak>").2, MarkupProblem::LongPause);
    assert_eq!(
        refused(&format!("<speak>{}</speak>", "<break time='60s'/>".repeat(11))).2,
        MarkupProblem::LongPauses
    );
    assert_eq!(
        refused("<speak><mark/></speak>").2,
        MarkupProblem::Missing { element: "mark", attribute: "name" }
    );
    assert_eq!(refused("<speak><mark name=''/></speak>").2, MarkupProblem::MarkName);
    assert_eq!(refused("<speak><audio src='http://x/y.wav'/></speak>").2, MarkupProblem::Sound);
    assert_eq!(refused("<speak><audio src='../x'/></speak>").2, MarkupProblem::Sound);
    for broken in
        ["", "Hello.", "<speak>&nbsp;</speak>", "<speak><a:b/></speak>", "<speak>a</speak>b", "<speak a=1/>"]
    {
        assert!(ssml(broken).is_err(), "{broken}");
    }
}

#[test]
fn documents_without_bounds_are_refused() {
    let bomb = "<!DOCTYPE s [<!ENTITY a 'aaaa'><!ENTITY b '&a;&a;'>]><speak>&b;</speak>";
    assert!(matches!(refused(bomb).2, MarkupProblem::Xml(_)));
    let deep = format!("<speak>{}a{}</speak>", "<p>".repeat(8000), "</p>".repeat(8000));
    assert_eq!(refused(&deep).2, MarkupProblem::Depth);
    let wide = format!("<speak>{}</speak>", "<s/>".repeat(24_000));
    assert!(matches!(refused(&wide).2, MarkupProblem::Xml(_)));
    let marks = format!("<speak>{}</speak>", "<mark name='a'/>".repeat(10_001));
    assert_eq!(refused(&marks).2, MarkupProblem::Pieces);
    let alias = "a".repeat(30_000);
    let long = format!("<speak>{}</speak>", format!("<sub alias='{alias}'>b</sub>").repeat(4));
    assert_eq!(refused(&long).2, MarkupProblem::Long);
    let unclosed = "<p>".repeat(33_000);
    assert!(ssml(&format!("<speak>{unclosed}")).is_err());
}

#[test]
fn text_that_only_looks_like_ssml_is_plain_text() {
    let script = Script::parse("<speak>a [pause:1s] b", None, None).unwrap();
    assert_eq!((script.pieces.len(), script.read_as_plain.is_some()), (3, true));
    let script = Script::parse("<speaker> is on", None, None).unwrap();
    assert_eq!((script.pieces.len(), script.read_as_plain), (1, None));
    // What was said to be plain is plain.
    let script = Script::parse("<speak>a</speak>", Some(TextFormat::Plain), None).unwrap();
    assert_eq!(script.spoken().next().map(|piece| piece.text.as_str()), Some("<speak>a</speak>"));
    assert_eq!(script.read_as_plain, None);
}

#[test]
fn two_thousand_words_with_markup_around_each_are_read() {
    let words = "<prosody rate='90%'>word</prosody><break time='10ms'/><mark name='m'/> ".repeat(2000);
    assert_eq!(ssml(&format!("<speak>{words}</speak>")).unwrap().pieces.len(), 6000);
}

#[test]
fn text_is_in_no_message() {
    for text in ["<speak>secret", "<speak>secret</p>", "<speak>secret<break time='secret'/></speak>"] {
        let error = ssml(text).unwrap_err();
        assert!(!error.to_string().contains("secret"), "{error}");
    }
    assert!(!format!("{:?}", ssml("<speak>secret</speak>").unwrap()).contains("secret"));
}

fn check(script: &Script, text: &str) -> Result<(), TestCaseError> {
    let place = |piece: &ScriptPiece| match piece {
        ScriptPiece::Speak(spoken) => spoken.at,
        ScriptPiece::Pause { at, .. } | ScriptPiece::Mark { at, .. } | ScriptPiece::Sound { at, .. } => *at,
    };
    let places: Vec<usize> = script.pieces.iter().map(place).collect();
    prop_assert!(places.is_sorted(), "{places:?}");
    prop_assert!(places.iter().all(|&at| text.is_char_boundary(at)));
    prop_assert!(script.spoken().all(|piece| !piece.text.trim().is_empty()));
    Ok(())
}

/// Texts with something that looks like markup in them, as a regular expression.
const ANY: &str = concat!(
    r"(<speak>)?(\[pause:?|[0-9.]{1,4}m?s\]|</?(p|s|speak|break|mark|audio|prosody|sub)",
    r"( (time|name|rate|alias|src)='[a-z0-9.%+]{0,5}')?/?>|&[a-z]{1,4};|.){0,40}",
);

proptest! {
    #[test]
    fn any_text_is_read_or_refused(text in ANY) {
        for format in [None, Some(TextFormat::Plain), Some(TextFormat::Ssml)] {
            if let Ok(script) = Script::parse(&text, format, Some("english")) {
                check(&script, &text)?;
            }
        }
    }

    #[test]
    fn plain_text_loses_nothing_but_its_pauses(parts in prop::collection::vec(r"[a-z .\[\]é]{0,12}", 1..6)) {
        let text = parts.join("[pause:20ms]");
        let script = Script::parse(&text, None, None).unwrap();
        let spoken: String = script.spoken().map(|piece| piece.text.trim()).collect();
        let words = |text: &str| text.replace(char::is_whitespace, "");
        prop_assert_eq!(words(&spoken), words(&parts.concat()));
    }
}
