//! Verifying, one at a time or many together.

use std::cell::{Cell, OnceCell, RefCell};
use std::collections::BTreeMap;
use std::fmt;
use std::rc::Rc;

use base64::Engine as _;
use curve25519_dalek::constants::ED25519_BASEPOINT_POINT;
use curve25519_dalek::edwards::{CompressedEdwardsY, EdwardsPoint};
use curve25519_dalek::scalar::Scalar;
use sha2::{Digest as _, Sha512};

use super::BadKey;
use crate::matrix::curve::Multiples;
use crate::matrix::hash::BASE64;

/// So many keys are remembered with their tables, 77 KB each.
const REMEMBERED: usize = 128;

/// A key gets its table when it is used so often: making one costs what it saves on that many verifications.
const OFTEN: u32 = 4;

/// Points are brought into their encoded form so many at a time.
const TOGETHER: usize = 64;

/// A key of another server.
pub struct VerifyKey {
    bytes: [u8; 32],
    /// The point, negated.
    negated: EdwardsPoint,
    uses: Cell<u32>,
    table: OnceCell<Multiples<6, 3>>,
}

/// A text and the signature it bears.
#[derive(Clone, Copy, Debug)]
pub struct Signed<'a> {
    /// What was signed.
    pub text: &'a [u8],
    /// The signature, in base64.
    pub signature: &'a str,
    /// The key.
    pub key: &'a VerifyKey,
}

thread_local! {
    /// The multiples of the base point.
    static BASE: OnceCell<Multiples<8, 1>> = const { OnceCell::new() };
    /// The keys that were used lately. Only a memory: a key is what its bytes say.
    static KNOWN: RefCell<BTreeMap<[u8; 32], Rc<VerifyKey>>> = const { RefCell::new(BTreeMap::new()) };
}

impl VerifyKey {
    /// Reads a key in base64. One that was used before comes with its table.
    pub fn parse(text: &str) -> Result<Rc<Self>, BadKey> {
        let bytes = BASE64.decode(text).ok().and_then(|it| <[u8; 32]>::try_from(it).ok());
        let bytes = bytes.ok_or(BadKey::Encoding)?;
        KNOWN.with_borrow_mut(|known| {
            if let Some(key) = known.get(&bytes) {
                return Ok(Rc::clone(key));
            }
            let key = Rc::new(Self::new(bytes)?);
            if known.len() >= REMEMBERED {
                known.retain(|_, key| key.uses.replace(0) > 0);
                known.pop_first();
            }
            known.insert(bytes, Rc::clone(&key));
            Ok(key)
        })
    }

    /// A key of these bytes, with nothing remembered.
    pub fn new(bytes: [u8; 32]) -> Result<Self, BadKey> {
        let point = CompressedEdwardsY(bytes).decompress().ok_or(BadKey::Weak)?;
        if point.is_small_order() || !is_canonical(&bytes) {
            return Err(BadKey::Weak);
        }
        Ok(Self { bytes, negated: -point, uses: Cell::new(0), table: OnceCell::new() })
    }

    /// Whether a text bears a signature of this key, in base64.
    pub fn verify(&self, text: &[u8], signature: &str) -> bool {
        let signed = Signed { text, signature, key: self };
        Equation::of(signed).is_some_and(|it| {
            let point = it.point();
            it.holds(&point, point.compress())
        })
    }

    /// `sB - kA`.
    fn combine(&self, s: &Scalar, k: &Scalar) -> EdwardsPoint {
        let uses = self.uses.get().saturating_add(1);
        self.uses.set(uses);
        if uses < OFTEN && self.table.get().is_none() {
            return EdwardsPoint::vartime_double_scalar_mul_basepoint(k, &self.negated, s);
        }
        let table = self.table.get_or_init(|| Multiples::of(&self.negated));
        BASE.with(|base| {
            let base = base.get_or_init(|| Multiples::of(&ED25519_BASEPOINT_POINT));
            base.times(s) + table.times(k)
        })
    }
}

impl fmt::Debug for VerifyKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("VerifyKey").field(&BASE64.encode(self.bytes)).finish()
    }
}

/// Whether the encoding of a point is the only one it has: its coordinate is less than 2^255 - 19. The other odd ones,
/// of points that are their own negation, are of small order.
fn is_canonical(bytes: &[u8; 32]) -> bool {
    let [lowest, middle @ .., highest] = bytes;
    *lowest < 0xed || highest & 0x7f != 0x7f || middle.iter().any(|it| *it != 0xff)
}

/// Which of these bear the signatures they say. Each verdict is the one that the text alone would get.
pub fn verify_all(all: &[Signed<'_>]) -> Vec<bool> {
    let mut verdicts = Vec::with_capacity(all.len());
    for some in all.chunks(TOGETHER) {
        let equations: Vec<Option<Equation<'_>>> = some.iter().map(|it| Equation::of(*it)).collect();
        let points: Vec<EdwardsPoint> = equations.iter().flatten().map(Equation::point).collect();
        let mut sides = points.iter().zip(EdwardsPoint::compress_batch_alloc(&points));
        let holds = |it: &Option<Equation<'_>>| {
            it.as_ref()
                .is_some_and(|it| sides.next().is_some_and(|(point, encoded)| it.holds(point, encoded)))
        };
        verdicts.extend(equations.iter().map(holds));
    }
    verdicts
}

/// `R = sB - kA`.
struct Equation<'a> {
    key: &'a VerifyKey,
    r: CompressedEdwardsY,
    s: Scalar,
    k: Scalar,
}

impl<'a> Equation<'a> {
    /// Takes a signature apart; nothing where it has no right form.
    fn of(Signed { text, signature, key }: Signed<'a>) -> Option<Self> {
        let bytes = <[u8; 64]>::try_from(BASE64.decode(signature).ok()?).ok()?;
        let (r, s) = bytes.split_first_chunk::<32>()?;
        let s = Option::from(Scalar::from_canonical_bytes(s.try_into().ok()?))?;
        let r = CompressedEdwardsY(*r);
        let hash = Sha512::new().chain_update(r.as_bytes()).chain_update(key.bytes).chain_update(text);
        Some(Self { key, r, s, k: Scalar::from_bytes_mod_order_wide(&hash.finalize().into()) })
    }

    /// The right side.
    fn point(&self) -> EdwardsPoint {
        self.key.combine(&self.s, &self.k)
    }

    /// Whether the left side is the right side, and no point of small order.
    fn holds(&self, point: &EdwardsPoint, encoded: CompressedEdwardsY) -> bool {
        self.r == encoded && !point.is_small_order()
    }
}
