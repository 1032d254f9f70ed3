//! SIGHUP: a new configuration is taken over without a restart of the program.
//!
//! `crier_config::RELOAD_RULES` says what each key needs, here as in the manual page. The configuration is read on
//! another thread; an invalid one changes nothing.

use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::time::Duration;

use crier_config::{Changes, Config, StageRole};
use crier_playback::BundleFolders;
use crier_supervisor::CpuPlan;
use crier_system::Notice;
use tokio::sync::Notify;
use tokio::task::{JoinHandle, spawn_blocking};
use tokio::time::timeout;

use super::plan;
use super::supervisor::Supervisor;
use crate::error::CrierError;
use crate::validate::read_config;

/// Longest time for reading the configuration and looking for its voices, after which the service manager is answered.
/// An SD card that moves blocks takes seconds; a network folder whose server is gone may take for ever.
const READ_TIMEOUT: Duration = Duration::from_secs(30);

/// Configuration and everything about it that only the file system knows, `/sys` included.
struct NewConfig {
    config: Config,
    folders: BundleFolders,
    cpus: CpuPlan,
}

impl NewConfig {
    fn read(path: Option<&Path>, allowed_cpus: &[usize]) -> Result<Self, CrierError> {
        let config = read_config(path)?;
        let cpus = plan::cpus(&config.cpu, allowed_cpus)?;
        Ok(Self { folders: crate::voice::bundle_folders(&config), config, cpus })
    }
}

/// Reloads whenever it is requested, for ever.
pub(super) async fn on_request(supervisor: Rc<Supervisor>, requested: Rc<Notify>, path: Option<PathBuf>) {
    let mut hanging = None;
    loop {
        requested.notified().await;
        // systemd waits for the second notice, whatever becomes of the reload.
        supervisor.notify(Notice::Reloading);
        let (path, allowed_cpus) = (path.clone(), supervisor.allowed_cpus.clone());
        let reading = move || NewConfig::read(path.as_deref(), &allowed_cpus);
        match read(reading, &mut hanging).await.and_then(|new| supervisor.apply(new)) {
            Ok(()) => tracing::info!("configuration reloaded"),
            Err(error) => {
                // On the command line each error is a line of its own.
                let error = error.to_string().replace("\ncrier: ", "; ");
                tracing::error!("configuration not reloaded, the old one stays in force: {error}");
            }
        }
        supervisor.notify(Notice::Ready);
    }
}

/// Reads the configuration on another thread. One that hangs is kept in `hanging`, and there is no second one until it
/// has ended: requests in a row must not use up the threads.
async fn read(
    reading: impl FnOnce() -> Result<NewConfig, CrierError> + Send + 'static,
    hanging: &mut Option<JoinHandle<Result<NewConfig, CrierError>>>,
) -> Result<NewConfig, CrierError> {
    let timed_out = |_| {
        CrierError::Internal(format!(
            "its files cannot be read within {} s; is a disk or a network folder gone?",
            READ_TIMEOUT.as_secs()
        ))
    };
    if let Some(earlier) = hanging {
        // What it has read may be older than this request.
        let _ = timeout(READ_TIMEOUT, earlier).await.map_err(timed_out)?;
        *hanging = None;
    }
    let reading = hanging.insert(spawn_blocking(reading));
    let read = timeout(READ_TIMEOUT, reading).await.map_err(timed_out)?;
    *hanging = None;
    let died = |_| CrierError::Internal("the thread that reads the configuration died".to_owned());
    read.map_err(died)?
}

impl Supervisor {
    /// Takes over a configuration as far as that is possible without a restart of the program.
    ///
    /// # Errors
    /// It cannot be carried out on this machine; then nothing has changed.
    fn apply(&self, new: NewConfig) -> Result<(), CrierError> {
        let NewConfig { config, folders, cpus } = new;
        let before = self.config();
        let changes = Changes::between(&before, &config);
        let config = keep_program_keys(&before, config);
        // Everything that can fail comes before everything that changes something.
        let timeouts = plan::timeouts(&config.supervisor);
        folders.warn_of_styles(&config);
        let speech = plan::speech(&config, folders, &cpus, timeouts, &self.users)?;
        let intake = plan::intake(&config, &cpus, timeouts, &self.users, &self.id);

        // First, so that the lines below are logged at the new level.
        crier_logging::set_level(&config.log);
        if changes.contains("cpu.supervisor_processors")
            && let Err(error) = crier_system::pin_thread(&cpus.supervisor)
        {
            tracing::warn!(%error, "the supervisor stays on its CPUs");
        }
        if changes.contains("queue") {
            self.appliance.set_limits(config.queue.limits());
        }
        // Only if the file says something new: a volume that was set by hand outlives other reloads.
        if changes.contains("player.volume_percent") {
            self.appliance.player.set_volume(u32::from(config.player.volume_percent));
        }
        // Engines are restarted by the service itself, which knows which of them the changed voice belongs to.
        self.appliance.speech.reconfigure(speech);
        *self.player_spec.borrow_mut() =
            plan::player(&config, &cpus, timeouts, &self.users, &self.present_settings());
        *self.intake_spec.borrow_mut() = intake;
        for role in changes.stages() {
            match role {
                StageRole::Player => self.player.restart(),
                StageRole::Intake => self.intake.restart(),
                StageRole::Talker | StageRole::Predictor | StageRole::Vocoder => {}
            }
        }
        for name in changes.of_program() {
            tracing::warn!(key = name, "this change takes effect at the next start of the program");
        }
        *self.cpus.borrow_mut() = cpus;
        *self.config.borrow_mut() = Rc::new(config);
        self.appliance.changed.notify_one();
        Ok(())
    }
}

/// The new configuration with the present values of keys that only a start of the program can change, so that they are
/// still in force, and still a change at the next reload.
fn keep_program_keys(present: &Config, new: Config) -> Config {
    let (mut kept, present) = (new, present.clone());
    kept.appliance.id = present.appliance.id;
    kept.appliance.state_dir = present.appliance.state_dir;
    kept.appliance.run_dir = present.appliance.run_dir;
    kept.users = present.users;
    kept.control = present.control;
    kept.metrics = present.metrics;
    kept.supervisor.ready_announcement = present.supervisor.ready_announcement;
    kept.supervisor.readiness_fd = present.supervisor.readiness_fd;
    kept.watchdog.device = present.watchdog.device;
    kept.watchdog.timeout_s = present.watchdog.timeout_s;
    kept
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::channel;

    use crier_config::{RELOAD_RULES, ReloadEffect};

    use super::*;

    /// What a request gets whose configuration is read by `reading`, after [`READ_TIMEOUT`] at the latest.
    async fn answer(
        reading: impl FnOnce() -> Result<NewConfig, CrierError> + Send + 'static,
        hanging: &mut Option<JoinHandle<Result<NewConfig, CrierError>>>,
    ) -> String {
        let (read, ()) = tokio::join!(read(reading, hanging), tokio::time::advance(READ_TIMEOUT));
        read.err().unwrap().to_string()
    }

    #[tokio::test(start_paused = true)]
    async fn reading_that_hangs_is_given_up_and_not_begun_twice() {
        let (release, medium) = channel::<()>();
        let mut hanging = None;
        let reading = move || {
            // Ends with the error of a sender that is gone.
            let _ = medium.recv();
            Err(CrierError::Internal("wrong".to_owned()))
        };
        let given_up = answer(reading, &mut hanging).await;
        assert!(given_up.contains("cannot be read within 30 s"), "{given_up}");
        assert_eq!(answer(|| unreachable!("one thread hangs"), &mut hanging).await, given_up);

        drop(release);
        let read = read(|| Err(CrierError::Internal("read again".to_owned())), &mut hanging).await;
        assert!(read.err().unwrap().to_string().contains("read again"));
        assert!(hanging.is_none());
    }

    #[test]
    fn every_key_that_needs_a_start_of_the_program_keeps_its_value() {
        let text = r#"
            [appliance]
            id = "other"
            state_dir = "/other/state"
            run_dir = "/other/run"
            [users]
            talker = "other"
            [control]
            socket = "/other/control"
            [metrics]
            socket = "/other/metrics"
            [supervisor]
            ready_announcement = "Other."
            readiness_fd = 7
            [watchdog]
            device = "/dev/watchdog7"
            timeout_s = 17
        "#;
        let (new, _) = Config::parse("test", text).unwrap();
        let present = Config::default();
        let expected = RELOAD_RULES.iter().filter(|rule| rule.effect == ReloadEffect::Program).count();
        assert_eq!(
            Changes::between(&present, &new).of_program().count(),
            expected,
            "the test changes them all"
        );
        let kept = keep_program_keys(&present, new);
        assert_eq!(Changes::between(&present, &kept).of_program().collect::<Vec<_>>(), [""; 0]);
    }
}
