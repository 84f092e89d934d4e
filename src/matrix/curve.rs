//! Multiples of points that are multiplied again and again: the base point, and the keys of known servers.
//!
//! A table of a point's multiples makes a multiplication a row of additions, with none or few of the doublings that
//! take most of the time otherwise. The result is the very same point for every scalar and every point, those of small
//! order included. Nothing here is secret, so nothing takes constant time.
//!
//! Source: Bernstein and others, "High-speed high-security signatures", 2011, section 4; Lim and Lee, 1994.

use curve25519_dalek::edwards::EdwardsPoint;
use curve25519_dalek::scalar::Scalar;
use curve25519_dalek::traits::Identity as _;

/// The multiples of a point `P`: for each place `i`, `1·P·2^(WIDTH·STRIDE·i)` to `2^(WIDTH-1)·P·2^(WIDTH·STRIDE·i)`.
///
/// `WIDTH` is how many bits of a scalar are taken at once. With a `STRIDE` of 1 there is a place for each of these
/// digits, and nothing to be doubled; else a place serves so many digits, one after the other.
///
/// `<6, 3>` takes 77 KB, 43 additions and 12 doublings; `<8, 1>` takes 655 KB and 32 additions.
pub(super) struct Multiples<const WIDTH: usize, const STRIDE: usize>(Vec<EdwardsPoint>);

impl<const WIDTH: usize, const STRIDE: usize> Multiples<WIDTH, STRIDE> {
    const PLACES: usize = 256_usize.div_ceil(WIDTH).div_ceil(STRIDE);
    const EACH: usize = 1 << (WIDTH - 1);

    /// Computes them: some 750 additions for `<6, 3>`, 4,000 for `<8, 1>`.
    pub(super) fn of(point: &EdwardsPoint) -> Self {
        let mut multiples = Vec::with_capacity(Self::PLACES * Self::EACH);
        let mut base = *point;
        for _ in 0..Self::PLACES {
            let mut multiple = base;
            for _ in 1..Self::EACH {
                multiples.push(multiple);
                multiple += base;
            }
            multiples.push(multiple);
            base = (1..STRIDE).fold(multiple + multiple, |it, _| shifted::<WIDTH>(it));
        }
        Self(multiples)
    }

    /// The multiple by a scalar.
    pub(super) fn times(&self, scalar: &Scalar) -> EdwardsPoint {
        let digits = digits::<WIDTH>(scalar);
        let mut sum = EdwardsPoint::identity();
        for turn in (0..STRIDE).rev() {
            let own = digits.iter().skip(turn).step_by(STRIDE);
            for (place, digit) in self.0.chunks_exact(Self::EACH).zip(own) {
                let multiple = digit.unsigned_abs().checked_sub(1).and_then(|it| place.get(usize::from(it)));
                match multiple {
                    Some(multiple) if *digit < 0 => sum -= multiple,
                    Some(multiple) => sum += multiple,
                    None => {}
                }
            }
            if turn > 0 {
                sum = shifted::<WIDTH>(sum);
            }
        }
        sum
    }
}

/// `2^WIDTH·P`.
fn shifted<const WIDTH: usize>(point: EdwardsPoint) -> EdwardsPoint {
    // Three doublings in one are cheaper than three.
    let eights = (0..WIDTH / 3).fold(point, |it, _| it.mul_by_cofactor());
    (0..WIDTH % 3).fold(eights, |it, _| it + it)
}

/// The digits of a scalar, lowest first, each between `-2^(WIDTH-1)` and `2^(WIDTH-1)`. `WIDTH` is 4 to 8.
fn digits<const WIDTH: usize>(scalar: &Scalar) -> [i16; 64] {
    let bytes = scalar.as_bytes();
    let byte = |at: usize| bytes.get(at).map_or(0, |it| i32::from(*it));
    let (full, mut carry) = (1 << WIDTH, 0);
    let mut digits = [0; 64];
    for (place, digit) in digits.iter_mut().enumerate() {
        let bit = place * WIDTH;
        let bits = byte(bit / 8) | byte(bit / 8 + 1) << 8;
        let value = (bits >> (bit % 8)) % full + carry;
        // A scalar is less than 2^253, so the last digit carries nothing.
        carry = i32::from(value > full / 2);
        *digit = i16::try_from(value - carry * full).unwrap_or(0);
    }
    digits
}

#[cfg(test)]
mod tests {
    use curve25519_dalek::constants::{ED25519_BASEPOINT_POINT, EIGHT_TORSION};

    use super::*;

    #[test]
    fn multiples_are_what_multiplication_gives() {
        let scalars = (0..40_u64).flat_map(|n| {
            let n = Scalar::from(n) + Scalar::from(n << 57);
            [n, -n, n.invert(), n * n.invert() * n]
        });
        let scalars: Vec<Scalar> = scalars.collect();
        for torsion in EIGHT_TORSION {
            for point in [torsion, ED25519_BASEPOINT_POINT * Scalar::from(77_u8) + torsion] {
                let (six, eight) = (Multiples::<6, 3>::of(&point), Multiples::<8, 1>::of(&point));
                let (five, four) = (Multiples::<5, 2>::of(&point), Multiples::<4, 1>::of(&point));
                for scalar in &scalars {
                    // The integer times the point, also where the order of the point is not that of scalars.
                    let mut expected = EdwardsPoint::identity();
                    for byte in scalar.as_bytes().iter().rev() {
                        for bit in (0..8).rev() {
                            expected += expected;
                            if byte >> bit & 1 == 1 {
                                expected += point;
                            }
                        }
                    }
                    assert_eq!(six.times(scalar), expected);
                    assert_eq!(eight.times(scalar), expected);
                    assert_eq!(five.times(scalar), expected);
                    assert_eq!(four.times(scalar), expected);
                }
            }
        }
    }
}
