//! What the owner's stick brings, to a running appliance.

use std::path::Path;

use serde_json::Value;

use crate::rig::{Appliance, SENTENCE, crier};

/// Takes a folder as the appliance's service takes a stick.
fn plug_in(appliance: &Appliance, stick: &Path) {
    let config = appliance.path("crier.toml");
    let mut command = crier();
    command.arg("stick").arg(stick).arg("--data").arg(appliance.folder()).arg("--config").arg(config);
    let output = command.output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

/// Number of announcements about sticks that were spoken to their end.
fn sentences(appliance: &Appliance) -> usize {
    let history: Value = serde_json::from_str(&appliance.ask(&["--json", "history"])).unwrap();
    let about_stick =
        |outcome: &&Value| outcome["source"] == "stick" && outcome.to_string().contains("finished");
    history.as_array().unwrap().iter().filter(about_stick).count()
}

#[test]
fn configuration_of_a_stick_is_taken_over_and_an_invalid_one_changes_nothing() {
    let mut appliance = Appliance::start("");
    let stick = tempfile::tempdir().unwrap();
    let first = std::fs::read_to_string(appliance.path("crier.toml")).unwrap();
    let second = first.replace("volume_percent = 100", "volume_percent = 55");
    std::fs::write(stick.path().join("crier.toml"), &second).unwrap();
    plug_in(&appliance, stick.path());
    appliance.wait("taken over", |status| status["state"]["volume_percent"] == 55);
    let kept = |name: &str| std::fs::read_to_string(appliance.path(name)).unwrap();
    assert_eq!((kept("crier.toml"), kept("crier.toml.old")), (second.clone(), first));
    // "The new configuration is in use.", "The stick can be removed."
    appliance.wait("said", |status| status["state"]["mode"] == "idle");
    assert_eq!(sentences(&appliance), 2);

    std::fs::write(stick.path().join("crier.toml"), second.replace("55", "155")).unwrap();
    plug_in(&appliance, stick.path());
    let errors = std::fs::read_to_string(stick.path().join("crier-errors.txt")).unwrap();
    assert!(errors.contains("volume_percent") && errors.contains("crier.toml:"), "{errors}");
    assert_eq!(std::fs::read_to_string(appliance.path("crier.toml")).unwrap(), second);
    // CPUs are a matter of the machine, not of the file.
    let elsewhere = format!("{second}\n[cpu]\nplayer_processors = [4000]\n");
    std::fs::write(stick.path().join("crier.toml"), elsewhere).unwrap();
    plug_in(&appliance, stick.path());
    let errors = std::fs::read_to_string(stick.path().join("crier-errors.txt")).unwrap();
    assert!(errors.contains("4000"), "{errors}");
    // The embedded voice has no Russian, as `crier validate` would say.
    let foreign = format!("{second}\n[voices.other]\nlanguage = \"ru\"\n");
    std::fs::write(stick.path().join("crier.toml"), foreign).unwrap();
    plug_in(&appliance, stick.path());
    let errors = std::fs::read_to_string(stick.path().join("crier-errors.txt")).unwrap();
    assert!(errors.contains("does not speak") && errors.contains("crier.toml:"), "{errors}");
    assert_eq!(std::fs::read_to_string(appliance.path("crier.toml")).unwrap(), second);

    // Mended: the errors go, and the same configuration again is no news.
    std::fs::write(stick.path().join("crier.toml"), second).unwrap();
    plug_in(&appliance, stick.path());
    assert!(!stick.path().join("crier-errors.txt").exists());
    appliance.say(SENTENCE);
}

#[test]
fn diagnosis_is_written_once_and_holds_no_text() {
    let mut appliance = Appliance::start("");
    appliance.say("The cellar is flooded.");
    let stick = tempfile::tempdir().unwrap();
    for name in ["diagnose", "diagnose.txt"] {
        std::fs::write(stick.path().join(name), "").unwrap();
    }
    plug_in(&appliance, stick.path());
    let entries: Vec<_> =
        std::fs::read_dir(stick.path()).unwrap().map(|entry| entry.unwrap().path()).collect();
    let [folder] = entries.as_slice() else { panic!("{entries:?}") };
    let status = std::fs::read_to_string(folder.join("status.json")).unwrap();
    assert!(status.contains("\"version\""), "{status}");
    let report = std::fs::read_to_string(folder.join("board-report.md")).unwrap();
    assert!(report.contains("copy by CPUs"), "{report}");
    let mut all = String::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        all += &String::from_utf8_lossy(&std::fs::read(entry.unwrap().path()).unwrap());
    }
    assert!(all.contains(env!("CARGO_PKG_VERSION")) && !all.contains("cellar"));
}

#[test]
fn voices_and_certificates_of_a_stick_are_installed_and_listed() {
    let mut appliance = Appliance::start("");
    let stick = tempfile::tempdir().unwrap();
    let bundle = stick.path().join("voices/heart");
    std::fs::create_dir_all(&bundle).unwrap();
    for entry in std::fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("voices/default")).unwrap() {
        let entry = entry.unwrap();
        std::fs::copy(entry.path(), bundle.join(entry.file_name())).unwrap();
    }
    std::fs::write(stick.path().join("voices/broken.voice"), "nonsense").unwrap();
    std::fs::create_dir(stick.path().join("certificates")).unwrap();
    std::fs::write(stick.path().join("certificates/ca.pem"), "-----BEGIN CERTIFICATE-----\n").unwrap();
    let config = std::fs::read_to_string(appliance.path("crier.toml")).unwrap();
    let installed = appliance.path("voices/heart");
    let config = format!("{config}\n[voices.heart]\nbundle = \"{}\"\n", installed.display());
    std::fs::write(stick.path().join("crier.toml"), config).unwrap();
    plug_in(&appliance, stick.path());
    let list = std::fs::read_to_string(stick.path().join("crier-voices.txt")).unwrap();
    assert!(list.contains(&format!("bundle = \"{}\"", installed.display())), "{list}");
    assert!(appliance.path("mqtt/ca.pem").exists());
    let errors = std::fs::read_to_string(stick.path().join("crier-errors.txt")).unwrap();
    assert!(errors.contains("voices/broken.voice") && errors.lines().count() == 1, "{errors}");
    appliance.wait("the voice is there", |status| status["state"]["voices"].to_string().contains("heart"));
    appliance.ask(&["say", "--wait", "--voice", "heart", SENTENCE]);
}
