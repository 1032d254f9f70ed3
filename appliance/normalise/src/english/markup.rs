//! Markup that senders leave in texts: escape sequences of terminals, tags, character references, links of Markdown.

use super::scan::listed;
use std::borrow::Cow;

/// Tags of HTML and SSML. Others in angle brackets are read, for they may be what the sender writes about.
const TAGS: &str = "speak break say-as sub lang voice prosody emphasis mark phoneme audio p s w par seq media \
    desc html body head title b i u em strong br hr a span div h1 h2 h3 h4 h5 h6 ul ol li table \
    tr td th tbody thead code pre img small big sup font blockquote center nobr kbd del ins \
    strike section article label meta link";
/// Tags at which a speaker pauses.
const PAUSES: &str = "break p s br hr div h1 h2 h3 h4 h5 h6 li tr td table blockquote";
/// Longest tag in bytes: longer text in angle brackets is no tag, and the bound keeps the time linear.
const TAG_BYTES_MAX: usize = 256;
/// Longest reference in bytes; the longest known name is `thinsp`.
const REFERENCE_BYTES_MAX: usize = 10;
/// Longest text or target of a link in bytes.
const LINK_BYTES_MAX: usize = 512;

const REFERENCES: [(&str, &str); 40] = [
    ("amp", "&"),
    ("lt", "<"),
    ("gt", ">"),
    ("quot", "\""),
    ("apos", "'"),
    ("nbsp", " "),
    ("ensp", " "),
    ("emsp", " "),
    ("thinsp", "\u{2009}"),
    ("shy", ""),
    ("zwj", ""),
    ("deg", "°"),
    ("euro", "€"),
    ("pound", "£"),
    ("yen", "¥"),
    ("cent", "¢"),
    ("copy", "©"),
    ("reg", "®"),
    ("trade", "™"),
    ("sect", "§"),
    ("mdash", "—"),
    ("ndash", "–"),
    ("minus", "−"),
    ("hellip", "…"),
    ("lsquo", "‘"),
    ("rsquo", "’"),
    ("ldquo", "“"),
    ("rdquo", "”"),
    ("laquo", "«"),
    ("raquo", "»"),
    ("bull", "•"),
    ("middot", "·"),
    ("times", "×"),
    ("divide", "÷"),
    ("plusmn", "±"),
    ("frac12", "½"),
    ("frac14", "¼"),
    ("frac34", "¾"),
    ("micro", "µ"),
    ("sup2", "²"),
];

/// Returns the text without markup; borrowed if it has none.
pub(super) fn strip(text: &str) -> Cow<'_, str> {
    if !text.contains(['<', '&', '[', '\u{1b}', '\u{9b}']) {
        return Cow::Borrowed(text);
    }
    let once = pass(text);
    // Texts that went through two programs are escaped twice: `&amp;#39;`.
    let mut plain = if text.contains("&amp;") || text.contains("&lt;") { pass(&once) } else { once };
    // The pause of a closing tag at the end.
    if text.ends_with('>') && plain.ends_with(", ") {
        plain.truncate(plain.len() - 2);
    }
    Cow::Owned(plain)
}

fn pass(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find(['<', '&', '[', '\u{1b}', '\u{9b}']) {
        let (head, found) = rest.split_at(at);
        plain.push_str(head);
        let read = escape_sequence(found)
            .or_else(|| tag(found, &mut plain))
            .or_else(|| reference(found, &mut plain))
            .or_else(|| link(found, &mut plain));
        let length = read.unwrap_or_else(|| {
            let sign = found.chars().next().map_or(1, char::len_utf8);
            plain.push_str(&found[..sign]);
            sign
        });
        rest = &found[length..];
        // A tag between two blanks leaves one.
        if length > 1 && plain.ends_with(' ') {
            rest = rest.strip_prefix(' ').unwrap_or(rest);
        }
    }
    plain.push_str(rest);
    plain
}

/// Length of a control sequence (ECMA-48). The escape character itself may have been removed: then only colours and
/// deletions are known, `[31m` and `[2K`.
fn escape_sequence(text: &str) -> Option<usize> {
    let escaped = text.strip_prefix("\u{1b}[").or_else(|| text.strip_prefix('\u{9b}'));
    let body = escaped.or_else(|| text.strip_prefix('['))?;
    let parameters = body.bytes().take_while(|b| b.is_ascii_digit() || matches!(b, b';' | b'?')).count();
    let last = body[parameters..].chars().next().filter(char::is_ascii_alphabetic)?;
    let bare = escaped.is_none();
    if bare && (parameters == 0 || parameters > 12 || !matches!(last, 'm' | 'K' | 'J')) {
        return None;
    }
    let length = text.len() - body.len() + parameters + 1;
    // "[5m]" is a length in brackets.
    (!bare || !text[length..].starts_with(']')).then_some(length)
}

/// Length of a tag or comment; the pause at it goes to `plain`.
fn tag(text: &str, plain: &mut String) -> Option<usize> {
    let window = &text[..text.floor_char_boundary(TAG_BYTES_MAX)];
    let body = window.strip_prefix('<')?;
    let end = 1 + body.find('>')?;
    let inside = &window[1..end];
    let name_start = inside.strip_prefix('/').unwrap_or(inside);
    let is_comment =
        inside.starts_with("!--") || inside.starts_with("?xml") || inside.starts_with("!DOCTYPE");
    let name_end =
        name_start.find(|c: char| !(c.is_ascii_alphanumeric() || c == '-')).unwrap_or(name_start.len());
    let name = name_start[..name_end].to_ascii_lowercase();
    let attributes = name_start[name_end..].trim_end_matches('/');
    // "<b and c>" is a comparison: attributes have values.
    let formed =
        attributes.trim().is_empty() || attributes.starts_with([' ', '=']) && attributes.contains('=');
    let prefixed = name_start[name_end..].starts_with(':') && matches!(name.as_str(), "amazon" | "mstts");
    // Tags of other vocabularies show by their stroke, or by the closing tag behind them.
    let closed = inside.starts_with('/') || inside.ends_with('/') || closes(text, &name);
    let known = listed(TAGS, name.as_str()) || closed && !name.is_empty();
    if !(is_comment || prefixed || known && formed) {
        return None;
    }
    // What the tags separate must not run together.
    let pauses = listed(PAUSES, name.as_str());
    if pauses && plain.trim_end().ends_with(char::is_alphanumeric) {
        plain.truncate(plain.trim_end().len());
        plain.push_str(", ");
    } else if pauses && !plain.ends_with(' ') && !plain.is_empty() {
        plain.push(' ');
    }
    Some(end + 1)
}

/// Returns true if a closing tag of this name follows soon.
fn closes(text: &str, name: &str) -> bool {
    let window = &text[..text.floor_char_boundary(LINK_BYTES_MAX)];
    !name.is_empty() && window.contains(&format!("</{name}>"))
}

/// Length of a character reference; its character goes to `plain`.
fn reference(text: &str, plain: &mut String) -> Option<usize> {
    let window = &text[..text.floor_char_boundary(REFERENCE_BYTES_MAX)];
    let end = window.strip_prefix('&')?.find(';')? + 1;
    let name = &window[1..end];
    let coded = name.strip_prefix('#').and_then(|code| match code.strip_prefix(['x', 'X']) {
        Some(hexadecimal) => u32::from_str_radix(hexadecimal, 16).ok(),
        None => code.parse().ok(),
    });
    if let Some(character) = coded.and_then(char::from_u32) {
        // A control character has no glyph.
        plain.push(if character.is_control() { ' ' } else { character });
        return Some(end + 1);
    }
    let (_, character) = REFERENCES.iter().find(|(known, _)| *known == name)?;
    plain.push_str(character);
    Some(end + 1)
}

/// Length of a link of Markdown, `[text](target)`; its text goes to `plain`.
fn link(text: &str, plain: &mut String) -> Option<usize> {
    let window = &text[..text.floor_char_boundary(LINK_BYTES_MAX)];
    let middle = window.strip_prefix('[')?.find("](")? + 1;
    let label = &window[1..middle];
    let target = &window[middle + 2..];
    let end = target.find(')')?;
    // "[a](b c)" is two remarks in brackets.
    if label.is_empty() || label.contains(['[', ']']) || target[..end].contains(' ') || end == 0 {
        return None;
    }
    // The exclamation mark before a picture.
    if plain.ends_with('!') && !plain.trim_end_matches('!').ends_with(char::is_alphanumeric) {
        plain.pop();
    }
    plain.push_str(label);
    Some(middle + 2 + end + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn markup_is_stripped_and_text_kept() {
        for (marked, plain) in [
            ("Tom &amp; Anna, don&#39;t &amp;amp; won&amp;#39;t", "Tom & Anna, don't & won't"),
            ("<speak>Hi <break time=\"1s\"/> there</speak>", "Hi, there"),
            ("\u{1b}[31mRed alert\u{1b}[0m", "Red alert"),
            ("[1;31mRed alert [0m", "Red alert "),
            ("a <b and c> d, x < y, 3 <4>", "a <b and c> d, x < y, 3 <4>"),
            ("See [the notes](https://example.com/a) [1] [x] (y)", "See the notes [1] [x] (y)"),
            ("go <noise/> home, <sing>la</sing> <name>", "go home, la <name>"),
            ("cut [5m] here", "cut [5m] here"),
            ("&lt;b&gt;Hi&lt;/b&gt; 5 &lt; 6", "Hi 5 < 6"),
            ("R&D; AT&T &unknown; &#xZZ;", "R&D; AT&T &unknown; &#xZZ;"),
        ] {
            assert_eq!(strip(marked), plain);
        }
    }
}
