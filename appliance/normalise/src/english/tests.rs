//! Tests of the normalisation, by examples of written text and its spoken words.

use proptest::prelude::*;

use super::{English, english};

#[track_caller]
fn says(cases: &[(&str, &str)]) {
    let wrong: Vec<String> = cases
        .iter()
        .filter_map(|(written, expected)| {
            let said = english(written).text;
            (said != *expected).then(|| format!("{written:?}\n  expected {expected:?}\n  said     {said:?}"))
        })
        .collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn plain_sentences() {
    says(&[
        ("Hello, world!", "hello, world!"),
        ("What?! No way...", "what? no way."),
        ("Wait... then go", "wait, then go."),
        ("Don't use Anna's \"blue\" key (the old one).", "don't use anna's blue key, the old one."),
        ("O'Brien's dogs' food", "o'brien's dogs food."),
        ("Café Zürich, naïve façade, Straße, Łódź, Ærø", "cafe zurich, naive facade, strasse, lodz, aero."),
        ("twenty-three — or more; see: this", "twenty three, or more, see, this."),
        ("a - b", "a, b."),
        ("- item one", "item one."),
        ("door(s) open", "doors open."),
        ("The IT department called. IT support is here.", "the i t department called. i t support is here."),
        ("It is IT that matters, and THE IT TEAM.", "it is it that matters, and the i t team."),
        ("ｆｕｌｌ ｗｉｄｔｈ！", "full width!"),
        ("end.Next", "end. next."),
    ]);
}

#[test]
fn whole_numbers() {
    says(&[
        ("0", "zero."),
        ("7 and 13", "seven and thirteen."),
        ("21", "twenty one."),
        ("100", "one hundred."),
        ("105", "one hundred and five."),
        ("1000", "one thousand."),
        ("1,234,567", "one million two hundred and thirty four thousand five hundred and sixty seven."),
        ("12,34", "twelve, thirty four."),
        ("1000000000000000", "one quadrillion."),
        (
            "999999999999999",
            "nine hundred and ninety nine trillion nine hundred and ninety nine billion \
             nine hundred and ninety nine million nine hundred and ninety nine thousand \
             nine hundred and ninety nine.",
        ),
        (
            "12345678901234567",
            "one two three four five six seven eight nine zero one two three four five six seven.",
        ),
        ("007", "zero zero seven."),
        ("-5", "minus five."),
        ("It is −12 outside", "it is minus twelve outside."),
        ("+3", "plus three."),
        ("~5", "about five."),
        ("±2", "plus or minus two."),
    ]);
}

#[test]
fn ordinals_decimals_fractions_and_ranges() {
    says(&[
        ("the 1st, 2nd, 3rd and 4th", "the first, second, third and fourth."),
        ("the 12th man", "the twelfth man."),
        ("21st, 20th, 100th, 8th, 9th, 5th", "twenty first, twentieth, one hundredth, eighth, ninth, fifth."),
        ("3.14", "three point one four."),
        ("0.05", "zero point zero five."),
        (".5", "point five."),
        ("1/2", "one half."),
        ("3/4 full", "three quarters full."),
        ("2/3", "two thirds."),
        ("1 1/2 cups", "one and a half cups."),
        ("2½ hours", "two and a half hours."),
        ("24/7", "twenty four seven."),
        ("10-15", "ten to fifteen."),
        ("10 – 15", "ten to fifteen."),
        ("2019–2021", "twenty nineteen to twenty twenty one."),
        ("16:9", "sixteen to nine."),
        ("1920x1080", "one thousand nine hundred and twenty by one thousand eighty."),
        ("3 x 4", "three by four."),
        ("3x faster", "three times faster."),
        ("2 + 2 = 4", "two plus two equals four."),
    ]);
}

#[test]
fn times_of_day() {
    says(&[
        ("7:05", "seven oh five."),
        ("07:05", "seven oh five."),
        ("19:30", "nineteen thirty."),
        ("7:00", "seven o'clock."),
        ("19:00", "nineteen hundred."),
        ("00:00", "midnight."),
        ("0:30", "zero thirty."),
        ("07:05:09", "seven oh five and nine seconds."),
        ("7 pm", "seven p m."),
        ("7pm", "seven p m."),
        ("7:30 p.m.", "seven thirty p m."),
        ("At 7 a.m. we go", "at seven a m we go."),
        ("7.30 PM", "seven thirty p m."),
        ("8am-5pm", "eight a m to five p m."),
        ("10:15-10:45", "ten fifteen to ten forty five."),
    ]);
}

#[test]
fn dates() {
    says(&[
        ("2026-11-24", "november twenty fourth twenty twenty six."),
        (
            "2026-11-24T07:05:00Z",
            "november twenty fourth twenty twenty six at seven oh five and zero seconds.",
        ),
        ("24 November", "the twenty fourth of november."),
        ("the 24th of November, 2026", "the twenty fourth of november twenty twenty six."),
        ("Nov 24th", "november twenty fourth."),
        ("Nov. 3, 2005", "november third two thousand five."),
        ("November 2026", "november twenty twenty six."),
        ("May 5 is near", "may fifth is near."),
        ("you may 5 times", "you may five times."),
        ("24.11.2026", "november twenty fourth twenty twenty six."),
        ("11/24/2026", "november twenty fourth twenty twenty six."),
        ("3/4/2026", "three four twenty twenty six."),
        ("in 1905", "in nineteen oh five."),
        ("since 1900", "since nineteen hundred."),
        ("in 2000", "in two thousand."),
        ("in 1500 m", "in one thousand five hundred meters."),
        ("the 1990s", "the nineteen nineties."),
        ("the 80s", "the eighties."),
        ("2026-13-45", "two thousand twenty six to thirteen to forty five."),
    ]);
}

#[test]
fn money() {
    says(&[
        ("$1", "one dollar."),
        ("$5.50", "five dollars and fifty cents."),
        ("€ 3.00", "three euros."),
        ("£0.99", "ninety nine pence."),
        ("$1.01", "one dollar and one cent."),
        ("$3.5 million", "three point five million dollars."),
        ("£1.2bn", "one point two billion pounds."),
        ("5 €", "five euros."),
        ("10 EUR", "ten euros."),
        ("EUR 10", "ten euros."),
        ("¥500", "five hundred yen."),
        ("-$5", "minus five dollars."),
        ("€0.30/kWh", "thirty cents per kilowatt hour."),
        ("0.31 €/kWh", "thirty one cents per kilowatt hour."),
        ("$5–10, $5-$10", "five to ten dollars, five to ten dollars."),
        ("100 000 $ or 1.000.000 €", "one hundred thousand dollars or one million euros."),
        ("1,000 $", "one thousand dollars."),
    ]);
}

#[test]
fn units() {
    says(&[
        ("21 °C", "twenty one degrees celsius."),
        ("21.5°C", "twenty one point five degrees celsius."),
        ("21,5 °C", "twenty one point five degrees celsius."),
        ("-1 °C", "minus one degree celsius."),
        ("70°F", "seventy degrees fahrenheit."),
        ("90°", "ninety degrees."),
        ("50%", "fifty percent."),
        ("50 %", "fifty percent."),
        ("10-15 %", "ten to fifteen percent."),
        ("120 km/h", "one hundred and twenty kilometers per hour."),
        ("1 km", "one kilometer."),
        ("3 kWh", "three kilowatt hours."),
        ("1 kWh", "one kilowatt hour."),
        ("400 ppm", "four hundred parts per million."),
        ("65 dB", "sixty five decibels."),
        ("230 V", "two hundred and thirty volts."),
        ("5V", "five volts."),
        ("16A", "sixteen amps."),
        ("60 W", "sixty watts."),
        ("5 kg", "five kilograms."),
        ("20 m²", "twenty square meters."),
        ("20 m2", "twenty square meters."),
        ("3 m³", "three cubic meters."),
        ("12 µg/m³", "twelve micrograms per cubic meter."),
        ("9.81 m/s²", "nine point eight one meters per second squared."),
        ("1013 hPa", "one thousand thirteen hectopascals."),
        ("5 in the box", "five in the box."),
        ("30 mph", "thirty miles per hour."),
        ("2.4 GHz", "two point four gigahertz."),
        ("10 MB/s", "ten megabytes per second."),
        ("5 min.", "five minutes."),
        ("10-15 °C", "ten to fifteen degrees celsius."),
        ("1 h 20 min", "one hour twenty minutes."),
    ]);
}

#[test]
fn codes_and_telephone_numbers() {
    says(&[
        ("A12", "a twelve."),
        ("Room B204", "room b two oh four."),
        ("Room B-204", "room b two oh four."),
        ("room 312", "room three twelve."),
        ("Flight LH1217", "flight l h twelve seventeen."),
        ("CO2", "c o two."),
        ("PM2.5", "p m two point five."),
        ("3D", "three d."),
        ("RK3588", "r k thirty five eighty eight."),
        ("COVID-19", "covid nineteen."),
        ("Call 112", "call one one two."),
        ("call 555-1234", "call five five five, one two three four."),
        ("(555) 123-4567", "five five five, one two three, four five six seven."),
        ("+49 170 1234567", "plus four nine, one seven zero, one two three four five six seven."),
        ("0170 1234567", "zero one seven zero, one two three four five six seven."),
        ("PIN 0042", "pin zero zero four two."),
        ("#5", "number five."),
    ]);
}

#[test]
fn abbreviations_and_acronyms() {
    says(&[
        ("Dr. Smith and Mr. Jones", "doctor smith and mister jones."),
        ("Mrs Hill, Prof. Lee", "missus hill, professor lee."),
        ("St. Mary, Main St. is closed", "saint mary, main street is closed."),
        ("e.g. this, i.e. that, etc.", "for example this, that is that, et cetera."),
        ("No. 5", "number five."),
        ("No. I won't", "no. i won't."),
        ("The U.S. team", "the u s team."),
        ("MQTT is up", "m q t t is up."),
        ("the mqtt broker", "the m q t t broker."),
        ("USB and LED", "u s b and l e d."),
        ("NASA's TVs", "nasa's t v s."),
        ("STOP! Do NOT open the DOOR", "stop! do not open the door."),
        ("FIRE IN THE HALL", "fire in the hall."),
        ("EVACUATE ROOM A12 VIA THE USB DOOR", "evacuate room a twelve via the u s b door."),
        ("HomeAssistant and WiFi", "home assistant and wi fi."),
        ("McDonald has an iPhone", "mcdonald has an iphone."),
        ("OpenAI", "open a i."),
        ("OK, World War II and Henry VIII", "okay, world war two and henry the eighth."),
        ("Hmm, shh", "hmm, shh."),
    ]);
}

#[test]
fn addresses_and_signs() {
    says(&[
        ("https://example.com/a?b=1", "example dot com slash a question mark b equals one."),
        ("See www.example.org.", "see w w w dot example dot org."),
        ("mail anna.lee@example.com now", "mail anna dot lee at example dot com now."),
        ("crier.local", "crier dot local."),
        ("192.168.1.10", "one nine two dot one six eight dot one dot one zero."),
        ("v1.2.3", "version one point two point three."),
        ("readme.md", "readme dot m d."),
        ("Tom & Anna", "tom and anna."),
        ("A+B", "a plus b."),
        ("me @ home", "me at home."),
        ("and/or", "and or."),
        ("on/off", "on slash off."),
        ("#news", "hashtag news."),
        ("> 5", "greater than five."),
        ("*bold* _text_", "bold text."),
    ]);
}

#[test]
fn characters_without_pronunciation_are_reported() {
    let English { text, skipped } = english("Hello 你好 😀 world");
    assert_eq!((text.as_str(), skipped), ("hello world.", vec!['你', '好', '😀']));
    let English { text, skipped } = english("Дверь");
    assert_eq!((text.as_str(), skipped.len()), ("", 5));
    assert_eq!(english("... !").text, "");
    assert_eq!(english("").text, "");
}

#[test]
fn sums_without_a_whole_part_are_said() {
    assert_eq!(english(".00£").text, "zero pounds.");
    assert_eq!(english(".50£").text, "fifty pence.");
}

fn is_plain(text: &str) -> bool {
    let words_and_marks = text.chars().all(|c| c.is_ascii_lowercase() || " '.,?!".contains(c));
    let spaced = !text.contains("  ") && !text.starts_with([' ', ',', '.', '?', '!']);
    words_and_marks && spaced && (text.is_empty() || text.ends_with(['.', '?', '!']))
}

proptest! {
    #[test]
    fn any_text_becomes_plain_words(text in "\\PC{0,200}") {
        let said = english(&text).text;
        prop_assert!(is_plain(&said), "{said:?}");
    }

    #[test]
    fn numbers_and_signs_of_all_kinds(text in "[0-9a-zA-Z .,:;/%°€$£#@+()'–½²µΩ-]{0,120}") {
        let English { text: said, skipped } = english(&text);
        prop_assert!(is_plain(&said), "{said:?}");
        prop_assert!(skipped.is_empty());
        // At most one long word for each character.
        prop_assert!(said.len() <= 40 + 40 * text.chars().count());
        // Letters and digits are never passed over in silence.
        prop_assert!(!said.is_empty() || !text.contains(|c: char| c.is_ascii_alphanumeric()));
    }

    #[test]
    fn every_number_becomes_words(number in 0_u64..10_000_000_000_000_000) {
        let said = english(&number.to_string()).text;
        prop_assert!(is_plain(&said) && !said.is_empty());
    }
}

#[test]
fn hostile_text_takes_linear_time() {
    for unit in ["1", "a.", "1:", "-", "$", "1 ", "A-1", "(1) ", "1/", "+1 ", "é", "www.", "https://"] {
        let text = unit.repeat(100_000 / unit.len());
        let begin = std::time::Instant::now();
        let _ = english(&text);
        assert!(begin.elapsed().as_secs_f32() < 5.0, "{unit:?} takes {:?}", begin.elapsed());
    }
}
