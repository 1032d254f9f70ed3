//! Units of measurement: symbol, one, many.

/// A unit as it is said.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Unit {
    pub(super) one: &'static str,
    pub(super) many: &'static str,
    /// A length, whose powers are squares and cubes.
    pub(super) is_length: bool,
}

/// Symbols that are taken for units only where they touch the number, for with a blank they are words: "5 in the box".
const TOUCHING_ONLY: [&str; 3] = ["in", "A", "d"];

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

const OTHERS: [(&str, &str, &str); 93] = [
    // Mass
    ("µg", "microgram", "micrograms"),
    ("mg", "milligram", "milligrams"),
    ("g", "gram", "grams"),
    ("kg", "kilogram", "kilograms"),
    ("t", "ton", "tons"),
    ("lb", "pound", "pounds"),
    ("lbs", "pound", "pounds"),
    ("oz", "ounce", "ounces"),
    // Volume, area
    ("ml", "milliliter", "milliliters"),
    ("mL", "milliliter", "milliliters"),
    ("cl", "centiliter", "centiliters"),
    ("dl", "deciliter", "deciliters"),
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
];

/// Returns the unit of a symbol; `touching` means that no blank is before it.
pub(super) fn find(symbol: &str, touching: bool) -> Option<Unit> {
    if !touching && TOUCHING_ONLY.contains(&symbol) {
        return None;
    }
    let look_in = |table: &[(&str, &'static str, &'static str)], is_length| {
        let &(_, one, many) = table.iter().find(|(s, _, _)| *s == symbol)?;
        Some(Unit { one, many, is_length })
    };
    // Symbols are case-sensitive: a milliwatt is not a megawatt.
    look_in(&LENGTHS, true).or_else(|| look_in(&OTHERS, false))
}

/// A unit at the beginning of `text` as words for one or for many, and its length in bytes.
pub(super) fn read(text: &str, touching: bool, one: bool) -> Option<(String, usize)> {
    if let Some((words, length)) = signs(text, one) {
        return Some((words, length));
    }
    let (words, mut length) = power(text, touching, one)?;
    let mut words = words;
    if let Some(below) = text[length..].strip_prefix('/')
        && let Some((per, more)) = power(below, true, true)
    {
        words = format!("{words} per {per}");
        length += 1 + more;
    }
    // "5 min" is a unit, "5 minutes" a word that begins like one.
    super::scan::is_over(&text[length..]).then_some((words, length))
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
    for (letter, name) in [('C', "celsius"), ('F', "fahrenheit")] {
        if scale.strip_prefix(letter).is_some_and(super::scan::is_over) {
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
        after.strip_prefix(sign).is_some_and(super::scan::is_over)
            && (unit.is_length || !sign.starts_with(['2', '3']))
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
