//! Refused files: place, problem and remedy of each error.

use crier_config::{Config, ConfigError};

use crate::errors;

/// A text with the line and column, the key and words of the problem and of the remedy.
type Refusal = (&'static str, (usize, usize), &'static str, &'static str, &'static str);

const REFUSALS: &[Refusal] = &[
    // Keys and sections.
    ("[queue]\nentires_max = 1\n", (2, 1), "queue.entires_max", "not a key of [queue]", "`entries_max`?"),
    ("[queue]\nvolume_percent = 1\n", (2, 1), "queue.volume_percent", "not a key", "belongs below [player]"),
    ("[queue]\nxyzzy = 1\n", (2, 1), "queue.xyzzy", "not a key", "the keys are entries_max, bytes_max"),
    ("[plyer]\n", (1, 2), "plyer", "not a section", "`player`?"),
    ("[voices.a]\nsped = 1\n", (2, 1), "voices.a.sped", "not a key of [voices.a]", "`seed`?"),
    ("[[player]]\n", (1, 1), "player", "not a section", "[player] in single brackets"),
    ("[serial]\ndevice = \"d\"\n", (1, 1), "serial", "not a list", "[[serial]] in double brackets"),
    ("queue = 3\n", (1, 9), "queue", "not a section", "write [queue]"),
    ("voices = 3\n", (1, 10), "voices", "not a section", "[voices.NAME]"),
    ("voices.a = 3\n", (1, 12), "voices.a", "not a section", "[voices.a]"),
    ("[voices.\"../x\"]\n", (1, 9), "voices.../x", "not a good name", "letters"),
    ("[voices.default]\n", (1, 9), "voices.default", "name of [voice]", "another name"),
    ("[[serial]]\nbaud = 9600\n", (1, 1), "serial.device", "missing in [[serial]]", "add `device = ...`"),
    // Kinds and bounds.
    ("[queue]\nentries_max = \"10\"\n", (2, 15), "queue.entries_max", "a string", "leave the quotes out: 10"),
    ("[queue]\nentries_max = 1.5\n", (2, 15), "queue.entries_max", "a fraction", "a whole number from 1 to"),
    (
        "[queue]\nentries_max = 99999999999999999999\n",
        (2, 15),
        "queue.entries_max",
        "out of bounds",
        "100000",
    ),
    ("[mqtt]\ntls = \"true\"\n", (2, 7), "mqtt.tls", "a string", "without quotes"),
    ("[log]\nlevel = \"wran\"\n", (2, 9), "log.level", "not known", "\"warn\"?"),
    ("[log]\nlevel = \"loud\"\n", (2, 9), "log.level", "not known", "`\"info\"`"),
    ("[log]\nlevel = 3\n", (2, 9), "log.level", "a whole number", "`\"info\"`"),
    ("[mqtt]\nversion = 4\n", (2, 11), "mqtt.version", "not a version", "3 (for 3.1.1) or 5"),
    ("[appliance]\nid = \"a b\"\n", (2, 6), "appliance.id", "the character ' '", "1 to 32 letters"),
    ("[appliance]\nid = \"\"\n", (2, 6), "appliance.id", "is empty", "1 to 32 letters"),
    ("[appliance]\nname = \"a\\u0000b\"\n", (2, 8), "appliance.name", "the character '\\0'", "1 to 64"),
    // Paths.
    ("[appliance]\nstate_dir = \"~/x\"\n", (2, 13), "appliance.state_dir", "~", "full path"),
    ("[appliance]\nstate_dir = \"\"\n", (2, 13), "appliance.state_dir", "empty", "a path"),
    ("[appliance]\nrun_dir = \"{run_dir}/x\"\n", (2, 11), "appliance.run_dir", "braces", "without braces"),
    ("[[fifo]]\npath = \"{home}/x\"\n", (2, 8), "fifo.path", "braces", "{run_dir}/NAME"),
    ("[appliance]\nrun_dir = \"/var/lib/crier\"\n", (2, 11), "appliance.run_dir", "same folder", "another"),
    ("[metrics]\nsocket = \"/run/crier/control\"\n", (2, 10), "metrics.socket", "used twice", "another one"),
    ("[[fifo]]\n[[fifo]]\n", (2, 1), "fifo.path", "used twice", "another one"),
    (
        "[[serial]]\ndevice=\"d\"\n[[serial]]\ndevice=\"d\"\n",
        (4, 8),
        "serial.device",
        "used twice",
        "another",
    ),
    // Pronunciations.
    ("[[pronunciation]]\nsay = \"b\"\n", (1, 1), "pronunciation.text", "missing", "add `text = ...`"),
    ("[[pronunciation]]\ntext = \"a\"\n", (1, 1), "pronunciation.say", "`ipa`", "one of them"),
    (
        "[[pronunciation]]\ntext = \"a\"\nipa = \"baχ yø\"\n",
        (3, 7),
        "pronunciation.ipa",
        "no sound for: χ y ø",
        "tʃ dʒ",
    ),
    ("[[pronunciation]]\ntext = \"a\"\nipa = \"ˈ\"\n", (3, 7), "pronunciation.ipa", "no sounds", "tʃ dʒ"),
    (
        "[[pronunciation]]\ntext = \"a\"\nsay = \"b\"\nmatch = \"part\"\n",
        (4, 9),
        "pronunciation.match",
        "not known",
        "`\"case\"`",
    ),
    (
        "[[pronunciation]]\ntext = \" \"\nsay = \"b\"\n",
        (2, 8),
        "pronunciation.text",
        "empty",
        "100 characters",
    ),
    // Voices.
    ("[voice]\nrate = 4\n", (2, 8), "voice.rate", "out of bounds", "a number from 0.5 to 3"),
    ("[voice]\npitch = nan\n", (2, 9), "voice.pitch", "out of bounds", "a number from -12 to 12"),
    ("[voices.a]\nrate = \"fast\"\n", (2, 8), "voices.a.rate", "a string", "a number from 0.5 to 3"),
    ("[voice]\nlanguage = \"klingon\"\n", (2, 12), "voice.language", "no such language", "\"en-US\""),
    ("[voice]\nlanguage = \"germna\"\n", (2, 12), "voice.language", "is no language", "\"german\"?"),
    ("[voices.a]\nlanguage = 3\n", (2, 12), "voices.a.language", "a whole number", "\"english\""),
    (
        "[[serial]]\ndevice=\"d\"\nlanguage=\"xx\"\n",
        (3, 10),
        "serial.language",
        "no such language",
        "by name or tag",
    ),
    (
        "[[button]]\nkey=\"KEY_A\"\npress={ say=\"x\", language=\"xx\" }\n",
        (3, 27),
        "button.press.language",
        "no such language",
        "by name or tag",
    ),
    ("[voice]\nspeaker = \"a\"\nfile = \"b\"\n", (3, 8), "voice.file", "only one can speak", "leave one"),
    (
        "[voices.anna]\n[[serial]]\ndevice=\"d\"\nvoice=\"ana\"\n",
        (4, 7),
        "serial.voice",
        "not have",
        "\"anna\"?",
    ),
    // Player and processors.
    ("[player]\noutput = \"wav\"\n", (2, 10), "player.output", "no `wav_file`", "add `wav_file"),
    ("[player]\nbuffer_ms = 40\n", (2, 13), "player.buffer_ms", "two periods", "at least 50"),
    ("[player]\nperiod_ms = 150\n", (2, 13), "player.period_ms", "two periods", "at most 100"),
    ("[cpu]\ntalker_processors = [4, 4]\n", (2, 21), "cpu.talker_processors", "twice", "write [4]"),
    ("[cpu]\ntalker_processors = []\n", (2, 21), "cpu.talker_processors", "empty list", "\"auto\""),
    ("[cpu]\ntalker_processors = [-1]\n", (2, 21), "cpu.talker_processors", "out of bounds", "from 0 to"),
    // Serial ports and FIFOs.
    ("[[serial]]\ndevice=\"d\"\nformat = \"9N1\"\n", (3, 10), "serial.format", "not a format", "8N1"),
    (
        "[[serial]]\ndevice=\"d\"\ndialect=\"syn6288\"\nflow_control=\"xonxoff\"\n",
        (4, 14),
        "serial.flow_control",
        "swallow",
        "rtscts",
    ),
    (
        "[[serial]]\ndevice=\"d\"\ndialect=\"xfs5152\"\nformat=\"7N1\"\n",
        (4, 8),
        "serial.format",
        "no room",
        "8N1",
    ),
    ("[[fifo]]\nmode = 420\n", (2, 8), "fifo.mode", "a whole number", "in quotes"),
    ("[[fifo]]\nmode = \"0777\"\n", (2, 8), "fifo.mode", "bits that mean nothing", "0620"),
    ("[[fifo]]\nmode = \"0020\"\n", (2, 8), "fifo.mode", "shuts the appliance itself out", "06"),
    ("[[fifo]]\nmode = \"rw\"\n", (2, 8), "fifo.mode", "octal", "0620"),
    // Buttons.
    (
        "[[button]]\nkey=\"KEY_PROG1\"\npress = { wav = \"/home/me/bell.wav\" }\n",
        (3, 17),
        "button.press.wav",
        "`player.chimes_dir`, which is /usr/share/crier/chimes",
        "put the file there",
    ),
    // The broker.
    ("[mqtt]\nhost = \"broker\"\n", (2, 8), "mqtt.host", "not encrypted", "`tls = true`"),
    ("[mqtt]\nhost = \"mqtt://b\"\n", (2, 8), "mqtt.host", "'/'", "alone"),
    ("[mqtt]\nhost = \"b:1\"\ninsecure = true\n", (2, 8), "mqtt.host", "more in it than", "`port = ...`"),
    (
        "[mqtt]\nhost=\"localhost\"\npassword_file=\"p\"\n",
        (3, 15),
        "mqtt.password_file",
        "needs `username`",
        "NAME",
    ),
    ("[mqtt]\nhost=\"localhost\"\nca_file=\"p\"\n", (3, 9), "mqtt.ca_file", "`tls` is false", "tls = true"),
    (
        "[mqtt]\nhost=\"b\"\ntls=true\nkey_file=\"p\"\n",
        (4, 10),
        "mqtt.key_file",
        "`certificate_file`",
        "PATH",
    ),
    ("[mqtt]\nbase_topic = \"a/#\"\n", (2, 14), "mqtt.base_topic", "'#'", "levels"),
    ("[mqtt]\nbase_topic = \"a//b\"\n", (2, 14), "mqtt.base_topic", "empty level", "levels"),
    // Buttons.
    ("[[button]]\nkey = \"PROG1\"\npress = \"stop\"\n", (2, 7), "button.key", "KEY_ or BTN_", "KEY_PROG1"),
    ("[[button]]\nkey = \"KEY_A\"\n", (1, 1), "button.press", "missing", "press = \"stop\""),
    ("[[button]]\nkey = \"KEY_A\"\npress = \"stpo\"\n", (3, 9), "button.press", "not known", "\"stop\"?"),
    ("[[button]]\nkey = \"KEY_A\"\npress = 3\n", (3, 9), "button.press", "a whole number", "{ say ="),
    ("[[button]]\nkey = \"KEY_A\"\npress = {}\n", (3, 9), "button.press.say", "missing", "exactly one"),
    (
        "[[button]]\nkey = \"KEY_A\"\npress = { sya = \"x\" }\n",
        (3, 11),
        "button.press.sya",
        "not a key",
        "`say`?",
    ),
    (
        "[[button]]\nkey=\"KEY_A\"\npress={ say=\"x\", volume=5 }\n",
        (3, 13),
        "button.press.say",
        "not the only",
        "exactly one",
    ),
    ("[[button]]\nkey=\"KEY_A\"\npress={ volume=0 }\n", (3, 16), "button.press.volume", "step of 0", "+5"),
    (
        "[[button]]\nkey=\"KEY_A\"\npress={ mute=\"on\", voice=\"default\" }\n",
        (3, 26),
        "button.press.voice",
        "says nothing beside `mute`",
        "leave it out",
    ),
    (
        "[[button]]\nkey=\"KEY_A\"\npress=\"stop\"\nlong_press_ms=250\n",
        (4, 15),
        "button.long_press_ms",
        "not longer",
        "more than 300",
    ),
    (
        "[[button]]\nkey=\"KEY_A\"\npress=\"stop\"\n[[button]]\nkey=\"KEY_A\"\npress=\"stop\"\n",
        (5, 5),
        "button.key",
        "used twice",
        "another",
    ),
    // Supervisor and watchdog.
    ("[supervisor]\nreadiness_fd = 1\n", (2, 16), "supervisor.readiness_fd", "out of bounds", "from 3"),
    (
        "[watchdog]\nannouncement_age_max_s = 60\n",
        (2, 26),
        "watchdog.announcement_age_max_s",
        "not longer",
        "more than 60",
    ),
    // What is not TOML.
    ("[appliance]\nname = Crier\n", (2, 8), "", "quotes", "key = \"text\""),
    (
        "[player]\nvolume_percent = 50%\n",
        (2, 18),
        "",
        "a percentage is a plain number",
        "leave the % out: key = 50",
    ),
    ("[player]\nvolume_percent = 7.5 %\n", (2, 18), "", "a percentage is a plain number", "leave the % out"),
    ("[appliance]\nname =\n", (2, 7), "", "no value", "key = value"),
    ("[appliance]\nname\n", (2, 5), "", "no key with a value", "key = value"),
    ("[appliance]\nname = \"a\"\nname = \"b\"\n", (3, 1), "", "twice", "leave one"),
    ("[appliance\n", (1, 11), "", "not closed", "[name]"),
    ("[[fifo]]\nmode = 0620\n", (2, 8), "", "leading zero", "\"0620\""),
    ("[mqtt]\ntls = yes\n", (2, 7), "", "quotes", "key = "),
    ("[appliance]\nname = \"a\\qb\"\n", (2, 11), "", "backslash", "\\\\"),
];

#[test]
fn each_refusal_names_place_key_problem_and_remedy() {
    for (text, (line, column), key, problem, remedy) in REFUSALS {
        let found = errors(text);
        let [one] = &found[..] else { panic!("{text}\n{found:#?}") };
        assert_eq!((one.line, one.column, one.key.as_str()), (*line, *column, *key), "{text}\n{one}");
        assert!(one.problem.contains(problem), "{text}\n{one}");
        assert!(one.remedy.contains(remedy), "{text}\n{one}");
    }
}

#[test]
fn all_problems_are_told_in_the_order_of_the_file() {
    let found = errors(
        "[queue]\nentries_max = 0\nbytes = 1\n\n[log]\nlevel = \"loud\"\nfile = x\n[player]\nvolume_percent = 101\n",
    );
    let places: Vec<_> = found.iter().map(|finding| (finding.line, finding.key.as_str())).collect();
    let expected = [
        (2, "queue.entries_max"),
        (3, "queue.bytes"),
        (6, "log.level"),
        (7, ""),
        (9, "player.volume_percent"),
    ];
    assert_eq!(places, expected);
}

#[test]
fn what_is_never_closed_is_told_once_at_its_beginning() {
    for (text, place) in [
        ("[cpu]\ntalker_processors = [4,\n[log]\nlevel = \"info\"\n[queue]\nentries_max = 5\n", (2, 21)),
        ("[appliance]\nname = \"\"\"Crier\n[log]\nlevel = 3\n", (2, 8)),
        ("[[button]]\nkey = \"KEY_A\"\npress = { say = \"x\"\n[log]\nlevel = \"info\"\n", (3, 9)),
    ] {
        let found = errors(text);
        let [one] = &found[..] else { panic!("{text}\n{found:#?}") };
        assert_eq!((one.line, one.column), place);
        assert!(one.problem.contains("never closed"));
    }
}

#[test]
fn many_problems_are_counted_and_not_shown() {
    let text = "[queue]\n".to_owned() + &(0..500).map(|index| format!("k{index} = 1\n")).collect::<String>();
    let errors = Config::parse("crier.toml", &text).unwrap_err();
    assert_eq!(errors.len(), 51);
    assert!(matches!(errors.last(), Some(ConfigError::More { count: 450, .. })));
    assert!(crier_config::report(&errors, &[], false).ends_with("not valid: 500 errors\n"));
}

#[test]
fn more_sections_than_anybody_has_are_refused() {
    let fifos: String = (0..65).map(|index| format!("[[fifo]]\npath = \"/run/{index}\"\n")).collect();
    assert_eq!(errors(&fifos)[0].line, 129);
    let voices: String = (0..65).map(|index| format!("[voices.v{index:02}]\n")).collect();
    assert_eq!(errors(&voices)[0].key, "voices.v64");
}

#[test]
fn one_line_of_an_error_is_enough_to_find_it() {
    let errors = Config::parse("/etc/crier/crier.toml", "[queue]\nentries_max = 0\n").unwrap_err();
    assert_eq!(
        errors[0].to_string(),
        "/etc/crier/crier.toml:2:15: `queue.entries_max` is out of bounds; write a whole number from 1 to 100000"
    );
}
