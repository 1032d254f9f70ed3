//! Units of measurement: symbol, one, many.

use super::scan::is_over;

/// A unit as it is said.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Unit {
    one: &'static str,
    many: &'static str,
    /// A length, whose powers are squares and cubes.
    is_length: bool,
}

/// Symbols that are taken for units only where they touch the number, for with a blank they are words: "5 in the box".
const TOUCHING_ONLY: [&str; 4] = ["in", "A", "d", "ac"];
/// Symbols that are taken for units only behind a blank: "10K" is ten thousand.
const APART_ONLY: [&str; 1] = ["K"];
/// Symbols that are also written in other case, as long as no other unit is meant by that.
const ANY_CASE: [&str; 30] = [
    "kg", "km", "cm", "mm", "mg", "lb", "lbs", "oz", "ml", "ft", "mph", "kph", "kmh", "Hz", "kHz", "MHz",
    "GHz", "dB", "kW", "kWh", "kB", "MB", "GB", "TB", "Mbps", "Gbps", "hPa", "psi", "rpm", "min",
];
/// Names and short forms of what a rate is counted in.
const PER: [(&str, &str); 33] = [
    ("s", "second"),
    ("sec", "second"),
    ("second", "second"),
    ("min", "minute"),
    ("minute", "minute"),
    ("h", "hour"),
    ("hr", "hour"),
    ("hour", "hour"),
    ("d", "day"),
    ("day", "day"),
    ("night", "night"),
    ("wk", "week"),
    ("week", "week"),
    ("mo", "month"),
    ("mth", "month"),
    ("month", "month"),
    ("yr", "year"),
    ("y", "year"),
    ("year", "year"),
    ("person", "person"),
    ("pax", "person"),
    ("head", "head"),
    ("user", "user"),
    ("seat", "seat"),
    ("unit", "unit"),
    ("item", "item"),
    ("piece", "piece"),
    ("pc", "piece"),
    ("km", "kilometer"),
    ("100km", "hundred kilometers"),
    ("100 km", "hundred kilometers"),
    ("1000", "thousand"),
    ("call", "call"),
];
/// Units of two words.
const PHRASES: [(&str, &str, &str); 9] = [
    ("sq ft", "square foot", "square feet"),
    ("sq. ft.", "square foot", "square feet"),
    ("sq. ft", "square foot", "square feet"),
    ("sq m", "square meter", "square meters"),
    ("sq km", "square kilometer", "square kilometers"),
    ("sq mi", "square mile", "square miles"),
    ("cu ft", "cubic foot", "cubic feet"),
    ("cu m", "cubic meter", "cubic meters"),
    ("fl oz", "fluid ounce", "fluid ounces"),
];

const LENGTHS: [(&str, &str, &str); 11] = [
    ("nm", "nanometer", "nanometers"),
    ("µm", "micrometer", "micrometers"),
    ("mm", "millimeter", "millimeters"),
    ("cm", "centimeter", "centimeters"),
    ("dm", "decimeter", "decimeters"),
    ("m", "meter", "meters"),
    ("km", "kilometer", "kilometers"),
    ("in", "inch", "inches"),
    ("ft", "foot", "feet"),
    ("yd", "yard", "yards"),
    ("mi", "mile", "miles"),
];

const OTHERS: [(&str, &str, &str); 154] = [
    // Mass
    ("µg", "microgram", "micrograms"),
    ("mg", "milligram", "milligrams"),
    ("g", "gram", "grams"),
    ("kg", "kilogram", "kilograms"),
    ("t", "ton", "tons"),
    ("lb", "pound", "pounds"),
    ("lbs", "pound", "pounds"),
    ("oz", "ounce", "ounces"),
    ("tbsp", "tablespoon", "tablespoons"),
    ("tsp", "teaspoon", "teaspoons"),
    // Volume, area
    ("ml", "milliliter", "milliliters"),
    ("mL", "milliliter", "milliliters"),
    ("cl", "centiliter", "centiliters"),
    ("dl", "deciliter", "deciliters"),
    ("dL", "deciliter", "deciliters"),
    ("l", "liter", "liters"),
    ("L", "liter", "liters"),
    ("hl", "hectoliter", "hectoliters"),
    ("gal", "gallon", "gallons"),
    ("ha", "hectare", "hectares"),
    ("sqm", "square meter", "square meters"),
    ("sqft", "square foot", "square feet"),
    // Time
    ("ns", "nanosecond", "nanoseconds"),
    ("µs", "microsecond", "microseconds"),
    ("ms", "millisecond", "milliseconds"),
    ("s", "second", "seconds"),
    ("sec", "second", "seconds"),
    ("secs", "second", "seconds"),
    ("min", "minute", "minutes"),
    ("mins", "minute", "minutes"),
    ("h", "hour", "hours"),
    ("hr", "hour", "hours"),
    ("hrs", "hour", "hours"),
    ("d", "day", "days"),
    // Speed and rate
    ("mph", "mile per hour", "miles per hour"),
    ("kph", "kilometer per hour", "kilometers per hour"),
    ("kn", "knot", "knots"),
    ("kt", "knot", "knots"),
    ("rpm", "revolution per minute", "revolutions per minute"),
    ("bpm", "beat per minute", "beats per minute"),
    ("fps", "frame per second", "frames per second"),
    ("Hz", "hertz", "hertz"),
    ("kHz", "kilohertz", "kilohertz"),
    ("MHz", "megahertz", "megahertz"),
    ("GHz", "gigahertz", "gigahertz"),
    // Electricity, energy
    ("µV", "microvolt", "microvolts"),
    ("mV", "millivolt", "millivolts"),
    ("V", "volt", "volts"),
    ("kV", "kilovolt", "kilovolts"),
    ("µA", "microamp", "microamps"),
    ("mA", "milliamp", "milliamps"),
    ("A", "amp", "amps"),
    ("Ah", "amp hour", "amp hours"),
    ("mAh", "milliamp hour", "milliamp hours"),
    ("mW", "milliwatt", "milliwatts"),
    ("W", "watt", "watts"),
    ("kW", "kilowatt", "kilowatts"),
    ("MW", "megawatt", "megawatts"),
    ("GW", "gigawatt", "gigawatts"),
    ("Wh", "watt hour", "watt hours"),
    ("kWh", "kilowatt hour", "kilowatt hours"),
    ("MWh", "megawatt hour", "megawatt hours"),
    ("VA", "volt amp", "volt amps"),
    ("kVA", "kilovolt amp", "kilovolt amps"),
    ("Ω", "ohm", "ohms"),
    ("kΩ", "kilohm", "kilohms"),
    ("MΩ", "megohm", "megohms"),
    ("J", "joule", "joules"),
    ("kJ", "kilojoule", "kilojoules"),
    ("cal", "calorie", "calories"),
    ("kcal", "kilocalorie", "kilocalories"),
    // Pressure, force
    ("Pa", "pascal", "pascals"),
    ("hPa", "hectopascal", "hectopascals"),
    ("kPa", "kilopascal", "kilopascals"),
    ("mbar", "millibar", "millibars"),
    ("bar", "bar", "bars"),
    ("psi", "pound per square inch", "pounds per square inch"),
    ("N", "newton", "newtons"),
    ("Nm", "newton meter", "newton meters"),
    // Sound, light, heat, shares
    ("dB", "decibel", "decibels"),
    ("dBA", "decibel", "decibels"),
    ("dBm", "decibel milliwatt", "decibel milliwatts"),
    ("lx", "lux", "lux"),
    ("lm", "lumen", "lumens"),
    ("K", "kelvin", "kelvin"),
    ("ppm", "part per million", "parts per million"),
    ("ppb", "part per billion", "parts per billion"),
    // Data
    ("kB", "kilobyte", "kilobytes"),
    ("KB", "kilobyte", "kilobytes"),
    ("MB", "megabyte", "megabytes"),
    ("GB", "gigabyte", "gigabytes"),
    ("TB", "terabyte", "terabytes"),
    ("kbps", "kilobit per second", "kilobits per second"),
    ("Mbps", "megabit per second", "megabits per second"),
    ("Gbps", "gigabit per second", "gigabits per second"),
    ("px", "pixel", "pixels"),
    ("st", "stone", "stone"),
    ("mpg", "mile per gallon", "miles per gallon"),
    ("kmh", "kilometer per hour", "kilometers per hour"),
    ("nmi", "nautical mile", "nautical miles"),
    ("mcg", "microgram", "micrograms"),
    ("cc", "CC", "CC"),
    ("ac", "acre", "acres"),
    ("wk", "week", "weeks"),
    ("wks", "week", "weeks"),
    ("yr", "year", "years"),
    ("yrs", "year", "years"),
    ("mos", "month", "months"),
    ("THz", "terahertz", "terahertz"),
    ("TWh", "terawatt hour", "terawatt hours"),
    ("GWh", "gigawatt hour", "gigawatt hours"),
    ("mWh", "milliwatt hour", "milliwatt hours"),
    ("kWp", "kilowatt peak", "kilowatts peak"),
    ("Wp", "watt peak", "watts peak"),
    ("VDC", "volt DC", "volts DC"),
    ("VAC", "volt AC", "volts AC"),
    ("µF", "microfarad", "microfarads"),
    ("nF", "nanofarad", "nanofarads"),
    ("pF", "picofarad", "picofarads"),
    ("µH", "microhenry", "microhenries"),
    ("mH", "millihenry", "millihenries"),
    ("MJ", "megajoule", "megajoules"),
    ("BTU", "BTU", "BTU"),
    ("hp", "horsepower", "horsepower"),
    ("MPa", "megapascal", "megapascals"),
    ("GPa", "gigapascal", "gigapascals"),
    ("mmHg", "millimeter of mercury", "millimeters of mercury"),
    ("inHg", "inch of mercury", "inches of mercury"),
    ("kN", "kilonewton", "kilonewtons"),
    ("dBi", "decibel", "decibels"),
    ("cd", "candela", "candelas"),
    ("Bq", "becquerel", "becquerels"),
    ("Sv", "sievert", "sieverts"),
    ("mSv", "millisievert", "millisieverts"),
    ("µSv", "microsievert", "microsieverts"),
    ("mol", "mole", "moles"),
    ("mmol", "millimole", "millimoles"),
    ("IU", "international unit", "international units"),
    ("bit", "bit", "bits"),
    ("kbit", "kilobit", "kilobits"),
    ("Mbit", "megabit", "megabits"),
    ("Gbit", "gigabit", "gigabits"),
    ("kb", "kilobit", "kilobits"),
    ("Mb", "megabit", "megabits"),
    ("Gb", "gigabit", "gigabits"),
    ("PB", "petabyte", "petabytes"),
    ("KiB", "kibibyte", "kibibytes"),
    ("MiB", "mebibyte", "mebibytes"),
    ("GiB", "gibibyte", "gibibytes"),
    ("TiB", "tebibyte", "tebibytes"),
    ("bps", "bit per second", "bits per second"),
    ("MP", "megapixel", "megapixels"),
    ("dpi", "dot per inch", "dots per inch"),
    ("DPI", "dot per inch", "dots per inch"),
];

/// Returns the unit of a symbol; `touching` means that no blank is before it.
fn find(symbol: &str, touching: bool) -> Option<Unit> {
    // A letter that touches is part of a label, one apart a word: each case excludes other symbols.
    let excluded = if touching { APART_ONLY.as_slice() } else { TOUCHING_ONLY.as_slice() };
    if excluded.contains(&symbol) {
        return None;
    }
    let look_in = |symbol: &str, table: &[(&str, &'static str, &'static str)], is_length| {
        let &(_, one, many) = table.iter().find(|(s, _, _)| *s == symbol)?;
        Some(Unit { one, many, is_length })
    };
    // Symbols are case-sensitive: a milliwatt is not a megawatt.
    look_in(symbol, &LENGTHS, true).or_else(|| look_in(symbol, &OTHERS, false)).or_else(|| {
        let usual = ANY_CASE.iter().find(|known| known.eq_ignore_ascii_case(symbol))?;
        look_in(usual, &LENGTHS, true).or_else(|| look_in(usual, &OTHERS, false))
    })
}

/// A unit at the beginning of `text` as words for one or for many, and its length in bytes.
pub(super) fn read(text: &str, touching: bool, one: bool) -> Option<(String, usize)> {
    let (mut words, mut length) =
        signs(text, one).or_else(|| phrase(text, one)).or_else(|| power(text, touching, one))?;
    if let Some((per, more)) = text[length..].strip_prefix('/').and_then(per) {
        words = format!("{words} per {per}");
        length += 1 + more;
    }
    // "5 min" is a unit, "5 minutes" a word that begins like one.
    let last_is_letter = text[..length].ends_with(char::is_alphanumeric);
    (!last_is_letter || is_over(&text[length..])).then_some((words, length))
}

/// Reads the unit behind the stroke of a rate: the longest that fits.
pub(super) fn per(text: &str) -> Option<(String, usize)> {
    let named = PER
        .iter()
        .filter(|(written, _)| text.strip_prefix(written).is_some_and(is_over))
        .max_by_key(|(written, _)| written.len())
        .map(|(written, said)| ((*said).to_owned(), written.len()));
    // "m/s²" has a power, which only a unit can have.
    named
        .filter(|(_, length)| !text[*length..].starts_with(['²', '³', '^']))
        .or_else(|| power(text, true, true))
}

fn phrase(text: &str, one: bool) -> Option<(String, usize)> {
    let (written, singular, plural) =
        PHRASES.iter().find(|(written, ..)| text.strip_prefix(written).is_some_and(is_over))?;
    Some(((if one { *singular } else { *plural }).to_owned(), written.len()))
}

/// Percent, per mille and degrees.
fn signs(text: &str, one: bool) -> Option<(String, usize)> {
    if text.starts_with('%') {
        return Some(("percent".to_owned(), 1));
    }
    if text.starts_with('‰') {
        return Some(("per mille".to_owned(), '‰'.len_utf8()));
    }
    let after = text.strip_prefix('°')?;
    let degrees = if one { "degree" } else { "degrees" };
    // "21 ° C" is seen on displays.
    let scale = after.strip_prefix(' ').unwrap_or(after);
    for (letter, name) in [('C', "Celsius"), ('F', "Fahrenheit")] {
        if scale.strip_prefix(letter).is_some_and(is_over) {
            return Some((format!("{degrees} {name}"), text.len() - scale.len() + 1));
        }
    }
    Some((degrees.to_owned(), '°'.len_utf8()))
}

/// Reads a unit with or without a power, without its denominator.
fn power(text: &str, touching: bool, one: bool) -> Option<(String, usize)> {
    // The longest run of letters: "kWh" must not be read as "kW".
    let symbol_end =
        text.find(|c: char| !(c.is_ascii_alphabetic() || matches!(c, 'µ' | 'Ω'))).unwrap_or(text.len());
    let unit = find(&text[..symbol_end], touching)?;
    let name = if one { unit.one } else { unit.many };
    let after = &text[symbol_end..];
    let powers = [("²", 2), ("³", 3), ("^2", 2), ("^3", 3), ("2", 2), ("3", 3)];
    // A bare digit is a power of lengths only: "m2" is an area, "V2" a name.
    let found = powers.iter().find(|(sign, _)| {
        after.strip_prefix(sign).is_some_and(is_over) && (unit.is_length || !sign.starts_with(['2', '3']))
    });
    Some(match found {
        None => (name.to_owned(), symbol_end),
        Some(&(sign, power)) => {
            let words = match (unit.is_length, power) {
                (true, 2) => format!("square {name}"),
                (true, _) => format!("cubic {name}"),
                (false, 2) => format!("{name} squared"),
                (false, _) => format!("{name} cubed"),
            };
            (words, symbol_end + sign.len())
        }
    })
}
