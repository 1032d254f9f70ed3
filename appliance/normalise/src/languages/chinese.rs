//! Chinese, with simplified characters.

use super::{Agreement, Conventions, CurrencyWords, DateOrder, Gender, Grammar, Noun, neuter};
use crate::semiotic::{
    CalendarDate, ClockTime, MetricUnit, Quantity, Ratio, Surroundings, UnitPhrase, WrittenNumber,
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

static CONVENTIONS: Conventions = Conventions {
    joint: "",
    decimal_mark: '.',
    mixed_joints: &[" ", "又"],
    digits: DIGITS,
    minus: "负",
    plus: "加",
    point: "点",
    dot: "点",
    to: "到",
    per: "每",
    scales: &[
        (&["万亿"], neuter(&["万亿"])),
        (&["万"], neuter(&["万"])),
        (&["亿"], neuter(&["亿"])),
        (&["千万"], neuter(&["千万"])),
        (&["百万"], neuter(&["百万"])),
    ],
    of: "",
    and_hundredths: "",
    units: &UNITS,
    metric_units: &METRIC_UNITS,
    prefixes: &[
        ("k", "千"),
        ("c", "厘"),
        ("m", "毫"),
        ("µ", "微"),
        ("n", "纳"),
        ("d", "分"),
        ("h", "百"),
        ("M", "兆"),
        ("G", "吉"),
        ("T", "太"),
    ],
    currencies: &CURRENCIES,
    money_joints: &[],
    date_order: DateOrder::YearFirst,
    weekdays: &[
        ('一', "星期一"),
        ('二', "星期二"),
        ('三', "星期三"),
        ('四', "星期四"),
        ('五', "星期五"),
        ('六', "星期六"),
        ('日', "星期日"),
    ],
    months: &[],
    day_marks: &[],
    date_joints: &[],
    month_before_day: false,
    hour_letter: false,
    hour_markers: &[],
    telephone: &[
        "电话",
        "热线",
        "手机",
        "手机号",
        "密码",
        "验证码",
        "编号",
        "房间号",
        "传真",
        "请拨打",
        "拨打",
        "致电",
        "号码",
    ],
    abbreviations: &[],
    signs: &[
        ('%', "百分号"),
        ('&', "和"),
        ('+', "加"),
        ('=', "等于"),
        ('×', "乘"),
        ('÷', "除以"),
        ('<', "小于"),
        ('>', "大于"),
        ('≤', "小于等于"),
        ('≥', "大于等于"),
        ('±', "正负"),
        ('≈', "约等于"),
        ('~', "约"),
        ('#', "号"),
        ('№', "号"),
        ('°', "度"),
        ('²', "平方"),
        ('³', "立方"),
        ('@', "艾特"),
        (':', "比"),
        ('/', "斜杠"),
        ('√', "根号"),
        ('§', "第"),
    ],
    address_signs: &[
        ('.', "点"),
        ('@', "艾特"),
        ('-', "横杠"),
        ('_', "下划线"),
        ('/', "斜杠"),
        (':', "冒号"),
        ('?', "问号"),
        ('=', "等于"),
        ('&', "和"),
        ('#', "井号"),
        ('%', "百分号"),
        ('+', "加"),
        ('~', "波浪号"),
    ],
};

const UNITS: [(&str, Noun); 30] = [
    ("%", PERCENT),
    ("‰", neuter(&["千分之"])),
    ("°", neuter(&["度"])),
    ("°C", neuter(&["摄氏度"])),
    ("°F", neuter(&["华氏度"])),
    ("K", neuter(&["开尔文"])),
    ("kg", neuter(&["公斤"])),
    ("km", neuter(&["公里"])),
    ("t", neuter(&["吨"])),
    ("h", neuter(&["小时"])),
    ("min", neuter(&["分钟"])),
    ("s", neuter(&["秒"])),
    ("ms", neuter(&["毫秒"])),
    ("kWh", neuter(&["千瓦时"])),
    ("MWh", neuter(&["兆瓦时"])),
    ("mAh", neuter(&["毫安时"])),
    ("ha", neuter(&["公顷"])),
    ("rpm", neuter(&["转每分钟"])),
    ("dB", neuter(&["分贝"])),
    ("ft", neuter(&["英尺"])),
    ("in", neuter(&["英寸"])),
    ("mi", neuter(&["英里"])),
    ("mph", neuter(&["英里每小时"])),
    ("lb", neuter(&["磅"])),
    ("oz", neuter(&["盎司"])),
    ("ppm", neuter(&["ppm"])),
    ("bar", neuter(&["巴"])),
    ("kcal", neuter(&["千卡"])),
    ("KB", neuter(&["千字节"])),
    ("mmHg", neuter(&["毫米汞柱"])),
];
/// Said before the number.
const PERCENT: Noun = neuter(&["百分之"]);

const METRIC_UNITS: [(&str, Noun); 17] = [
    ("m", neuter(&["米"])),
    ("g", neuter(&["克"])),
    ("l", neuter(&["升"])),
    ("L", neuter(&["升"])),
    ("W", neuter(&["瓦"])),
    ("V", neuter(&["伏"])),
    ("A", neuter(&["安"])),
    ("Hz", neuter(&["赫兹"])),
    ("Pa", neuter(&["帕"])),
    ("J", neuter(&["焦"])),
    ("N", neuter(&["牛"])),
    ("Ω", neuter(&["欧姆"])),
    ("B", neuter(&["字节"])),
    ("bit", neuter(&["比特"])),
    ("mol", neuter(&["摩尔"])),
    ("lx", neuter(&["勒克斯"])),
    ("lm", neuter(&["流明"])),
];

const CURRENCIES: [CurrencyWords; 9] = [
    currency(&["¥", "￥", "RMB", "CNY"], &["元"]),
    currency(&["$", "US$", "USD"], &["美元"]),
    currency(&["€", "EUR"], &["欧元"]),
    currency(&["£", "GBP"], &["英镑"]),
    currency(&["₩", "KRW"], &["韩元"]),
    currency(&["JPY"], &["日元"]),
    currency(&["HK$", "HKD"], &["港元"]),
    currency(&["₽", "RUB"], &["卢布"]),
    currency(&["CHF"], &["瑞士法郎"]),
];

const fn currency(written: &'static [&'static str], unit: &'static [&'static str]) -> CurrencyWords {
    CurrencyWords { written, unit: neuter(unit), hundredth: None }
}

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
