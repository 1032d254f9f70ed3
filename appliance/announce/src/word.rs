//! Values that are written as a word.

use std::fmt;
use std::marker::PhantomData;
use std::str::FromStr;

use serde::Deserializer;
use serde::de::{Error, Unexpected, Visitor};

/// Reads a word; the error for another word, `null` or a number says what it `takes`. The derived way says of the
/// latter only that a value is expected.
pub(crate) fn read_word<'de, T: FromStr, D: Deserializer<'de>>(
    deserializer: D,
    takes: &str,
) -> Result<T, D::Error> {
    deserializer.deserialize_str(Word { takes, of: PhantomData })
}

struct Word<'a, T> {
    takes: &'a str,
    of: PhantomData<T>,
}

impl<T: FromStr> Visitor<'_> for Word<'_, T> {
    type Value = T;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.takes)
    }

    fn visit_str<E: Error>(self, word: &str) -> Result<T, E> {
        word.parse().map_err(|_| E::invalid_value(Unexpected::Str(word), &self))
    }
}
