//! Folding of typographic variants to ASCII and the few signs that the classifiers know.

use std::ops::Range;

use tokenizers::NormalizedString;

use super::scan::FRACTIONS;
use crate::roman;

/// Signs that are kept for the classifiers.
const SIGNS: &str = "°²³µΩ€£¥₽₹₩₺₴₪₫฿₦₱¢–…×÷±≈≤≥≠→§‰©′″√∞";

/// Source of a byte of the folded text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Origin {
    /// The first byte of a character that stands for these bytes of the source.
    Source(u32, u32),
    /// It replaces a form that voices do not know, such as a mathematical letter.
    Folded,
    /// A further byte of the character before.
    Further,
}

/// Folded text, and where each of its characters comes from.
pub(super) struct Folded<'a> {
    source: &'a str,
    /// The folded text.
    pub(super) text: String,
    /// Source of each byte of the folded text.
    origins: Vec<Origin>,
    /// Characters that were left out.
    pub(super) skipped: Vec<char>,
}

impl Folded<'_> {
    /// Adds the source of a part of the folded text to `copy`.
    pub(super) fn copy_source(&self, part: Range<usize>, copy: &mut String) {
        for (origin, byte) in self.origins.get(part.clone()).unwrap_or_default().iter().zip(part) {
            match *origin {
                Origin::Source(start, end) => {
                    copy.push_str(self.source.get(start as usize..end as usize).unwrap_or_default());
                }
                Origin::Folded => copy.push_str(self.text.get(byte..=byte).unwrap_or_default()),
                Origin::Further => {}
            }
        }
    }

    fn push(&mut self, folded: &str, source: Range<usize>) {
        if folded.is_empty() {
            // A mark above a letter belongs to it.
            if let Some(Origin::Source(_, end)) =
                self.origins.iter_mut().rev().find(|origin| matches!(origin, Origin::Source(..)))
            {
                *end = source.end as u32;
            }
            return;
        }
        self.text.push_str(folded);
        self.origins.push(Origin::Source(source.start as u32, source.end as u32));
        self.origins.resize(self.text.len(), Origin::Further);
    }

    /// Adds ASCII characters that replace their source in copies, too.
    fn replace(&mut self, folded: &str) {
        self.text.push_str(folded);
        self.origins.resize(self.text.len(), Origin::Folded);
    }
}

/// Folds a text.
pub(super) fn fold(source: &str) -> Folded<'_> {
    let mut folded = Folded {
        source,
        text: String::with_capacity(source.len()),
        origins: Vec::new(),
        skipped: Vec::new(),
    };
    let mut at = 0;
    while let Some(character) = source[at..].chars().next() {
        let end = at + character.len_utf8();
        if let Some((words, length)) = run(&source[at..], source[..at].chars().next_back()) {
            folded.push(&words, at..at + length);
            at += length;
            continue;
        }
        let next_is_digit = source[end..].starts_with(|c: char| c.is_ascii_digit());
        match character {
            ' '..='~' => folded.push(&source[at..end], at..end),
            // Between digits only: elsewhere these are blanks like all others.
            '\u{202f}' | '\u{2009}' | '\u{2007}' | '\u{a0}' | '’'
                if next_is_digit && folded.text.ends_with(|c: char| c.is_ascii_digit()) =>
            {
                let separator = if character == '’' { "'" } else { "\u{202f}" };
                folded.push(separator, at..end);
            }
            // "Nº 5"
            'º' if folded.text.ends_with('N') => folded.push("o.", at..end),
            c if SIGNS.contains(c) || FRACTIONS.contains(c) => folded.push(&source[at..end], at..end),
            c if c.is_whitespace() || c.is_control() => folded.push(" ", at..end),
            // Before the decomposition: these characters modify the one before and have no base of their own.
            c if says_nothing(c) => folded.push("", at..end),
            // Full-width forms are the ASCII characters, shifted by a constant.
            '\u{ff01}'..='\u{ff5e}' => {
                let ascii = char::from_u32(character as u32 - 0xfee0).map(String::from);
                folded.replace(&ascii.unwrap_or_default());
            }
            c => match fixed(c).or_else(|| compatible(c)) {
                Some(ascii) if is_letter_form(c) => folded.replace(&ascii),
                Some(ascii) => folded.push(&ascii, at..end),
                None => {
                    // A blank in its place: the words around it must not merge.
                    folded.skipped.push(c);
                    folded.push(" ", at..end);
                }
            },
        }
        at = end;
    }
    folded
}

/// Reads characters that have a meaning only together: powers in superscript, Roman numerals of the block of their own.
fn run(text: &str, before: Option<char>) -> Option<(String, usize)> {
    let length_of = |accepted: fn(char) -> bool| text.find(|c| !accepted(c)).unwrap_or(text.len());
    let powers = length_of(|c| superscript(c).is_some());
    if powers > 0 {
        let digits: String = text[..powers].chars().filter_map(superscript).collect();
        return match digits.as_str() {
            // Squares and cubes belong to units.
            "2" | "3" => None,
            // "TM" and footnotes behind words are not powers; a power follows a number, a unit or a bracket.
            _ if before.is_some_and(|c| c.is_alphanumeric() || c == ')') => {
                Some((format!("^{digits}"), powers))
            }
            _ => Some((digits, powers)),
        };
    }
    let numerals = length_of(|c| matches!(c, '\u{2160}'..='\u{217f}'));
    // Long runs are no numbers; the bound keeps the time linear.
    if (1..=3 * 16).contains(&numerals) {
        let mut letters = NormalizedString::from(&text[..numerals]);
        letters.nfkd();
        let value = roman::value(&letters.get().to_ascii_uppercase())?;
        return Some((value.to_string(), numerals));
    }
    None
}

/// Letters and digits in a form of their own: mathematical, circled, squared.
fn is_letter_form(character: char) -> bool {
    matches!(character, '\u{1d400}'..='\u{1d7ff}' | '\u{1f110}'..='\u{1f189}' | '\u{24b6}'..='\u{24e9}'
        | '\u{fb00}'..='\u{fb06}')
}

/// The digit or sign that a superscript stands for.
fn superscript(character: char) -> Option<char> {
    Some(match character {
        '⁰' => '0',
        '¹' => '1',
        '²' => '2',
        '³' => '3',
        '⁴'..='⁹' => char::from_digit(character as u32 - '⁰' as u32, 10)?,
        '⁺' => '+',
        '⁻' => '-',
        _ => return None,
    })
}

/// Marks that only change the character before them, joiners, and trade marks.
fn says_nothing(character: char) -> bool {
    matches!(character, '\u{300}'..='\u{36f}' | '\u{20d0}'..='\u{20ff}' | '\u{fe00}'..='\u{fe0f}'
        | '\u{200b}'..='\u{200f}' | '\u{2060}' | '\u{feff}' | '\u{ad}' | '\u{1f3fb}'..='\u{1f3ff}' | '™' | '®'
        | '℠')
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
        '‘' | '’' | 'ʼ' | '‛' | '`' | '´' => "'",
        '“' | '”' | '„' | '‟' | '«' | '»' | '‹' | '›' | '「' | '」' | '『' | '』' => "\"",
        '‐' | '‑' | '−' | '﹣' => "-",
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
        '∶' => ":",
        '⋅' | '∙' => "×",
        '∼' => "~",
        '→' | '➔' | '➜' | '⇒' => "→",
        '㎡' => "m²",
        '㎥' => "m³",
        '₀'..='₉' => return char::from_digit(character as u32 - '₀' as u32, 10).map(String::from),
        _ => return None,
    };
    Some(ascii.to_owned())
}

/// Returns the letters, digits and signs of the compatibility decomposition (NFKD) without accents.
fn compatible(character: char) -> Option<String> {
    let mut decomposed = NormalizedString::from(character.encode_utf8(&mut [0; 4]) as &str);
    decomposed.nfkd();
    let plain: Option<String> = decomposed
        .get()
        .chars()
        .filter(|c| !says_nothing(*c))
        .map(|c| match c {
            '⁄' => Some('/'),
            'μ' => Some('µ'),
            c if c.is_ascii_graphic() || SIGNS.contains(c) => Some(c),
            _ => None,
        })
        .collect();
    plain.filter(|plain| !plain.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn compatibility_forms_are_folded_and_their_source_is_kept() {
        for (source, expected) in [
            ("Act Ⅳ", "Act 4"),
            ("10⁻³ 10²³ m² ⅑", "10^-3 10^23 m² 1/9"),
            ("㎏ ㎞ ①", "kg km 1"),
            ("1\u{202f}000 a\u{a0}b", "1\u{202f}000 a b"),
            ("Büro e\u{301}", "Buro e"),
        ] {
            let folded = fold(source);
            assert_eq!(folded.text, expected);
            let mut copy = String::new();
            folded.copy_source(0..folded.text.len(), &mut copy);
            assert_eq!(copy, source);
        }
        let folded = fold("𝐃𝐨𝐨𝐫 é");
        let mut copy = String::new();
        folded.copy_source(0..folded.text.len(), &mut copy);
        assert_eq!((folded.text.as_str(), copy.as_str()), ("Door e", "Door é"));
    }
}
