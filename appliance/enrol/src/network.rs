//! A network with one input and one output whose lengths are known when it runs.

use std::path::{Path, PathBuf};

use crier_onnx::{SessionOptions, one_line};
use ort::session::Session;
use ort::value::{PrimitiveTensorElementType, Tensor};

use crate::EnrolError;

pub(crate) struct EncoderNetwork {
    session: Session,
    path: PathBuf,
    input: &'static str,
    output: &'static str,
}

impl EncoderNetwork {
    pub(crate) fn open(
        path: &Path,
        threads: usize,
        input: &'static str,
        output: &'static str,
    ) -> Result<Self, EnrolError> {
        let session = crier_onnx::open(path, SessionOptions { threads, ..SessionOptions::default() })?;
        let has_input = session.inputs().iter().any(|i| i.name() == input) && session.inputs().len() == 1;
        let has_output = session.outputs().iter().any(|o| o.name() == output);
        let network = Self { session, path: path.to_owned(), input, output };
        match has_input && has_output {
            true => Ok(network),
            false => Err(network.contract(&format!("it has no {input}, or no {output}"))),
        }
    }

    /// A number that the model says of itself.
    pub(crate) fn number(&self, key: &str) -> Result<usize, EnrolError> {
        let said = self.session.metadata().ok().and_then(|m| m.custom(&format!("crier.{key}")));
        let number = said.and_then(|text| text.parse().ok());
        number.filter(|&n: &usize| n > 0).ok_or_else(|| self.contract(&format!("it says no {key}")))
    }

    /// The output for an input of the given shape.
    pub(crate) fn run<T: PrimitiveTensorElementType + Clone + std::fmt::Debug>(
        &mut self,
        shape: &[usize],
        values: Vec<f32>,
    ) -> Result<Vec<T>, EnrolError> {
        let (session, input, output) = (&mut self.session, self.input, self.output);
        let run = || -> ort::Result<Vec<T>> {
            let tensor = Tensor::from_array((shape, values))?;
            let outputs = session.run(ort::inputs![input => tensor])?;
            Ok(outputs[output].try_extract_tensor::<T>()?.1.to_vec())
        };
        run().map_err(|error| EnrolError::Run { path: self.path.clone(), reason: one_line(error.message()) })
    }

    pub(crate) fn contract(&self, reason: &str) -> EnrolError {
        EnrolError::Contract { path: self.path.clone(), reason: one_line(reason) }
    }
}
