//! Whom the stages run as.

use crier_system::{User, is_root};

use crate::cli::StageKind;
use crate::error::CrierError;

/// The user of each stage; `None`: whoever runs the supervisor.
#[derive(Debug, Clone, Default)]
pub(crate) struct Users {
    pub(crate) talker: Option<User>,
    pub(crate) predictor: Option<User>,
    pub(crate) vocoder: Option<User>,
    pub(crate) player: Option<User>,
    pub(crate) intake: Option<User>,
}

impl Users {
    /// Looks up whom the configuration names.
    pub(crate) fn find(config: &crier_config::Users) -> Result<Self, CrierError> {
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
        // As the image has them, and any other system that wants it so.
        return if is_root() { Ok(User::find(&format!("crier-{stage}"))?) } else { Ok(None) };
    };
    let user = User::find(name)?.ok_or_else(|| {
        CrierError::Usage(format!(
            "[users] {stage}: there is no user {name}; make one with `useradd --system {name}`, or remove the key"
        ))
    })?;
    if user.is_own() {
        return Ok(None);
    }
    if !is_root() {
        return Err(CrierError::Usage(format!(
            "[users] {stage}: only root may start a stage as {name}; start `crier serve` as root, or remove the key"
        )));
    }
    Ok(Some(user))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unknown_user_is_refused_with_stage_name_and_remedy() {
        let config = crier_config::Users { vocoder: Some("nobody-at-all".into()), ..Default::default() };
        let error = Users::find(&config).unwrap_err().to_string();
        assert!(
            error.contains("[users] vocoder") && error.contains("useradd --system nobody-at-all"),
            "{error}"
        );
    }

    #[test]
    fn another_user_needs_root() {
        let config = crier_config::Users { player: Some("daemon".into()), ..Default::default() };
        match Users::find(&config) {
            Ok(users) => assert!(is_root() && users.player.is_some_and(|user| user.name == "daemon")),
            Err(error) => assert!(!is_root() && error.to_string().contains("only root"), "{error}"),
        }
    }
}
