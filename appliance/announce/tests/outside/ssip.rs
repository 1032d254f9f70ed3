//! Rules of SSIP, pause and stop, duplicates and expiry, through the public interface.

use crier_announce::{CancelReason, Draft, EventKind, ID_MEMORY_MS, Priority, QueueLimits};

use crate::driver::Driver;

const IMPORTANT: Priority = Priority::Important;
const MESSAGE: Priority = Priority::Message;
const TEXT: Priority = Priority::Text;
const NOTIFICATION: Priority = Priority::Notification;
const PROGRESS: Priority = Priority::Progress;

/// Submits announcements at once and returns the ids of those spoken to their end, in the order of speaking.
fn heard(announcements: &[(&str, Priority)]) -> Vec<String> {
    let mut driver = Driver::default();
    for (id, priority) in announcements {
        driver.say(id, *priority);
    }
    driver.speak_all();
    driver.finished()
}

#[test]
fn important_announcements_are_spoken_in_order_and_never_interrupted() {
    assert_eq!(
        heard(&[("a", IMPORTANT), ("b", IMPORTANT), ("c", MESSAGE), ("d", TEXT)]),
        ["a", "b", "c", "d"]
    );
}

#[test]
fn important_cancels_current_and_postpones_waiting() {
    let mut driver = Driver::default();
    for (id, priority) in [("a", MESSAGE), ("b", MESSAGE), ("c", TEXT), ("d", IMPORTANT)] {
        driver.say(id, priority);
    }
    assert_eq!(driver.speaking(), "d");
    assert_eq!(driver.cancelled("a"), CancelReason::Interrupted { by: "d".into() });
    driver.speak_all();
    assert_eq!(driver.finished(), ["d", "b", "c"]);
}

#[test]
fn message_cancels_text_notification_and_progress_but_no_message() {
    for lower in [TEXT, NOTIFICATION, PROGRESS] {
        assert_eq!(heard(&[("a", lower), ("b", MESSAGE), ("c", MESSAGE)]), ["b", "c"], "{lower}");
    }
    assert_eq!(heard(&[("a", MESSAGE), ("b", TEXT), ("c", MESSAGE)]), ["a", "c"], "text that waits");
}

#[test]
fn text_cancels_text_so_that_only_the_latest_is_spoken() {
    assert_eq!(heard(&[("a", TEXT), ("b", TEXT), ("c", TEXT)]), ["c"]);
    assert_eq!(heard(&[("a", MESSAGE), ("b", TEXT), ("c", TEXT)]), ["a", "c"]);
}

#[test]
fn text_cancels_current_notification_and_progress() {
    assert_eq!(heard(&[("a", NOTIFICATION), ("b", TEXT)]), ["b"]);
    assert_eq!(heard(&[("a", PROGRESS), ("b", TEXT)]), ["b"]);
}

#[test]
fn notification_is_dropped_when_queue_is_busy_and_cancels_notification() {
    for other in [IMPORTANT, MESSAGE, TEXT, PROGRESS] {
        let mut driver = Driver::default();
        driver.say("a", other);
        driver.say("b", NOTIFICATION);
        assert_eq!(driver.cancelled("b"), CancelReason::Busy, "{other}");
    }
    assert_eq!(heard(&[("a", NOTIFICATION), ("b", NOTIFICATION)]), ["b"]);
}

#[test]
fn last_progress_of_a_series_is_always_spoken() {
    assert_eq!(
        heard(&[("10", PROGRESS), ("50", PROGRESS), ("90", PROGRESS), ("100", PROGRESS)]),
        ["10", "100"]
    );
    assert_eq!(heard(&[("m", MESSAGE), ("99", PROGRESS), ("100", PROGRESS)]), ["m", "100"]);
    assert_eq!(heard(&[("m", MESSAGE), ("100", PROGRESS), ("i", IMPORTANT)]), ["i", "100"]);
}

#[test]
fn last_progress_of_a_series_is_raised_to_message() {
    let mut driver = Driver::default();
    for (id, priority) in [("m", MESSAGE), ("t1", TEXT), ("100", PROGRESS)] {
        driver.say(id, priority);
    }
    driver.finish();
    assert_eq!(driver.speaking(), "100");
    assert_eq!(driver.cancelled("t1"), CancelReason::Superseded { by: "100".into() }, "older text gives way");
    driver.say("t2", TEXT);
    assert_eq!(driver.speaking(), "100", "a text does not interrupt a message");
    driver.speak_all();
    assert_eq!(driver.finished(), ["m", "100", "t2"]);
}

#[test]
fn pause_cancels_only_new_notifications_and_progress() {
    let mut driver = Driver::default();
    driver.say("a", MESSAGE);
    driver.queue.pause(0);
    driver.say("b", MESSAGE);
    driver.say("n", NOTIFICATION);
    driver.say("p", PROGRESS);
    assert_eq!(driver.cancelled("n"), CancelReason::Paused);
    assert_eq!(driver.cancelled("p"), CancelReason::Paused);
    assert_eq!(driver.audible(), None);
    driver.queue.resume(0);
    driver.run();
    assert_eq!(driver.audible(), Some("a".into()));
    driver.speak_all();
    assert_eq!(driver.finished(), ["a", "b"]);
    assert_eq!(driver.count("a", &EventKind::Started), 1, "it went on where it was");
}

#[test]
fn more_urgent_announcement_of_a_pause_is_spoken_first_at_resume() {
    let mut driver = Driver::default();
    driver.say("a", MESSAGE);
    driver.queue.pause(0);
    driver.say("i", IMPORTANT);
    driver.queue.resume(0);
    driver.run();
    assert_eq!(driver.speaking(), "i");
    assert_eq!(driver.count("a", &EventKind::Postponed), 1);
    driver.speak_all();
    assert_eq!(driver.finished(), ["i", "a"]);
}

#[test]
fn stop_begins_next_announcement_and_stop_all_empties_queue() {
    let mut driver = Driver::default();
    for id in ["a", "b", "c"] {
        driver.say(id, MESSAGE);
    }
    driver.queue.stop(0);
    driver.run();
    assert_eq!((driver.cancelled("a"), driver.speaking()), (CancelReason::Stopped, "b".into()));
    driver.queue.stop_all(0);
    driver.run();
    assert_eq!(driver.audible(), None);
    assert!(driver.queue.is_empty());
    assert_eq!(driver.cancelled("c"), CancelReason::Stopped);
}

#[test]
fn stop_all_cancels_pending_announcements() {
    let mut driver = Driver::default();
    let sequence = driver.queue.submit(Draft::plain("Hello.").validate().unwrap(), 0).unwrap();
    driver.queue.stop_all(0);
    driver.run();
    assert_eq!(driver.audible(), None);
    assert_eq!(driver.cancelled(&sequence.to_string()), CancelReason::Stopped);
}

#[test]
fn cancel_source_cancels_current_waiting_and_pending_of_that_source_only() {
    let mut driver = Driver::default();
    let draft = |id: &str, source: &str| Draft {
        id: Some(id.into()),
        source: Some(source.into()),
        ..Draft::plain("Hello.")
    };
    for (id, source) in [("a", "chip"), ("b", "fifo"), ("c", "chip"), ("d", "fifo")] {
        driver.say_draft(draft(id, source));
    }
    driver.queue.submit(draft("e", "chip").validate().unwrap(), 0).unwrap();
    driver.queue.cancel_source("chip", 0);
    driver.run();
    for id in ["a", "c", "e"] {
        assert_eq!(driver.cancelled(id), CancelReason::Stopped, "{id}");
    }
    driver.queue.cancel_source("chip", 0);
    driver.run();
    assert_eq!(driver.speaking(), "b");
    driver.speak_all();
    assert_eq!(driver.finished(), ["b", "d"]);
}

#[test]
fn finished_of_cancelled_announcement_is_ignored() {
    let mut driver = Driver::default();
    let late = driver.say("a", MESSAGE);
    driver.say("i", IMPORTANT);
    driver.queue.finished(late, 0);
    driver.run();
    assert_eq!(driver.speaking(), "i");
}

#[test]
fn repeat_last_drops_id_and_raises_priority_to_message() {
    let mut driver = Driver::default();
    assert!(driver.queue.repeat_last(0).is_err());
    driver.say("a", TEXT);
    driver.speak_all();
    let again = driver.queue.repeat_last(0).unwrap();
    driver.run();
    let (sequence, announcement) = driver.queue.current().unwrap();
    assert_eq!((sequence, announcement.text(), announcement.priority()), (again, "a", MESSAGE));
}

#[test]
fn same_id_is_spoken_once_in_24_hours() {
    let mut driver = Driver::default();
    driver.say("a", MESSAGE);
    driver.say("a", MESSAGE);
    driver.speak_all();
    driver.advance(ID_MEMORY_MS - 1);
    driver.say("a", MESSAGE);
    driver.speak_all();
    assert_eq!((driver.finished().len(), driver.count("a", &EventKind::Duplicate)), (1, 2));
    driver.advance(1);
    driver.say("a", MESSAGE);
    driver.speak_all();
    assert_eq!(driver.finished().len(), 2);
}

#[test]
fn duplicate_is_acknowledged_after_its_original() {
    let mut driver = Driver::default();
    let draft = || Draft { id: Some("a".into()), ..Draft::plain("a") }.validate().unwrap();
    let original = driver.queue.submit(draft(), 0).unwrap();
    let duplicate = driver.queue.submit(draft(), 0).unwrap();
    let events = driver.events_without_journal();
    assert!(events.is_empty(), "{events:?}");
    driver.queue.appended(original, 0);
    driver.run();
    assert_eq!(driver.events[0].sequence, original);
    assert_eq!((driver.events[1].sequence, &driver.events[1].kind), (duplicate, &EventKind::Duplicate));
}

#[test]
fn expired_announcement_is_reported_and_not_spoken() {
    let mut driver = Driver::default();
    driver.say("a", MESSAGE);
    driver.say_draft(Draft { id: Some("b".into()), expires_in_s: Some(5), ..Draft::plain("b") });
    driver.advance(4_999);
    assert_eq!(driver.count("b", &EventKind::Expired), 0);
    driver.advance(1);
    assert_eq!(driver.count("b", &EventKind::Expired), 1);
    driver.speak_all();
    assert_eq!(driver.finished(), ["a"]);
}

#[test]
fn current_announcement_does_not_expire() {
    let mut driver = Driver::default();
    driver.say_draft(Draft { id: Some("a".into()), expires_in_s: Some(1), ..Draft::plain("a") });
    driver.advance(60_000);
    assert_eq!(driver.speaking(), "a");
}

#[test]
fn submit_is_refused_when_queue_is_full() {
    let mut driver = Driver::new(QueueLimits { entries: 2, bytes: 1000 });
    driver.say("a", MESSAGE);
    driver.say("b", MESSAGE);
    let error = driver.queue.submit(Draft::plain("c").validate().unwrap(), 0).unwrap_err();
    assert!(error.to_string().contains("limit 2"), "{error}");
    driver.finish();
    let long = Draft::plain("c".repeat(1000)).validate().unwrap();
    let error = driver.queue.submit(long, 0).unwrap_err();
    assert!(error.to_string().contains("limit 1000"), "{error}");
    driver.speak_all();
    assert_eq!(driver.finished(), ["a", "b"]);
}

#[test]
fn lowered_limits_refuse_new_announcements_and_keep_waiting_ones() {
    let mut driver = Driver::default();
    driver.say("a", MESSAGE);
    driver.say("b", MESSAGE);
    driver.queue.set_limits(QueueLimits { entries: 1, bytes: 1 << 20 });
    driver.queue.submit(Draft::plain("c").validate().unwrap(), 0).unwrap_err();
    driver.speak_all();
    assert_eq!(driver.finished(), ["a", "b"]);
    driver.say("d", MESSAGE);
}

#[test]
fn append_failure_admits_announcement_as_not_durable() {
    let mut driver = Driver::default();
    let sequence = driver.queue.submit(Draft::plain("Hello.").validate().unwrap(), 0).unwrap();
    assert!(driver.events_without_journal().is_empty());
    driver.queue.append_failed(sequence, 0);
    driver.run();
    assert_eq!(driver.events[0].kind, EventKind::Accepted { durable: false });
    assert_eq!(driver.speaking(), sequence.to_string());
}

#[test]
fn cancel_ends_current_or_waiting_announcement_and_no_other() {
    let mut driver = Driver::default();
    let spoken = driver.say("a", MESSAGE);
    let waiting = driver.say("b", MESSAGE);
    driver.say("c", MESSAGE);
    for sequence in [waiting, spoken] {
        driver.queue.cancel(sequence, driver.uptime_ms);
        driver.run();
    }
    assert_eq!(
        (driver.cancelled("a"), driver.cancelled("b")),
        (CancelReason::Stopped, CancelReason::Stopped)
    );
    assert_eq!(driver.speaking(), "c");
    driver.queue.cancel(spoken, driver.uptime_ms);
    driver.speak_all();
    assert_eq!(driver.finished(), ["c"]);
}
