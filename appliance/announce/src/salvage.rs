//! Taking back announcements that an older program had to set aside.

use std::collections::{BTreeMap, BTreeSet};

use crate::{Record, Sequence};

/// Returns the announcements of `quarantined` that have not ended, as records to append to `journal`.
///
/// The records get new sequence numbers: the older program has given those of the quarantine to other announcements.
/// Left out are announcements that expire, since a rollback reboots the machine and nothing shows how long it was
/// off, and announcements whose id is in the journal, because their sender has sent them again.
#[must_use]
pub fn take_back(quarantined: &[Record], journal: &[Record]) -> Vec<Record> {
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
            Record::Boot { .. } | Record::Started { .. } | Record::Remembered { .. } => {}
        }
    }
    let mut returned = Vec::new();
    for announcement in unfinished.into_values() {
        let is_known = announcement.id().is_some_and(|id| !known.insert(id));
        if is_known || announcement.expires_in_s().is_some() {
            continue;
        }
        returned.push(Record::Accepted {
            sequence: next,
            at_ms: latest_ms,
            announcement: announcement.clone(),
        });
        next = next.following();
    }
    returned
}

#[cfg(test)]
mod tests {
    use super::take_back;
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
    fn unfinished_announcements_return_with_new_numbers_in_order() {
        let ended = Record::Ended { sequence: Sequence(2), at_ms: 9, outcome: Outcome::Finished };
        let quarantined =
            [accepted(1, named("a")), accepted(2, named("b")), accepted(3, Draft::plain("c")), ended];
        let journal = [accepted(1, named("other"))];
        let returned = take_back(&quarantined, &journal);
        let expected = |number, draft: Draft| Record::Accepted {
            sequence: Sequence(number),
            at_ms: 1,
            announcement: draft.validate().unwrap(),
        };
        assert_eq!(returned, [expected(2, named("a")), expected(3, Draft::plain("c"))]);
    }

    #[test]
    fn expiring_and_resent_announcements_do_not_return() {
        let quarantined = [
            accepted(1, Draft { expires_in_s: Some(60), ..Draft::plain("a") }),
            accepted(2, named("b")),
            accepted(3, named("c")),
            accepted(4, named("d")),
            accepted(5, named("d")),
        ];
        let journal = [accepted(1, named("b")), Record::Remembered { id: "c".into(), at_ms: 0 }];
        let returned = take_back(&quarantined, &journal);
        let ids: Vec<_> = returned.iter().filter_map(Record::id).collect();
        assert_eq!(ids, ["d"]);
    }
}
