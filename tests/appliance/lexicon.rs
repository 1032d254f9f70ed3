//! The owner's pronunciations: from the configuration and lexicon files to what is read, shown and heard.

use std::path::Path;

use nix::sys::signal::{Signal, kill};

use crate::rig::{Appliance, assert_same, crier, reference, said, write_config};

fn entry(text: &str, rest: &str) -> String {
    format!("[[pronunciation]]\ntext = \"{text}\"\n{rest}\n")
}

/// What `crier say --show-text` prints with a configuration.
fn shown(config: &Path, text: &str) -> String {
    let output = crier().arg("say").arg("--config").arg(config).args(["--show-text", text]).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn say_reads_the_pronunciations_of_a_configuration_and_its_lexicon_files() {
    let folder = tempfile::tempdir().unwrap();
    let (config, lexicon) = (folder.path().join("crier.toml"), folder.path().join("lexicon"));
    let state = format!("[appliance]\nstate_dir = \"{}\"\n", folder.path().display());
    std::fs::write(&config, state + &entry("CM3588", "say = \"the board\"")).unwrap();
    std::fs::create_dir(&lexicon).unwrap();
    std::fs::write(lexicon.join("names.toml"), entry("Gdańsk", "ipa = \"ɡəˈdænsk\"")).unwrap();
    let text = shown(&config, "CM3588 in Gdańsk, 5 V.");
    assert!(text.contains("the board in Gdańsk, five volts."), "{text}");
    assert!(!text.contains("left out"), "{text}");

    let with_config = ["--config", config.to_str().unwrap(), "The cm3588 is up."];
    assert_same(&said(&with_config), &reference("The the board is up."), "a respelling");

    let bad = entry("x", "ipa = \"ç\"");
    std::fs::write(lexicon.join("bad.toml"), &bad).unwrap();
    let validated = crier().arg("validate").arg(&config).output().unwrap();
    let errors = String::from_utf8_lossy(&validated.stderr);
    assert!(validated.status.success() && errors.contains("bad.toml:3:7: `pronunciation.ipa`"), "{errors}");
    assert!(shown(&config, "CM3588").contains("the board"));

    std::fs::write(&config, bad).unwrap();
    let validated = crier().arg("validate").arg(&config).output().unwrap();
    assert!(!validated.status.success());
}

#[test]
fn a_reload_takes_over_pronunciations_and_says_which_file_is_wrong() {
    let mut appliance = Appliance::start(&entry("CM3588", "say = \"the board\""));
    assert_same(&appliance.say("CM3588."), &reference("the board."), "of the configuration");
    let lexicon = appliance.path("state/lexicon");
    std::fs::create_dir(&lexicon).unwrap();
    std::fs::write(
        lexicon.join("1.toml"),
        entry("CM3588", "say = \"no\"") + &entry("PSU", "say = \"supply\""),
    )
    .unwrap();
    std::fs::write(lexicon.join("2.toml"), "[[pronunciation]]\ntext = \"a\"\n").unwrap();
    kill(appliance.pid(), Signal::SIGHUP).unwrap();
    appliance.wait_log("configuration reloaded", 1);
    assert_same(&appliance.say("CM3588, PSU."), &reference("the board, supply."), "the configuration first");
    let problems = appliance.status()["state"]["problems"].to_string();
    assert!(problems.contains("2.toml:1:1: `pronunciation.say` is missing"), "{problems}");
    appliance.wait_log("entries of the lexicon have no effect", 1);

    write_config(appliance.folder(), "");
    std::fs::remove_file(lexicon.join("2.toml")).unwrap();
    kill(appliance.pid(), Signal::SIGHUP).unwrap();
    appliance.wait_log("configuration reloaded", 2);
    assert_same(&appliance.say("CM3588, PSU."), &reference("no, supply."), "of the files alone");
    assert_eq!(appliance.status()["state"]["problems"].to_string(), "[]");
    let text = appliance.ask(&["say", "--show-text", "PSU"]);
    assert!(text.contains("supply"), "{text}");

    write_config(appliance.folder(), "[[pronunciation]]\ntext = \"a\"\n");
    kill(appliance.pid(), Signal::SIGHUP).unwrap();
    appliance.wait_log("configuration not reloaded", 1);
    assert_same(&appliance.say("PSU."), &reference("supply."), "after a configuration that is refused");
}
