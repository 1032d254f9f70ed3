//! `crier serve`: the supervisor. It owns the queue, the state of what is being spoken, and the life of every stage.

mod appliance;
mod inputs;
mod plan;
mod reload;
mod requests;
mod status;
mod supervisor;
mod tasks;
pub(crate) mod tune;
mod users;

use std::cell::{Cell, RefCell};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::rc::Rc;
use std::time::{Duration, Instant};

use crier_announce::Queue;
use crier_config::{Config, Stop};
use crier_playback::{PlayerClient, Readiness, SpeechService};
use crier_store::{Journal, PersistedSettings, SettingsWriter};
use crier_supervisor::Stage;
use crier_system::{Notice, Notifier, ReadinessFd, boot_id, own_processors, uptime_ms};
use crier_wire::{Answer, ApplianceState};
use tokio::net::UnixListener;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::{Notify, watch};

use self::appliance::Appliance;
use self::inputs::Inputs;
use self::supervisor::Supervisor;
use self::users::Users;
use crate::cli::ServeArguments;
use crate::error::CrierError;

/// Interval at which the end of the present announcement is looked for during a shutdown.
const FINISH_POLL: Duration = Duration::from_millis(20);
/// Time for the player to fade out (20 ms) what its device holds, so that a shutdown does not end with a click.
const FADE: Duration = Duration::from_millis(60);
/// Longest wait for the medium at the end. An SD card that moves blocks takes seconds; one that takes longer is dead or
/// gone, and the service manager must not have to kill this process.
const STORE_MAX: Duration = Duration::from_secs(10);

/// Runs the supervisor until SIGTERM or SIGINT.
pub(crate) fn run(arguments: &ServeArguments) -> Result<(), CrierError> {
    let config = crate::validate::read_config(arguments.config.as_deref())?;
    crier_logging::set_level(&config.log);
    crate::event_loop::run(serve(config, arguments))
}

/// Checks what a configuration needs of this machine: its CPUs and its users.
pub(crate) fn check_on_this_machine(config: &Config) -> Result<(), CrierError> {
    plan::cpus(&config.cpu, &own_processors()?)?;
    Users::find(&config.users).map(|_| ())
}

async fn serve(config: Config, arguments: &ServeArguments) -> Result<(), CrierError> {
    // Before this thread pins itself: from then on the system shows it only the CPUs that it is pinned to.
    let allowed = own_processors()?;
    let (cpus, timeouts) = (plan::cpus(&config.cpu, &allowed)?, plan::timeouts(&config.supervisor));
    let users = Users::find(&config.users)?;
    // Threads inherit it: those of the journal and of blocking calls run beside the supervisor, not beside the engines.
    if let Err(error) = crier_system::pin_thread(&cpus.supervisor) {
        tracing::warn!(%error, "the supervisor is not pinned to its CPUs");
    }
    make_folders(&config.appliance, &users)?;
    let id = plan::appliance_id(&config)?;
    let group = config.control.group.as_deref().map(crier_control::group_id).transpose()?;
    // Before the journal is opened: a second appliance in the same place ends here, and has not touched it.
    let control = crier_control::listen(&config.control.socket, 0o660, group)?;
    let metrics = match &config.metrics.socket {
        // Readable by everyone: it takes no requests, and metrics hold no text.
        Some(path) => Some(crier_control::listen(path, 0o666, None)?),
        None => None,
    };
    // Volume and voice that were set by hand outlive a restart, and overrule the configuration.
    let remembered = PersistedSettings::read(&config.appliance.state_dir);
    let (journal, records, stored) = Journal::open(&config.appliance.state_dir.join("journal"))?;
    let queue = Queue::recover(records, config.queue.limits(), &boot_id()?, uptime_ms());
    if !queue.is_empty() {
        tracing::info!(announcements = queue.len(), "unfinished announcements are in the journal");
    }
    let (state, states) = watch::channel(ApplianceState::default());
    let player_spec = Rc::new(RefCell::new(plan::player(&config, &cpus, timeouts, &users, &remembered)));
    let intake_spec = Rc::new(RefCell::new(plan::intake(&config, &cpus, timeouts, &users, &id)));
    // The player first: opening a sound device takes the longest, and needs nothing of the others.
    let (player, connections) = Stage::start(Rc::clone(&player_spec));
    let volume_percent = remembered.volume_percent.unwrap_or(u32::from(config.player.volume_percent));
    let player_client = PlayerClient::start(connections, volume_percent, remembered.muted);
    let folders = crate::voice::bundle_folders(&config);
    folders.warn_of_styles(&config);
    let speech = plan::speech(&config, folders, &cpus, timeouts, &users)?;
    let speech = SpeechService::start(speech, remembered.voice.as_deref());
    let appliance = Appliance::new(queue, journal, player_client, speech);
    // The intake last: what it takes in finds queue and journal ready.
    let (intake, connections) = Stage::start(Rc::clone(&intake_spec));
    let inputs = Rc::new(Inputs::default());
    tokio::task::spawn_local(inputs::drive(Rc::clone(&appliance), connections, Rc::clone(&inputs), states));
    let supervisor = Rc::new(Supervisor {
        id,
        begin: Instant::now(),
        appliance,
        inputs,
        player,
        intake,
        player_spec,
        intake_spec,
        allowed_cpus: allowed,
        cpus: RefCell::new(cpus),
        users,
        state,
        settings: SettingsWriter::start(&config.appliance.state_dir)?,
        notifier: Notifier::from_environment()?,
        temperature_celsius: Cell::new(None),
        config: RefCell::new(Rc::new(config)),
    });
    tokio::task::spawn_local(tasks::stored(Rc::clone(&supervisor), stored));
    start_tasks(&supervisor, control, metrics);
    // What the journal has kept is spoken without anybody asking for it.
    supervisor.appliance.carry_out();
    let result = wait_for_the_end(&supervisor, arguments).await;
    shut_down(&supervisor).await;
    result
}

/// Starts what serves clients and what is done at intervals.
fn start_tasks(supervisor: &Rc<Supervisor>, control: UnixListener, metrics: Option<UnixListener>) {
    tokio::task::spawn_local(crier_control::serve(Rc::clone(supervisor), control));
    if let Some(metrics) = metrics {
        let measured = Rc::clone(supervisor);
        let status = move || status::status(&measured);
        tokio::task::spawn_local(crier_control::serve_metrics(status, metrics));
    }
    tokio::task::spawn_local(tasks::publish(Rc::clone(supervisor)));
    tokio::task::spawn_local(tasks::clock(Rc::clone(supervisor)));
    tokio::task::spawn_local(tasks::thermometer(Rc::clone(supervisor)));
    tokio::task::spawn_local(tasks::render_ahead(Rc::clone(supervisor)));
    tokio::task::spawn_local(tasks::watchdog(Rc::clone(supervisor)));
    tokio::task::spawn_local(ready(Rc::clone(supervisor)));
}

/// Makes the folders of the state and of sockets and FIFOs.
fn make_folders(appliance: &crier_config::ApplianceSettings, users: &Users) -> Result<(), CrierError> {
    for folder in [&appliance.state_dir, &appliance.run_dir] {
        std::fs::create_dir_all(folder)
            .map_err(|source| CrierError::Write { path: folder.clone(), source })?;
    }
    // A stage without root's privileges cannot write into the folder of another user.
    if let Some(user) = &users.intake {
        share_folder(&appliance.run_dir, user.group())?;
    }
    Ok(())
}

/// Lets the intake make FIFOs in a folder that is not its own; with the sticky bit, what others have there stays
/// theirs.
fn share_folder(folder: &Path, group: u32) -> Result<(), CrierError> {
    std::os::unix::fs::chown(folder, None, Some(group))
        .and_then(|()| std::fs::set_permissions(folder, std::fs::Permissions::from_mode(0o1775)))
        .map_err(|source| CrierError::Write { path: folder.to_owned(), source })
}

/// Waits until something can be spoken, and reports readiness to the log, the service manager and the configured
/// descriptor.
async fn ready(supervisor: Rc<Supervisor>) {
    let mut readiness = supervisor.appliance.speech.voices().readiness();
    // Fails only without a sender, which lives as long as the supervisor. If no voice can ever speak, the pool has said
    // so; a release or a reload may still mend it.
    let _ = readiness.wait_for(|readiness| *readiness == Readiness::Ready).await;
    tracing::info!(after_ms = supervisor.begin.elapsed().as_millis() as u64, "ready");
    supervisor.notify(Notice::Ready);
    supervisor.appliance.changed.notify_one();
    let config = supervisor.config();
    if let Some(fd) = config.supervisor.readiness_fd.and_then(|fd| i32::try_from(fd).ok()) {
        match ReadinessFd::from_inherited(fd) {
            Ok(fd) => {
                if let Err(error) = fd.ready() {
                    tracing::warn!(%error, "readiness cannot be reported to `readiness_fd`");
                }
            }
            Err(error) => tracing::warn!(%error, "readiness cannot be reported to `readiness_fd`"),
        }
    }
    if let Some(text) = &config.supervisor.ready_announcement {
        let draft =
            crier_announce::Draft { source: Some("appliance".to_owned()), ..plan::notice(text.as_str()) };
        if let Answer::Refused { reason, .. } = supervisor.appliance.submit(draft).await {
            tracing::warn!(%reason, "the ready announcement is not spoken");
        }
    }
}

/// Serves until SIGTERM or SIGINT; SIGHUP reads the configuration again.
async fn wait_for_the_end(supervisor: &Rc<Supervisor>, arguments: &ServeArguments) -> Result<(), CrierError> {
    let listen =
        |kind| signal(kind).map_err(|source| CrierError::Start { what: "listen for signals", source });
    let (mut terminate, mut interrupt, mut hang_up) =
        (listen(SignalKind::terminate())?, listen(SignalKind::interrupt())?, listen(SignalKind::hangup())?);
    // A task of its own, so that a medium that hangs under the file does not keep SIGTERM from being obeyed. Signals
    // that arrive while it reads are one more reload, not many.
    let reloading = Rc::new(Notify::new());
    tokio::task::spawn_local(reload::on_request(
        Rc::clone(supervisor),
        Rc::clone(&reloading),
        arguments.config.clone(),
    ));
    loop {
        tokio::select! {
            _ = terminate.recv() => return Ok(()),
            _ = interrupt.recv() => return Ok(()),
            _ = hang_up.recv() => reloading.notify_one(),
        }
    }
}

/// Ends in good order: what is being spoken is finished or cut, what waits stays in the journal.
async fn shut_down(supervisor: &Supervisor) {
    tracing::info!("ending");
    supervisor.notify(Notice::Stopping);
    supervisor.appliance.end();
    let config = supervisor.config();
    if config.supervisor.stop == Stop::Finish {
        let deadline = Instant::now() + Duration::from_secs(u64::from(config.supervisor.stop_timeout_s));
        // Without a device to hear it on, nothing would be finished.
        let audible = || supervisor.appliance.is_speaking() && supervisor.appliance.player.device().open;
        while audible() && Instant::now() < deadline {
            tokio::time::sleep(FINISH_POLL).await;
        }
    }
    if supervisor.appliance.is_speaking() {
        supervisor.appliance.player.stop();
        tokio::time::sleep(FADE).await;
    }
    // A change of the last second may not have been handed over yet.
    supervisor.settings.keep(&supervisor.present_settings());
    let store = async {
        supervisor.settings.flush().await;
        supervisor.appliance.journal_written().await;
    };
    if tokio::time::timeout(STORE_MAX, store).await.is_err() {
        tracing::error!(
            folder = %config.appliance.state_dir.display(),
            "the journal was not written to its end within {} s; is the disk full or gone?",
            STORE_MAX.as_secs()
        );
    }
    // Last: while the sockets are there, clients get answers, and a second appliance is refused.
    crier_control::remove(&config.control.socket);
    if let Some(path) = &config.metrics.socket {
        crier_control::remove(path);
    }
}
