//! The core as the App sees it: a class `Core` over a host object in JavaScript.
//!
//! Everything crosses as plain objects with a `kind`; request bodies cross as bytes, beside their input.
#![allow(unsafe_code, reason = "what the attribute macro of wasm-bindgen makes is unsafe inside")]

#[cfg(feature = "bench")]
mod bench;

use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;

use js_sys::{Array, Promise, Reflect, Uint8Array};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_wasm_bindgen::Serializer;
use wasm_bindgen::prelude::{JsError, JsValue, wasm_bindgen};
use wasm_bindgen_futures::{JsFuture, spawn_local};

use crate::driver::{Driver, Host};
use crate::effect::{Effect, Tag};
use crate::view::{Key, Loaded};

#[wasm_bindgen]
extern "C" {
    /// The host: the part of the App that touches Rocket.Chat.
    #[wasm_bindgen(typescript_type = "Host")]
    pub type JsHost;

    #[wasm_bindgen(method, catch)]
    fn load(this: &JsHost, keys: JsValue) -> Result<Promise, JsValue>;

    #[wasm_bindgen(method, catch)]
    fn perform(this: &JsHost, effect: JsValue) -> Result<Promise, JsValue>;

    #[wasm_bindgen(method)]
    fn now(this: &JsHost) -> f64;

    #[wasm_bindgen(method)]
    fn entropy(this: &JsHost) -> Uint8Array;

    #[wasm_bindgen(method)]
    fn deciding(this: &JsHost, tag: JsValue);
}

#[wasm_bindgen(typescript_custom_section)]
const TYPES: &str = r#"
import type { Config, Effect, Input, Key, Loaded, Served, Tag } from '../app/protocol';

/** What the core stands on. */
export interface Host {
    /** Loads these, in this order. */
    load(keys: Key[]): Promise<Loaded[]>;
    /** Does this; a rejection says in plain words why it could not be done. */
    perform(effect: Effect): Promise<void>;
    /** The time in milliseconds since the epoch. */
    now(): number;
    /** 32 fresh random bytes. */
    entropy(): Uint8Array;
    /** Told before and after a step of an entry is decided: should the core stop in between, this entry is why. */
    deciding(tag: Tag | undefined): void;
}

export interface Core {
    /** Takes over the settings. */
    configure(config: Config): void;
    /** Decides an input and performs what follows from it; a request gets its answer. */
    submit(input: Input): Promise<Served | undefined>;
}
"#;

/// One instance of the core. After a trap it is unusable: drop it and make another.
#[wasm_bindgen]
#[derive(Debug)]
pub struct Core {
    driver: Rc<Driver<JsHost>>,
}

#[wasm_bindgen]
impl Core {
    /// A core over a host; `instance` names this run and is never used again.
    #[wasm_bindgen(constructor)]
    pub fn new(host: JsHost, instance: String) -> Self {
        Self { driver: Driver::new(host, instance) }
    }

    /// Takes over the settings.
    #[wasm_bindgen(skip_typescript)]
    pub fn configure(&self, config: JsValue) -> Result<(), JsError> {
        self.driver.configure(from_js(config).map_err(|why| JsError::new(&why))?);
        Ok(())
    }

    /// Whether an address that a socket is connected to may be talked to, where somebody else chose it.
    pub fn admits(&self, address: &str) -> bool {
        self.driver.admits(address)
    }

    /// Takes over the body of a request; the handle goes into the request.
    pub fn put(&self, body: Vec<u8>) -> u32 {
        self.driver.put(body)
    }

    /// Decides an input and performs what follows from it.
    #[wasm_bindgen(skip_typescript)]
    pub fn submit(&self, input: JsValue) -> Promise {
        let driver = Rc::clone(&self.driver);
        wasm_bindgen_futures::future_to_promise(async move {
            let failed = |why: String| JsValue::from(JsError::new(&why));
            let reply = driver.submit(from_js(input).map_err(failed)?).await.map_err(failed)?;
            reply.map_or(Ok(JsValue::UNDEFINED), |reply| to_js(&reply).map_err(failed))
        })
    }
}

impl Host for JsHost {
    async fn load(&self, keys: Vec<Key>) -> Result<Vec<Loaded>, String> {
        let promise = JsHost::load(self, to_js(&keys)?).map_err(|why| reason(&why))?;
        let loaded = JsFuture::from(promise).await.map_err(|why| reason(&why))?;
        Array::from(&loaded).iter().map(from_js).collect()
    }

    async fn perform(&self, effect: Effect) -> Result<(), String> {
        let promise = JsHost::perform(self, to_js(&effect)?).map_err(|why| reason(&why))?;
        JsFuture::from(promise).await.map(|_| ()).map_err(|why| reason(&why))
    }

    fn now(&self) -> i64 {
        whole(JsHost::now(self))
    }

    fn entropy(&self) -> [u8; 32] {
        let mut bytes = [0; 32];
        for (byte, random) in bytes.iter_mut().zip(JsHost::entropy(self).to_vec()) {
            *byte = random;
        }
        bytes
    }

    fn deciding(&self, tag: Option<&Tag>) {
        let tag = tag.and_then(|tag| to_js(tag).ok());
        JsHost::deciding(self, tag.unwrap_or(JsValue::UNDEFINED));
    }

    fn spawn(&self, task: Pin<Box<dyn Future<Output = ()>>>) {
        spawn_local(task);
    }
}

/// Milliseconds as JavaScript has them.
#[allow(clippy::as_conversions, clippy::cast_possible_truncation, reason = "milliseconds stay below 2^53")]
fn whole(milliseconds: f64) -> i64 {
    milliseconds as i64
}

fn to_js(value: &impl Serialize) -> Result<JsValue, String> {
    value.serialize(&Serializer::json_compatible()).map_err(|why| why.to_string())
}

fn from_js<T: DeserializeOwned>(value: JsValue) -> Result<T, String> {
    serde_wasm_bindgen::from_value(value).map_err(|why| why.to_string())
}

/// What was thrown, in words.
fn reason(thrown: &JsValue) -> String {
    let message = Reflect::get(thrown, &JsValue::from_str("message")).ok().and_then(|it| it.as_string());
    message.or_else(|| thrown.as_string()).unwrap_or_else(|| "an unnamed failure".to_owned())
}
