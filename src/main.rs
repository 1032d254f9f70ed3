//! The `crier` program: command line and wiring of the crates under `appliance/`, which do the work.

mod bench;
mod cli;
mod convert;
mod ctl;
mod engines;
mod enroll;
mod error;
mod logging;
mod report;
mod say;
mod serve;
mod stage;
mod validate;
mod voice;

use std::io::Write;
use std::process::ExitCode;

use clap::Parser;

use crate::cli::{Cli, Command, VoiceCommand};
use crate::error::CrierError;

fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            // Help and version are no errors; everything else is wrong usage (64 of sysexits.h).
            let code = if error.use_stderr() { ExitCode::from(64) } else { ExitCode::SUCCESS };
            let _ = error.print();
            return code;
        }
    };
    logging::start();
    match run(cli.command) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // Without standard error the exit code has to do.
            let _ = writeln!(std::io::stderr(), "crier: {error}");
            ExitCode::from(error.exit_code())
        }
    }
}

fn run(command: Command) -> Result<(), CrierError> {
    match command {
        Command::Say(arguments) => say::run(&arguments),
        Command::Convert(arguments) => convert::run(&arguments),
        Command::Voice(VoiceCommand::Verify { bundle, json }) => voice::verify(bundle.as_deref(), json),
        Command::Voice(VoiceCommand::Info { bundle, json }) => voice::info(bundle.as_deref(), json),
        Command::Voice(VoiceCommand::Enroll(arguments)) => enroll::run(&arguments),
        Command::Bench(arguments) => bench::run(&arguments),
        Command::Serve(arguments) => serve::run(&arguments),
        Command::Tune(arguments) => serve::tune::run(&arguments),
        Command::Ctl(arguments) => ctl::run(&arguments),
        Command::Validate { file, json } => validate::run(&file, json),
        Command::Stage { stage } => stage::run(stage),
    }
}
