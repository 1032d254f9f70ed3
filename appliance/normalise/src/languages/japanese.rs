//! Japanese.

use std::sync::LazyLock;

use super::{Agreement, Conventions, Grammar, Noun, groups_of_four, tables};
use crate::semiotic::{
    CalendarDate, ClockTime, MetricUnit, Quantity, Ratio, Surroundings, UnitPhrase, WrittenNumber,
};

/// Japanese.
pub(super) struct Japanese;

const DIGITS: [&str; 10] = ["零", "一", "二", "三", "四", "五", "六", "七", "八", "九"];
const SCALES: [&str; 7] = ["", "万", "億", "兆", "京", "垓", "𥝱"];

static CONVENTIONS: LazyLock<Conventions> = LazyLock::new(|| Conventions::read(tables::JAPANESE));

impl Grammar for Japanese {
    fn conventions(&self) -> &'static Conventions {
        &CONVENTIONS
    }

    fn cardinal(&self, number: u128, _: Agreement) -> String {
        if number == 0 {
            return DIGITS[0].to_owned();
        }
        groups_of_four(number).map(|(power, group)| group_of_four(power, group)).collect()
    }

    fn ordinal(&self, number: u128, _: &str, _: &Surroundings<'_>) -> String {
        self.cardinal(number, Agreement::COUNTING)
    }

    fn ordinal_mark(&self, _: &Surroundings<'_>, _: &WrittenNumber) -> Option<usize> {
        None
    }

    fn counts_padded(&self, place: &Surroundings<'_>) -> bool {
        place.rest.starts_with(['年', '月', '日', '時', '分', '秒', '号', '番', '階'])
    }

    fn date(&self, date: &CalendarDate, _: &Surroundings<'_>) -> String {
        let said =
            |number: u16, unit: &str| format!("{}{unit}", self.cardinal(number.into(), Agreement::COUNTING));
        let year = date.year.map(|year| said(year, "年")).unwrap_or_default();
        let day = date.day.map(|day| said(day.into(), "日")).unwrap_or_default();
        format!("{year}{}{day}", said(date.month.into(), "月"))
    }

    fn time(&self, time: &ClockTime, _: &Surroundings<'_>) -> String {
        let said =
            |number: u8, unit: &str| format!("{}{unit}", self.cardinal(number.into(), Agreement::COUNTING));
        // A full hour has no minutes, unless seconds follow.
        let minute = time.minute.filter(|minute| *minute > 0 || time.second.is_some());
        let half = match time.afternoon {
            Some(true) => "午後",
            Some(false) => "午前",
            None => "",
        };
        let minute = minute.map(|minute| said(minute, "分")).unwrap_or_default();
        let second = time.second.map(|second| said(second, "秒")).unwrap_or_default();
        format!("{half}{}{minute}{second}", said(time.hour, "時"))
    }

    fn ratio(&self, ratio: &Ratio) -> String {
        let said = |number| self.cardinal(number, Agreement::COUNTING);
        let minus = if ratio.minus { "マイナス" } else { "" };
        let whole = ratio.whole.map(|whole| format!("{}と", said(whole))).unwrap_or_default();
        format!("{minus}{whole}{}分の{}", said(ratio.denominator), said(ratio.numerator))
    }

    fn scaled(&self, number: &WrittenNumber, scale: &'static Noun, _: &Surroundings<'_>) -> String {
        format!("{}{}", self.number(number, Agreement::COUNTING), scale.form(0))
    }

    fn unit_name(&self, unit: &MetricUnit, index: usize) -> String {
        let power = match unit.power {
            2 => "平方",
            3 => "立方",
            _ => "",
        };
        format!("{power}{}{}", unit.prefix, unit.noun.form(index))
    }

    fn measure(&self, amount: &Quantity, phrase: &UnitPhrase, place: &Surroundings<'_>) -> String {
        // Speeds have the time first: 時速六十キロメートル.
        let speed =
            match (phrase.unit.map(|unit| unit.noun.form(0)), phrase.per.map(|unit| unit.noun.form(0))) {
                (Some("メートル"), Some("時間")) => "時速",
                (Some("メートル"), Some("秒")) => "秒速",
                (Some("メートル"), Some("分")) => "分速",
                _ => return super::grammar::measure(self, amount, phrase, place),
            };
        let length = UnitPhrase { per: None, ..*phrase };
        format!("{speed}{}", super::grammar::measure(self, amount, &length, place))
    }

    fn denominator(&self, unit: &MetricUnit) -> String {
        match unit.noun.form(0) {
            "時間" => "毎時".to_owned(),
            "分" => "毎分".to_owned(),
            "秒" => "毎秒".to_owned(),
            _ => format!("毎{}", self.unit_name(unit, 0)),
        }
    }

    fn telephone(&self, groups: &[&str], country: bool) -> String {
        // Zero is an English word when digits are read one by one.
        let said: Vec<String> =
            groups.iter().map(|group| self.by_digits(group).replace('零', "ゼロ")).collect();
        format!("{}{}", if country { "プラス" } else { "" }, said.join("、"))
    }
}

/// Returns a group of four digits with the name of its power; one is not said before 千, 百 and 十.
fn group_of_four(power: usize, group: u16) -> String {
    let mut said = String::new();
    for (unit, name) in [(1000, "千"), (100, "百"), (10, "十"), (1, "")] {
        let digit = usize::from(group / unit % 10);
        if digit == 0 {
            continue;
        }
        // 千 is 一千 before 万 and the larger powers.
        let one = unit == 1 || unit == 1000 && power > 0;
        said.push_str(if digit > 1 || one { DIGITS[digit] } else { "" });
        said.push_str(name);
    }
    said + SCALES[power.min(SCALES.len() - 1)]
}
