//! Chinese, with simplified characters.

use std::sync::LazyLock;

use super::{Agreement, Conventions, Gender, Grammar, Noun, tables};
use crate::semiotic::{
    CalendarDate, ClockTime, MetricUnit, Quantity, Ratio, Surroundings, UnitPhrase, WrittenNumber, digits,
};

/// Chinese.
pub(super) struct Chinese;

const DIGITS: [&str; 10] = ["零", "一", "二", "三", "四", "五", "六", "七", "八", "九"];
/// Words before which two is 两.
const COUNTED_BY_LIANG: [&str; 46] = [
    "个", "位", "名", "只", "条", "张", "本", "次", "天", "小时", "分钟", "秒钟", "元", "块", "公里", "米",
    "公斤", "千克", "克", "吨", "人", "辆", "台", "家", "件", "份", "种", "周", "年", "倍", "点", "趟", "班",
    "列", "节", "间", "套", "瓶", "杯", "美元", "欧元", "岁", "斤", "升", "步", "站",
];

static CONVENTIONS: LazyLock<Conventions> = LazyLock::new(|| Conventions::read(tables::CHINESE));

impl Grammar for Chinese {
    fn conventions(&self) -> &'static Conventions {
        &CONVENTIONS
    }

    fn cardinal(&self, number: u128, agreement: Agreement) -> String {
        match (number, agreement.gender) {
            (0, _) => DIGITS[0].to_owned(),
            (2, Some(_)) => "两".to_owned(),
            _ => named(number),
        }
    }

    /// Returns the digits of a year; ordinals proper have the cardinal behind 第.
    fn ordinal(&self, number: u128, _: &str, _: &Surroundings<'_>) -> String {
        self.by_digits(&number.to_string())
    }

    fn ordinal_mark(&self, place: &Surroundings<'_>, number: &WrittenNumber) -> Option<usize> {
        // 2024-2025年 are two years.
        let span =
            place.rest.strip_prefix(['-', '–', '~', '～', '至', '到']).filter(|_| number.digits.len() == 4);
        if span.is_some_and(|span| digits(span).len() == 4 && span[4..].starts_with('年')) {
            return Some(0);
        }
        let behind = place.rest.strip_prefix('年')?;
        // 2015年 and 12年8月 are years, 10年 is a duration; years of few digits are told by what stands before.
        let year = number.digits.len() == 4
            || number.digits.len() == 2
                && !number.is_padded()
                && behind.starts_with(|c: char| c.is_ascii_digit())
            || place.before.ends_with("公元")
            || place.before.ends_with("公元前")
            || place.before.ends_with("西元");
        year.then_some(0)
    }

    fn counts_padded(&self, place: &Surroundings<'_>) -> bool {
        place.rest.starts_with(['月', '日', '号', '時', '时', '点', '分', '秒'])
    }

    fn agreement(&self, number: &WrittenNumber, place: &Surroundings<'_>) -> Agreement {
        let rest = place.rest.trim_start();
        let counted =
            COUNTED_BY_LIANG.iter().any(|word| rest.starts_with(word)) && !place.before.ends_with("第");
        if counted && number.digits == "2" { Agreement::with(Gender::Neuter) } else { Agreement::COUNTING }
    }

    fn date(&self, date: &CalendarDate, _: &Surroundings<'_>) -> String {
        let year = date.year.map(|year| {
            let digits = if date.short_year { format!("{year:02}") } else { year.to_string() };
            format!("{}年", self.by_digits(&digits))
        });
        let day = date.day.map(|day| format!("{}日", named(day.into())));
        format!("{}{}月{}", year.unwrap_or_default(), named(date.month.into()), day.unwrap_or_default())
    }

    fn time(&self, time: &ClockTime, place: &Surroundings<'_>) -> String {
        let hour = self.cardinal(time.hour.into(), Agreement::with(Gender::Neuter));
        // 三点 is a full hour; with seconds the minutes are needed.
        let minute = time.minute.filter(|minute| *minute > 0 || time.second.is_some());
        let minute = minute.map(|minute| format!("{}分", self.cardinal(minute.into(), Agreement::COUNTING)));
        let second =
            time.second.map(|second| format!("{}秒", self.cardinal(second.into(), Agreement::COUNTING)));
        let half = match time.afternoon {
            // 下午3:00pm has it twice.
            Some(_) if place.before.ends_with('午') => "",
            Some(true) => "下午",
            Some(false) => "上午",
            None => "",
        };
        format!("{half}{hour}点{}{}", minute.unwrap_or_default(), second.unwrap_or_default())
    }

    fn ratio(&self, ratio: &Ratio) -> String {
        let whole = ratio.whole.map(|whole| format!("{}又", self.cardinal(whole, Agreement::COUNTING)));
        let minus = if ratio.minus { "负" } else { "" };
        let said = |number| self.cardinal(number, Agreement::COUNTING);
        format!(
            "{minus}{}{}分之{}",
            whole.unwrap_or_default(),
            said(ratio.denominator),
            said(ratio.numerator)
        )
    }

    fn scaled(&self, number: &WrittenNumber, scale: &'static Noun, _: &Surroundings<'_>) -> String {
        format!("{}{}", self.number(number, Agreement::with(Gender::Neuter)), scale.form(0))
    }

    fn measure(&self, amount: &Quantity, phrase: &UnitPhrase, place: &Surroundings<'_>) -> String {
        // Percents have the unit first, and the sign before it.
        if let (Quantity::Number(number), Some(unit)) = (amount, phrase.unit)
            && unit.noun.form(0).ends_with("分之")
        {
            let minus = if number.minus { "负" } else { "" };
            let number = WrittenNumber { minus: false, ..number.clone() };
            return format!("{minus}{}{}", unit.noun.form(0), self.number(&number, Agreement::COUNTING));
        }
        let unit = phrase.unit.map(|unit| (unit, *unit.noun));
        let per = phrase.per.map(|unit| self.denominator(&unit)).unwrap_or_default();
        let Some((unit, noun)) = unit else {
            return format!("{}{per}", self.amount(amount, place));
        };
        self.counted(amount, &noun, &|index| format!("{}{per}", self.unit_name(&unit, index)), place)
    }

    fn unit_name(&self, unit: &MetricUnit, index: usize) -> String {
        let power = match unit.power {
            2 => "平方",
            3 => "立方",
            _ => "",
        };
        format!("{power}{}{}", unit.prefix, unit.noun.form(index))
    }

    fn telephone(&self, groups: &[&str], country: bool) -> String {
        // In numbers that are read by digits one is 幺, which cannot be taken for seven.
        let said: Vec<String> =
            groups.iter().map(|group| self.by_digits(group).replace('一', "幺")).collect();
        format!("{}{}", if country { "加" } else { "" }, said.join("，"))
    }
}

/// Returns a number from one on.
fn named(number: u128) -> String {
    let mut said = String::new();
    parts(number, true, &mut said);
    said
}

/// Adds a number: the part above ten thousand, or a hundred million, with its name, and the rest behind it.
fn parts(number: u128, first: bool, said: &mut String) {
    for (unit, name) in [(100_000_000, "亿"), (10_000, "万")] {
        let (high, low) = (number / unit, number % unit);
        if high == 0 {
            continue;
        }
        // Two is 两 before a large unit: 两万.
        if high == 2 && first {
            said.push('两');
        } else {
            parts(high, true, said);
        }
        said.push_str(name);
        if low > 0 {
            // A place without a digit is said as one zero.
            said.push_str(if low < unit / 10 { DIGITS[0] } else { "" });
            parts(low, false, said);
        }
        return;
    }
    below_ten_thousand(usize::try_from(number).unwrap_or_default(), first, said);
}

fn below_ten_thousand(number: usize, first: bool, said: &mut String) {
    let mut gap = false;
    let mut started = false;
    for (unit, name) in [(1000, "千"), (100, "百"), (10, "十"), (1, "")] {
        let digit = number / unit % 10;
        if digit == 0 {
            // Only a zero between digits is said.
            gap = started;
            continue;
        }
        if gap {
            said.push_str(DIGITS[0]);
        }
        // 十五 at the beginning, 两千 throughout.
        match (digit, unit) {
            (1, 10) if first && !started => {}
            (2, 1000) => said.push('两'),
            _ => said.push_str(DIGITS[digit]),
        }
        said.push_str(name);
        (gap, started) = (false, true);
    }
}
