//! Korean: Sino-Korean numerals, and the native ones before the words that are counted with them.

use std::sync::LazyLock;

use super::{Agreement, Conventions, Gender, Grammar, Noun, groups_of_four, tables};
use crate::semiotic::{
    CalendarDate, ClockTime, MetricUnit, Quantity, Ratio, Surroundings, UnitPhrase, WrittenNumber,
};

/// Korean.
pub(super) struct Korean;

const DIGITS: [&str; 10] = ["영", "일", "이", "삼", "사", "오", "육", "칠", "팔", "구"];
const SCALES: [&str; 7] = ["", "만", "억", "조", "경", "해", "자"];
/// Native numerals before a noun.
const NATIVE: [&str; 10] = ["", "한", "두", "세", "네", "다섯", "여섯", "일곱", "여덟", "아홉"];
const NATIVE_TENS: [&str; 10] = ["", "열", "스물", "서른", "마흔", "쉰", "예순", "일흔", "여든", "아흔"];
/// Words that are counted with native numerals.
const COUNTERS: [&str; 26] = [
    "번째", "시간", "개", "명", "마리", "살", "장", "권", "잔", "병", "사람", "곳", "가지", "그루", "채",
    "벌", "켤레", "대", "송이", "척", "달", "통", "자루", "군데", "차례", "자리",
];
/// Words that begin with a counter and are none.
const NO_COUNTERS: [&str; 6] = ["개월", "개국", "개년", "명령", "장치", "대학"];

static CONVENTIONS: LazyLock<Conventions> = LazyLock::new(|| Conventions::read(tables::KOREAN));

impl Grammar for Korean {
    fn conventions(&self) -> &'static Conventions {
        &CONVENTIONS
    }

    /// Returns the Sino-Korean number; the native one below a hundred before a counter, for which the neuter stands; or
    /// that of a month, for which the feminine stands.
    fn cardinal(&self, number: u128, agreement: Agreement) -> String {
        match (number, agreement.gender) {
            (0, _) => DIGITS[0].to_owned(),
            // Two months have lost a sound.
            (6, Some(Gender::Feminine)) => "유".to_owned(),
            (10, Some(Gender::Feminine)) => "시".to_owned(),
            (1..=99, Some(Gender::Neuter)) => native(usize::try_from(number).unwrap_or_default()),
            _ => groups_of_four(number)
                .enumerate()
                .map(|(at, (power, group))| group_of_four(at, power, group))
                .collect(),
        }
    }

    fn ordinal(&self, number: u128, _: &str, _: &Surroundings<'_>) -> String {
        if number == 1 { "첫".to_owned() } else { self.cardinal(number, Agreement::COUNTING) }
    }

    fn counts_padded(&self, place: &Surroundings<'_>) -> bool {
        place.rest.starts_with(['년', '월', '일', '시', '분', '초', '번', '층', '호'])
    }

    fn governed(&self, _: &Noun, _: &Surroundings<'_>) -> Agreement {
        Agreement::COUNTING
    }

    /// Returns the length of nothing before the counter of ordinals, of which the first has a word of its own.
    fn ordinal_mark(&self, place: &Surroundings<'_>, number: &WrittenNumber) -> Option<usize> {
        (place.rest.trim_start().starts_with("번째") && number.digits == "1").then_some(0)
    }

    fn agreement(&self, number: &WrittenNumber, place: &Surroundings<'_>) -> Agreement {
        let rest = place.rest.trim_start();
        // The clock of twelve hours has native numerals, that of twenty-four Sino-Korean ones.
        let hour = rest.starts_with('시') && !rest.starts_with("시간") && number.whole() <= 12;
        let counter = COUNTERS.iter().any(|counter| rest.starts_with(counter))
            && !NO_COUNTERS.iter().any(|word| rest.starts_with(word));
        if rest.starts_with('월') {
            return Agreement::with(Gender::Feminine);
        }
        if hour || counter { Agreement::with(Gender::Neuter) } else { Agreement::COUNTING }
    }

    fn number(&self, number: &WrittenNumber, agreement: Agreement) -> String {
        let form = if number.is_integer() { agreement } else { Agreement::COUNTING };
        let minus = if number.minus { "마이너스 " } else { "" };
        let decimals = if number.is_integer() {
            String::new()
        } else {
            format!("점{}", self.by_digits(&number.decimals))
        };
        format!("{minus}{}{decimals}", self.cardinal(number.whole(), form))
    }

    fn by_digits(&self, digits: &str) -> String {
        digits.bytes().filter(u8::is_ascii_digit).map(|digit| DIGITS[usize::from(digit - b'0')]).collect()
    }

    fn date(&self, date: &CalendarDate, _: &Surroundings<'_>) -> String {
        let said = |number: u16| self.cardinal(number.into(), Agreement::COUNTING);
        let year = date.year.map(|year| format!("{}년 ", said(year))).unwrap_or_default();
        let month = self.cardinal(date.month.into(), Agreement::with(Gender::Feminine));
        let day = date.day.map(|day| format!(" {}일", said(day.into()))).unwrap_or_default();
        format!("{year}{month}월{day}")
    }

    fn time(&self, time: &ClockTime, place: &Surroundings<'_>) -> String {
        const PARTS: [&str; 8] = ["오전", "오후", "새벽", "아침", "낮", "저녁", "밤", "정오"];
        let twelve = PARTS.contains(&place.previous_word()) || time.afternoon.is_some();
        // Midnight is 영시.
        let native = time.hour > 0 && (time.hour <= 12 || twelve);
        let form = if native { Agreement::with(Gender::Neuter) } else { Agreement::COUNTING };
        let said =
            |number: u8, unit: &str| format!(" {}{unit}", self.cardinal(number.into(), Agreement::COUNTING));
        let minute =
            time.minute.filter(|minute| *minute > 0).map(|minute| said(minute, "분")).unwrap_or_default();
        let second =
            time.second.filter(|second| *second > 0).map(|second| said(second, "초")).unwrap_or_default();
        let half = match time.afternoon {
            Some(true) => "오후 ",
            Some(false) => "오전 ",
            None => "",
        };
        format!("{half}{}시{minute}{second}", self.cardinal(time.hour.into(), form))
    }

    fn ratio(&self, ratio: &Ratio) -> String {
        let said = |number| self.cardinal(number, Agreement::COUNTING);
        let minus = if ratio.minus { "마이너스 " } else { "" };
        // The particle for "and" has two forms, by the sound before it.
        let whole = ratio.whole.map(|whole| {
            let whole = said(whole);
            let and = if ends_in_consonant(&whole) { "과" } else { "와" };
            format!("{whole}{and} ")
        });
        format!(
            "{minus}{}{}분의 {}",
            whole.unwrap_or_default(),
            said(ratio.denominator),
            said(ratio.numerator)
        )
    }

    fn scaled(&self, number: &WrittenNumber, scale: &'static Noun, _: &Surroundings<'_>) -> String {
        format!("{}{}", self.number(number, Agreement::COUNTING), scale.form(0))
    }

    fn unit_name(&self, unit: &MetricUnit, index: usize) -> String {
        let power = match unit.power {
            2 => "제곱",
            3 => "세제곱",
            _ => "",
        };
        format!("{power}{}{}", unit.prefix, unit.noun.form(index))
    }

    fn measure(&self, amount: &Quantity, phrase: &UnitPhrase, place: &Surroundings<'_>) -> String {
        // Speeds have the time first: 시속 육십 킬로미터.
        let speed =
            match (phrase.unit.map(|unit| unit.noun.form(0)), phrase.per.map(|unit| unit.noun.form(0))) {
                (Some("미터"), Some("시간")) => "시속",
                (Some("미터"), Some("초")) => "초속",
                (Some("미터"), Some("분")) => "분속",
                _ => return super::grammar::measure(self, amount, phrase, place),
            };
        let length = UnitPhrase { per: None, ..*phrase };
        format!("{speed} {}", super::grammar::measure(self, amount, &length, place))
    }

    fn particle(&self, word: &str, rest: &str) -> Option<(&'static str, usize)> {
        // Behind a consonant and behind a vowel.
        const PARTICLES: [(&str, &str); 4] = [("이", "가"), ("은", "는"), ("을", "를"), ("과", "와")];
        let written = |particle: &str| {
            rest.strip_prefix(particle).is_some_and(|behind| !behind.starts_with(char::is_alphanumeric))
        };
        // The written particle follows the digit as the writer read it, which may be another way.
        let (closed, open) = PARTICLES.iter().find(|(closed, open)| written(closed) || written(open))?;
        Some((if ends_in_consonant(word) { closed } else { open }, open.len()))
    }

    fn telephone(&self, groups: &[&str], country: bool) -> String {
        let said: Vec<String> = groups.iter().map(|group| self.by_digits(group)).collect();
        format!("{}{}", if country { "국가번호 " } else { "" }, said.join(", "))
    }
}

fn native(number: usize) -> String {
    match (number / 10, number % 10) {
        (2, 0) => "스무".to_owned(),
        (tens, units) => format!("{}{}", NATIVE_TENS[tens.min(9)], NATIVE[units]),
    }
}

/// Returns a group of four digits with the name of its power; one is said at the last place only, and not in a
/// leading 만.
fn group_of_four(at: usize, power: usize, group: u16) -> String {
    let mut said = String::new();
    for (unit, name) in [(1000, "천"), (100, "백"), (10, "십"), (1, "")] {
        let digit = usize::from(group / unit % 10);
        if digit == 0 {
            continue;
        }
        let one = unit == 1 && !(at == 0 && power == 1 && group == 1);
        said.push_str(if digit > 1 || one { DIGITS[digit] } else { "" });
        said.push_str(name);
    }
    said + SCALES[power.min(SCALES.len() - 1)]
}

/// Returns true when the last syllable is closed, after which particles have another form.
fn ends_in_consonant(word: &str) -> bool {
    let last = word.chars().next_back().map(u32::from).filter(|code| (0xac00..=0xd7a3).contains(code));
    last.is_some_and(|code| (code - 0xac00) % 28 != 0)
}
