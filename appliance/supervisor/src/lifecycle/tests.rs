//! Tables of transitions, and properties that hold for any order of events.

use proptest::prelude::*;

use super::*;

const TIMEOUTS: StageTimeouts =
    StageTimeouts { start_timeout_ms: 10_000, progress_timeout_ms: 2_000, restarts_max: 3 };
const KILLED: Ended = Ended::Killed { signal: 9, core: false };

/// Delivers events at given times and returns all actions.
fn run(lifecycle: &mut Lifecycle, events: impl IntoIterator<Item = (u64, Event)>) -> Vec<Action> {
    let mut actions = Vec::new();
    for (now_ms, event) in events {
        lifecycle.on(event, now_ms);
        actions.extend(std::iter::from_fn(|| lifecycle.next_action()));
    }
    actions
}

/// A stage whose first instance is running since time 100.
fn running() -> Lifecycle {
    let mut lifecycle = Lifecycle::new(TIMEOUTS, 0);
    let actions = run(&mut lifecycle, [(50, Event::Spawned), (100, Event::Ready)]);
    assert_eq!(actions, [Action::Spawn, Action::OpenConnection]);
    assert_eq!(lifecycle.condition(), Condition::Running);
    lifecycle
}

/// A stage that an operator holds, whose process is gone.
fn held() -> Lifecycle {
    let mut lifecycle = running();
    let actions = run(&mut lifecycle, [(200, Event::Hold), (210, Event::Exited(KILLED))]);
    assert_eq!(actions, [Action::CloseConnection, Action::Kill]);
    assert_eq!(lifecycle.condition(), Condition::Held);
    lifecycle
}

#[test]
fn crash_is_reported_and_restarted_after_a_back_off() {
    let mut lifecycle = running();
    let crash = [(300, Event::ChannelClosed), (301, Event::Exited(KILLED))];
    let expected = [Action::CloseConnection, Action::Report(EndReason::Exited(KILLED))];
    assert_eq!(run(&mut lifecycle, crash), expected);
    assert_eq!((lifecycle.condition(), lifecycle.deadline_ms()), (Condition::Waiting, Some(401)));
    assert_eq!(run(&mut lifecycle, [(400, Event::Tick)]), []);
    assert_eq!(run(&mut lifecycle, [(401, Event::Tick)]), [Action::Spawn]);
    assert_eq!(lifecycle.restarts(), 1);
}

#[test]
fn process_that_only_closes_its_channel_is_killed_after_a_grace_period() {
    let mut lifecycle = running();
    assert_eq!(run(&mut lifecycle, [(300, Event::ChannelClosed)]), [Action::CloseConnection]);
    assert_eq!(run(&mut lifecycle, [(300 + EXIT_GRACE_MS, Event::Tick)]), [Action::Kill]);
    let actions = run(&mut lifecycle, [(360, Event::Exited(KILLED))]);
    assert_eq!(actions, [Action::Report(EndReason::ChannelClosed)]);
}

#[test]
fn hold_holds_whatever_happens_afterwards_until_it_is_released() {
    let mut lifecycle = held();
    let noise = [
        (300, Event::Restart),
        (301, Event::Hold),
        (302, Event::Exited(KILLED)),
        (303, Event::Spawned),
        (304, Event::Ready),
        (99_000, Event::Tick),
    ];
    assert_eq!(run(&mut lifecycle, noise), []);
    assert_eq!((lifecycle.condition(), lifecycle.deadline_ms()), (Condition::Held, None));
    assert!(!lifecycle.has_given_up(), "an operator asked for it");
    assert_eq!(run(&mut lifecycle, [(100_000, Event::Release)]), [Action::Spawn]);
}

#[test]
fn hold_while_spawning_kills_the_process_as_soon_as_there_is_one() {
    let mut lifecycle = Lifecycle::new(TIMEOUTS, 0);
    assert_eq!(run(&mut lifecycle, [(1, Event::Hold)]), [Action::Spawn]);
    assert_eq!(run(&mut lifecycle, [(2, Event::Spawned)]), [Action::Kill]);
    assert_eq!(run(&mut lifecycle, [(3, Event::Ready), (4, Event::Exited(KILLED))]), []);
    assert_eq!(lifecycle.condition(), Condition::Held);
}

#[test]
fn hold_during_back_off_takes_effect_at_once() {
    let mut lifecycle = running();
    run(&mut lifecycle, [(300, Event::Exited(KILLED))]);
    assert_eq!(run(&mut lifecycle, [(310, Event::Hold), (10_000, Event::Tick)]), []);
    assert_eq!(lifecycle.condition(), Condition::Held);
}

#[test]
fn release_before_the_process_is_gone_starts_the_next_one_when_it_is() {
    let mut lifecycle = running();
    let actions = run(&mut lifecycle, [(200, Event::Hold), (201, Event::Release)]);
    assert_eq!(actions, [Action::CloseConnection, Action::Kill]);
    assert_eq!(run(&mut lifecycle, [(210, Event::Exited(KILLED))]), [Action::Spawn]);
}

#[test]
fn restart_replaces_the_instance_without_back_off_and_without_a_crash_report() {
    let mut lifecycle = running();
    assert_eq!(run(&mut lifecycle, [(300, Event::Restart)]), [Action::CloseConnection, Action::Kill]);
    assert_eq!(run(&mut lifecycle, [(310, Event::Exited(KILLED))]), [Action::Spawn]);
}

#[test]
fn restart_while_spawning_spawns_again_since_the_specification_may_have_changed() {
    let mut lifecycle = Lifecycle::new(TIMEOUTS, 0);
    let actions = run(&mut lifecycle, [(1, Event::Restart), (2, Event::Spawned), (3, Event::Exited(KILLED))]);
    assert_eq!(actions, [Action::Spawn, Action::Kill, Action::Spawn]);
}

#[test]
fn too_many_crashes_hold_the_stage_and_release_starts_it_with_a_clean_record() {
    let mut lifecycle = Lifecycle::new(TIMEOUTS, 0);
    let mut now_ms = 0;
    for crash in 0..4 {
        assert_eq!(lifecycle.next_action(), Some(Action::Spawn), "{crash}");
        run(&mut lifecycle, [(now_ms, Event::Spawned), (now_ms + 1, Event::Exited(KILLED))]);
        now_ms = lifecycle.deadline_ms().unwrap_or(now_ms + 1);
        lifecycle.on(Event::Tick, now_ms);
    }
    assert_eq!((lifecycle.condition(), lifecycle.next_action()), (Condition::Held, None));
    assert!(lifecycle.has_given_up());
    assert_eq!(run(&mut lifecycle, [(now_ms + 5, Event::Release)]), [Action::Spawn]);
    run(&mut lifecycle, [(now_ms + 6, Event::Spawned), (now_ms + 7, Event::Exited(KILLED))]);
    assert_eq!(lifecycle.condition(), Condition::Waiting, "one crash after a release is one crash");
}

#[test]
fn stage_that_is_not_ready_in_time_is_replaced() {
    let mut lifecycle = Lifecycle::new(TIMEOUTS, 0);
    run(&mut lifecycle, [(50, Event::Spawned)]);
    assert_eq!(lifecycle.deadline_ms(), Some(10_050));
    assert_eq!(run(&mut lifecycle, [(10_050, Event::Tick)]), [Action::Kill]);
    let actions = run(&mut lifecycle, [(10_060, Event::Exited(KILLED))]);
    assert_eq!(actions, [Action::Report(EndReason::StartTimeout(10_000))]);
}

#[test]
fn unanswered_heartbeat_kills_and_an_answer_to_an_older_one_does_not_count() {
    let mut lifecycle = running();
    assert_eq!(run(&mut lifecycle, [(600, Event::Tick)]), [Action::SendHeartbeat(1)]);
    assert_eq!(run(&mut lifecycle, [(700, Event::HeartbeatAnswered(1))]), []);
    assert_eq!(run(&mut lifecycle, [(1_200, Event::Tick)]), [Action::SendHeartbeat(2)]);
    assert_eq!(run(&mut lifecycle, [(1_300, Event::HeartbeatAnswered(1)), (3_199, Event::Tick)]), []);
    let actions = run(&mut lifecycle, [(3_200, Event::Tick), (3_300, Event::Exited(KILLED))]);
    let report = Action::Report(EndReason::HeartbeatTimeout(2_000));
    assert_eq!(actions, [Action::CloseConnection, Action::Kill, report]);
}

#[test]
fn client_that_does_not_read_is_no_fault_of_the_stage() {
    let mut lifecycle = running();
    let actions = run(&mut lifecycle, [(600, Event::Tick), (700, Event::ClientStalled(true))]);
    assert_eq!(actions, [Action::SendHeartbeat(1)]);
    assert_eq!(lifecycle.deadline_ms(), None);
    assert_eq!(run(&mut lifecycle, [(60_000, Event::Tick), (60_001, Event::ClientStalled(false))]), []);
    assert_eq!(lifecycle.deadline_ms(), Some(62_001), "the answer may be behind what was not read");
}

#[test]
fn process_that_cannot_be_reaped_is_abandoned_and_replaced() {
    let mut lifecycle = running();
    run(&mut lifecycle, [(600, Event::Tick), (2_600, Event::Tick)]);
    let actions = run(&mut lifecycle, [(2_600 + REAP_TIMEOUT_MS, Event::Tick)]);
    assert_eq!(actions, [Action::Abandon, Action::Report(EndReason::HeartbeatTimeout(2_000))]);
    assert_eq!(lifecycle.condition(), Condition::Waiting);
}

#[test]
fn close_ends_every_phase_for_good() {
    let mut spawning = Lifecycle::new(TIMEOUTS, 0);
    run(&mut spawning, [(1, Event::Close), (2, Event::Spawned), (3, Event::Exited(KILLED))]);
    let mut failed = Lifecycle::new(TIMEOUTS, 0);
    run(&mut failed, [(1, Event::Close), (2, Event::SpawnFailed("no memory".into()))]);
    let mut stopped = running();
    run(&mut stopped, [(200, Event::Close), (210, Event::Exited(KILLED))]);
    let mut waiting = running();
    run(&mut waiting, [(200, Event::Exited(KILLED)), (201, Event::Close)]);
    let mut on_hold = held();
    run(&mut on_hold, [(300, Event::Close)]);
    for mut lifecycle in [spawning, failed, stopped, waiting, on_hold] {
        assert!(lifecycle.is_closed());
        assert_eq!(
            run(&mut lifecycle, [(400, Event::Release), (401, Event::Restart), (402, Event::Tick)]),
            []
        );
    }
}

#[test]
fn spawn_that_fails_is_a_crash() {
    let mut lifecycle = Lifecycle::new(TIMEOUTS, 0);
    let actions = run(&mut lifecycle, [(5, Event::SpawnFailed("no memory".into()))]);
    let report = Action::Report(EndReason::SpawnFailed("no memory".into()));
    assert_eq!(actions, [Action::Spawn, report]);
    assert_eq!(lifecycle.condition(), Condition::Waiting);
}

/// Commands of operator and clients, and what a process may do by itself.
fn any_event() -> impl Strategy<Value = Event> {
    prop_oneof![
        Just(Event::Ready),
        (0_u64..4).prop_map(Event::HeartbeatAnswered),
        any::<bool>().prop_map(Event::ClientStalled),
        Just(Event::ChannelClosed),
        Just(Event::Failed(EndReason::ConnectionDropped)),
        Just(Event::Exited(KILLED)),
        Just(Event::Hold),
        Just(Event::Release),
        Just(Event::Restart),
        Just(Event::Tick),
    ]
}

/// World around the state machine: at most one process, and a client with at most one connection.
#[derive(Default)]
struct World {
    spawning: bool,
    alive: bool,
    connected: bool,
    held: bool,
}

proptest! {
    #[test]
    fn any_order_of_events_keeps_the_invariants(
        events in prop::collection::vec((0_u64..3_000, any_event(), any::<bool>()), 0..200),
        close in any::<bool>(),
    ) {
        let mut lifecycle = Lifecycle::new(TIMEOUTS, 0);
        let mut world = World::default();
        let mut now_ms = 0;
        let last = close.then_some((10, Event::Close, true));
        for (step_ms, mut event, spawns) in events.into_iter().chain(last) {
            now_ms += step_ms;
            if world.spawning && !matches!(event, Event::Hold | Event::Release | Event::Restart | Event::Close) {
                event = if spawns { Event::Spawned } else { Event::SpawnFailed("no".into()) };
            } else if matches!(event, Event::Ready | Event::Exited(_)) && !world.alive {
                event = Event::Tick;
            }
            match &event {
                Event::Spawned => (world.spawning, world.alive) = (false, true),
                Event::SpawnFailed(_) => world.spawning = false,
                Event::Exited(_) => world.alive = false,
                Event::Hold => world.held = true,
                Event::Release => world.held = false,
                _ => {}
            }
            lifecycle.on(event, now_ms);
            while let Some(action) = lifecycle.next_action() {
                match action {
                    Action::Spawn => {
                        prop_assert!(!world.alive && !world.spawning, "a second process");
                        prop_assert!(!world.held || lifecycle.restarts() == 0, "a held stage was started");
                        world.spawning = true;
                    }
                    Action::OpenConnection => {
                        prop_assert!(world.alive && !world.connected);
                        world.connected = true;
                    }
                    Action::CloseConnection => {
                        prop_assert!(world.connected);
                        world.connected = false;
                    }
                    Action::SendHeartbeat(_) | Action::Kill => prop_assert!(world.alive),
                    Action::Abandon => {
                        prop_assert!(world.alive);
                        world.alive = false;
                    }
                    Action::Report(reason) => prop_assert_ne!(reason, EndReason::Requested),
                }
            }
            prop_assert_eq!(world.connected, lifecycle.condition() == Condition::Running);
            // Nothing waits for ever: there is a deadline, or an event that must come, or a decision of somebody.
            let waits = lifecycle.deadline_ms().is_some() || world.spawning || lifecycle.is_closed();
            let stalled = lifecycle.condition() == Condition::Running;
            prop_assert!(waits || stalled || lifecycle.condition() == Condition::Held);
            if lifecycle.condition() == Condition::Held {
                prop_assert!(!world.alive && !world.spawning);
            }
        }
        // Time and the world's answers alone bring a closed stage to its end.
        for _ in 0..4 {
            if close && !lifecycle.is_closed() {
                now_ms += REAP_TIMEOUT_MS;
                let event = if world.spawning { Event::Spawned } else { Event::Tick };
                world.spawning = false;
                lifecycle.on(event, now_ms);
                while lifecycle.next_action().is_some() {}
            }
        }
        prop_assert_eq!(lifecycle.is_closed(), close);
    }
}
