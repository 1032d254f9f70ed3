//! Return of announcements from the quarantine to the journal, by a program that can read them.

use std::collections::{BTreeMap, BTreeSet};

use crate::{Record, Sequence};

/// Returns the announcements of `quarantined` that have not ended, as records to append to `journal`.
///
/// The records get new sequence numbers: the older program has given those of the quarantine to other announcements.
/// Announcements with an expiry are left out, since a rollback reboots the machine for an unknown time. So are those
/// whose id is in the journal: their sender has sent them again.
#[must_use]
pub fn restore_quarantined(quarantined: &[Record], journal: &[Record]) -> Vec<Record> {
    let (mut next, mut latest_ms, mut known) = (Sequence::default(), 0, BTreeSet::new());
    for record in journal {
        let (following, at_ms) = match record {
            Record::Boot { at_ms, next, .. } => (*next, *at_ms),
            Record::Accepted { sequence, at_ms, .. } | Record::Ended { sequence, at_ms, .. } => {
                (sequence.following(), *at_ms)
            }
            Record::Started { sequence, .. } => (sequence.following(), 0),
            Record::Remembered { at_ms, .. } => (Sequence::default(), *at_ms),
        };
        (next, latest_ms) = (next.max(following), latest_ms.max(at_ms));
        known.extend(record.id());
    }
    let mut unfinished = BTreeMap::new();
    for record in quarantined {
        match record {
            Record::Accepted { sequence, announcement, .. } => {
                unfinished.insert(*sequence, announcement);
            }
            Record::Ended { sequence, .. } => {
                unfinished.remove(sequence);
            }
            // Not kept: the boot is over, and attempts of another program say nothing about this one.
            Record::Boot { .. } | Record::Started { .. } | Record::Remembered { .. } => {}
        }
    }
    let mut returned = Vec::new();
    for announcement in unfinished.into_values() {
        // Inserting at once also drops the second of two quarantined announcements with one id.
        let is_known = announcement.id().is_some_and(|id| !known.insert(id));
        if is_known || announcement.expires_in_s().is_some() {
            continue;
        }
        returned.push(Record::Accepted {
            sequence: next,
            // The latest time of the journal, as times must not go back within it.
            at_ms: latest_ms,
            announcement: announcement.clone(),
        });
        next = next.following();
    }
    returned
}

#[cfg(test)]
mod tests {
    use super::restore_quarantined;
    use crate::{Draft, Outcome, Record, Sequence};

    fn accepted(number: u64, draft: Draft) -> Record {
        Record::Accepted {
            sequence: Sequence(number),
            at_ms: number,
            announcement: draft.validate().unwrap(),
        }
    }

    fn named(id: &str) -> Draft {
        Draft { id: Some(id.into()), ..Draft::plain(id) }
    }

    #[test]
    fn unfinished_announcements_are_restored_with_new_numbers_in_order() {
        let ended = Record::Ended { sequence: Sequence(2), at_ms: 9, outcome: Outcome::Finished };
        let quarantined =
            [accepted(1, named("a")), accepted(2, named("b")), accepted(3, Draft::plain("c")), ended];
        let journal = [accepted(1, named("other"))];
        let returned = restore_quarantined(&quarantined, &journal);
        let expected = |number, draft: Draft| Record::Accepted {
            sequence: Sequence(number),
            at_ms: 1,
            announcement: draft.validate().unwrap(),
        };
        assert_eq!(returned, [expected(2, named("a")), expected(3, Draft::plain("c"))]);
    }

    #[test]
    fn expiring_and_resent_announcements_are_not_restored() {
        let quarantined = [
            accepted(1, Draft { expires_in_s: Some(60), ..Draft::plain("a") }),
            accepted(2, named("b")),
            accepted(3, named("c")),
            accepted(4, named("d")),
            accepted(5, named("d")),
        ];
        let journal = [accepted(1, named("b")), Record::Remembered { id: "c".into(), at_ms: 0 }];
        let returned = restore_quarantined(&quarantined, &journal);
        let ids: Vec<_> = returned.iter().filter_map(Record::id).collect();
        assert_eq!(ids, ["d"]);
    }
}
