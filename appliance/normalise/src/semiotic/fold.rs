//! Characters that stand for other ones: digits of other scripts and widths, vulgar fractions, squared units.

use std::borrow::Cow;

/// First digits of the decimal digits of Unicode (general category Nd); nine follow each.
const ZEROS: [u32; 38] = [
    0x660, 0x6f0, 0x7c0, 0x966, 0x9e6, 0xa66, 0xae6, 0xb66, 0xbe6, 0xc66, 0xce6, 0xd66, 0xde6, 0xe50, 0xed0,
    0xf20, 0x1040, 0x1090, 0x17e0, 0x1810, 0x1946, 0x19d0, 0x1a80, 0x1a90, 0x1b50, 0x1bb0, 0x1c40, 0x1c50,
    0xa620, 0xa8d0, 0xa900, 0xa9d0, 0xa9f0, 0xaa50, 0xabf0, 0xff10, 0x1d7ce, 0x1d7d8,
];

/// Signs of full width, which mean the same as the narrow ones beside digits.
const WIDE: [(char, char); 8] =
    [('％', '%'), ('：', ':'), ('／', '/'), ('．', '.'), ('－', '-'), ('＋', '+'), ('＄', '$'), ('¥', '¥')];

/// Characters that are written out before classification.
const COMPOSED: [(char, &str); 42] = [
    ('½', "1/2"),
    ('⅓', "1/3"),
    ('⅔', "2/3"),
    ('¼', "1/4"),
    ('¾', "3/4"),
    ('⅕', "1/5"),
    ('⅖', "2/5"),
    ('⅗', "3/5"),
    ('⅘', "4/5"),
    ('⅙', "1/6"),
    ('⅚', "5/6"),
    ('⅛', "1/8"),
    ('⅜', "3/8"),
    ('⅝', "5/8"),
    ('⅞', "7/8"),
    ('⅒', "1/10"),
    ('℃', "°C"),
    ('℉', "°F"),
    ('㎏', "kg"),
    ('㎎', "mg"),
    ('㎜', "mm"),
    ('㎝', "cm"),
    ('㎞', "km"),
    ('㎡', "m²"),
    ('㎢', "km²"),
    ('㎥', "m³"),
    ('㎖', "ml"),
    ('㎾', "kW"),
    ('㎐', "Hz"),
    ('μ', "µ"),
    ('ℓ', "l"),
    ('Ω', "Ω"),
    ('Ⅰ', "I"),
    ('Ⅱ', "II"),
    ('Ⅲ', "III"),
    ('Ⅳ', "IV"),
    ('Ⅴ', "V"),
    ('Ⅵ', "VI"),
    ('Ⅶ', "VII"),
    ('Ⅷ', "VIII"),
    ('Ⅸ', "IX"),
    ('Ⅹ', "X"),
];

/// Returns the text with ASCII digits and with composed characters written out; all else as it is.
pub(crate) fn fold(text: &str) -> Cow<'_, str> {
    // Most texts have none of these, and then no copy is made.
    if text.chars().all(|c| c.is_ascii() || !is_folded(c)) {
        return Cow::Borrowed(text);
    }
    let mut folded = String::with_capacity(text.len());
    let mut before = ' ';
    let mut rest = text.chars();
    while let Some(c) = rest.next() {
        if let Some(digit) = digit(c) {
            folded.push(digit);
        } else if let Some((_, written)) = COMPOSED.iter().find(|(composed, _)| *composed == c) {
            // A mixed number is written with a blank: "1½" is "1 1/2".
            if before.is_ascii_digit() && written.contains('/') {
                folded.push(' ');
            }
            folded.push_str(written);
        } else if let Some(narrow) = narrow(c, before, rest.clone().next()) {
            folded.push(narrow);
        } else {
            folded.push(c);
        }
        // Of what was written, not of what was read: "①½" is a mixed number too.
        before = folded.chars().next_back().unwrap_or(' ');
    }
    Cow::Owned(folded)
}

/// Returns the narrow sign of a wide one that belongs to a number; a colon before a telephone number does not.
fn narrow(c: char, before: char, behind: Option<char>) -> Option<char> {
    let (_, narrow) = WIDE.iter().find(|(wide, _)| *wide == c)?;
    let (number, number_behind) =
        (before.is_ascii_digit(), behind.is_some_and(|c| digit(c).is_some() || c.is_ascii_digit()));
    let belongs = match narrow {
        ':' | '/' | '.' => number && number_behind,
        '%' => number,
        _ => number_behind,
    };
    belongs.then_some(*narrow)
}

fn is_folded(c: char) -> bool {
    digit(c).is_some()
        || COMPOSED.iter().any(|(composed, _)| *composed == c)
        || WIDE.iter().any(|(wide, _)| *wide == c)
}

/// Returns the ASCII digit of a decimal, circled or subscript digit of Unicode.
fn digit(c: char) -> Option<char> {
    let code = u32::from(c);
    let zero = match code {
        0x80.. => ZEROS.iter().copied().find(|zero| (*zero..*zero + 10).contains(&code)),
        _ => None,
    };
    let value = match code {
        0x1d7e2..=0x1d7ff => (code - 0x1d7e2) % 10,
        0x2460..=0x2468 => code - 0x2460 + 1,
        0x2776..=0x277e => code - 0x2776 + 1,
        0x2080..=0x2089 => code - 0x2080,
        _ => code - zero?,
    };
    char::from_digit(value, 10)
}
