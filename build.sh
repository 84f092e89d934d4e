#!/usr/bin/env bash
# Matrix Federation's one entrance: `./build.sh help` tells what it can do.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"

# Tools that are dear to make and equal for every clone live outside it, named by version.
export MATRIX_FEDERATION_CACHE=${MATRIX_FEDERATION_CACHE:-${XDG_CACHE_HOME:-${HOME:-$PWD/target}/.cache}/matrix-federation}

# Which compiler makes WebAssembly here: `choose_toolchain`.
source app/build/toolchain.sh

readonly WASM=wasm32-unknown-unknown
# Tools of crates.io that only `fuzz` and `mutants` want.
readonly CARGO_FUZZ=0.13.2
readonly CARGO_MUTANTS=27.1.0

readonly CORE=target/$WASM/release/matrix_federation.wasm
readonly BENCH=target/bench

main() {
  local command=${1:-pack}
  [ $# -eq 0 ] || shift
  case $command in
    pack | demo | test | check | format | bench | fuzz | mutants | clean | help) "run_$command" "$@" ;;
    -h | --help) run_help ;;
    *) fail "there is no command '$command'; ./build.sh help lists them" ;;
  esac
}

run_help() {
  cat <<'HELP'
./build.sh [COMMAND]

  pack            make target/matrix-federation.zip, the App (the default)
  demo [--keep]   pack, then play a conversation between a Rocket.Chat workspace and a Synapse;
                  --keep leaves both running
  test [PART]     pack, then run all tests, or one part: rust, translate, app, workspace, e2e
  check           formatting, lints, types, generated files, stray addresses
  format          put Rust and TypeScript into the form that check wants
  bench           the benchmarks of tests/bench
  fuzz [SECONDS]  throw random input at the protocol kernel and the translation, so long at each target of tests/fuzz (60);
                  no part of what must pass
  mutants [MINUTES] [FILE...]
                  break the protocol kernel in small ways and see whether its tests notice, for at most
                  so many minutes (25); no part of what must pass
  clean           remove all that was made here

Needs Rust and Node; demo, test and bench also Python. Everything else is fetched or made on the way.

  MATRIX_FEDERATION_CACHE      where the tools that outlive a clone are kept; the tests read it too
                               (else $XDG_CACHE_HOME or ~/.cache, in matrix-federation/)
  MATRIX_FEDERATION_TOOLCHAIN  what compiles to WebAssembly: 'installed', 'rustup' or 'debian'
                               (else the first of them that works)
HELP
}

# --- commands -------------------------------------------------------------------------------------

run_pack() {
  pack
  say "Packed. Next: upload target/matrix-federation.zip to a workspace, or see it work: ./build.sh demo"
}

pack() {
  need_rust                    # cargo, as new as Cargo.toml asks
  need_node                    # node, as new as app/package.json asks
  npm_packages app             # esbuild, binaryen and the checkers, as locked
  bindgen_tool                 # wasm-bindgen, the version that Cargo.toml pins
  write_protocol               # app/protocol.ts, from the Rust types
  compile_core                 # src/ to WebAssembly
  make_glue                    # pkg/: the core optimised and embedded, and its JavaScript side
  bundle_app                   # app/ and pkg/ to the zip; prints what it costs
}

run_demo() {
  need_python                  # Synapse is a Python program
  pack                         # the very zip that is shown
  npm_packages tests           # the workspace in a box and its clients
  (cd tests && exec node --import tsx e2e/demo.ts "$@")
}

run_test() {
  local part=${1:-all}
  case $part in
    rust)
      need_rust                # cargo, as new as Cargo.toml asks
      rust_tests               # rules and scenarios of the core
      ;;
    translate | app | workspace | e2e)
      prepare_tests            # the zip and the tests' packages
      node_tests "$part"       # that part alone
      ;;
    all)
      prepare_tests            # the zip and the tests' packages
      rust_tests               # rules and scenarios of the core
      node_tests translate     # the translation against Rocket.Chat's own parser
      node_tests app           # the App against stubs, and the budgets
      node_tests workspace     # the workspace in a box against the real engine
      node_tests e2e           # the real engine with a real homeserver
      ;;
    *) fail "there is no part '$part' of the tests: rust, translate, app, workspace or e2e" ;;
  esac
  say "Tests passed. Next: ./build.sh check"
}

run_check() {
  need_rust                    # cargo, as new as Cargo.toml asks
  cargo fmt --all --check      # Rust: formatting
  check_protocol               # app/protocol.ts is what the Rust types say
  pack                         # the types of pkg/ are needed below
  npm_packages tests           # and the types of what the tests use
  lint_rust                    # Rust: lints, for this machine and for WebAssembly
  lint_typescript              # TypeScript: lints, formatting, types
  check_addresses              # no registry's host and no machine's path in any tracked file
  say "All checks passed. Next: ./build.sh test"
}

run_format() {
  need_rust                    # rustfmt comes with it
  need_node                    # as new as app/package.json asks
  npm_packages app             # prettier
  cargo fmt --all              # Rust
  prettier --write             # TypeScript and its neighbours
  say "Formatted. Next: ./build.sh check"
}

run_bench() {
  need_python                  # Synapse is a Python program
  pack                         # what is measured
  npm_packages tests           # what it is measured with
  compile_kernel               # the core with its kernel laid open, for here and for WebAssembly
  node_benches                 # tests/bench/*.ts
}

run_fuzz() {
  need_rust                    # cargo, as new as Cargo.toml asks
  if ! cargo_tool cargo-fuzz "$CARGO_FUZZ"; then
    say "cargo-fuzz $CARGO_FUZZ cannot be installed here, so nothing was fuzzed"
    return
  fi
  fuzz_all "${1:-60}"          # tests/fuzz/targets, one after the other
}

run_mutants() {
  need_rust                    # cargo, as new as Cargo.toml asks
  if ! cargo_tool cargo-mutants "$CARGO_MUTANTS"; then
    say "cargo-mutants $CARGO_MUTANTS cannot be installed here, so nothing was broken"
    return
  fi
  mutate "$@"                  # what of src/matrix signatures and verdicts hang on, or those files
}

run_clean() {
  rm -rf target tests/fuzz/target pkg app/node_modules tests/node_modules
  say "Clean. What other clones can use is still in $MATRIX_FEDERATION_CACHE"
}

# --- steps of pack --------------------------------------------------------------------------------

bindgen_tool() {
  local source=app/build/bindgen pinned version root
  pinned=$(sed -n 's/^wasm-bindgen = "=\(.*\)"/\1/p' Cargo.toml)
  version=$(sed -n 's/^wasm-bindgen-cli-support = "=\(.*\)"/\1/p' $source/Cargo.toml)
  [ "$version" = "$pinned" ] || fail "Cargo.toml pins wasm-bindgen $pinned, but $source/Cargo.toml $version"
  root=$MATRIX_FEDERATION_CACHE/wasm-bindgen-$version-$(fingerprint $source/Cargo.* $source/src/main.rs)
  BINDGEN=$root/bin/bindgen
  [ ! -x "$BINDGEN" ] || return 0
  say "Building the wasm-bindgen tool $version (once, about a minute)"
  cargo install --quiet --locked --path $source --root "$root" --target-dir target/bindgen
}

print_protocol() {
  cargo run --quiet --features protocol --example protocol
}

write_protocol() {
  mkdir -p target
  print_protocol >target/protocol.ts
  cmp -s target/protocol.ts app/protocol.ts || cp target/protocol.ts app/protocol.ts
}

# compile_core [OPTION...]: src/ to WebAssembly, with more options for cargo.
compile_core() {
  local flags=(
    # Panic messages name files; without this they would name this machine's folders.
    "--remap-path-prefix=$PWD=." "--remap-path-prefix=${CARGO_HOME:-${HOME:-}/.cargo}=cargo"
    # In WebAssembly the curve is faster in words of 32 bits, and hashes are in vectors.
    '--cfg=curve25519_dalek_bits="32"' -Ctarget-feature=+simd128
  )
  choose_toolchain
  # One crate type only: cargo links no library with LTO when an `rlib` is made beside it.
  env "${TOOLCHAIN[@]}" CARGO_ENCODED_RUSTFLAGS="$(IFS=$'\x1f' && printf %s "${flags[*]}")" CARGO_PROFILE_RELEASE_LTO=fat \
    cargo rustc --quiet --package matrix-federation --lib --release --target "$WASM" --crate-type cdylib "${BUILD_STD[@]}" "$@"
}

make_glue() {
  when_changed pkg/.made-from "$CORE" "$BINDGEN" build.sh app/package-lock.json app/build/embed.ts -- make_glue_anew
}

make_glue_anew() {
  say "Optimising the core"
  optimise "$CORE" pkg
  (cd app && node --import tsx build/embed.ts)
}

# optimise MODULE FOLDER: the module and its JavaScript side, small and fast, into a fresh folder.
optimise() {
  rm -rf "$2"
  "$BINDGEN" "$1" "$2"
  # What Node 20 and Deno 2.3 know; rustc itself emits no more than this.
  app/node_modules/.bin/wasm-opt -O3 \
    --enable-mutable-globals --enable-sign-ext --enable-nontrapping-float-to-int --enable-bulk-memory \
    --enable-reference-types --enable-multivalue --enable-simd \
    "$2/matrix_federation_bg.wasm" -o "$2/matrix_federation_bg.wasm"
}

bundle_app() {
  (cd app && node --import tsx build/pack.ts)
}

# --- steps of test, check and bench ---------------------------------------------------------------

prepare_tests() {
  need_python
  pack
  npm_packages tests
}

rust_tests() {
  cargo test --all-features
}

# node_tests PART: those in tests/PART, one file after the other, for they share two cores with a workspace.
node_tests() {
  local files
  mapfile -t files < <(find "tests/$1" -name '*.test.ts' -o -name '*.test.mjs' 2>/dev/null | sort)
  [ ${#files[@]} -gt 0 ] || fail "there are no tests in tests/$1"
  (cd tests && node --import tsx --test --test-reporter=spec --test-concurrency=1 "${files[@]#tests/}")
}

check_protocol() {
  mkdir -p target
  print_protocol >target/protocol.ts
  cmp -s target/protocol.ts app/protocol.ts ||
    fail "app/protocol.ts is not what the Rust types say: run ./build.sh pack and commit it"
}

lint_rust() {
  cargo clippy --all-targets --all-features -- -D warnings
  # Debian's fallback compiler brings no clippy.
  if installed_toolchain; then cargo clippy --lib --features bench --target "$WASM" -- -D warnings; fi
}

lint_typescript() {
  local bin=app/node_modules/.bin
  "$bin/eslint" --config app/eslint.config.js --max-warnings 0 app tests
  prettier --check
  "$bin/tsc" --project app
  "$bin/tsc" --project tests
}

prettier() {
  app/node_modules/.bin/prettier --config app/prettier.config.json --log-level warn "$1" \
    'app/**/*.{ts,js,json}' 'tests/**/*.{ts,js,mjs}' '!app/protocol.ts'
}

check_addresses() {
  local hosts='registry[.]npmjs|registry[.]yarnpkg|static[.]crates[.]io|index[.]crates[.]io|pythonhosted[.]org|deb[.]debian'
  local paths='/root/|/home/[a-z]+/|/work/|/Users/'
  local status=0
  git grep -nIE "$hosts|$paths" -- ':!build.sh' || status=$?
  case $status in
    0) fail "the lines above name a registry's host or a path of somebody's machine" ;;
    1) ;; # nothing found
    *) fail "git could not search the tracked files" ;;
  esac
}

# The flags of the App's core; all that is made stays apart from it.
compile_kernel() {
  local module=$BENCH/$WASM/release/matrix_federation.wasm
  cargo build --quiet --profile bench --features bench --example bench --target-dir "$BENCH"
  compile_core --features bench --target-dir "$BENCH"
  when_changed "$BENCH/pkg/.made-from" "$module" "$BINDGEN" build.sh app/package-lock.json -- optimise "$module" "$BENCH/pkg"
}

node_benches() {
  local file
  for file in tests/bench/*.ts; do
    (cd tests && node --import tsx "${file#tests/}")
  done
}

# --- steps of fuzz and mutants --------------------------------------------------------------------

# cargo_tool NAME VERSION: TOOL is that tool of crates.io; kept for every clone. Fails where it cannot be had.
cargo_tool() {
  local root=$MATRIX_FEDERATION_CACHE/$1-$2
  TOOL=$root/bin/$1
  [ ! -x "$TOOL" ] || return 0
  say "Building $1 $2 (once, some minutes)"
  cargo install --quiet --locked "$1@$2" --root "$root" --target-dir "target/$1"
}

fuzz_all() {
  local file target log=target/fuzz.log found=0
  mkdir -p target
  # The flags of coverage are for nightly compilers; nothing else of it is used.
  export RUSTC_BOOTSTRAP=1
  for file in tests/fuzz/targets/*.rs; do
    target=$(basename "$file" .rs)
    mkdir -p "target/fuzz/$target"
    if "$TOOL" run --fuzz-dir tests/fuzz --sanitizer none "$target" "target/fuzz/$target" -- \
      -max_total_time="$1" -max_len=4096 -timeout=10 -dict="$PWD/tests/fuzz/words.dict" >"$log" 2>&1; then
      say "$target: $(sed -n 's/^Done \([0-9]*\) runs in \([0-9]*\) second.*/\1 runs in \2 seconds, nothing found/p' "$log")"
    else
      found=1
      tail -n 30 "$log"
      say "$target: failed; the input, if there is one, is in tests/fuzz/artifacts/$target"
    fi
  done
  return $found
}

# mutate [MINUTES] [FILE...]: cargo-mutants ends with failure where a mutant survives, which is what one wants to read.
mutate() {
  local minutes=${1:-25} files=() file
  [ $# -eq 0 ] || shift
  [ $# -gt 0 ] || set -- src/matrix/{key/verify,receipt/signed,receipt/rules,receipt,redact,hash,signature}.rs \
    src/matrix/{key_document,key,json/read,compose,pdu,x_matrix}.rs
  for file in "$@"; do files+=(--file "$file"); done
  timeout "$((minutes * 60))" "$TOOL" mutants --workspace --test-workspace true --timeout 120 --output target "${files[@]}" -- \
    --lib --test matrix --test names || true
  say "What survived is in target/mutants.out/missed.txt"
}

# --- what all need --------------------------------------------------------------------------------

need_rust() {
  need cargo "$(sed -n 's/^rust-version = "\(.*\)"/\1/p' Cargo.toml)" "install Rust with rustup"
}

need_node() {
  need node "$(sed -n 's/.*"node": ">=\(.*\)".*/\1/p' app/package.json)" "install Node.js"
}

need_python() {
  need python3 3.10 "install Python"
}

# need TOOL OLDEST ADVICE: stops in plain words where a tool is missing or too old.
need() {
  local found
  found=$("$1" --version 2>/dev/null | grep -oE '[0-9]+(\.[0-9]+)+' | head -n1) || true
  [ -n "$found" ] || fail "$1 is missing: $3, version $2 or newer"
  [ "$(printf '%s\n' "$2" "$found" | sort -V | head -n1)" = "$2" ] ||
    fail "$1 is version $found, which is too old: $3, version $2 or newer"
}

npm_packages() {
  when_changed "$1/node_modules/.made-from" "$1/package-lock.json" -- npm_packages_anew "$1"
}

npm_packages_anew() {
  say "Fetching the npm packages of $1/"
  (cd "$1" && npm ci --loglevel=error)
}

# when_changed STAMP FILE... -- COMMAND...: runs the command unless the files are as they were when it last succeeded.
when_changed() {
  local stamp=$1 files=() key
  shift
  while [ "$1" != -- ]; do
    files+=("$1")
    shift
  done
  shift
  key=$(fingerprint "${files[@]}")
  if [ "$key" = "$(cat "$stamp" 2>/dev/null)" ]; then return; fi
  "$@"
  echo "$key" >"$stamp"
}

# fingerprint FILE...: a short text that changes with the files.
fingerprint() {
  cat "$@" | cksum | tr -d ' '
}

say() {
  printf '==> %s\n' "$1"
}

fail() {
  printf 'build.sh: %s\n' "$1" >&2
  exit 1
}

main "$@"
