//! Folding of typographic variants to ASCII and the few signs that the recognisers know.

use tokenizers::NormalizedString;

/// Signs that are kept for the recognisers.
const SIGNS: &str = "°²³½¼¾⅓⅔⅛µΩ€£¥₽₹–…×÷±≈≤≥≠→§‰©";

/// Returns the folded text and the characters that were left out.
pub(super) fn fold(text: &str) -> (String, Vec<char>) {
    let mut folded = String::with_capacity(text.len());
    let mut skipped = Vec::new();
    for character in text.chars() {
        match character {
            ' '..='~' => folded.push(character),
            c if SIGNS.contains(c) => folded.push(c),
            c if c.is_whitespace() || c.is_control() => folded.push(' '),
            // Before the decomposition: these characters modify the one before and have no base of their own.
            c if says_nothing(c) => {}
            // Full-width forms are the ASCII characters, shifted by a constant.
            '\u{ff01}'..='\u{ff5e}' => folded.extend(char::from_u32(character as u32 - 0xfee0)),
            c => match fixed(c).or_else(|| base(c)) {
                Some(ascii) => folded.push_str(&ascii),
                None => {
                    // A blank in its place: the words around it must not merge.
                    skipped.push(c);
                    folded.push(' ');
                }
            },
        }
    }
    (folded, skipped)
}

/// Marks that only change the character before them, joiners, and trade marks.
fn says_nothing(character: char) -> bool {
    matches!(character, '\u{300}'..='\u{36f}' | '\u{20d0}'..='\u{20ff}' | '\u{fe00}'..='\u{fe0f}'
        | '\u{200b}'..='\u{200f}' | '\u{2060}' | '\u{feff}' | '\u{ad}' | '\u{1f3fb}'..='\u{1f3ff}' | '™' | '®')
}

/// Returns the replacement of characters whose Unicode decomposition is missing or not the usual spelling.
fn fixed(character: char) -> Option<String> {
    let ascii = match character {
        'ß' => "ss",
        'æ' => "ae",
        'Æ' => "Ae",
        'œ' => "oe",
        'Œ' => "Oe",
        'ø' => "o",
        'Ø' => "O",
        'đ' | 'ð' => "d",
        'Đ' | 'Ð' => "D",
        'þ' => "th",
        'Þ' => "Th",
        'ł' => "l",
        'Ł' => "L",
        'ı' => "i",
        'ħ' => "h",
        'Ħ' => "H",
        'ŋ' => "ng",
        'ſ' => "s",
        'ﬀ' => "ff",
        'ﬁ' => "fi",
        'ﬂ' => "fl",
        'ﬃ' => "ffi",
        'ﬄ' => "ffl",
        '‘' | '’' | 'ʼ' | '‛' | '′' | '`' | '´' => "'",
        '“' | '”' | '„' | '‟' | '«' | '»' | '‹' | '›' | '″' | '「' | '」' | '『' | '』' => {
            "\""
        }
        '‐' | '‑' | '−' => "-",
        '‒' | '—' | '―' => "–",
        '•' | '‣' | '◦' | '▪' | '·' | '、' => ",",
        '。' | '．' | '｡' => ".",
        '¡' | '¿' => " ",
        '№' => "No. ",
        '℃' => "°C",
        '℉' => "°F",
        // Ordinal and ring signs are typed as degrees in practice.
        'º' | '˚' => "°",
        'ª' => "a",
        'μ' => "µ",
        // The unit sign (U+2126) becomes the Greek letter, by which units are looked up.
        'Ω' => "Ω",
        '⁄' | '∕' => "/",
        '₀'..='₉' => return char::from_digit(character as u32 - '₀' as u32, 10).map(String::from),
        _ => return None,
    };
    Some(ascii.to_owned())
}

/// Returns the letter without its accents.
fn base(character: char) -> Option<String> {
    let mut decomposed = NormalizedString::from(character.encode_utf8(&mut [0; 4]) as &str);
    decomposed.nfd();
    // The first character of a canonical decomposition is the base letter, accents follow.
    decomposed.get().chars().next().filter(char::is_ascii_alphabetic).map(String::from)
}
