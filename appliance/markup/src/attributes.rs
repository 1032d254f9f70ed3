//! Values of SSML's attributes, by the standard of the W3C (SSML 1.1), and what older versions and other engines write.

use crier_announce::{Gain, PitchShift, Prosody, SpeechRate};

/// Pitch of a voice in Hz, for changes that are given in Hz. The voices do not tell theirs; this lies between those of
/// most men (120) and most women (210).
const USUAL_PITCH_HZ: f64 = 165.0;

/// Reads a time: a number with the unit `ms` or `s`.
pub(crate) fn milliseconds(text: &str) -> Option<f64> {
    let digits = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
    let (number, unit) = text.split_at(digits);
    // Digits and points only, so neither a sign nor `inf` gets here.
    let number: f64 = number.parse().ok()?;
    match unit.trim_start().to_ascii_lowercase().as_str() {
        "ms" => Some(number),
        "s" => Some(number * 1000.0),
        _ => None,
    }
}

/// Returns the silence of a break without a time. The standard leaves the lengths to the engine: a comma is about 200
/// ms in the speech of the voices, the end of a sentence 400 ms.
pub(crate) fn break_ms(strength: &str) -> Option<u32> {
    Some(match strength {
        "none" => 0,
        "x-weak" => 100,
        "weak" => 200,
        "medium" => 400,
        "strong" => 700,
        "x-strong" => 1200,
        _ => return None,
    })
}

/// Returns the rate that `value` makes of an outer one. Words and plain numbers are factors of the voice's own rate, as
/// the standard has it; a change with a sign, which SSML 1.0 had, changes the outer rate.
pub(crate) fn rate(value: &str, outer: SpeechRate) -> Option<SpeechRate> {
    // The words as other engines have them: half and twice as fast at the ends, and the steps between.
    let factor = match value {
        "x-slow" => 0.5,
        "slow" => 0.64,
        "medium" | "default" => 1.0,
        "fast" => 1.55,
        "x-fast" => 2.0,
        _ => match percent(value) {
            Some(percent) if is_signed(value) => outer.factor() * (1.0 + percent / 100.0),
            Some(percent) => percent / 100.0,
            None => unsigned(value)?,
        },
    };
    // A rate beyond the range is the nearest one: the text matters more than its speed.
    Some(SpeechRate::from_factor(factor).clamped())
}

/// Returns the pitch that `value` makes of an outer one.
pub(crate) fn pitch(value: &str, outer: PitchShift) -> Option<PitchShift> {
    // The standard leaves the words to the engine: quarters of an octave are plain to hear and still one voice.
    let semitones = match value {
        "x-low" => -6.0,
        "low" => -3.0,
        "medium" | "default" => 0.0,
        "high" => 3.0,
        "x-high" => 6.0,
        _ => outer.semitones() + pitch_change(value, outer)?,
    };
    Some(PitchShift::from_semitones(semitones).clamped())
}

/// Returns the change in semitones.
fn pitch_change(value: &str, outer: PitchShift) -> Option<f64> {
    // A pitch beyond the range is the nearest one, like a rate; here by ten octaves.
    let of_ratio = |ratio: f64| 12.0 * ratio.max(0.001).log2();
    if let Some(semitones) = value.strip_suffix("st") {
        return number(semitones);
    }
    if let Some(percent) = percent(value) {
        return Some(of_ratio(if is_signed(value) { 1.0 + percent / 100.0 } else { percent / 100.0 }));
    }
    let hertz = number(value.strip_suffix("Hz").or_else(|| value.strip_suffix("hz"))?)?;
    // A pitch in Hz is that of one voice; of another one it would be caricature, so it changes nothing.
    if !is_signed(value) {
        return Some(0.0);
    }
    let present = USUAL_PITCH_HZ * (outer.semitones() / 12.0).exp2();
    Some(of_ratio((present + hertz) / present))
}

/// Returns the gain that `value` makes of an outer one. Words, and numbers as SSML 1.0 has them, name a loudness;
/// decibels and changes with a sign change the outer one.
pub(crate) fn gain(value: &str, outer: Gain) -> Option<Gain> {
    let of_ratio = |ratio: f64| match ratio {
        ratio if ratio <= 0.0 => Gain::SILENT,
        ratio => Gain::from_decibels(20.0 * ratio.log10()),
    };
    Some(match value {
        "silent" => Gain::SILENT,
        // Steps that are plain to hear: twice as loud are 10 dB.
        "x-soft" => Gain::from_decibels(-12.0),
        "soft" => Gain::from_decibels(-6.0),
        "medium" | "default" => Gain::default(),
        "loud" => Gain::from_decibels(4.0),
        "x-loud" => Gain::from_decibels(8.0),
        _ => {
            if let Some(decibels) = value.strip_suffix("dB").or_else(|| value.strip_suffix("db")) {
                return Some(outer.and(Gain::from_decibels(number(decibels)?)));
            }
            if let Some(percent) = percent(value) {
                let change = if is_signed(value) { 1.0 + percent / 100.0 } else { percent / 100.0 };
                return Some(outer.and(of_ratio(change)));
            }
            let number = number(value)?;
            // A signed number is a step on the scale from 0 to 100, of which the outer place is not known as a number.
            if is_signed(value) {
                outer.and(of_ratio(1.0 + number / 100.0))
            } else {
                of_ratio(number.min(100.0) / 100.0)
            }
        }
    })
}

/// Attribute of `prosody` that cannot be read, and its values.
pub(crate) type WrongValue = (&'static str, &'static str);

/// Returns the prosody that an element makes of the outer one. `range`, `contour` and `duration` are not followed: no
/// voice can.
pub(crate) fn prosody<'a>(
    attribute: impl Fn(&'static str) -> Option<&'a str>,
    outer: Prosody,
) -> Result<Prosody, WrongValue> {
    let mut inner = outer;
    // A value that means nothing is refused and not ignored: a typing error would go unnoticed for ever.
    if let Some(value) = attribute("rate") {
        let takes = "x-slow, slow, medium, fast, x-fast, default or a percentage such as 120%";
        inner.rate = rate(value.trim(), outer.rate).ok_or(("rate", takes))?;
    }
    if let Some(value) = attribute("pitch") {
        let takes = "x-low, low, medium, high, x-high, default or a change such as +2st, -10% or +20Hz";
        inner.pitch = pitch(value.trim(), outer.pitch).ok_or(("pitch", takes))?;
    }
    if let Some(value) = attribute("volume") {
        let takes = "silent, x-soft, soft, medium, loud, x-loud, default or a change such as +6dB";
        inner.gain = gain(value.trim(), outer.gain).ok_or(("volume", takes))?;
    }
    Ok(inner)
}

fn is_signed(value: &str) -> bool {
    value.starts_with(['+', '-'])
}

fn percent(value: &str) -> Option<f64> {
    number(value.strip_suffix('%')?)
}

fn unsigned(value: &str) -> Option<f64> {
    (!is_signed(value)).then(|| number(value)).flatten()
}

/// Parses a number of digits, sign and point only: Rust's own reader takes `inf` and `nan` as well.
fn number(text: &str) -> Option<f64> {
    let text = text.trim();
    let plain = text.bytes().all(|byte| byte.is_ascii_digit() || matches!(byte, b'+' | b'-' | b'.'));
    text.parse().ok().filter(|number: &f64| plain && number.is_finite())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_have_a_number_and_a_unit() {
        for (text, expected) in
            [("500ms", 500.0), ("1s", 1000.0), ("1.5s", 1500.0), (".25s", 250.0), ("2 S", 2000.0)]
        {
            assert_eq!(milliseconds(text), Some(expected), "{text}");
        }
        for text in ["", "s", "5", "-1s", "1m", "1.2.3s", "1e3s", "infs"] {
            assert_eq!(milliseconds(text), None, "{text}");
        }
    }

    #[test]
    fn rates_are_words_percentages_and_changes() {
        let of = |value| rate(value, SpeechRate::from_factor(1.2)).map(SpeechRate::thousandths);
        let expected = [
            ("x-slow", 500),
            ("default", 1000),
            ("x-fast", 2000),
            ("80%", 800),
            ("+50%", 1800),
            ("-50%", 600),
            ("1.25", 1250),
            ("900%", 3000),
            ("1%", 500),
        ];
        for (value, thousandths) in expected {
            assert_eq!(of(value), Some(thousandths), "{value}");
        }
        assert_eq!([of("quick"), of("+1"), of("nan"), of("%")], [None; 4]);
    }

    #[test]
    fn pitches_are_words_semitones_percentages_and_hertz() {
        let of = |value| pitch(value, PitchShift::default()).map(PitchShift::cents);
        let expected = [
            ("x-low", -600),
            ("high", 300),
            ("+2st", 200),
            ("-1.5st", -150),
            ("+100%", 1200),
            ("-50%", -1200),
            ("+165Hz", 1200),
            ("200Hz", 0),
            ("-300Hz", -1200),
            ("-100%", -1200),
            ("+99st", 1200),
        ];
        for (value, cents) in expected {
            assert_eq!(of(value), Some(cents), "{value}");
        }
        assert_eq!([of("up"), of("st")], [None; 2]);
        assert_eq!(pitch("+1st", PitchShift::from_semitones(2.0)).map(PitchShift::cents), Some(300));
    }

    #[test]
    fn volumes_are_words_decibels_and_numbers() {
        let of = |value| gain(value, Gain::default());
        let decibels = |decibels| Some(Gain::from_decibels(decibels));
        assert_eq!(of("silent"), Some(Gain::SILENT));
        assert_eq!((of("+6dB"), of("-6.5dB"), of("default")), (decibels(6.0), decibels(-6.5), decibels(0.0)));
        assert_eq!(
            (of("100"), of("10"), of("0"), of("-50%")),
            (decibels(0.0), decibels(-20.0), Some(Gain::SILENT), decibels(-6.02))
        );
        assert_eq!(gain("-6dB", Gain::from_decibels(-6.0)), decibels(-12.0));
        assert_eq!([of("noisy"), of("dB"), of("")], [None; 3]);
    }
}
