//! `crier convert`: a checkpoint folder to a voice bundle.

use crier_convert::ConvertOptions;
use serde_json::json;

use crate::cli::ConvertArguments;
use crate::error::CrierError;
use crate::report::{Align, Bars, human_bytes, print, print_json, table};

pub(crate) fn run(arguments: &ConvertArguments) -> Result<(), CrierError> {
    let options = ConvertOptions {
        talker: arguments.talker,
        predictor: arguments.predictor,
        vocoder: arguments.vocoder,
        onnx_predictor: !arguments.without_onnx_predictor,
        enrolment: !arguments.without_enrolment,
        replace: arguments.force,
    };
    let mut bars = Bars::new();
    let result = crier_convert::convert(&arguments.checkpoint, &arguments.bundle, &options, &mut bars);
    bars.end();
    let manifest = result?;
    let total: u64 = manifest.file.iter().map(|f| f.bytes).sum();
    if arguments.json {
        return print_json(&json!({ "bundle": arguments.bundle, "name": manifest.name, "bytes": total }));
    }
    let mut rows: Vec<Vec<String>> =
        manifest.file.iter().map(|f| vec![f.path.clone(), human_bytes(f.bytes)]).collect();
    rows.push(vec!["total".to_owned(), human_bytes(total)]);
    print(&format!(
        "Converted {} to {}\n\n{}",
        manifest.name,
        arguments.bundle.display(),
        table(Align::Right, &rows)
    ))
}
