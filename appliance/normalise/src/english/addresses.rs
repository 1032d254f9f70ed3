//! Network addresses, e-mail, file names, versions.

use super::capitals::is_spelled;
use super::numbers::{code, one_by_one, plain};
use super::scan::{Scan, alphanumerics, digits, is_over, letters, listed};
use super::token::Token;
use super::words::mixed_words;

/// Top-level domains by which a bare name is recognised as an address: the generic ones, those of local networks, and
/// of many countries.
const ENDINGS: &str = "com org net io dev app edu gov info biz local lan home localdomain eu de uk fr us ru ch at \
    nl be it es pt pl cz dk se no fi ie ca au nz jp kr cn in br mx za tv me cc ai co xyz";
/// Endings that are words of sentences as well: "end.in" lacks a blank.
const WORDS: [&str; 8] = ["at", "be", "it", "es", "no", "in", "me", "us"];
/// Endings of file names that are read as words; the others are spelled.
const FILES: &str = "txt md pdf doc docx xls xlsx ppt pptx csv json xml yaml yml toml ini cfg conf log html htm \
    css js ts py rs sh exe zip tar gz iso img jpg jpeg png gif svg wav mp3 mp4 bin bak tsv";
const FILES_AS_WORDS: [(&str, &str); 11] = [
    ("doc", "doc"),
    ("zip", "zip"),
    ("tar", "tar"),
    ("jpg", "jpeg"),
    ("jpeg", "jpeg"),
    ("gif", "gif"),
    ("log", "log"),
    ("bin", "bin"),
    ("toml", "toml"),
    ("yaml", "yaml"),
    ("json", "json"),
];
/// Names that are spelled in addresses although they look like words.
const SPELLED: &str = "www http https ftp html htm";

/// `https://crier.example.com/a`, `www.example.com`, `name@example.com`, `crier.local`, `report.pdf`
pub(super) fn address(scan: &Scan<'_>) -> Option<Token> {
    if !scan.at_start() || scan.before() == Some('@') {
        return None;
    }
    let text = scan.rest();
    let token =
        &text[..text.find(|c: char| c == ' ' || c == '"' || c == '<' || !c.is_ascii()).unwrap_or(text.len())];
    // Punctuation behind an address belongs to the sentence.
    let token = token.trim_end_matches(['.', ',', ';', ':', '!', '?', ')', ']', '}', '>', '\'', '*', '_']);
    // With a scheme anything is an address.
    let scheme = token.find("://").filter(|at| letters(token) == *at).map_or(0, |at| at + 3);
    let body = &token[scheme..];
    // A file is also recognised without a host: "see report.pdf".
    let file = is_file(body);
    if body.is_empty() || scheme == 0 && !is_mail(body) && !is_host(body) && !file {
        return None;
    }
    let mut rest = body.strip_suffix('/').unwrap_or(body);
    let mut words: Vec<String> = Vec::new();
    let mut before = ' ';
    while let Some(sign) = rest.chars().next() {
        let run = alphanumerics(rest);
        if run == 0 {
            words.push(sign_name(sign).to_owned());
            // One sign: never nothing, or the loop would not end.
            rest = &rest[sign.len_utf8()..];
            before = sign;
            continue;
        }
        let behind = &rest[run..];
        words.push(label(&rest[..run], before, behind, file));
        rest = behind;
    }
    let words: Vec<String> = words.into_iter().filter(|word| !word.is_empty()).collect();
    let mut address = Token::words(words.join(" "), token.len());
    // The scheme and a slash at the end tell a listener nothing. Only large voices say them, which say what is written.
    if scheme > 0 {
        let name = &token[..scheme - 3];
        let name = if name.len() > 5 || name == "file" { name.to_owned() } else { name.to_ascii_uppercase() };
        let slash = if body.ends_with('/') { " slash" } else { "" };
        address.literal = Some((format!("{name} colon slash slash "), slash));
    }
    Some(address)
}

/// Words of one label of an address.
fn label(label: &str, before: char, behind: &str, file: bool) -> String {
    let lower = label.to_ascii_lowercase();
    let last = behind.is_empty() || behind.starts_with(['/', ':', '?']);
    // Country codes and the like are known by their letters: "dot d e".
    if before == '.' && !file && label.len() == 2 && letters(label) == 2 && (last || behind.starts_with('.'))
    {
        return label.to_ascii_uppercase();
    }
    if before == '.' && last && listed(FILES, lower.as_str()) {
        let word = FILES_AS_WORDS.iter().find(|(ending, _)| *ending == lower);
        return word.map_or_else(|| spell(&label.to_ascii_uppercase()), |(_, word)| (*word).to_owned());
    }
    if listed(SPELLED, lower.as_str()) {
        return label.to_ascii_uppercase();
    }
    spell(label)
}

/// Letters as words or spelled, digits one by one.
fn spell(label: &str) -> String {
    let mut words: Vec<String> = Vec::new();
    let mut rest = label;
    while !rest.is_empty() {
        let count = digits(rest);
        let end = if count > 0 { count } else { letters(rest).max(1) };
        if count > 0 {
            let thousands = end == 4 && rest[..end].ends_with("000") && !rest.starts_with('0');
            words.push(if thousands { plain(&rest[..end]) } else { one_by_one(&rest[..end]) });
        } else {
            let part = &rest[..end];
            words.push(match is_spelled(part, false) {
                true => part.to_ascii_uppercase(),
                false => part.to_ascii_lowercase(),
            });
        }
        rest = &rest[end..];
    }
    words.join(" ")
}

fn sign_name(sign: char) -> &'static str {
    match sign {
        '.' => "dot",
        '/' => "slash",
        '-' => "dash",
        '_' => "underscore",
        '@' => "at",
        ':' => "colon",
        '?' => "question mark",
        '=' => "equals",
        '&' => "ampersand",
        '#' => "hash",
        '+' => "plus",
        '%' => "percent",
        '~' => "tilde",
        _ => "",
    }
}

fn is_mail(token: &str) -> bool {
    let host = |host: &str| {
        let host = host.split('/').next().unwrap_or_default();
        host.split('.').count() > 1 && host.split('.').all(is_label)
    };
    token.split_once('@').is_some_and(|(name, behind)| {
        let characters = name.bytes().all(|b| b.is_ascii_alphanumeric() || b"._%+-&'".contains(&b));
        let named = characters && name.starts_with(|c: char| c.is_ascii_alphanumeric());
        named && host(behind)
    })
}

fn is_host(token: &str) -> bool {
    let host = token.split(['/', ':']).next().unwrap_or_default();
    let mut labels = host.rsplit('.');
    let ending = labels.next().unwrap_or_default();
    let first = host.split('.').next().unwrap_or_default();
    // A list instead of any ending: "end.Then" without a blank is a typing error, not a host.
    let sentence = WORDS.contains(&ending) && labels.clone().count() == 1 && !token.contains('/');
    let known = listed(ENDINGS, ending) && !sentence || host.starts_with("www.");
    // "5.at" and "p.m" are no hosts.
    let named = first.bytes().any(|b| b.is_ascii_alphabetic()) && (first.len() > 1 || token.contains('/'));
    known && named && labels.clone().count() > 0 && labels.all(is_label) && is_label(ending)
}

fn is_file(token: &str) -> bool {
    let Some((stem, ending)) = token.rsplit_once('.') else { return false };
    let name = stem.rsplit(['/', '\\']).next().unwrap_or_default();
    let is_name = |b: u8| b.is_ascii_alphanumeric() || b"-_.()/\\~".contains(&b);
    let known = listed(FILES, ending.to_ascii_lowercase().as_str());
    known && !name.is_empty() && stem.bytes().all(is_name) && stem.bytes().any(|b| b.is_ascii_alphanumeric())
}

fn is_label(label: &str) -> bool {
    !label.is_empty() && label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
}

/// Addresses of network hardware and of IPv6: `00:1A:2B:3C:4D:5E`, `fe80::1`
pub(super) fn hardware(scan: &Scan<'_>) -> Option<Token> {
    let text = scan.rest();
    if !scan.at_start() || scan.before() == Some(':') {
        return None;
    }
    let end = text.find(|c: char| !(c.is_ascii_hexdigit() || matches!(c, ':' | '-'))).unwrap_or(text.len());
    let token = text[..end].trim_end_matches([':', '-']);
    let token = if text[..end].ends_with("::") { &text[..end] } else { token };
    if !is_over(&text[token.len()..]) {
        return None;
    }
    let hexadecimal =
        |group: &str, length: usize| group.len() == length && group.bytes().all(|b| b.is_ascii_hexdigit());
    // Both writings are common: Linux prints colons, Windows dashes.
    for sign in [':', '-'] {
        let groups: Vec<&str> = token.split(sign).collect();
        if groups.len() == 6 && groups.iter().all(|group| hexadecimal(group, 2)) {
            let words: Vec<String> = groups.iter().map(|group| characters(group)).collect();
            return Some(Token::words(words.join(", "), token.len()));
        }
    }
    let groups: Vec<&str> = token.split(':').collect();
    let short = groups.iter().all(|group| group.len() <= 4 && group.bytes().all(|b| b.is_ascii_hexdigit()));
    let shape = token.contains("::") && groups.len() >= 3 || groups.len() == 8;
    if !short || !shape || token.len() < 3 || token.contains('-') {
        return None;
    }
    let words: Vec<String> = groups
        .iter()
        .enumerate()
        .flat_map(|(index, group)| {
            [if index > 0 { "colon".to_owned() } else { String::new() }, characters(group)]
        })
        .filter(|word| !word.is_empty())
        .collect();
    Some(Token::words(words.join(" "), token.len()))
}

/// Hexadecimal digits one by one.
fn characters(group: &str) -> String {
    let words: Vec<String> =
        group
            .chars()
            .map(|c| {
                if c.is_ascii_digit() {
                    one_by_one(&c.to_string())
                } else {
                    c.to_ascii_uppercase().to_string()
                }
            })
            .collect();
    words.join(" ")
}

/// `192.168.1.10:8123`, `10.0.0.0/24`, `v1.2.3`, `2.0.0`
pub(super) fn dotted_number(scan: &Scan<'_>) -> Option<Token> {
    let text = scan.rest();
    let prefix = usize::from(text.starts_with(['v', 'V']));
    let mut length = prefix + digits(&text[prefix..]);
    let mut groups = vec![&text[prefix..length]];
    while let Some(more) = text[length..].strip_prefix('.').map(digits).filter(|count| *count > 0) {
        groups.push(&text[length + 1..length + 1 + more]);
        length += 1 + more;
    }
    let plain_v = prefix > 0 && groups.len() == 1 && groups[0].len() <= 2 && text.starts_with('v');
    // "v1.2" is a version; without the letter two groups are a decimal number.
    let enough = if prefix > 0 { 2 } else { 3 };
    // 24.11.2026 is left to the classifier of dates.
    let is_date = groups.len() == 3 && (groups[2].len() == 4 || groups[0].len() == 4);
    // A pre-release: "2.0.0-rc1".
    let marked = text[length..].starts_with('-') && is_version_suffix(&text[length + 1..]);
    // 555.123.4567 is a telephone number.
    let sizes: Vec<usize> = groups.iter().map(|group| group.len()).collect();
    if !scan.at_start()
        || groups[0].is_empty()
        || groups.len() < enough && !plain_v
        || is_date
        || sizes == [3, 3, 4]
        || !is_over(&text[length..])
    {
        return None;
    }
    // "1.000.000" as many countries write a million.
    if prefix == 0 && groups.len() >= 3 && !groups[0].starts_with('0') && groups[0].len() <= 3 {
        let thousands = groups[1..].iter().all(|group| group.len() == 3);
        // "1.234.567,89 €" and sums are left to the classifier of money.
        if thousands && groups.len() != 4 {
            return None;
        }
    }
    // Four groups are an IPv4 address, read digit by digit with "dot"; versions have "point".
    let is_host = groups.len() == 4 && prefix == 0 && groups.iter().all(|group| group.len() <= 3);
    let words: Vec<String> =
        groups.iter().map(|group| if is_host { one_by_one(group) } else { plain(group) }).collect();
    let mut said = words.join(if is_host { " dot " } else { " point " });
    if prefix > 0 {
        said = format!("version {said}");
    }
    if is_host {
        let port = text[length..].strip_prefix(':').map_or(0, digits);
        let net = text[length..].strip_prefix('/').map_or(0, digits);
        if port > 0 {
            said = format!("{said} port {}", one_by_one(&text[length + 1..=length + port]));
            length += 1 + port;
        } else if net > 0 {
            said = format!("{said} slash {}", code(&text[length + 1..=length + net]));
            length += 1 + net;
        }
    }
    if marked && !is_host {
        let end = 1 + alphanumerics(&text[length + 1..]);
        said = format!("{said} {}", mixed_words(&text[length + 1..length + end], scan.shouted));
        length += end;
    }
    Some(Token::words(said, length))
}

/// `rc1`, `beta2`
fn is_version_suffix(text: &str) -> bool {
    ["rc", "beta", "alpha", "dev", "pre"].iter().any(|suffix| text.starts_with(suffix))
}
