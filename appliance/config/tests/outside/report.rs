//! Output of `crier validate`.

use crier_config::{Config, report};

#[test]
fn errors_show_the_line_with_a_caret() {
    let errors = Config::parse("crier.toml", "\n[queue]\n\tentires_max = 1 # ж\n").unwrap_err();
    let expected = "\
error: `queue.entires_max` is not a key of [queue]
 --> crier.toml:3:2
  |
3 |  entires_max = 1 # ж
  |  ^^^^^^^^^^^
  = did you mean `entries_max`?

not valid: 1 error
";
    assert_eq!(report(&errors, &[], false), expected);
}

#[test]
fn warnings_do_not_make_a_file_invalid() {
    let (_, warnings) = Config::parse("crier.toml", "[log]\nlevel = \"debug\"\n").unwrap();
    let text = report(&[], &warnings, false);
    assert!(
        text.starts_with("warning: `log.level` writes announced texts into the log\n --> crier.toml:2:9\n")
    );
    assert!(text.ends_with("\nvalid: 1 warning\n"));
    assert_eq!(report(&[], &[], false), "valid\n");
}

#[test]
fn colours_are_for_terminals_and_change_no_word() {
    let errors = Config::parse("crier.toml", "[queue]\nentries_max = 0\n").unwrap_err();
    let plain = report(&errors, &[], false);
    assert!(!plain.contains('\x1b'));
    let coloured = report(&errors, &[], true);
    let without: String = coloured
        .split('\x1b')
        .enumerate()
        .map(|(index, part)| if index == 0 { part } else { part.split_once('m').unwrap().1 })
        .collect();
    assert_eq!(without, plain);
    assert!(coloured.contains('\x1b'));
}

#[test]
fn nothing_from_the_file_commands_the_terminal() {
    let text = "[queue]\n\"a\\u001b[31m\" = 1\n\u{9b}x = 2\nentries_max = 0 # \u{85}\n";
    let errors = Config::parse("crier.toml", text).unwrap_err();
    let shown = report(&errors, &[], false);
    assert!(shown.chars().all(|character| character == '\n' || !character.is_control()), "{shown:?}");
}
