//! The end of speech, planted: coordinate 0 of the text embedding is kept for the end-of-text token alone, the text
//! projection turns it into a fixed direction, and the row of the codec head for the end of speech points the same
//! way. So a talker that is fed the text token by token ends right after the end of the text was fed, and one that
//! reads the whole text first does not end by itself.

use crate::config::Sizes;
use crate::random::words;
use crate::tensor::TensorSpec;

pub(crate) struct Plant {
    direction: Vec<f32>,
    end_of_text: usize,
    end_of_speech: usize,
}

impl Plant {
    pub(crate) fn new(seed: u64, sizes: &Sizes) -> Self {
        let sign = |word: u64| if word >> 63 == 1 { 1.0 } else { -1.0 };
        Self {
            direction: words(seed, "plant.eos").take(sizes.talker.hidden).map(sign).collect(),
            end_of_text: sizes.special(30) as usize,
            end_of_speech: sizes.codec_id(2150) as usize,
        }
    }

    pub(crate) fn apply(&self, tensor: &TensorSpec, values: &mut [f32]) {
        let width = tensor.shape.last().copied().unwrap_or(1);
        let clear_column = |values: &mut [f32]| values.iter_mut().step_by(width).for_each(|v| *v = 0.0);
        match tensor.name.as_str() {
            "talker.model.text_embedding.weight" => {
                clear_column(values);
                values[self.end_of_text * width] = 8.0;
            }
            "talker.text_projection.linear_fc1.weight" => {
                clear_column(values);
                values[..width].fill(0.0);
                values[0] = 1.0;
            }
            "talker.text_projection.linear_fc1.bias" => values[0] = 0.0,
            "talker.text_projection.linear_fc2.weight" => {
                for (row, sign) in values.chunks_exact_mut(width).zip(&self.direction) {
                    row[0] = sign * 0.25;
                }
            }
            "talker.codec_head.weight" => {
                let scale = (16.0 / width as f64).log2().round().exp2() as f32;
                let row = &mut values[self.end_of_speech * width..][..width];
                row.iter_mut().zip(&self.direction).for_each(|(v, sign)| *v = sign * scale);
            }
            _ => {}
        }
    }
}
