# shellcheck shell=bash
# What compiles Rust to WebAssembly; build.sh reads this file.
#
# The installed toolchain if it can; else rustup adds what it lacks; else, where rustup cannot download,
# Debian's compiler builds the standard library from source.
#
# No rust-toolchain.toml pins a version: rustup would download it even where another one does.

# Sets TOOLCHAIN, the environment that cargo needs, and BUILD_STD, its flags.
choose_toolchain() {
  TOOLCHAIN=() BUILD_STD=()
  case ${MATRIX_FEDERATION_TOOLCHAIN:-any} in
    any) installed_toolchain || rustup_toolchain || debian_toolchain || fail \
      "no compiler for $WASM: run 'rustup target add $WASM', or use Debian's packages (needs apt-get)" ;;
    installed | rustup | debian) "${MATRIX_FEDERATION_TOOLCHAIN}_toolchain" ||
      fail "the toolchain '$MATRIX_FEDERATION_TOOLCHAIN' is not to be had here" ;;
    *) fail "MATRIX_FEDERATION_TOOLCHAIN is '$MATRIX_FEDERATION_TOOLCHAIN': installed, rustup or debian" ;;
  esac
}

installed_toolchain() {
  compgen -G "$(rustc --print sysroot)/lib/rustlib/$WASM/lib/libstd-*" >/dev/null
}

rustup_toolchain() {
  command -v rustup >/dev/null || return 1
  say "Adding $WASM to the installed Rust"
  timeout 180 rustup target add "$WASM" && installed_toolchain
}

# Debian's compiler and the source of its std, unpacked but not installed, driven by this machine's cargo.
debian_toolchain() {
  command -v apt-get >/dev/null || return 1
  local root=$MATRIX_FEDERATION_CACHE/debian-rust
  [ -x "$root/rustc" ] || fetch_debian_toolchain "$root" || return 1
  TOOLCHAIN=(
    RUSTC="$root/rustc" RUSTC_BOOTSTRAP=1
    CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_LINKER="$(compgen -G "$root/unpacked/usr/lib/llvm-*/bin/wasm-ld")"
  )
  BUILD_STD=("-Zbuild-std=std,panic_abort")
}

fetch_debian_toolchain() {
  local root=$1 std llvm package
  say "Fetching Debian's Rust (once, about 140 MB)"
  std=$(debian_std)
  [ -n "$std" ] || { apt-get update -qq && std=$(debian_std); }
  llvm=$(apt-cache depends "$std" 2>/dev/null | grep -o 'libllvm[0-9]*' | head -n1)
  rm -rf "$root" && mkdir -p "$root/deb" || return 1
  (cd "$root/deb" && apt-get download -qq -o APT::Sandbox::User="$(id -un)" \
    rustc-web "$std" libstd-rust-web-dev rust-web-src "$llvm" "lld-${llvm#libllvm}") || return 1
  for package in "$root"/deb/*.deb; do dpkg -x "$package" "$root/unpacked" || return 1; done
  rm -rf "$root/deb" "$root"/unpacked/usr/src/*/{src,compiler} # std is in `library`
  cat >"$root/rustc" <<WRAPPER
#!/bin/sh
export LD_LIBRARY_PATH="$root/unpacked/usr/lib/$(uname -m)-linux-gnu"
exec "$root/unpacked/usr/bin/rustc" "\$@"
WRAPPER
  chmod +x "$root/rustc"
  "$root/rustc" --version
}

# The newest package with the standard library for WebAssembly's compiler; its name holds its version.
debian_std() {
  apt-cache pkgnames libstd-rust-web- | grep -E '^libstd-rust-web-[0-9.]+$' | sort -V | tail -n1
}
