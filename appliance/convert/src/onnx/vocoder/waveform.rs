//! The vocoder's waveform decoder: four blocks that multiply time and halve channels, SnakeBeta between convolutions.

use super::super::builder::{Value, ints};
use super::super::proto::AttributeProto;
use super::super::snake::Snake;
use super::{KERNEL, VocoderWriter};
use crate::ConvertError;

/// Dilations of the residual units of a block, fixed in the official package.
const DILATIONS: [usize; 3] = [1, 3, 9];

impl VocoderWriter<'_> {
    fn snake_parameters(&mut self, stem: &str, channels: usize) -> Result<Snake, ConvertError> {
        // The checkpoint has the logarithms of both parameters; exponentiated here once instead of in each
        // call. The 1e-9 against division by zero is that of the official package.
        let a: Vec<f32> = self.f32(&format!("{stem}.alpha"), &[channels])?.iter().map(|v| v.exp()).collect();
        let ib: Vec<f32> =
            self.f32(&format!("{stem}.beta"), &[channels])?.iter().map(|v| 1.0 / (v.exp() + 1e-9)).collect();
        Ok(Snake {
            a: self.b.weight_f32(&format!("{stem}.a"), &[channels, 1], &a)?,
            ib: self.b.weight_f32(&format!("{stem}.ib"), &[channels, 1], &ib)?,
        })
    }

    /// The waveform decoder behind its first convolution: `[1, decoder_dim, time]` to samples.
    pub(super) fn waveform(&mut self, x: &Value) -> Result<Value, ConvertError> {
        let c = self.config;
        let mut channels = c.decoder_dim;
        // What is still to be added, so that the sum is made where the next activation reads it.
        let mut residual: Option<Value> = None;
        let mut x = x.clone();
        for (index, &rate) in c.upsample_rates.iter().enumerate() {
            let block = format!("decoder.{}.block", index + 1);
            let (_, active) =
                self.activate(&format!("{block}.0"), &x, residual.take().as_ref(), channels, 1)?;
            // The first block has the fewest columns and the largest weights, where a matrix product is
            // faster; in the others it is the reverse.
            x = if index == 0 {
                self.upconv_rows(&block, &active, channels, rate)?
            } else {
                self.upconv_columns(&block, &active, channels, rate)?
            };
            channels /= 2;
            for (unit, dilation) in DILATIONS.into_iter().enumerate() {
                let stem = format!("{block}.{}", unit + 2);
                // Number of earlier columns that a causal convolution with this dilation reads.
                let reach = (KERNEL - 1) * dilation;
                let (sum, active) =
                    self.activate(&format!("{stem}.act1"), &x, residual.take().as_ref(), channels, reach)?;
                x = sum;
                let dilations = vec![ints("dilations", &[dilation as i64])];
                let y = self.conv(
                    &format!("{stem}.conv1.conv"),
                    &active,
                    [channels, channels, KERNEL],
                    dilations,
                )?;
                let snake = self.snake_parameters(&format!("{stem}.act2"), channels)?;
                let y = self.b.snake(&y, &snake);
                // Not added here: the next activation adds it in its own pass over memory.
                residual = Some(self.conv(
                    &format!("{stem}.conv2.conv"),
                    &y,
                    [channels, channels, 1],
                    Vec::new(),
                )?);
            }
        }
        let last = c.upsample_rates.len() + 1;
        let stem = format!("decoder.{last}");
        let (_, active) = self.activate(&stem, &x, residual.as_ref(), channels, KERNEL - 1)?;
        let y =
            self.conv(&format!("decoder.{}.conv", last + 1), &active, [1, channels, KERNEL], Vec::new())?;
        let y = self.b.reshape(&y, &[-1]);
        // The official package clips, too: the network can exceed full scale.
        let (low, high) = (self.b.floats(&[], &[-1.0]), self.b.floats(&[], &[1.0]));
        Ok(self.b.op("Clip", &[&y, &low, &high], vec![]))
    }

    /// The sum `x + residual`, and SnakeBeta of it behind `reach` columns of earlier calls.
    fn activate(
        &mut self,
        stem: &str,
        x: &Value,
        residual: Option<&Value>,
        channels: usize,
        reach: usize,
    ) -> Result<(Value, Value), ConvertError> {
        let shape = [1, channels, reach];
        // The state is taken after the activation, so that a column is activated once only.
        let past = self.past(stem, &shape);
        let snake = self.snake_parameters(stem, channels)?;
        let (sum, active, next) = if let Some(residual) = residual {
            let [sum, active, next] = self.b.residual_snake(x, residual, &past, &snake);
            (sum, active, next)
        } else {
            let [active, next] = self.b.causal_snake(x, &past, &snake);
            (x.clone(), active, next)
        };
        self.next(stem, &next, &shape);
        Ok((sum, active))
    }

    fn conv(
        &mut self,
        name: &str,
        x: &Value,
        shape: [usize; 3],
        attributes: Vec<AttributeProto>,
    ) -> Result<Value, ConvertError> {
        let w = self.f32(&format!("{name}.weight"), &shape)?;
        let w = self.b.weight(&format!("{name}.weight"), &shape, &w)?;
        let bias = self.vector(&format!("{name}.bias"), shape[0])?;
        Ok(self.b.op("Conv", &[x, &w, &bias], attributes))
    }

    /// The transposed convolution (kernel `2 * rate`, stride `rate`, the tail cut off) of the first block as a matrix
    /// product: `out[t * rate + j] = b + w[j] x[t] + w[j + rate] x[t - 1]`. Few rows, a large matrix.
    fn upconv_rows(
        &mut self,
        block: &str,
        x: &Value,
        from: usize,
        rate: usize,
    ) -> Result<Value, ConvertError> {
        let to = from / 2;
        let w = self.f32(&format!("{block}.1.conv.weight"), &[from, to, 2 * rate])?;
        let mut matrix = vec![0.0; w.len()];
        for (index, &value) in w.iter().enumerate() {
            let (c, o, k) = (index / (to * 2 * rate), index / (2 * rate) % to, index % (2 * rate));
            // The first half of the kernel belongs to the current column, the second half to the one before.
            let row = if k < rate { c } else { from + c };
            matrix[(row * rate + k % rate) * to + o] = value;
        }
        let matrix = self.b.weight(&format!("{block}.1.conv"), &[2 * from, rate * to], &matrix)?;
        let bias = self.vector(&format!("{block}.1.conv.bias"), to)?;
        let rows = self.b.reshape(x, &[from as i64, -1]);
        let rows = self.b.transpose(&rows, &[1, 0]);
        // The activation has put one earlier column in front of the current ones.
        let (now, before) = (self.b.slice(&rows, 0, 1, i64::MAX), self.b.slice(&rows, 0, 0, -1));
        let rows = self.b.concat(&[&now, &before], 1);
        let y = self.b.matmul(&rows, &matrix);
        let y = self.b.reshape(&y, &[-1, to as i64]);
        let y = self.b.add(&y, &bias);
        Ok(self.channels_first(&y))
    }

    /// The same in later blocks as a convolution of kernel 2 to `rate` times as many channels, which are then
    /// interleaved in time; that is a third faster than the runtime's transposed convolution.
    fn upconv_columns(
        &mut self,
        block: &str,
        x: &Value,
        from: usize,
        rate: usize,
    ) -> Result<Value, ConvertError> {
        let to = from / 2;
        let w = self.f32(&format!("{block}.1.conv.weight"), &[from, to, 2 * rate])?;
        let mut kernel = vec![0.0; w.len()];
        for (index, &value) in w.iter().enumerate() {
            let (c, o, k) = (index / (to * 2 * rate), index / (2 * rate) % to, index % (2 * rate));
            // Conv reads from left to right: tap 0 is the earlier column, which gets the second half of the
            // kernel.
            let tap = usize::from(k < rate);
            kernel[((o * rate + k % rate) * from + c) * 2 + tap] = value;
        }
        let kernel = self.b.weight(&format!("{block}.1.conv"), &[to * rate, from, 2], &kernel)?;
        let bias = self.f32(&format!("{block}.1.conv.bias"), &[to])?;
        // A channel becomes `rate` channels, which all have its bias.
        let bias: Vec<f32> = bias.iter().flat_map(|&b| std::iter::repeat_n(b, rate)).collect();
        let bias = self.b.weight_f32(&format!("{block}.1.conv.bias"), &[to * rate], &bias)?;
        let y = self.b.op("Conv", &[x, &kernel, &bias], Vec::new());
        let y = self.b.reshape(&y, &[to as i64, rate as i64, -1]);
        // Interleaves the `rate` phases of each channel in time.
        let y = self.b.transpose(&y, &[0, 2, 1]);
        Ok(self.b.reshape(&y, &[1, to as i64, -1]))
    }
}
