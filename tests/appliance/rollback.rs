//! A journal that a newer program wrote, as an older program finds it after the rollback of an A/B slot.

use crier_announce::{Draft, Effect, JournalReader, Queue, QueueLimits};

use crate::rig::Appliance;

/// Journal frames of accepted announcements with these ids.
fn accepted(ids: &[&str]) -> Vec<Vec<u8>> {
    let mut queue = Queue::new(QueueLimits::default(), "another boot", 0);
    for id in ids {
        let draft = Draft { id: Some((*id).to_owned()), ..Draft::plain("Yes.") };
        queue.submit(draft.validate().unwrap(), 1).unwrap();
    }
    let appended = std::iter::from_fn(|| queue.next_effect()).filter_map(|effect| match effect {
        Effect::Append(record) => record.awaited().map(|_| record.encode().unwrap()),
        _ => None,
    });
    appended.collect()
}

/// The frame with the next version and a right checksum.
fn as_next_version(frame: &[u8]) -> Vec<u8> {
    let payload = [&[2], &frame[9..]].concat();
    let crc = crc32fast::hash(&[&frame[..4], &payload].concat());
    [&frame[..4], &crc.to_le_bytes(), &payload].concat()
}

#[test]
fn announcements_behind_a_record_of_a_newer_version_are_spoken_and_the_record_is_set_aside() {
    let folder = tempfile::tempdir().unwrap();
    let state = folder.path().join("state");
    std::fs::create_dir(&state).unwrap();
    let mut frames = accepted(&["before", "newer", "behind-1", "behind-2"]);
    frames[1] = as_next_version(&frames[1]);
    std::fs::write(state.join("journal"), frames.concat()).unwrap();
    let copy = state.join("journal.quarantine-1");

    let mut appliance = Appliance::start_in(folder, "");
    appliance.wait_for("finished", 3);
    assert_eq!(std::fs::read(&copy).unwrap(), frames[1]);
    let problems = appliance.status()["state"]["problems"].to_string();
    assert!(problems.contains("journal.quarantine-1"), "{problems}");
    for id in ["before", "behind-1", "behind-2"] {
        appliance.ask(&["say", "--id", id, "Yes."]);
    }
    appliance.wait_for("duplicate", 3);
    let log = appliance.log();
    assert!(log.contains("set aside") && !log.contains("Yes."), "{log}");

    // A program that knows the record takes it back; here the copy becomes one that this program knows.
    let (_, folder) = appliance.terminate();
    std::fs::write(&copy, &accepted(&["newer"])[0]).unwrap();
    let mut appliance = Appliance::start_in(folder, "");
    appliance.wait_for("finished", 1);
    assert!(!copy.exists());
    let problems = appliance.status()["state"]["problems"].to_string();
    assert!(!problems.contains("quarantine"), "{problems}");
    let journal = std::fs::read(state.join("journal")).unwrap();
    assert!(JournalReader::new(&journal).all(|item| item.is_ok()));
}
