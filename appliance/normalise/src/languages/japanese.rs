//! Japanese.

use super::{Agreement, Conventions, CurrencyWords, DateOrder, Grammar, Noun, groups_of_four, neuter};
use crate::semiotic::{CalendarDate, ClockTime, MetricUnit, Ratio, Surroundings, WrittenNumber};

/// Japanese.
pub(super) struct Japanese;

const DIGITS: [&str; 10] = ["零", "一", "二", "三", "四", "五", "六", "七", "八", "九"];
const SCALES: [&str; 7] = ["", "万", "億", "兆", "京", "垓", "𥝱"];

static CONVENTIONS: Conventions = Conventions {
    joint: "",
    decimal_mark: '.',
    mixed_joints: &[" ", "と", "荷"],
    digits: DIGITS,
    minus: "マイナス",
    plus: "プラス",
    point: "点",
    dot: "ドット",
    to: "から",
    per: "毎",
    scales: &[
        (&["兆"], neuter(&["兆"])),
        (&["億"], neuter(&["億"])),
        (&["万"], neuter(&["万"])),
        (&["千万"], neuter(&["千万"])),
        (&["百万"], neuter(&["百万"])),
    ],
    of: "",
    and_hundredths: "",
    units: &UNITS,
    metric_units: &METRIC_UNITS,
    prefixes: &[
        ("k", "キロ"),
        ("c", "センチ"),
        ("m", "ミリ"),
        ("µ", "マイクロ"),
        ("n", "ナノ"),
        ("d", "デシ"),
        ("h", "ヘクト"),
        ("M", "メガ"),
        ("G", "ギガ"),
        ("T", "テラ"),
    ],
    currencies: &CURRENCIES,
    money_joints: &[],
    date_order: DateOrder::YearFirst,
    weekdays: &[
        ('月', "月曜日"),
        ('火', "火曜日"),
        ('水', "水曜日"),
        ('木', "木曜日"),
        ('金', "金曜日"),
        ('土', "土曜日"),
        ('日', "日曜日"),
        ('祝', "祝日"),
    ],
    months: &[],
    day_marks: &[],
    date_joints: &[],
    month_before_day: false,
    hour_letter: false,
    hour_markers: &[],
    telephone: &["電話", "電話番号", "携帯", "番号", "暗証番号", "コード", "内線"],
    abbreviations: &[],
    signs: &[
        ('%', "パーセント"),
        ('&', "アンド"),
        ('+', "プラス"),
        ('=', "イコール"),
        ('×', "かける"),
        ('÷', "わる"),
        ('<', "小なり"),
        ('>', "大なり"),
        ('≤', "以下"),
        ('≥', "以上"),
        ('±', "プラスマイナス"),
        ('≈', "およそ"),
        ('~', "から"),
        ('#', "シャープ"),
        ('№', "ナンバー"),
        ('°', "度"),
        ('²', "の二乗"),
        ('³', "の三乗"),
        ('@', "アット"),
        (':', "対"),
        ('/', "スラッシュ"),
        ('√', "ルート"),
        ('¥', "円"),
        ('$', "ドル"),
        ('€', "ユーロ"),
    ],
    address_signs: &[
        ('.', "ドット"),
        ('@', "アットマーク"),
        ('-', "ハイフン"),
        ('_', "アンダーバー"),
        ('/', "スラッシュ"),
        (':', "コロン"),
        ('?', "クエスチョン"),
        ('=', "イコール"),
        ('&', "アンド"),
        ('#', "シャープ"),
        ('%', "パーセント"),
        ('+', "プラス"),
        ('~', "チルダ"),
    ],
};

const UNITS: [(&str, Noun); 25] = [
    ("%", neuter(&["パーセント"])),
    ("‰", neuter(&["パーミル"])),
    ("°", neuter(&["度"])),
    ("°C", neuter(&["度"])),
    ("°F", neuter(&["度"])),
    ("K", neuter(&["ケルビン"])),
    ("t", neuter(&["トン"])),
    ("h", neuter(&["時間"])),
    ("min", neuter(&["分"])),
    ("s", neuter(&["秒"])),
    ("ms", neuter(&["ミリ秒"])),
    ("kWh", neuter(&["キロワットアワー"])),
    ("MWh", neuter(&["メガワットアワー"])),
    ("mAh", neuter(&["ミリアンペアアワー"])),
    ("ha", neuter(&["ヘクタール"])),
    ("rpm", neuter(&["回転毎分"])),
    ("dB", neuter(&["デシベル"])),
    ("ft", neuter(&["フィート"])),
    ("in", neuter(&["インチ"])),
    ("mi", neuter(&["マイル"])),
    ("mph", neuter(&["マイル毎時"])),
    ("lb", neuter(&["ポンド"])),
    ("oz", neuter(&["オンス"])),
    ("bar", neuter(&["バール"])),
    ("kcal", neuter(&["キロカロリー"])),
];

const METRIC_UNITS: [(&str, Noun); 16] = [
    ("m", neuter(&["メートル"])),
    ("g", neuter(&["グラム"])),
    ("l", neuter(&["リットル"])),
    ("L", neuter(&["リットル"])),
    ("W", neuter(&["ワット"])),
    ("V", neuter(&["ボルト"])),
    ("A", neuter(&["アンペア"])),
    ("Hz", neuter(&["ヘルツ"])),
    ("Pa", neuter(&["パスカル"])),
    ("J", neuter(&["ジュール"])),
    ("N", neuter(&["ニュートン"])),
    ("Ω", neuter(&["オーム"])),
    ("B", neuter(&["バイト"])),
    ("bit", neuter(&["ビット"])),
    ("mol", neuter(&["モル"])),
    ("lx", neuter(&["ルクス"])),
];

const CURRENCIES: [CurrencyWords; 8] = [
    currency(&["¥", "￥", "JPY"], &["円"]),
    currency(&["$", "US$", "USD"], &["ドル"]),
    currency(&["€", "EUR"], &["ユーロ"]),
    currency(&["£", "GBP"], &["ポンド"]),
    currency(&["₩", "KRW"], &["ウォン"]),
    currency(&["CNY"], &["元"]),
    currency(&["₽", "RUB"], &["ルーブル"]),
    currency(&["CHF"], &["スイスフラン"]),
];

const fn currency(written: &'static [&'static str], unit: &'static [&'static str]) -> CurrencyWords {
    CurrencyWords { written, unit: neuter(unit), hundredth: None }
}

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
