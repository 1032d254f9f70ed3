//! Periodic tasks of the supervisor: expiries, the state for the inputs, temperature, rendering ahead, watchdogs.

use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::sync::mpsc::{SyncSender, sync_channel};
use std::time::{Duration, Instant};

use crier_announce::Draft;
use crier_config::ButtonAction;
use crier_store::JournalEvent;
use crier_system::{Notice, THERMAL_ROOT, Watchdog, temperature_celsius, watchdog_interval};
use tokio::sync::mpsc;
use tokio::task::spawn_blocking;
use tokio::time::{sleep, timeout};

use super::supervisor::Supervisor;
use super::{plan, status};

/// Interval between searches for expired announcements; expiries are given in whole seconds.
const CLOCK: Duration = Duration::from_millis(500);
/// Interval between publications of a state that does not change, and between measurements of the temperature: a
/// display in a home needs neither more often.
const STATE: Duration = Duration::from_secs(10);
/// Interval between attempts to write a journal that could not be written: each one may wake a sleeping disk.
const MEND: Duration = Duration::from_secs(15);
/// Longest time without progress of a stream that is being played: longer than the player needs to notice a device that
/// hangs, to be replaced and to open the device again.
const SILENCE_MAX: Duration = Duration::from_secs(15);
/// Pause between searches for texts that are not rendered yet. Short enough that a new configuration is rendered soon.
const RENDER_AHEAD: Duration = Duration::from_secs(2);
/// Time in which changes of the state become one publication: below what a listener notices, above the distance of the
/// events of one command.
const PUBLISH_DELAY: Duration = Duration::from_millis(20);
/// Interval at which rendering ahead looks for an announcement that needs the engines: small against the time to
/// first audio.
const BUSY_POLL: Duration = Duration::from_millis(5);
/// Bounds of the interval between two pets of the watchdogs: many times within the shortest timeout that makes sense,
/// and often enough that a fault is found within [`SILENCE_MAX`].
const PET_INTERVAL: [Duration; 2] = [Duration::from_millis(50), Duration::from_secs(10)];

/// Passes the events of the journal's thread on.
pub(crate) async fn stored(supervisor: Rc<Supervisor>, mut stored: mpsc::UnboundedReceiver<JournalEvent>) {
    while let Some(stored) = stored.recv().await {
        supervisor.appliance.stored(stored);
    }
}

/// Publishes the state when it has changed, and at intervals; has settings kept that were changed by hand.
pub(crate) async fn publish(supervisor: Rc<Supervisor>) {
    let mut player = supervisor.appliance.player.changes();
    loop {
        let state = status::state(&supervisor);
        supervisor.state.send_if_modified(|published| {
            // Temperature and time alone wake no listener, but the next one to look gets them.
            let differs = status::differs(published, &state);
            *published = state;
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
            // Marks it as changed: now temperature and time are due.
            supervisor.state.send_modify(|_| ());
        }
        sleep(PUBLISH_DELAY).await;
    }
}

/// Does what is due by time: expiries, the journal's next attempt, the report of a voice that failed.
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
        let draft = Draft {
            source: Some("appliance".to_owned()),
            // That of the text, whatever the voice of the configuration speaks.
            language: Some("english".to_owned()),
            ..plan::notice(text)
        };
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
                let ButtonAction::Say { text, language, voice, manner, .. } = action else { continue };
                let (language, voice) = (language.clone(), voice.clone());
                let mut draft = Draft { language, voice, ..Draft::plain(text.as_str()) };
                // As the button's press will be submitted: another manner would be another entry of the cache.
                manner.complete(&mut draft);
                let Ok(announcement) = draft.validate() else { continue };
                if !supervisor.appliance.queue(crier_announce::Queue::is_empty) {
                    break;
                }
                let busy = async {
                    // An announcement needs the engines now; what is half rendered is rendered again later.
                    while supervisor.appliance.queue(crier_announce::Queue::is_empty) {
                        sleep(BUSY_POLL).await;
                    }
                };
                tokio::select! {
                    () = speech.render_ahead(&announcement) => {}
                    () = busy => {}
                }
            }
        }
    }
}

/// Pets the hardware watchdog and the service manager's, for as long as announcements are heard. It runs in the event
/// loop on purpose, so that a loop that hangs pets nothing; only the write to the device is made elsewhere.
pub(crate) async fn watchdog(supervisor: Rc<Supervisor>) {
    let config = supervisor.config();
    let device = match config.watchdog.device.clone() {
        Some(path) => open_watchdog(path, config.watchdog.timeout_s).await,
        None => None,
    };
    let service = watchdog_interval();
    let timeout_s =
        u64::from(device.as_ref().and_then(Watchdog::timeout_s).unwrap_or(config.watchdog.timeout_s));
    let device = device.and_then(pet_on_request);
    let shortest = service.unwrap_or(Duration::MAX).min(Duration::from_secs(timeout_s));
    // A quarter: three pets may come late on a busy machine before the timer runs out.
    let interval = (shortest / 4).clamp(PET_INTERVAL[0], PET_INTERVAL[1]);
    let mut progress = AudibleProgress { played_samples: None, since: Instant::now() };
    let mut is_logged = false;
    while device.is_some() || service.is_some() {
        let trouble = progress.trouble(&supervisor);
        match &trouble {
            None => {
                // While an earlier pet is under way, another one would change nothing.
                let _ = device.as_ref().map(|pets| pets.try_send(()));
                supervisor.notify(Notice::Watchdog);
            }
            Some(trouble) if !is_logged => {
                tracing::error!(%trouble, "the watchdog is not petted any more; it resets the appliance");
            }
            Some(_) => {}
        }
        is_logged = trouble.is_some();
        sleep(interval).await;
    }
}

/// Opens the device on another thread: some drivers talk to their chip over a slow bus first.
async fn open_watchdog(path: PathBuf, timeout_s: u32) -> Option<Watchdog> {
    let opened = spawn_blocking(move || Watchdog::open(&path, timeout_s)).await.ok()?;
    opened.map_err(|error| tracing::error!(%error, "the hardware watchdog is not used")).ok()
}

/// Pets the device on another thread whenever it is requested: a driver may wait for its chip.
fn pet_on_request(mut device: Watchdog) -> Option<SyncSender<()>> {
    let (pets, requests) = sync_channel(1);
    let pet = move || {
        for () in requests {
            if let Err(error) = device.pet() {
                tracing::warn!(%error, "the watchdog cannot be petted");
            }
        }
    };
    let spawned = std::thread::Builder::new().name("watchdog".to_owned()).spawn(pet);
    spawned.map_err(|error| tracing::error!(%error, "the hardware watchdog is not used")).ok()?;
    Some(pets)
}

/// Progress of what is played, as the watchdogs see it: threads that live prove nothing about an appliance that is
/// silent.
struct AudibleProgress {
    played_samples: Option<u64>,
    since: Instant,
}

impl AudibleProgress {
    /// Returns the fault for which the machine is to be reset, if there is one.
    fn trouble(&mut self, supervisor: &Supervisor) -> Option<String> {
        let config = supervisor.config();
        let appliance = &supervisor.appliance;
        let (paused, oldest_ms) = appliance.queue(|queue| (queue.is_paused(), queue.oldest_age_ms()));
        let limit_s = u64::from(config.watchdog.announcement_age_max_s);
        let played_samples = appliance.player.played_samples();
        let waits_for_device = !appliance.player.device().open;
        // A player that waits for an engine is no fault: engines are watched, and replaced, by themselves.
        let is_due = appliance.player.is_due() && !paused && !waits_for_device;
        if !is_due || played_samples != self.played_samples {
            (self.played_samples, self.since) = (played_samples, Instant::now());
        }
        if self.since.elapsed() > SILENCE_MAX {
            return Some("nothing is heard of what is being played".to_owned());
        }
        // Paused, without a device, or behind a long announcement: waiting is no fault of the program, and a reset
        // would not end it.
        let hindered = paused || waits_for_device || appliance.is_speaking();
        let late = oldest_ms.is_some_and(|age_ms| age_ms / 1000 > limit_s) && !hindered;
        late.then(|| format!("an announcement has waited for more than {limit_s} s"))
    }
}
