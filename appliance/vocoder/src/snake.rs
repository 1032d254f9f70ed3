//! SnakeBeta, `x + ib * sin(a * x)^2`, on rows of numbers.
//!
//! The loops are free of branches and library calls, so that the compiler can vectorise them for any target. Because
//! the sine is squared, its sign does not matter, and one polynomial over half a period serves all arguments.

/// Pi in two parts (Cody-Waite reduction): its nearest `f32`, and the remainder.
const PI: f32 = std::f32::consts::PI;
const PI_REST: f32 = -8.742_278e-8;
/// Adding and subtracting 1.5 * 2^23 rounds to whole numbers, since `f32` has no fraction bits there. Unlike
/// `f32::round` this vectorises on every target.
const ROUNDER: f32 = 12_582_912.0;
/// `sin(r) / r` as a polynomial in `r^2` for `|r| <= pi / 2`: minimax by the Remez exchange, relative error 5e-9
/// before rounding to `f32`.
const SINE: [f32; 5] = [1.0, -0.166_666_57, 8.333_025_5e-3, -1.980_742e-4, 2.601_903e-6];

/// Returns `x * y + z`, fused where the target has an instruction for it; elsewhere `mul_add` is a slow library call.
#[inline(always)]
fn multiply_add(x: f32, y: f32, z: f32) -> f32 {
    if cfg!(any(target_feature = "fma", target_arch = "aarch64")) { x.mul_add(y, z) } else { x * y + z }
}

/// Returns `x + ib * sin(a * x)^2`. Errors are below 1e-6 of `ib` for `|a * x|` up to a million; beyond that an `f32`
/// no longer resolves the phase, and the result is merely bounded.
#[inline(always)]
fn activate(x: f32, a: f32, ib: f32) -> f32 {
    let angle = x * a;
    // Number of half periods, rounded to the nearest.
    let turns = multiply_add(angle, std::f32::consts::FRAC_1_PI, ROUNDER) - ROUNDER;
    // In two steps: pi in one `f32` would leave an error that grows with the angle.
    let r = multiply_add(turns, -PI_REST, multiply_add(turns, -PI, angle));
    let u = r * r;
    // Horner's scheme: one fused operation a coefficient.
    let mut p = SINE[4];
    for c in [SINE[3], SINE[2], SINE[1], SINE[0]] {
        p = multiply_add(p, u, c);
    }
    let sine = p * r;
    // For huge angles the reduction fails and the polynomial explodes: the clamp is the bound promised above.
    multiply_add((sine * sine).min(1.0), ib, x)
}

/// Computes `y = snake(x)`; both have the same length.
pub(crate) fn activate_row(x: &[f32], y: &mut [f32], a: f32, ib: f32) {
    for (y, &x) in y.iter_mut().zip(x) {
        *y = activate(x, a, ib);
    }
}

/// Computes `sum = x + r` and `y = snake(sum)`; all have the same length.
pub(crate) fn add_and_activate_row(x: &[f32], r: &[f32], sum: &mut [f32], y: &mut [f32], a: f32, ib: f32) {
    for (((sum, y), &x), &r) in sum.iter_mut().zip(y).zip(x).zip(r) {
        *sum = x + r;
        *y = activate(*sum, a, ib);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn exact(x: f32, a: f32, ib: f32) -> f64 {
        f64::from(x) + f64::from(ib) * f64::from(x * a).sin().powi(2)
    }

    #[test]
    fn activation_follows_its_definition() {
        for (a, ib) in [(1.0_f32, 1.0_f32), (0.05, 20.0), (7.3, 0.2), (160.0, 1.0)] {
            let x: Vec<f32> = (-40_000..40_000).map(|i| i as f32 * 7.31e-4).collect();
            let mut y = vec![0.0; x.len()];
            activate_row(&x, &mut y, a, ib);
            for (&x, &y) in x.iter().zip(&y) {
                let error = (f64::from(y) - exact(x, a, ib)).abs();
                let bound = 1e-6 * f64::from(ib) + f64::from(f32::EPSILON) * f64::from(y.abs());
                assert!(error <= bound, "snake({x}) with a = {a}, ib = {ib} is off by {error}");
            }
        }
    }

    #[test]
    fn activation_is_exact_near_zero_and_bounded_far_out() {
        let x = [1e-20_f32, -1e-20, 0.0, 1e30, -1e30];
        assert_eq!(x.map(|x| activate(x, 1.0, 1.0)), x);
    }

    #[test]
    fn nan_and_infinity_do_not_become_finite() {
        assert!(activate(f32::NAN, 1.0, 1.0).is_nan());
        assert!(!activate(f32::INFINITY, 1.0, 1.0).is_finite());
    }

    #[test]
    fn activation_with_and_without_sum_agree() {
        let x: Vec<f32> = (0..1000_u16).map(|i| (f32::from(i) * 0.37).sin() * 3.0).collect();
        let r: Vec<f32> = (0..1000_u16).map(|i| (f32::from(i) * 0.11).cos()).collect();
        let (mut sum, mut y) = (vec![0.0; 1000], vec![0.0; 1000]);
        add_and_activate_row(&x, &r, &mut sum, &mut y, 1.7, 0.6);
        let mut row = vec![0.0; 1000];
        activate_row(&sum, &mut row, 1.7, 0.6);
        assert_eq!(y, row);
        assert!(sum.iter().zip(x.iter().zip(&r)).all(|(s, (x, r))| *s == x + r));
    }
}
