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
    match Bindgen::new()
        .input_path(module)
        // After a trap the App makes a new instance of the module it has compiled: `__wbg_reset_state`.
        .reset_state_function(true)
        .omit_default_module_path(true)
        .typescript(true)
        .web(true)
        .and_then(|bindgen| bindgen.generate(folder))
    {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("bindgen: {error:#}");
            ExitCode::FAILURE
        }
    }
}
