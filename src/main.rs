//! The `crier` program: command line and wiring of the crates under `appliance/`, which do the work.

mod bench;
mod board_report;
mod cli;
mod convert;
mod ctl;
mod engines;
mod enroll;
mod error;
mod event_loop;
mod report;
mod say;
mod serve;
mod stage;
mod stick;
mod validate;
mod voice;

use std::io::Write;
use std::process::ExitCode;

use clap::Parser;
use crier_logging::LogWriter;

use crate::cli::{Cli, CliCommand, VoiceCommand};
use crate::error::CrierError;

fn main() -> ExitCode {
    if board_report::is_version_asked() {
        return exit(board_report::version());
    }
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            // Help and version are no errors; everything else is wrong usage (64 of sysexits.h).
            let code = if error.use_stderr() { ExitCode::from(64) } else { ExitCode::SUCCESS };
            let _ = error.print();
            return code;
        }
    };
    // After the parser, so that `--help` and wrong usage do not depend on the environment of the log.
    let _log = crier_logging::start(match cli.command {
        CliCommand::Serve(_) => LogWriter::Thread,
        _ => LogWriter::Direct,
    });
    exit(run(cli.command))
}

fn exit(result: Result<(), CrierError>) -> ExitCode {
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // Without standard error the exit code has to do.
            let _ = writeln!(std::io::stderr(), "crier: {error}");
            ExitCode::from(error.exit_code())
        }
    }
}

fn run(command: CliCommand) -> Result<(), CrierError> {
    match command {
        CliCommand::Say(arguments) => say::run(&arguments),
        CliCommand::Convert(arguments) => convert::run(&arguments),
        CliCommand::Voice(VoiceCommand::Verify { bundle, json }) => voice::verify(bundle.as_deref(), json),
        CliCommand::Voice(VoiceCommand::Info { bundle, json }) => voice::info(bundle.as_deref(), json),
        CliCommand::Voice(VoiceCommand::Enroll(arguments)) => enroll::run(&arguments),
        CliCommand::Bench(arguments) => bench::run(&arguments),
        CliCommand::BoardReport(arguments) => board_report::run(&arguments),
        CliCommand::Serve(arguments) => serve::run(&arguments),
        CliCommand::Tune(arguments) => serve::tune::run(&arguments),
        CliCommand::Ctl(arguments) => ctl::run(&arguments),
        CliCommand::Validate { file, json } => validate::run(&file, json),
        CliCommand::Stick(arguments) => stick::run(&arguments),
        CliCommand::Stage { stage } => stage::run(stage),
    }
}
