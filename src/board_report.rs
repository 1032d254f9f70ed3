//! `crier board-report`, and `crier --version --verbose`: the machine and the program on it.

use std::path::Path;

use crier_board::{BoardReport, LoadWatch, ProgramVersion, ReportSection, measured};

use crate::cli::BoardReportArguments;
use crate::error::CrierError;
use crate::report::{Align, Bars, note, print, table};

/// Measurements of this program that are part of the report, with what they print as JSON.
const MEASUREMENTS: [(&str, &[&str]); 2] =
    [("Engines", &["bench", "--json"]), ("CPU plans", &["tune", "--dry-run", "--json"])];

/// Returns true if the command line is `crier --version --verbose`, in either order.
pub(crate) fn is_version_asked() -> bool {
    // Outside the parser, whose own `--version` ends the program before it sees another argument.
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let has = |names: &[&str]| arguments.iter().any(|argument| names.contains(&argument.as_str()));
    arguments.len() == 2 && has(&["--version", "-V"]) && has(&["--verbose", "-v"])
}

/// Prints the identity of the program.
pub(crate) fn version() -> Result<(), CrierError> {
    let version = ProgramVersion::of_this_process()?;
    let rows = version.rows().map(|(name, value)| vec![name.to_owned(), value.to_owned()]);
    print(&format!("crier {}\n{}", version.version, table(Align::Left, &rows[1..])))
}

pub(crate) fn run(arguments: &BoardReportArguments) -> Result<(), CrierError> {
    let root = Path::new("/");
    let mut bars = Bars::new();
    bars.begin("board report", 8);
    let mut sections = Vec::new();
    let mut add = |section: ReportSection, bars: &Bars| {
        sections.push(section);
        bars.step(1);
    };
    let mut identity = ReportSection::new("Program");
    ProgramVersion::of_this_process()?.rows().iter().for_each(|(name, value)| identity.value(*name, *value));
    add(identity, &bars);
    add(crier_board::processors(root), &bars);
    add(crier_board::hardware(root), &bars);
    add(crier_board::sound(root), &bars);
    add(crier_board::boot(root), &bars);
    add(crier_board::serial_loop(&arguments.serial), &bars);
    add(crier_board::memory_speed(), &bars);
    add(crier_board::disk_speed(&arguments.state_dir), &bars);
    bars.end();
    if !arguments.quick {
        // Over both measurements, since a board takes minutes to get warm.
        let watch = LoadWatch::start(root);
        sections.extend(MEASUREMENTS.map(|(title, command)| measured(title, command)));
        sections.push(watch.end());
    }
    let report = BoardReport { sections }.to_string();
    match &arguments.output {
        None => print(&report),
        Some(path) => {
            // All of it or nothing: it may be pulled out with the stick that it is written onto.
            crier_system::replace_file(path, report.as_bytes())?;
            note(&format!("crier: the report is in {}", path.display()));
            Ok(())
        }
    }
}
