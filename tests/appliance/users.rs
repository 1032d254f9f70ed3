//! Whom the stages run as.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use nix::sys::signal::Signal;
use nix::unistd::{Pid, User, geteuid};

use crate::rig::{Appliance, SENTENCE, assert_same, crier, reference, write_config};

/// Users of every Debian.
const USERS: [(&str, &str); 5] = [
    ("talker", "daemon"),
    ("predictor", "bin"),
    ("vocoder", "games"),
    ("player", "nobody"),
    ("intake", "mail"),
];

/// Whether another user may run the program, which it may not in a home folder that is closed.
fn others_may_run(program: &Path) -> bool {
    let open = |path: &Path| path.metadata().is_ok_and(|metadata| metadata.permissions().mode() & 0o001 != 0);
    program.ancestors().all(open)
}

/// The values of a line of `/proc/PID/status`.
fn status(pid: Pid, name: &str) -> Vec<String> {
    let text = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let line = text.lines().find_map(|line| line.strip_prefix(name)).unwrap();
    line.split_whitespace().map(str::to_owned).collect()
}

#[track_caller]
fn assert_runs_as(appliance: &mut Appliance, stage: &str, user: &str) {
    let pid = appliance.stage(stage);
    let user = User::from_name(user).unwrap().unwrap();
    let (uid, gid) = (user.uid.to_string(), user.gid.to_string());
    assert_eq!(status(pid, "Uid:"), [uid.as_str(); 4], "{stage}");
    assert_eq!(status(pid, "Gid:"), [gid.as_str(); 4], "{stage}");
    assert_eq!(status(pid, "Groups:"), [gid.as_str()], "{stage}: none of root's groups");
    assert_eq!(status(pid, "CapEff:"), ["0000000000000000"], "{stage}");
    assert_eq!(status(pid, "NoNewPrivs:"), ["1"], "{stage}");
}

#[test]
fn each_stage_runs_as_its_user_and_the_appliance_speaks() {
    if !geteuid().is_root() || !others_may_run(Path::new(env!("CARGO_BIN_EXE_crier"))) {
        return crier_test_needs::missing(
            "root, and a program that other users may execute",
            "run it as root, from a folder that is open to others (chmod o+x)",
        );
    }
    let folder = tempfile::tempdir().unwrap();
    // The player writes what is heard into it.
    std::fs::set_permissions(folder.path(), std::fs::Permissions::from_mode(0o777)).unwrap();
    let mut config = "[users]\n".to_owned();
    config.extend(USERS.iter().map(|(stage, user)| format!("{stage} = \"{user}\"\n")));
    config.push_str("[[fifo]]\n");
    let mut appliance = Appliance::start_in(folder, &config);
    for (stage, user) in USERS {
        assert_runs_as(&mut appliance, stage, user);
    }
    // The intake made the FIFO in a folder of root's.
    appliance.wait("open", |status| status["inputs"].to_string().contains("\"up\":true"));
    std::fs::write(appliance.path("run/say"), format!("{SENTENCE}\n")).unwrap();
    appliance.wait_for("finished", 1);
    assert_same(&appliance.heard(), &reference(SENTENCE), "what is heard");
    // So does the next life of a stage.
    let first = appliance.stage("vocoder");
    appliance.signal("vocoder", Signal::SIGKILL);
    appliance.wait("restarted", |status| status["state"]["restarts"].as_u64() == Some(1));
    assert_ne!(appliance.stage("vocoder"), first);
    assert_runs_as(&mut appliance, "vocoder", "games");
    let supervisor = appliance.pid();
    assert_eq!(status(supervisor, "Uid:")[0], "0");
}

#[test]
fn without_a_word_about_users_stages_run_as_who_started_the_appliance() {
    if User::from_name("crier-talker").unwrap().is_some() {
        return crier_test_needs::missing(
            "a machine without the users of an appliance",
            "deluser crier-talker",
        );
    }
    let mut appliance = Appliance::start("");
    let own = geteuid().to_string();
    for (stage, _) in USERS {
        let pid = appliance.stage(stage);
        assert_eq!(status(pid, "Uid:")[0], own, "{stage}");
    }
}

#[test]
fn a_user_that_is_not_there_is_told_with_the_remedy() {
    let folder = tempfile::tempdir().unwrap();
    write_config(folder.path(), "[users]\nplayer = \"no-such-user\"\n");
    let output = crier().arg("serve").arg("--config").arg(folder.path().join("crier.toml")).output().unwrap();
    let error = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(64), "{error}");
    assert!(error.contains("[users] player: there is no user no-such-user"), "{error}");
    assert!(error.contains("useradd --system no-such-user"), "{error}");
}
