//! Multiples of points that are multiplied again and again: the base point, and the keys of known servers.
//!
//! A table of a point's multiples makes a multiplication a row of additions, without the doublings that take most of
//! the time otherwise. The result is the very same point for every scalar and every point, those of small order
//! included. Nothing here is secret, so nothing takes constant time.
//!
//! Source: Bernstein and others, "High-speed high-security signatures", 2011, section 4; Pippenger, 1976.

use curve25519_dalek::edwards::EdwardsPoint;
use curve25519_dalek::scalar::Scalar;

/// The multiples of a point `P`: for each place `i`, `1·P·2^(WIDTH·i)` to `2^(WIDTH-1)·P·2^(WIDTH·i)`.
///
/// `WIDTH` is how many bits of a scalar are taken at once. 4 takes 82 KB and 64 additions, 8 takes 655 KB and 32.
pub(super) struct Multiples<const WIDTH: usize>(Vec<EdwardsPoint>);

impl<const WIDTH: usize> Multiples<WIDTH> {
    const PLACES: usize = 256_usize.div_ceil(WIDTH);
    const EACH: usize = 1 << (WIDTH - 1);

    /// Computes them: some 600 additions at a width of 4, 4,000 at 8.
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
            base = multiple + multiple;
        }
        Self(multiples)
    }

    /// Adds the multiple by a scalar.
    pub(super) fn add(&self, scalar: &Scalar, mut sum: EdwardsPoint) -> EdwardsPoint {
        let mut carry = 0;
        for (place, digit) in self.0.chunks_exact(Self::EACH).zip(digits::<WIDTH>(scalar.as_bytes())) {
            // The digit, between -EACH and EACH.
            let digit = digit + carry;
            carry = usize::from(digit > Self::EACH);
            if carry == 1 {
                if let Some(multiple) = (2 * Self::EACH - digit).checked_sub(1).and_then(|it| place.get(it)) {
                    sum -= multiple;
                }
            } else if let Some(multiple) = digit.checked_sub(1).and_then(|it| place.get(it)) {
                sum += multiple;
            }
        }
        sum
    }
}

/// The digits of a number of 256 bits, lowest first. `WIDTH` divides 8.
fn digits<const WIDTH: usize>(bytes: &[u8; 32]) -> impl Iterator<Item = usize> {
    let mask = (1_usize << WIDTH) - 1;
    bytes
        .iter()
        .flat_map(move |byte| (0..8 / WIDTH).map(move |part| (usize::from(*byte) >> (part * WIDTH)) & mask))
}

#[cfg(test)]
mod tests {
    use curve25519_dalek::constants::{ED25519_BASEPOINT_POINT, EIGHT_TORSION};
    use curve25519_dalek::traits::Identity as _;

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
                let (four, eight) = (Multiples::<4>::of(&point), Multiples::<8>::of(&point));
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
                    assert_eq!(four.add(scalar, EdwardsPoint::identity()), expected);
                    assert_eq!(eight.add(scalar, EdwardsPoint::identity()), expected);
                }
            }
        }
    }
}
