//! The control plane under load and from other users: nobody is locked out, and nobody gets in who may not.

use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::process::{Child, Stdio};

use nix::sys::signal::{Signal, kill};
use nix::unistd::{Pid, geteuid};

use crate::rig::{Appliance, SENTENCE};

fn wait_for(appliance: &Appliance, arguments: &[&str]) -> Child {
    let mut command = appliance.ctl();
    command.args(["say", "--wait"]).args(arguments);
    command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap()
}

#[test]
fn clients_that_wait_lock_nobody_out_and_are_forgotten_when_they_leave() {
    let mut appliance = Appliance::start("[queue]\nentries_max = 200\n");
    appliance.ask(&["pause"]);
    let mut waiting: Vec<Child> =
        (0..40).map(|number| wait_for(&appliance, &[&format!("Number {number}.")])).collect();
    appliance.wait("queued", |status| status["state"]["queued"] == 40);
    for client in &mut waiting {
        kill(Pid::from_raw(i32::try_from(client.id()).unwrap()), Signal::SIGKILL).unwrap();
        client.wait().unwrap();
    }
    // Their places are free again, more of them than there are in all.
    let waiting: Vec<Child> =
        (0..40).map(|number| wait_for(&appliance, &[&format!("Again {number}.")])).collect();
    appliance.wait("queued", |status| status["state"]["queued"] == 80);
    appliance.ask(&["stop", "--all"]);
    for mut client in waiting {
        assert!(!client.wait().unwrap().success(), "what was cancelled was not spoken");
    }
    assert_eq!(appliance.status()["state"]["queued"], 0);
}

#[test]
fn announcement_is_cancelled_with_its_client_only_if_that_was_asked_for() {
    let mut appliance = Appliance::start("");
    appliance.ask(&["pause"]);
    let mut stays = wait_for(&appliance, &[SENTENCE]);
    let mut leaves = wait_for(&appliance, &["--cancel-on-exit", "This one goes."]);
    appliance.wait("queued", |status| status["state"]["queued"] == 2);
    for client in [&mut stays, &mut leaves] {
        client.kill().unwrap();
        client.wait().unwrap();
    }
    appliance.wait("cancelled", |status| status["state"]["queued"] == 1);
    appliance.ask(&["resume"]);
    appliance.wait_for("finished", 1);
    assert_eq!((appliance.count("cancelled"), appliance.count("finished")), (1, 1));
}

#[test]
fn client_that_has_only_stopped_sending_still_gets_the_events() {
    let appliance = Appliance::start("");
    let address = format!("UNIX-CONNECT:{}", appliance.path("run/control").display());
    let mut command = std::process::Command::new("socat");
    let mut client = command
        .args(["-t", "60", "-", &address])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let request = format!("{{\"say\":{{\"draft\":{{\"text\":\"{SENTENCE}\"}},\"wait\":true}}}}\n");
    // The pipe ends with this statement, and with it the sending half of the connection.
    std::io::Write::write_all(&mut client.stdin.take().unwrap(), request.as_bytes()).unwrap();
    let output = String::from_utf8(client.wait_with_output().unwrap().stdout).unwrap();
    assert!(output.contains("accepted") && output.contains("finished"), "{output}");
}

#[test]
fn group_of_the_configuration_may_control_the_appliance_as_a_supplementary_group_too() {
    assert!(geteuid().is_root(), "run the tests as root: they change to other users");
    let folder = tempfile::tempdir().unwrap();
    std::fs::set_permissions(folder.path(), std::fs::Permissions::from_mode(0o755)).unwrap();
    let appliance = Appliance::start_in(folder, "[control]\ngroup = \"audio\"\n");
    let socket = appliance.path("run/control");
    let metadata = socket.metadata().unwrap();
    assert_eq!(metadata.permissions().mode() & 0o777, 0o660);
    let status_as = |groups: &str| {
        let mut command = std::process::Command::new("setpriv");
        command.args(["--reuid=nobody", "--regid=nogroup", groups]);
        // The program itself may lie in a folder that other users may not enter.
        command.args(["socat", "-", &format!("UNIX-CONNECT:{}", socket.display())]);
        let mut child =
            command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        std::io::Write::write_all(&mut child.stdin.take().unwrap(), b"\"status\"\n").unwrap();
        child.wait_with_output().unwrap()
    };
    let member = status_as(&format!("--groups={}", metadata.gid()));
    let answer = String::from_utf8_lossy(&member.stdout).into_owned();
    assert!(answer.contains("\"cpu_plan\""), "{answer} {}", String::from_utf8_lossy(&member.stderr));
    let stranger = status_as("--clear-groups");
    assert!(stranger.stdout.is_empty() && !stranger.status.success(), "a stranger gets no answer");
}

#[test]
fn volume_steps_in_a_row_are_not_written_one_by_one_and_the_last_one_survives_a_restart() {
    let appliance = Appliance::start("");
    let file = appliance.path("state/state.json");
    appliance.ask(&["volume", "50"]);
    let begin = std::time::Instant::now();
    while !file.exists() {
        assert!(begin.elapsed() < crate::rig::PATIENCE, "the volume is never written");
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
    // Each write is a new file.
    let inode = || file.metadata().unwrap().ino();
    let (mut latest, mut writes, begin) = (inode(), 0, std::time::Instant::now());
    for percent in 51..82 {
        appliance.ask(&["volume", &percent.to_string()]);
        writes += u64::from(std::mem::replace(&mut latest, inode()) != latest);
    }
    // None at all on a machine that runs `crier ctl` without pauses; a pause of a second may be taken for the end.
    assert!(writes <= begin.elapsed().as_secs(), "{writes} writes in {:?}", begin.elapsed());
    let (code, folder) = appliance.terminate();
    assert_eq!(code, Some(0));
    let appliance = Appliance::start_in(folder, "");
    assert_eq!(appliance.status()["state"]["volume_percent"], 81);
}
