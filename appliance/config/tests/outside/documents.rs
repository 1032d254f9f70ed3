//! The commented file and the manual page name every key with its default, and no other.

use std::collections::BTreeMap;
use std::fmt::Write;

use crier_config::{Config, Key, KeyDefault, keys};

use crate::changes::manual_rows;
use crate::{repository, valid};

/// Section of the keys of a button's action, as `keys` names it.
pub(crate) const ACTION: &str = "action of a [[button]]";

/// Every key by section and name.
fn known() -> BTreeMap<(String, String), Key> {
    keys().into_iter().map(|key| ((key.section.clone(), key.name.to_owned()), key)).collect()
}

fn read(path: &str) -> String {
    std::fs::read_to_string(repository(path)).unwrap()
}

#[test]
fn the_commented_file_is_the_default() {
    let config = valid(&read("configs/crier.toml"));
    assert_eq!(config, Config::default());
}

#[test]
fn the_commented_file_has_every_key_with_a_line_about_it() {
    let text = read("configs/crier.toml");
    let lines: Vec<_> = text.lines().collect();
    let (mut found, mut section, mut section_in_use) = (BTreeMap::new(), String::new(), false);
    for (index, line) in lines.iter().enumerate() {
        let in_use = !line.starts_with('#');
        let line = line.strip_prefix('#').unwrap_or(line);
        if line.starts_with('[') {
            section = line.replace("anna", "NAME");
            section_in_use = in_use;
        } else if let Some((name, value)) = line.split_once(" = ").filter(|_| !line.starts_with(' ')) {
            let comment = lines[index - 1].strip_prefix("# ").unwrap_or_default();
            assert!(comment.len() > 5, "there is no line about {section} {name}");
            let twice =
                found.insert((section.clone(), name.to_owned()), (value.to_owned(), in_use, section_in_use));
            assert!(twice.is_none(), "{section} {name} stands there twice");
        }
    }
    for (name, key) in known().iter().filter(|(_, key)| key.section != ACTION) {
        let (value, in_use, section_in_use) =
            found.remove(name).unwrap_or_else(|| panic!("{name:?} is missing"));
        match &key.default {
            KeyDefault::Value(default) => assert_eq!((&value, in_use), (default, section_in_use), "{name:?}"),
            KeyDefault::Absent | KeyDefault::Required => assert!(!in_use, "{name:?} has no default"),
        }
    }
    assert!(found.is_empty(), "there are no such keys: {found:?}");
    for key in keys().iter().filter(|key| key.section == ACTION) {
        let buttons = text.split("#[[button]]").nth(1).unwrap().split("\n\n").next().unwrap();
        assert!(buttons.contains(key.name), "the actions lack {}", key.name);
    }
}

#[test]
fn the_manual_page_has_every_key_with_bounds_and_default() {
    let text = read("docs/crier.toml.5.md");
    let (mut found, mut section) = (BTreeMap::new(), String::new());
    for line in text.lines() {
        if let Some(title) = line.strip_prefix("## ") {
            section = if title == "Actions" { ACTION.to_owned() } else { title.trim_matches('`').to_owned() };
        } else if let Some(row) = line.strip_prefix("| `") {
            let row = row.strip_suffix(" |").expect("a closed row");
            let [name, takes, default, meaning] = row.split(" | ").collect::<Vec<_>>()[..] else {
                panic!("{row}")
            };
            assert!(meaning.len() > 5, "{row}");
            let name = (section.clone(), name.trim_end_matches('`').to_owned());
            assert!(
                found.insert(name, (takes.to_owned(), default.to_owned())).is_none(),
                "{row} comes twice"
            );
        }
    }
    for (name, key) in known() {
        let default = match key.default {
            KeyDefault::Value(default) => format!("`{default}`"),
            KeyDefault::Absent => "-".to_owned(),
            KeyDefault::Required => "required".to_owned(),
        };
        assert_eq!(found.remove(&name), Some((key.takes, default)), "{name:?}");
    }
    assert!(found.is_empty(), "there are no such keys: {found:?}");
}

#[test]
fn the_manual_page_has_the_reload_table_of_the_code() {
    let text = read("docs/crier.toml.5.md");
    let section = text.split("\n# RELOAD\n").nth(1).expect("a section RELOAD").split("\n# ").next().unwrap();
    let rows: Vec<_> = section.lines().filter(|line| line.starts_with("| [")).collect();
    let expected = manual_rows();
    assert_eq!(rows, expected, "the section must hold:\n{}", expected.join("\n"));
}

#[test]
fn the_example_of_the_manual_page_is_valid() {
    let text = read("docs/crier.toml.5.md");
    let example = text.split("```toml").nth(1).unwrap().split("```").next().unwrap();
    assert_eq!(valid(example).button.len(), 1);
}

/// The least file that has a section, with what is required in it.
pub(crate) fn least(section: &str) -> String {
    let mut text = format!("{}\n", section.replace("NAME", "anna"));
    match section {
        "[[serial]]" => text.push_str("device = \"/dev/ttyS0\"\n"),
        "[[button]]" => text.push_str("key = \"KEY_A\"\npress = \"stop\"\n"),
        "[[pronunciation]]" => text.push_str("text = \"a\"\nsay = \"b\"\n"),
        "[mqtt]" => text.push_str("host = \"localhost\"\n"),
        _ => {}
    }
    text
}

#[test]
fn a_default_that_is_written_down_changes_nothing() {
    let sections: std::collections::BTreeSet<_> =
        keys().into_iter().map(|key| key.section).filter(|section| section != ACTION).collect();
    for section in sections {
        let mut text = least(&section);
        let before = valid(&text);
        for key in keys().into_iter().filter(|key| key.section == section) {
            if let KeyDefault::Value(default) = key.default {
                writeln!(text, "{} = {default}", key.name).unwrap();
            }
        }
        assert_eq!(valid(&text), before, "{text}");
    }
}

#[test]
fn bounds_are_as_they_are_told() {
    let mut checked = 0;
    for key in keys().into_iter().filter(|key| key.section != ACTION) {
        let Some((_, bounds)) = key.takes.split_once("a whole number from ") else { continue };
        let (least_value, most) = bounds.split_once(" to ").expect("two bounds");
        let (least_value, most): (i128, i128) = (least_value.parse().unwrap(), most.parse().unwrap());
        for (value, good) in [(least_value, true), (most, true), (least_value - 1, false), (most + 1, false)]
        {
            let text = format!("{}{} = {value}\n", least(&key.section), key.name);
            let out_of_bounds = match Config::parse("f", &text) {
                Ok(_) => false,
                Err(errors) => errors.iter().any(|error| error.to_string().contains("is out of bounds")),
            };
            assert_eq!(out_of_bounds, !good, "{text}");
        }
        checked += 1;
    }
    assert!(checked >= 25, "{checked} bounds were found");
}
