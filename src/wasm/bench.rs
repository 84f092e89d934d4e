//! What is measured of the kernel and the translation from JavaScript, by `./build.sh bench`; no App has it.
//!
//! Each operation crosses the border once, with a text in and a text out, as the App would call it. `repeat` stays
//! inside, for what the operation itself costs.

#![expect(clippy::unused_self, reason = "JavaScript calls all operations on one object")]

use wasm_bindgen::prelude::wasm_bindgen;

use crate::bench::fork::{Fork, ids};
use crate::bench::kernel::Kernel;
use crate::bench::peer::Peer;
use crate::bench::translation;

/// A server with its key.
#[wasm_bindgen]
#[derive(Debug)]
pub struct BenchKernel(Kernel);

#[wasm_bindgen]
impl BenchKernel {
    pub fn make(name: &str, seed: &[u8]) -> Option<Self> {
        Kernel::new(name, seed.try_into().ok()?).map(Self)
    }

    pub fn learn(&mut self, server: &str, public: &str) -> bool {
        self.0.learn(server, public).is_some()
    }

    pub fn public(&self) -> String {
        self.0.public()
    }

    pub fn sign(&self, event: &str) -> String {
        self.0.sign(event)
    }

    pub fn verify(&self, event: &str) -> bool {
        self.0.verify(event)
    }

    pub fn verify_by_new_key(&self, event: &str) -> bool {
        self.0.verify_by_new_key(event)
    }

    pub fn receive(&self, event: &str) -> bool {
        self.0.receive(event)
    }

    pub fn verify_many(&self, events: &[u8]) -> usize {
        self.0.verify_many(events)
    }

    pub fn content_hash(&self, event: &str) -> String {
        Kernel::content_hash(event)
    }

    pub fn event_id(&self, event: &str) -> String {
        Kernel::event_id(event)
    }

    /// Does an operation so many times; how often it succeeded.
    pub fn repeat(&self, operation: &str, event: &str, times: usize) -> usize {
        let once = || match operation {
            "sign" => !self.0.sign(event).is_empty(),
            "verify" => self.0.verify(event),
            "verify_by_new_key" => self.0.verify_by_new_key(event),
            "content_hash" => !Kernel::content_hash(event).is_empty(),
            "event_id" => !Kernel::event_id(event).is_empty(),
            _ => false,
        };
        (0..times).filter(|_| once()).count()
    }
}

/// The same by ruma.
#[wasm_bindgen]
#[expect(missing_debug_implementations, reason = "it holds a key of somebody else's type")]
pub struct BenchPeer(Peer);

#[wasm_bindgen]
impl BenchPeer {
    pub fn make(name: &str, seed: &[u8]) -> Option<Self> {
        Peer::new(name, seed.try_into().ok()?).map(Self)
    }

    pub fn sign(&self, event: &str) -> String {
        self.0.sign(event)
    }

    pub fn verify(&self, event: &str) -> bool {
        self.0.verify(event)
    }

    pub fn event_id(&self, event: &str) -> String {
        Peer::event_id(event)
    }
}

/// A forked room.
#[wasm_bindgen]
#[derive(Debug)]
pub struct BenchFork(Fork);

#[wasm_bindgen]
impl BenchFork {
    pub fn make(written: &str) -> Option<Self> {
        Fork::read(written).map(Self)
    }

    /// How many entries the resolved state has.
    pub fn resolve(&self) -> usize {
        self.0.resolve().len()
    }

    pub fn resolved(&self) -> String {
        ids(self.0.resolve())
    }

    pub fn prepare(&mut self) {
        self.0.prepare();
    }

    pub fn resolve_plainly(&mut self) -> usize {
        self.0.resolve_plainly().len()
    }
}

/// The translation.
#[wasm_bindgen]
#[derive(Debug)]
pub struct BenchTranslation;

#[wasm_bindgen]
impl BenchTranslation {
    pub fn to_matrix(text: &str, md: &str) -> String {
        translation::to_matrix(text, Some(md).filter(|md| !md.is_empty()))
    }

    pub fn from_matrix(content: &str) -> String {
        translation::from_matrix(content)
    }
}
