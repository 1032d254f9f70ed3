//! `crier serve`: the supervisor. It owns the queue, the truth about what is being said, and the life of every stage.

mod appliance;
mod counts;
mod device_list;
mod inputs;
mod journal;
mod metrics;
mod plan;
mod playback;
mod playing;
mod reload;
mod settings;
mod sockets;
mod speech;
mod status;
mod tasks;
pub(crate) mod tune;
mod users;
mod voices;

use std::cell::RefCell;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::rc::Rc;
use std::time::{Duration, Instant};

use crier_announce::Queue;
use crier_config::{Config, Stop};
use crier_supervisor::{CpuPlan, Stage, StageSpec};
use crier_system::{Notice, Notifier, ReadinessFd, boot_id, own_processors, uptime_ms};
use crier_wire::{Answer, State};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::{Notify, watch};

use self::appliance::Appliance;
use self::inputs::Inputs;
use self::journal::Journal;
use self::playing::Playing;
use self::settings::{PersistedSettings, SettingsWriter};
use self::speech::SpeechService;
use self::users::Users;
use self::voices::Readiness;
use crate::cli::ServeArguments;
use crate::control::{Request, Response};
use crate::error::CrierError;
use crate::stage::{IntakeSettings, PlayerSettings};

/// Everything, as the tasks see it.
pub(crate) struct Supervisor {
    config: RefCell<Rc<Config>>,
    id: String,
    begin: Instant,
    pub(crate) appliance: Rc<Appliance>,
    inputs: Rc<Inputs>,
    player: Rc<Stage>,
    intake: Rc<Stage>,
    player_spec: Rc<RefCell<StageSpec<PlayerSettings>>>,
    intake_spec: Rc<RefCell<StageSpec<IntakeSettings>>>,
    /// CPUs that the program may use, as found at the start.
    allowed_cpus: Vec<usize>,
    cpus: RefCell<CpuPlan>,
    users: Users,
    settings: SettingsWriter,
    state: watch::Sender<State>,
    notifier: Notifier,
}

/// Runs the supervisor until it is told to end.
pub(crate) fn run(arguments: &ServeArguments) -> Result<(), CrierError> {
    let config = read_config(arguments.config.as_deref())?;
    crate::logging::set_level(&config.log);
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|source| CrierError::Start { what: "start the event loop", source })?;
    let tasks = tokio::task::LocalSet::new();
    let result = tasks.block_on(&runtime, serve(config, arguments));
    // Stages end with their links; what blocks (a hash of a large file) is not waited for.
    drop(tasks);
    runtime.shutdown_background();
    result
}

/// The configuration of a file, or what is built in.
pub(crate) fn read_config(path: Option<&Path>) -> Result<Config, CrierError> {
    let Some(path) = path else { return Ok(Config::default()) };
    let (config, warnings) = Config::read(path).map_err(|errors| CrierError::Config {
        text: errors.iter().map(ToString::to_string).collect::<Vec<_>>().join("\ncrier: "),
    })?;
    for warning in warnings {
        tracing::warn!("{warning}");
    }
    Ok(config)
}

async fn serve(config: Config, arguments: &ServeArguments) -> Result<(), CrierError> {
    // Before this thread pins itself: from then on the system shows it only the CPUs that it is pinned to.
    let allowed = own_processors()?;
    let (cpus, timeouts) = (plan::cpus(&config.cpu, &allowed)?, plan::timeouts(&config.supervisor));
    let users = Users::find(&config.users)?;
    if let Err(error) = crier_system::pin_thread(&cpus.supervisor) {
        tracing::warn!(%error, "the supervisor runs wherever the system puts it");
    }
    for folder in [&config.appliance.state_dir, &config.appliance.run_dir] {
        std::fs::create_dir_all(folder)
            .map_err(|source| CrierError::Write { path: folder.clone(), source })?;
    }
    if let Some(user) = &users.intake {
        share_folder(&config.appliance.run_dir, user.group())?;
    }
    let id = plan::appliance_id(&config)?;
    let group = config.control.group.as_deref().map(sockets::group_id).transpose()?;
    let control = sockets::listen(&config.control.socket, 0o660, group)?;
    let metrics = match &config.metrics.socket {
        Some(path) => Some(sockets::listen(path, 0o666, None)?),
        None => None,
    };
    let remembered = PersistedSettings::read(&config.appliance.state_dir);
    let (journal, records, stored) = Journal::open(&config.appliance.state_dir.join("journal"))?;
    let queue = Queue::recover(records, config.queue.limits(), &boot_id()?, uptime_ms());
    if !queue.is_empty() {
        tracing::info!(announcements = queue.len(), "unfinished announcements are in the journal");
    }
    let (state, states) = watch::channel(State::default());
    let player_spec = Rc::new(RefCell::new(plan::player(&config, &cpus, timeouts, &users, &remembered)));
    let intake_spec = Rc::new(RefCell::new(plan::intake(&config, &cpus, timeouts, &users, &id)?));
    let (player, player_links) = Stage::start(Rc::clone(&player_spec));
    let volume_percent = remembered.volume_percent.unwrap_or(u32::from(config.player.volume_percent));
    let playing = Playing::start(player_links, volume_percent, remembered.muted);
    let speech =
        SpeechService::start(plan::speech(&config, &cpus, timeouts, &users)?, remembered.voice.as_deref());
    let appliance = Appliance::new(queue, journal, playing, speech);
    let (intake, intake_links) = Stage::start(Rc::clone(&intake_spec));
    let inputs = Rc::new(Inputs::default());
    tokio::task::spawn_local(inputs::drive(Rc::clone(&appliance), intake_links, Rc::clone(&inputs), states));
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
        config: RefCell::new(Rc::new(config)),
    });
    tokio::task::spawn_local(sockets::control(Rc::clone(&supervisor), control));
    if let Some(metrics) = metrics {
        tokio::task::spawn_local(sockets::metrics(Rc::clone(&supervisor), metrics));
    }
    tokio::task::spawn_local(tasks::stored(Rc::clone(&supervisor), stored));
    tokio::task::spawn_local(tasks::publish(Rc::clone(&supervisor)));
    tokio::task::spawn_local(tasks::clock(Rc::clone(&supervisor)));
    tokio::task::spawn_local(tasks::render_ahead(Rc::clone(&supervisor)));
    tokio::task::spawn_local(tasks::watchdog(Rc::clone(&supervisor)));
    tokio::task::spawn_local(ready(Rc::clone(&supervisor)));
    supervisor.appliance.carry_out();
    let result = wait_for_the_end(&supervisor, arguments).await;
    supervisor.shut_down().await;
    result
}

/// Lets the intake make FIFOs in a folder that is not its own; with the sticky bit, what others have there stays theirs.
fn share_folder(folder: &Path, group: u32) -> Result<(), CrierError> {
    std::os::unix::fs::chown(folder, None, Some(group))
        .and_then(|()| std::fs::set_permissions(folder, std::fs::Permissions::from_mode(0o1775)))
        .map_err(|source| CrierError::Write { path: folder.to_owned(), source })
}

/// Waits until something can be spoken, and says so to all who want to know.
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
                    tracing::warn!(%error, "nobody can be told that the appliance is ready");
                }
            }
            Err(error) => tracing::warn!(%error, "nobody can be told that the appliance is ready"),
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

impl Supervisor {
    pub(crate) fn config(&self) -> Rc<Config> {
        Rc::clone(&self.config.borrow())
    }

    /// CPUs of each stage, in words.
    pub(crate) fn cpu_plan(&self) -> String {
        self.cpus.borrow().to_string()
    }

    /// Tells the service manager, if there is one.
    pub(crate) fn notify(&self, notice: Notice<'_>) {
        if let Err(error) = self.notifier.send(notice) {
            tracing::debug!(%error, "the service manager cannot be told");
        }
    }

    /// Everything that `crier ctl` may ask for besides speaking.
    pub(crate) async fn request(&self, request: Request) -> Response {
        match request {
            Request::Status => Response::Status(Box::new(self.status())),
            Request::Queue => Response::Queue(self.queue()),
            Request::Voices => Response::Voices(self.voices()),
            Request::Devices => match self.appliance.playing.list_devices().await {
                Ok(devices) => Response::Devices(
                    devices.into_iter().map(|device| (device.name, device.description)).collect(),
                ),
                Err(error) => Response::Error(error.to_string()),
            },
            Request::Command(command) => Response::Answer(self.appliance.command(command).await),
            Request::Say { draft, .. } => Response::Answer(self.appliance.submit(*draft).await),
            Request::Hold { stage } => self.with_stages(&stage, Stage::hold),
            Request::Release { stage } => self.with_stages(&stage, Stage::release),
        }
    }

    /// All stages there are.
    fn stages(&self) -> Vec<Rc<Stage>> {
        let slots = self.appliance.speech.voices().slots();
        let voices = slots.iter().filter_map(|slot| slot.voice());
        let engines = voices.flat_map(|voice| voice.stages().to_vec());
        engines.chain([Rc::clone(&self.player), Rc::clone(&self.intake)]).collect()
    }

    fn with_stages(&self, name: &str, change: impl Fn(&Stage)) -> Response {
        let stages = self.stages();
        let known: Vec<String> = stages.iter().map(|stage| stage.status().name.clone()).collect();
        // `talker` is every voice's talker.
        let fits = |known: &str| known == name || known.split('/').next_back() == Some(name);
        let meant: Vec<&Rc<Stage>> = stages.iter().filter(|stage| fits(&stage.status().name)).collect();
        if meant.is_empty() {
            let known = known.join(", ");
            return Response::Error(format!(
                "there is no stage '{}'; there are {known}",
                name.escape_debug()
            ));
        }
        for stage in meant {
            change(stage);
        }
        Response::Answer(Answer::Done)
    }

    /// Ends in good order: what is being spoken is finished or cut, what waits stays in the journal.
    async fn shut_down(&self) {
        tracing::info!("ending");
        self.notify(Notice::Stopping);
        self.appliance.end();
        let config = self.config();
        if config.supervisor.stop == Stop::Finish {
            let deadline = Instant::now() + Duration::from_secs(u64::from(config.supervisor.stop_timeout_s));
            // Without a device to hear it on, nothing would be finished.
            let audible = || self.appliance.is_speaking() && self.appliance.playing.device().open;
            while audible() && Instant::now() < deadline {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        }
        if self.appliance.is_speaking() {
            self.appliance.playing.stop();
            // The fade.
            tokio::time::sleep(Duration::from_millis(60)).await;
        }
        self.settings.keep(&PersistedSettings::of(self));
        self.settings.flush().await;
        self.appliance.journal_written().await;
        sockets::remove(&config.control.socket);
        if let Some(path) = &config.metrics.socket {
            sockets::remove(path);
        }
    }
}
