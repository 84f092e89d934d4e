//! Makes the JavaScript side of the compiled core: `bindgen MODULE.wasm FOLDER`.
//!
//! The glue is an ES module whose `initSync({ module })` takes the bytes, since the sandbox that runs an
//! App can read no file. <https://wasm-bindgen.github.io/wasm-bindgen/reference/deployment.html>

use std::{env, process::ExitCode};

use wasm_bindgen_cli_support::Bindgen;

fn main() -> ExitCode {
    let mut arguments = env::args_os().skip(1);
    let (Some(module), Some(folder)) = (arguments.next(), arguments.next()) else {
        eprintln!("usage: bindgen MODULE.wasm FOLDER");
        return ExitCode::FAILURE;
    };
    let mut bindgen = Bindgen::new();
    let made = bindgen.input_path(module).web(true).and_then(|bindgen| bindgen.generate(folder));
    match made {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("bindgen: {error:#}");
            ExitCode::FAILURE
        }
    }
}
