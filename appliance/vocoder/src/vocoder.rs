//! The vocoder engine: one session, with two sets of states that alternate as input and output.

use std::path::{Path, PathBuf};

use crier_bundle::{Bundle, Role};
use crier_onnx::{SessionOptions, one_line};
use ort::memory::Allocator;
use ort::session::{IoBinding, Session};
use ort::value::{Tensor, TensorElementType, ValueType};

use crate::VocoderError;
use crate::operators::domain;

/// Number of codes in a frame.
pub const CODES: usize = 16;
/// Largest number of frames per call of the network; longer inputs are split. 64 frames are five seconds: more would
/// only cost memory, since the matrix products are already large enough to saturate the CPU.
pub const FRAMES_MAX: usize = 64;

/// Settings of the vocoder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VocoderOptions {
    /// Number of threads that share the work, including the caller's.
    pub threads: usize,
    /// Use Crier's fused kernel for the activation. Without it the activation runs as standard operators, which makes
    /// the vocoder a fifth slower.
    pub fused_snake: bool,
    /// Path prefix of the profile that ONNX Runtime writes, if any.
    pub profile: Option<PathBuf>,
}

impl Default for VocoderOptions {
    fn default() -> Self {
        Self { threads: 1, fused_snake: true, profile: None }
    }
}

/// State of the vocoder after some frames, for [`Vocoder::set_primed_state`].
#[derive(Debug, Clone, PartialEq)]
pub struct VocoderState {
    pub(crate) position: i64,
    pub(crate) values: Vec<f32>,
}

/// Converts codes to samples.
pub struct Vocoder {
    session: Session,
    codebook_size: usize,
    sample_rate_hz: u32,
    samples_per_frame: usize,
    /// Names of the `f32` state tensors.
    names: Vec<String>,
    /// Two sets of states; `current` is the index of the valid one.
    sets: [States; 2],
    current: usize,
    /// State from which utterances start; `None` for silence (all zeros).
    primed: Option<VocoderState>,
    /// Tensors for calls with `index + 1` frames, created on first use.
    batch_slots: Vec<Option<BatchSlot>>,
}

struct States {
    position: Tensor<i64>,
    tensors: Vec<Tensor<f32>>,
}

/// Input and output tensors for a fixed number of frames, with the bindings of both directions.
struct BatchSlot {
    codes: Tensor<i64>,
    samples: Tensor<f32>,
    /// `bindings[i]` reads set `i` and writes the other.
    bindings: [IoBinding; 2],
}

impl Vocoder {
    /// Opens the vocoder of a bundle.
    ///
    /// # Errors
    /// [`VocoderError::Bundle`], [`VocoderError::Onnx`] and [`VocoderError::Contract`].
    pub fn load(bundle: &Bundle, options: &VocoderOptions) -> Result<Self, VocoderError> {
        Self::open(&bundle.path(Role::Vocoder)?, options)
    }

    /// Opens a vocoder from its model file; its weights are in a file beside it.
    ///
    /// # Errors
    /// [`VocoderError::Onnx`] if ONNX Runtime or the model cannot be loaded, [`VocoderError::Contract`] if the model is
    /// not a vocoder of this version.
    pub fn open(path: &Path, options: &VocoderOptions) -> Result<Self, VocoderError> {
        let session = open_session(path, options)?;
        let failed = |error: ort::Error| contract(path, error.message());
        let number = |key: &str| {
            metadata(&session, key).ok_or_else(|| contract(path, &format!("its metadata lacks {key}")))
        };
        let (codebook_size, sample_rate, samples_per_frame) =
            (number("codebook_size")?, number("sample_rate")?, number("samples_per_frame")?);
        // Names and shapes from the model rather than the manifest: one source, and a model of another
        // version is noticed.
        let shapes = states_of(&session, path)?;
        let set = || -> ort::Result<States> {
            let tensors = shapes
                .iter()
                .map(|(_, shape)| Tensor::new(session.allocator(), shape.clone()))
                .collect::<ort::Result<_>>()?;
            Ok(States { position: Tensor::new(session.allocator(), [1_usize])?, tensors })
        };
        let sets = [set().map_err(failed)?, set().map_err(failed)?];
        let mut vocoder = Self {
            codebook_size,
            sample_rate_hz: u32::try_from(sample_rate).map_err(|e| contract(path, &e.to_string()))?,
            samples_per_frame,
            names: shapes.into_iter().map(|(name, _)| name).collect(),
            sets,
            current: 0,
            primed: None,
            batch_slots: (0..FRAMES_MAX).map(|_| None).collect(),
            session,
        };
        vocoder.clear();
        Ok(vocoder)
    }

    /// Sample rate in hertz.
    #[must_use]
    pub fn sample_rate_hz(&self) -> u32 {
        self.sample_rate_hz
    }

    /// Number of samples per frame.
    #[must_use]
    pub fn samples_per_frame(&self) -> usize {
        self.samples_per_frame
    }

    /// Starts an utterance: resets the state to the primed state, or to silence.
    pub fn start(&mut self) {
        // Taken and put back, since `put` borrows all of `self`.
        match self.primed.take() {
            Some(primed) => {
                self.put(&primed);
                self.primed = Some(primed);
            }
            None => self.clear(),
        }
    }

    /// Sets the state from which utterances start, so that the first sample is already in the speaker's voice; `None`
    /// starts them from silence.
    ///
    /// # Errors
    /// [`VocoderError::ForeignState`] if the state is of a vocoder of other sizes.
    pub fn set_primed_state(&mut self, primed: Option<VocoderState>) -> Result<(), VocoderError> {
        if let Some(state) = &primed {
            self.check(state)?;
        }
        self.primed = primed;
        Ok(())
    }

    /// State from which utterances start, if not from silence.
    #[must_use]
    pub fn primed_state(&self) -> Option<&VocoderState> {
        self.primed.as_ref()
    }

    /// Computes the state after other speech, for [`Vocoder::set_primed_state`]. Takes as long as synthesising it.
    ///
    /// # Errors
    /// As [`Vocoder::decode`].
    pub(crate) fn state_after(&mut self, codes: &[[u16; CODES]]) -> Result<VocoderState, VocoderError> {
        let mut samples = Vec::new();
        self.clear();
        // Only the state is wanted; the samples are dropped part by part, so that they do not add up.
        for part in codes.chunks(FRAMES_MAX) {
            samples.clear();
            self.decode(part, &mut samples)?;
        }
        let state = self.save_state();
        self.start();
        Ok(state)
    }

    fn clear(&mut self) {
        // Only the valid set: the other one is overwritten by the next call.
        let states = &mut self.sets[self.current];
        states.position.extract_tensor_mut().1.fill(0);
        for tensor in &mut states.tensors {
            tensor.extract_tensor_mut().1.fill(0.0);
        }
    }

    /// Appends the samples of `codes`, between -1 and 1, to `samples`.
    ///
    /// Up to [`FRAMES_MAX`] frames are computed in one call of the network; apart from rounding, the result does not
    /// depend on the number. After an error the state is that before the failed part, and `samples` ends there.
    ///
    /// # Errors
    /// [`VocoderError::CodeOutOfRange`] before any computation, [`VocoderError::Run`].
    pub fn decode(&mut self, codes: &[[u16; CODES]], samples: &mut Vec<f32>) -> Result<(), VocoderError> {
        for (frame, row) in codes.iter().enumerate() {
            if let Some(codebook) = row.iter().position(|&code| usize::from(code) >= self.codebook_size) {
                let (code, size) = (row[codebook], self.codebook_size);
                return Err(VocoderError::CodeOutOfRange { frame, codebook, code, size });
            }
        }
        for part in codes.chunks(FRAMES_MAX) {
            self.decode_part(part, samples).map_err(|error| VocoderError::Run {
                frames: part.len(),
                reason: one_line(error.message()),
            })?;
        }
        Ok(())
    }

    fn decode_part(&mut self, codes: &[[u16; CODES]], samples: &mut Vec<f32>) -> ort::Result<()> {
        // A binding fixes its shapes. Calls have few different lengths, so each is bound once.
        let slot = match &mut self.batch_slots[codes.len() - 1] {
            Some(slot) => slot,
            empty => {
                let slot = BatchSlot::new(
                    &self.session,
                    &self.names,
                    &mut self.sets,
                    codes.len(),
                    codes.len() * self.samples_per_frame,
                )?;
                empty.insert(slot)
            }
        };
        for (input, &code) in slot.codes.extract_tensor_mut().1.iter_mut().zip(codes.as_flattened()) {
            *input = i64::from(code);
        }
        self.session.run_binding(&slot.bindings[self.current])?;
        samples.extend_from_slice(slot.samples.extract_tensor().1);
        // Only after success: a failed run may have written part of the other set, never of this one.
        self.current = 1 - self.current;
        Ok(())
    }

    /// Returns a copy of the state, which is some megabytes.
    fn save_state(&self) -> VocoderState {
        let states = &self.sets[self.current];
        let mut values = Vec::with_capacity(self.state_len());
        for tensor in &states.tensors {
            values.extend_from_slice(tensor.extract_tensor().1);
        }
        VocoderState { position: states.position.extract_tensor().1[0], values }
    }

    fn check(&self, state: &VocoderState) -> Result<(), VocoderError> {
        let (found, expected) = (state.values.len(), self.state_len());
        match found == expected {
            true => Ok(()),
            false => Err(VocoderError::ForeignState { found, expected }),
        }
    }

    /// Overwrites the current state with one of the right size.
    fn put(&mut self, state: &VocoderState) {
        let states = &mut self.sets[self.current];
        states.position.extract_tensor_mut().1.fill(state.position);
        let mut rest = &state.values[..];
        for tensor in &mut states.tensors {
            let target = tensor.extract_tensor_mut().1;
            let (values, behind) = rest.split_at(target.len());
            target.copy_from_slice(values);
            rest = behind;
        }
    }

    pub(crate) fn state_len(&self) -> usize {
        self.sets[self.current].tensors.iter().map(|tensor| tensor.extract_tensor().1.len()).sum()
    }
}

impl BatchSlot {
    fn new(
        session: &Session,
        names: &[String],
        sets: &mut [States; 2],
        frames: usize,
        samples: usize,
    ) -> ort::Result<Self> {
        let allocator: &Allocator = session.allocator();
        let codes = Tensor::new(allocator, [frames, CODES])?;
        let mut samples = Tensor::new(allocator, [samples])?;
        let [first, second] = sets;
        let bindings = [
            // Both directions, since input and output sets alternate with each call.
            bind(session, names, &codes, &mut samples, first, second)?,
            bind(session, names, &codes, &mut samples, second, first)?,
        ];
        Ok(Self { codes, samples, bindings })
    }
}

fn bind(
    session: &Session,
    names: &[String],
    codes: &Tensor<i64>,
    samples: &mut Tensor<f32>,
    from: &States,
    to: &mut States,
) -> ort::Result<IoBinding> {
    let mut binding = session.create_binding()?;
    binding.bind_input("codes", codes)?;
    binding.bind_input("position", &from.position)?;
    binding.bind_output("samples", samples)?;
    binding.bind_output("position_next", &mut to.position)?;
    for ((name, from), to) in names.iter().zip(&from.tensors).zip(&mut to.tensors) {
        binding.bind_input(name, from)?;
        binding.bind_output(format!("{name}_next"), to)?;
    }
    Ok(binding)
}

/// Opens the session, with the fused kernels if requested and possible.
fn open_session(path: &Path, options: &VocoderOptions) -> Result<Session, VocoderError> {
    let plain =
        || SessionOptions { threads: options.threads, operators: None, profile: options.profile.clone() };
    if options.fused_snake {
        // Creating operators calls into the library, so it must be loaded first.
        crier_onnx::environment()?;
        let opened = domain(options.threads).map_err(|error| error.to_string()).and_then(|operators| {
            let options = SessionOptions { operators: Some(operators), ..plain() };
            crier_onnx::open(path, options).map_err(|error| error.to_string())
        });
        match opened {
            Ok(session) => return Ok(session),
            Err(reason) => {
                // If the model itself is the cause, opening it without kernels reports the error.
                let session = crier_onnx::open(path, plain())?;
                tracing::warn!(reason, "the vocoder runs without its fused kernels, which is slower");
                return Ok(session);
            }
        }
    }
    Ok(crier_onnx::open(path, plain())?)
}

fn contract(path: &Path, reason: &str) -> VocoderError {
    VocoderError::Contract { path: path.to_owned(), reason: one_line(reason) }
}

fn metadata(session: &Session, key: &str) -> Option<usize> {
    session.metadata().ok()?.custom(&format!("crier.{key}"))?.parse().ok()
}

/// Returns names and shapes of the states: every input except codes and position must have an output of the same shape.
fn states_of(session: &Session, path: &Path) -> Result<Vec<(String, Vec<usize>)>, VocoderError> {
    let output = |name: &str| session.outputs().iter().find(|output| output.name() == name);
    let mut states = Vec::new();
    for input in session.inputs() {
        let name = input.name();
        if name == "codes" {
            continue;
        }
        let next = output(&format!("{name}_next"))
            .ok_or_else(|| contract(path, &format!("its state {name} has no output")))?;
        let (from, to) = (fixed_shape(input.dtype()), fixed_shape(next.dtype()));
        match from {
            Some((TensorElementType::Int64, shape)) if name == "position" && shape == [1] => {}
            Some((TensorElementType::Float32, shape)) if from == to => states.push((name.to_owned(), shape)),
            _ => {
                return Err(contract(
                    path,
                    &format!("its state {name} has no fixed shape, or another as output"),
                ));
            }
        }
    }
    let has = |name: &str| session.inputs().iter().any(|input| input.name() == name);
    if !has("codes") || !has("position") || output("samples").is_none() {
        return Err(contract(path, "it lacks codes, position or samples"));
    }
    Ok(states)
}

fn fixed_shape(r#type: &ValueType) -> Option<(TensorElementType, Vec<usize>)> {
    let ValueType::Tensor { ty, shape, .. } = r#type else { return None };
    let shape: Option<Vec<usize>> = shape.iter().map(|&d| usize::try_from(d).ok()).collect();
    Some((*ty, shape?))
}
