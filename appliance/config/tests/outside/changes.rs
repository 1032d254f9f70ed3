//! The reload table against the keys and against what the sections read.

use std::collections::BTreeSet;

use crier_config::{Changes, Config, Key, KeyDefault, RELOAD_RULES, ReloadEffect, StageRole, keys};

use crate::documents::{ACTION, least};
use crate::valid;

const ENGINES: ReloadEffect =
    ReloadEffect::Stages(&[StageRole::Talker, StageRole::Predictor, StageRole::Vocoder]);
const PLAYER: ReloadEffect = ReloadEffect::Stages(&[StageRole::Player]);
const INTAKE: ReloadEffect = ReloadEffect::Stages(&[StageRole::Intake]);

/// A file, the rules that differ between its configuration and the default one, and their effect.
const DIFFERENCES: &[(&str, &str, ReloadEffect)] = &[
    ("[appliance]\nid = \"a\"", "appliance.id", ReloadEffect::Program),
    ("[appliance]\nname = \"a\"", "appliance.name", INTAKE),
    ("[voice]\nseed = 2", "voice", ReloadEffect::Live),
    ("[voice]\nbundle = \"/b\"", "voice.bundle", ENGINES),
    ("[voice]\nfile = \"/v.voice\"", "voice.bundle", ENGINES),
    ("[[pronunciation]]\ntext = \"a\"\nsay = \"b\"", "pronunciation", ReloadEffect::Live),
    ("[queue]\nentries_max = 5", "queue", ReloadEffect::Live),
    ("[player]\nvolume_percent = 5", "player.volume_percent", ReloadEffect::Live),
    ("[player]\ndevice = \"hw:1\"", "player.output", PLAYER),
    ("[cpu]\ntalker_threads = 1", "cpu.talker_threads", ENGINES),
    ("[cpu]\nvocoder_processors = [1]", "cpu.vocoder_processors", ENGINES),
    ("[cpu]\nsupervisor_processors = [1]", "cpu.supervisor_processors", ReloadEffect::Live),
    ("[[serial]]\ndevice = \"d\"", "serial", INTAKE),
    ("[[fifo]]", "fifo", INTAKE),
    ("[mqtt]\nhost = \"localhost\"", "mqtt", INTAKE),
    ("[[button]]\nkey = \"KEY_A\"\npress = \"stop\"", "button", INTAKE),
    ("[control]\ngroup = \"g\"", "control", ReloadEffect::Program),
    ("[metrics]\nsocket = \"none\"", "metrics", ReloadEffect::Program),
    ("[watchdog]\ndevice = \"/d\"", "watchdog.device", ReloadEffect::Program),
    ("[watchdog]\ntimeout_s = 20", "watchdog.device", ReloadEffect::Program),
    ("[supervisor]\nstop = \"cut\"", "supervisor.stop", ReloadEffect::Live),
    ("[supervisor]\nready_announcement = \"x\"", "supervisor.ready_announcement", ReloadEffect::Program),
    ("[log]\nlevel = \"warn\"", "log", ReloadEffect::Live),
];

#[test]
fn each_difference_is_reported_with_its_effect() {
    for (text, name, effect) in DIFFERENCES {
        let changes = Changes::between(&Config::default(), &valid(text));
        let found: Vec<_> = changes.iter().map(|rule| (rule.name, rule.effect)).collect();
        assert_eq!(found, [(*name, *effect)], "{text}");
        assert!(changes.contains(name));
    }
}

#[test]
fn equal_configurations_have_no_changes() {
    assert!(Changes::between(&Config::default(), &valid("")).is_empty());
}

#[test]
fn affected_stages_are_listed_once_in_pipeline_order() {
    let new = valid("[player]\nperiod_ms = 20\nbuffer_ms = 100\n[[fifo]]\n[appliance]\nrun_dir = \"/r\"\n");
    let changes = Changes::between(&Config::default(), &new);
    assert_eq!(changes.stages(), BTreeSet::from([StageRole::Player, StageRole::Intake]));
    assert_eq!(changes.of_program().collect::<Vec<_>>(), ["appliance.run_dir", "control", "metrics"]);
}

#[test]
fn adding_a_voice_of_a_loaded_model_restarts_no_engine() {
    let old = valid("");
    let new = valid("[voices.anna]\nseed = 2\n");
    assert!(Changes::between(&old, &new).stages().is_empty());
    assert!(Changes::between(&old, &new).contains("voices"));
}

#[test]
fn every_key_has_exactly_one_reload_rule_and_every_rule_a_key() {
    let mut unused: BTreeSet<_> = RELOAD_RULES.iter().map(|rule| rule.name).collect();
    assert_eq!(unused.len(), RELOAD_RULES.len(), "rule names are unique");
    for key in keys().into_iter().filter(|key| key.section != ACTION) {
        let rules: Vec<_> = RELOAD_RULES.iter().filter(|rule| rule.covers(&key)).collect();
        assert_eq!(rules.len(), 1, "{} {}: {rules:?}", key.section, key.name);
        unused.remove(rules[0].name);
        for name in rules[0].keys {
            assert!(keys().iter().any(|key| key.section == rules[0].section && key.name == *name), "{name}");
        }
    }
    assert!(unused.is_empty(), "{unused:?}");
}

#[test]
fn changing_a_key_triggers_its_own_reload_rule() {
    let mut checked = 0;
    for key in keys() {
        let Some(value) = another_value(&key) else { continue };
        let before = least(&key.section);
        let text = format!("{before}{} = {value}\n", key.name);
        let old = valid(&before);
        // Some keys take values of a form that `another_value` does not produce.
        let Ok((new, _)) = Config::parse("f", &text) else { continue };
        let changes = Changes::between(&old, &new);
        assert!(changes.iter().any(|rule| rule.covers(&key)), "{text}: {changes:?}");
        checked += 1;
    }
    assert!(checked >= 70, "{checked} keys were changed");
}

/// The table in the section RELOAD of the manual page, as it follows from the code.
pub(crate) fn manual_rows() -> Vec<String> {
    // Rules of one section with one effect share a row.
    let mut rows: Vec<(&str, String, Vec<String>)> = Vec::new();
    for rule in RELOAD_RULES {
        let effect = rule.effect.to_string();
        let names = rule.keys.iter().map(|key| format!("`{key}`"));
        match rows.iter_mut().find(|(section, other, _)| (*section, other) == (rule.section, &effect)) {
            Some((.., listed)) => listed.extend(names),
            None => rows.push((rule.section, effect, names.collect())),
        }
    }
    let shown = |names: Vec<String>| if names.is_empty() { "all".to_owned() } else { names.join(", ") };
    rows.into_iter()
        .map(|(section, effect, names)| format!("| {section} | {} | {effect} |", shown(names)))
        .collect()
}

/// Returns a value other than the default, for keys whose kind of value shows in their description.
fn another_value(key: &Key) -> Option<String> {
    let takes = &key.takes;
    let default = match &key.default {
        KeyDefault::Value(default) => default.as_str(),
        KeyDefault::Absent => "",
        KeyDefault::Required => return None,
    };
    // These are valid only beside another key.
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
