//! What happens by itself: the clock, the state that is told to inputs, the watchdog, rendering ahead.

use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::time::{Duration, Instant};

use crier_config::ButtonAction;
use crier_store::JournalEvent;
use crier_system::{Notice, THERMAL_ROOT, Watchdog, temperature_celsius, watchdog_interval};
use tokio::sync::mpsc;
use tokio::task::spawn_blocking;
use tokio::time::{sleep, timeout};

use super::supervisor::Supervisor;
use super::{plan, status};

/// How often expired announcements are looked for.
const CLOCK: Duration = Duration::from_millis(500);
/// How often the state is told when nothing changes.
const STATE: Duration = Duration::from_secs(10);
/// How often a journal that could not be written is tried again.
const MEND: Duration = Duration::from_secs(15);
/// How long nothing may be heard of a stream that is being played.
const SILENCE_MAX: Duration = Duration::from_secs(15);
/// How often the cache is looked after.
const RENDER_AHEAD: Duration = Duration::from_secs(2);

/// Takes what the journal's thread tells.
pub(crate) async fn stored(supervisor: Rc<Supervisor>, mut stored: mpsc::UnboundedReceiver<JournalEvent>) {
    while let Some(stored) = stored.recv().await {
        supervisor.appliance.stored(stored);
    }
}

/// Tells the state when it has changed, and now and then; keeps what was set by hand.
pub(crate) async fn publish(supervisor: Rc<Supervisor>) {
    let mut player = supervisor.appliance.player.changes();
    loop {
        let state = status::state(&supervisor);
        supervisor.state.send_if_modified(|told| {
            let differs = status::differs(told, &state);
            *told = state;
            differs
        });
        supervisor.settings.keep(&supervisor.present_settings());
        let waited = timeout(STATE, async {
            tokio::select! {
                () = supervisor.appliance.changed.notified() => {}
                _ = player.changed() => {}
            }
        });
        if waited.await.is_err() {
            supervisor.state.send_modify(|_| ());
        }
        // Many changes at once are one.
        sleep(Duration::from_millis(20)).await;
    }
}

/// Lets time pass.
pub(crate) async fn clock(supervisor: Rc<Supervisor>) {
    let mut mended = Instant::now();
    loop {
        sleep(CLOCK).await;
        supervisor.appliance.tick();
        if mended.elapsed() >= MEND {
            mended = Instant::now();
            supervisor.appliance.mend_journal();
        }
        report_failed_voice(&supervisor);
    }
}

/// Measures the temperature now and then. On another thread: a sensor behind a bus or a firmware answers when it likes.
pub(crate) async fn thermometer(supervisor: Rc<Supervisor>) {
    loop {
        let measured = spawn_blocking(|| temperature_celsius(Path::new(THERMAL_ROOT))).await;
        supervisor.temperature_celsius.set(measured.ok().flatten().map(|celsius| celsius as f32));
        sleep(STATE).await;
    }
}

/// Announces, once, that the chosen voice cannot speak any more, if another one can.
fn report_failed_voice(supervisor: &Supervisor) {
    if let Some(problem) = supervisor.appliance.speech.new_problem() {
        tracing::error!(%problem, "the chosen voice cannot speak; the embedded voice speaks instead");
        let text = "The voice of this appliance has failed. The backup voice is speaking.";
        let appliance = Rc::clone(&supervisor.appliance);
        let draft = crier_announce::Draft { source: Some("appliance".to_owned()), ..plan::notice(text) };
        tokio::task::spawn_local(async move { appliance.submit(draft).await });
    }
}

/// Renders the texts of buttons while the queue is empty.
pub(crate) async fn render_ahead(supervisor: Rc<Supervisor>) {
    loop {
        sleep(RENDER_AHEAD).await;
        let config = supervisor.config();
        let speech = &supervisor.appliance.speech;
        for button in &config.button {
            for action in [&button.press, &button.double_press, &button.long_press].into_iter().flatten() {
                let ButtonAction::Say { text, language, voice, .. } = action else { continue };
                if !supervisor.appliance.queue(crier_announce::Queue::is_empty) {
                    break;
                }
                let busy = async {
                    // An announcement needs the engines now; what is half rendered is rendered again later.
                    while supervisor.appliance.queue(crier_announce::Queue::is_empty) {
                        sleep(Duration::from_millis(5)).await;
                    }
                };
                tokio::select! {
                    () = speech.render_ahead(text.as_str(), voice.as_deref(), language.as_deref()) => {}
                    () = busy => {}
                }
            }
        }
    }
}

/// Tells the hardware watchdog and the service manager that all is well, for as long as it is.
pub(crate) async fn watchdog(supervisor: Rc<Supervisor>) {
    let config = supervisor.config();
    let mut device = match config.watchdog.device.clone() {
        Some(path) => open_watchdog(path, config.watchdog.timeout_s).await,
        None => None,
    };
    let service = watchdog_interval();
    let timeout_s =
        u64::from(device.as_ref().and_then(Watchdog::timeout_s).unwrap_or(config.watchdog.timeout_s));
    let shortest = service.unwrap_or(Duration::MAX).min(Duration::from_secs(timeout_s));
    let interval = (shortest / 4).clamp(Duration::from_millis(50), Duration::from_secs(10));
    let mut progress = Progress { heard: None, since: Instant::now() };
    let mut told = false;
    while device.is_some() || service.is_some() {
        let trouble = progress.look(&supervisor);
        match &trouble {
            None => {
                if let Some(device) = &mut device
                    && let Err(error) = device.pet()
                {
                    tracing::warn!(%error, "the watchdog cannot be petted");
                }
                supervisor.notify(Notice::Watchdog);
            }
            Some(trouble) if !told => tracing::error!(%trouble, "the watchdog is left to bite"),
            Some(_) => {}
        }
        told = trouble.is_some();
        sleep(interval).await;
    }
}

/// Opens the device on another thread: some drivers talk to their chip over a slow bus first.
async fn open_watchdog(path: PathBuf, timeout_s: u32) -> Option<Watchdog> {
    let opened = spawn_blocking(move || Watchdog::open(&path, timeout_s)).await.ok()?;
    opened.map_err(|error| tracing::error!(%error, "the hardware watchdog is not used")).ok()
}

/// Whether the ear gets something when it should.
struct Progress {
    heard: Option<u64>,
    since: Instant,
}

impl Progress {
    /// What is wrong, if anything.
    fn look(&mut self, supervisor: &Supervisor) -> Option<String> {
        let config = supervisor.config();
        let appliance = &supervisor.appliance;
        let (paused, oldest_ms) = appliance.queue(|queue| (queue.is_paused(), queue.oldest_age_ms()));
        let limit_s = u64::from(config.watchdog.announcement_age_max_s);
        let heard = appliance.player.played_samples();
        let waits_for_device = !appliance.player.device().open;
        // A player that waits for an engine is no fault: engines are watched, and replaced, by themselves.
        let is_due = appliance.player.is_due() && !paused && !waits_for_device;
        if !is_due || heard != self.heard {
            (self.heard, self.since) = (heard, Instant::now());
        }
        if self.since.elapsed() > SILENCE_MAX {
            return Some("nothing is heard of what is being played".to_owned());
        }
        // While somebody paused it, or there is nothing to play on, waiting is no fault of the program.
        let hindered = paused || waits_for_device || appliance.is_speaking();
        let late = oldest_ms.is_some_and(|age_ms| age_ms / 1000 > limit_s) && !hindered;
        late.then(|| format!("an announcement has waited for more than {limit_s} s"))
    }
}
