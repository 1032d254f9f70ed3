//! Users that the stages run as.

use crier_system::{User, is_root};

use crate::cli::StageKind;
use crate::error::CrierError;

/// User of each stage; none for the user of the supervisor.
#[derive(Debug, Clone, Default)]
pub(crate) struct Users {
    pub(crate) talker: Option<User>,
    pub(crate) predictor: Option<User>,
    pub(crate) vocoder: Option<User>,
    pub(crate) player: Option<User>,
    pub(crate) intake: Option<User>,
}

impl Users {
    /// Looks up the users of the configuration.
    pub(crate) fn find(config: &crier_config::UserSettings) -> Result<Self, CrierError> {
        let find = |stage, name: &Option<String>| find(stage, name.as_deref());
        Ok(Self {
            talker: find(StageKind::Talker, &config.talker)?,
            predictor: find(StageKind::Predictor, &config.predictor)?,
            vocoder: find(StageKind::Vocoder, &config.vocoder)?,
            player: find(StageKind::Player, &config.player)?,
            intake: find(StageKind::Intake, &config.intake)?,
        })
    }
}

fn find(stage: StageKind, name: Option<&str>) -> Result<Option<User>, CrierError> {
    let stage = stage.name();
    let Some(name) = name else {
        // The image has a user for each stage. A system without them still works, with the supervisor's privileges.
        return if is_root() { Ok(User::find(&format!("crier-{stage}"))?) } else { Ok(None) };
    };
    let user = User::find(name)?.ok_or_else(|| {
        CrierError::Usage(format!(
            "[users] {stage}: there is no user {name}; make one with `useradd --system {name}`, or remove the key"
        ))
    })?;
    // Switching to the own user needs no privilege, and none is asked for.
    if user.is_own() {
        return Ok(None);
    }
    only_root(stage, name, is_root())?;
    Ok(Some(user))
}

/// Refuses to start a stage as another user without root's privileges.
fn only_root(stage: &str, name: &str, is_root: bool) -> Result<(), CrierError> {
    if !is_root {
        return Err(CrierError::Usage(format!(
            "[users] {stage}: only root may start a stage as {name}; start `crier serve` as root, or remove the key"
        )));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unknown_user_is_refused_with_stage_name_and_remedy() {
        let config =
            crier_config::UserSettings { vocoder: Some("nobody-at-all".into()), ..Default::default() };
        let error = Users::find(&config).unwrap_err().to_string();
        assert!(
            error.contains("[users] vocoder") && error.contains("useradd --system nobody-at-all"),
            "{error}"
        );
    }

    #[test]
    fn root_may_start_a_stage_as_another_user() {
        if !is_root() {
            return crier_test_needs::missing("root", "run the tests as root");
        }
        let config = crier_config::UserSettings { player: Some("daemon".into()), ..Default::default() };
        let users = Users::find(&config).unwrap();
        assert_eq!(users.player.unwrap().name, "daemon");
    }

    #[test]
    fn without_root_a_stage_as_another_user_is_refused_with_the_remedy() {
        only_root("player", "daemon", true).unwrap();
        let error = only_root("player", "daemon", false).unwrap_err().to_string();
        assert!(error.contains("[users] player: only root may start a stage as daemon"), "{error}");
    }
}
