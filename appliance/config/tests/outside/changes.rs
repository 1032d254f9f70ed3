//! What a reload needs.

use std::collections::BTreeSet;

use crier_config::{Changes, Config, Key, KeyDefault, Needs, Stage, keys};

use crate::documents::least;
use crate::valid;

/// Each difference from the default, with its key and what it needs.
const DIFFERENCES: &[(&str, &str, Needs)] = &[
    ("[appliance]\nid = \"a\"", "appliance.id", Needs::Stages(&[Stage::Intake])),
    ("[voice]\nseed = 2", "voice", Needs::Nothing),
    ("[voice]\nbundle = \"/b\"", "voice", Needs::Stages(&[Stage::Talker, Stage::Predictor, Stage::Vocoder])),
    ("[queue]\nentries_max = 5", "queue", Needs::Nothing),
    ("[player]\nvolume_percent = 5", "player.volume_percent", Needs::Nothing),
    ("[player]\ndevice = \"hw:1\"", "player.output", Needs::Stages(&[Stage::Player])),
    ("[cpu]\ntalker_threads = 1", "cpu.talker_threads", Needs::Stages(&[Stage::Talker, Stage::Predictor])),
    ("[cpu]\nvocoder_processors = [1]", "cpu.vocoder_processors", Needs::Stages(&[Stage::Vocoder])),
    ("[[serial]]\ndevice = \"d\"", "serial", Needs::Stages(&[Stage::Intake])),
    ("[[fifo]]", "fifo", Needs::Stages(&[Stage::Intake])),
    ("[mqtt]\nhost = \"localhost\"", "mqtt", Needs::Stages(&[Stage::Intake])),
    ("[[button]]\nkey = \"KEY_A\"\npress = \"stop\"", "button", Needs::Stages(&[Stage::Intake])),
    ("[control]\ngroup = \"g\"", "control", Needs::Program),
    ("[metrics]\nsocket = \"none\"", "metrics", Needs::Program),
    ("[watchdog]\ndevice = \"/d\"", "watchdog.device", Needs::Program),
    ("[watchdog]\ntimeout_s = 20", "watchdog.timeout_s", Needs::Nothing),
    ("[supervisor]\nstop = \"cut\"", "supervisor.stop", Needs::Nothing),
    ("[supervisor]\nready_announcement = \"x\"", "supervisor.ready_announcement", Needs::Program),
    ("[log]\nlevel = \"warn\"", "log", Needs::Nothing),
];

#[test]
fn each_difference_is_told_with_what_it_needs() {
    for (text, key, needs) in DIFFERENCES {
        let changes = Changes::between(&Config::default(), &valid(text));
        let found: Vec<_> = changes.iter().map(|change| (change.key, change.needs)).collect();
        assert_eq!(found, [(*key, *needs)], "{text}");
    }
}

#[test]
fn nothing_different_needs_nothing() {
    assert!(Changes::between(&Config::default(), &valid("")).is_empty());
}

#[test]
fn stages_are_named_once_and_in_their_order() {
    let new = valid("[player]\nperiod_ms = 20\nbuffer_ms = 100\n[[fifo]]\n[appliance]\nrun_dir = \"/r\"\n");
    let changes = Changes::between(&Config::default(), &new);
    assert_eq!(changes.stages(), BTreeSet::from([Stage::Player, Stage::Intake]));
    assert_eq!(changes.of_program().collect::<Vec<_>>(), ["appliance.run_dir", "control", "metrics"]);
}

#[test]
fn no_key_is_forgotten() {
    let mut checked = 0;
    for key in keys() {
        let Some(value) = another_value(&key) else { continue };
        let before = least(&key.section);
        let text = format!("{before}{} = {value}\n", key.name);
        let old = valid(&before);
        // Some values are of a form that is not tried here.
        let Ok((new, _)) = Config::parse("f", &text) else { continue };
        assert!(!Changes::between(&old, &new).is_empty(), "{text}");
        checked += 1;
    }
    assert!(checked >= 70, "{checked} keys were changed");
}

/// Something else than the default of a key, for the kinds of values that can be told from what it takes.
fn another_value(key: &Key) -> Option<String> {
    let takes = &key.takes;
    let default = match &key.default {
        KeyDefault::Value(default) => default.as_str(),
        KeyDefault::Absent => "",
        KeyDefault::Required => return None,
    };
    // These need another key beside them, or say nothing without one.
    let alone = !["wav_file", "password_file", "ca_file", "certificate_file", "key_file"].contains(&key.name);
    if !alone || key.section.starts_with("action") || key.name == "output" {
        return None;
    }
    if let Some((_, bounds)) = takes.split_once("a whole number from ") {
        let (least, most) = bounds.split_once(" to ")?;
        let near = |number: i64| if number.to_string() == most { number - 1 } else { number + 1 };
        return Some(default.parse().map_or_else(|_| least.to_owned(), |number| near(number).to_string()));
    }
    if takes.ends_with("a path") {
        return Some("\"/another\"".to_owned());
    }
    if takes.contains("processor numbers") {
        return Some("[1]".to_owned());
    }
    let word = |word: &&str| word.starts_with('"') || ["true", "false"].contains(word);
    let another = takes.split('`').skip(1).step_by(2).filter(word).find(|word| *word != default);
    Some(another.unwrap_or("\"another\"").to_owned())
}
