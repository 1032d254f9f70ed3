//! Roman numerals: their value, whatever language they stand in.

/// Signs in falling order.
const SIGNS: [(&str, u64); 13] = [
    ("M", 1000),
    ("CM", 900),
    ("D", 500),
    ("CD", 400),
    ("C", 100),
    ("XC", 90),
    ("L", 50),
    ("XL", 40),
    ("X", 10),
    ("IX", 9),
    ("V", 5),
    ("IV", 4),
    ("I", 1),
];
/// Length of the longest numeral, MMMDCCCLXXXVIII.
pub(crate) const LETTERS_MAX: usize = 15;

/// Returns the value of a numeral of capitals below 4000, in its only right spelling.
pub(crate) fn value(numeral: &str) -> Option<u64> {
    if numeral.is_empty() || numeral.len() > LETTERS_MAX {
        return None;
    }
    let (mut rest, mut value) = (numeral, 0);
    for (sign, worth) in SIGNS {
        while let Some(next) = rest.strip_prefix(sign) {
            value += worth;
            rest = next;
        }
    }
    // "IXI" and "IIII" have values too, but no numeral is written so.
    (rest.is_empty() && value < 4000 && spelling(value) == numeral).then_some(value)
}

fn spelling(mut value: u64) -> String {
    let mut numeral = String::new();
    for (sign, worth) in SIGNS {
        while value >= worth {
            value -= worth;
            numeral.push_str(sign);
        }
    }
    numeral
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_numeral_has_its_value_in_its_right_spelling_only() {
        for number in 1..4000 {
            assert_eq!(value(&spelling(number)), Some(number));
        }
        assert_eq!(value("MCMXCIX"), Some(1999));
        for wrong in ["", "IIII", "VV", "IXI", "IVI", "IC", "XM", "MMMM", "iv", "X1"] {
            assert_eq!(value(wrong), None, "{wrong}");
        }
    }
}
