#!/usr/bin/env bash
# Puts in place what `cargo build` and the mount need and Rust does not bring: a few Debian packages and
# ONNX Runtime's shared library. Installs only what is missing, so it runs before every build; one that
# was cut short is simply run again.
#
#   SEMFS_ONNXRUNTIME=/path/to/libonnxruntime.so   take this library and download nothing
#   CARGO_TARGET_DIR                               where cargo builds (default: target); the library goes there too
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
dir=${CARGO_TARGET_DIR:-$root/target}/onnxruntime
so=$dir/libonnxruntime.so
stamp=$dir/stamp # "<version> <sha256>", or "given <sha256>" for a library from SEMFS_ONNXRUNTIME
pin=$root/scripts/onnxruntime.txt
given=${SEMFS_ONNXRUNTIME:-}
tmp=
trap '[ -z "$tmp" ] || rm -rf "$tmp"' EXIT
trap 'exit 130' INT # after the running command has ended: what it still writes is removed too
trap 'exit 143' TERM HUP

say() { printf 'setup: %s\n' "$*"; }
die() {
    printf 'setup: %s\n' "$@" >&2
    exit 1
}
has() { command -v "$1" >/dev/null 2>&1; }
sha256() { sha256sum "$1" | cut -d ' ' -f 1; }

# ---- Rust -------------------------------------------------------------------------------------------------

check_rust() {
    local bin=${CARGO_HOME:-${HOME:-}/.cargo}/bin
    if ! has cargo || ! has rustc; then
        [ ! -x "$bin/cargo" ] || die "cargo is in $bin, which is not on the PATH. Run  export PATH=\"$bin:\$PATH\"  and then this again."
        die 'Rust is missing (no cargo, no rustc). Install it with rustup, then run this again.'
    fi
    # What rustc builds for decides which library can be loaded; `uname -m` says nothing of a 32-bit userland or of musl.
    host=$(cd "$root" && rustc -vV | sed -n 's/^host: //p') || die "'rustc -vV' failed (see above): mend the Rust toolchain, then run this again."
    case $host in
    *-linux-*) ;;
    *) die "semfs needs Linux; this Rust toolchain builds for $host." ;;
    esac
}

# ---- What of ONNX Runtime is there ------------------------------------------------------------------------

# Sets version, arch, wanted (the sha256 of the library that we pin), have (of the one in place) and in_place.
look_at_onnxruntime() {
    version=$(sed -n 's/^onnxruntime==\([0-9.]*\).*/\1/p' "$pin")
    arch=${host%%-*}
    wanted=
    case $host in
    # The wheel's library needs glibc: a program built for musl could not load it.
    *-linux-gnu) wanted=$(sed -n "s/^#so $arch //p" "$pin") ;;
    esac
    # The library's bytes are asked, not only the stamp: a damaged file is replaced.
    have=none
    [ ! -f "$so" ] || have=$(sha256 "$so")
    in_place=no
    if [ -n "$given" ]; then
        [ "$(head -c 4 "$given" 2>/dev/null | tail -c 3)" = ELF ] || die \
            "SEMFS_ONNXRUNTIME=$given is not a shared library that I can read: it must be the path of a libonnxruntime.so."
        [ "$have" != "$(sha256 "$given")" ] || in_place=yes
    # A library that was given earlier stays: who has no network need not repeat the variable.
    elif [ "$have" = "$wanted" ] || grep -qsx "given $have" "$stamp"; then
        in_place=yes
    elif [ -z "$wanted" ]; then
        die "there is no ready-made ONNX Runtime for $host (only for x86_64 and aarch64 with glibc)." \
            "Build ONNX Runtime $version for it and run this again with SEMFS_ONNXRUNTIME=/path/to/libonnxruntime.so"
    fi
}

# ---- Debian packages --------------------------------------------------------------------------------------

# A python3 that has pip: the user's own first, then Debian's.
find_python() {
    for python in python3 /usr/bin/python3; do
        ! "$python" -m pip --version >/dev/null 2>&1 || return 0
    done
    return 1
}

# Sets missing; true when something is.
find_missing() {
    missing=()
    { has cc && has c++; } || missing+=(build-essential)
    has cmake || missing+=(cmake)
    has nasm || missing+=(nasm)
    has pkg-config || missing+=(pkg-config)
    has fusermount3 || missing+=(fuse3)
    # Other distributions keep the certificates elsewhere.
    if has apt-get && [ ! -s /etc/ssl/certs/ca-certificates.crt ]; then missing+=(ca-certificates); fi
    # pip is for the download only: it fetches by hash, through whatever mirror or proxy the machine is set up with.
    if [ "$in_place" = no ] && [ -z "$given" ] && ! find_python; then missing+=(python3 python3-pip); fi
    [ ${#missing[@]} -gt 0 ]
}

install_packages() {
    find_missing || return 0
    local by_hand="apt-get update && apt-get install -y --no-install-recommends ${missing[*]}"
    has apt-get || die "missing: ${missing[*]} (Debian's package names; there is no apt-get here)." \
        "Install this system's packages that bring cc, c++, cmake, nasm, pkg-config, fusermount3 and 'python3 -m pip', then run this again."
    local as_root=() ask=
    if [ "$(id -u)" -ne 0 ]; then
        has sudo || die "missing: ${missing[*]}. You are not root and there is no sudo: ask an administrator to run" \
            "    $by_hand" 'and then run this again.'
        as_root=(sudo)
        ask=' with sudo, which may ask for your password'
    fi
    say "missing: ${missing[*]}. Now running$ask:"
    say "    $by_hand"
    # One call, so that sudo asks once. A broken third-party source fails the update while the lists may well be good
    # enough to install from, so that goes on; an unattended upgrade may hold the lock, so that waits.
    "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive sh -c '
        apt-get update -qq || echo "setup: apt-get update failed; trying with the package lists that are there"
        exec apt-get install -y -qq --no-install-recommends -o DPkg::Lock::Timeout=300 "$@"' sh "${missing[@]}" || die \
        'the packages could not be installed (see above). Have root run' "    $by_hand" 'and then run this again.'
    hash -r
    ! find_missing || die "still missing after the installation: ${missing[*]}. See what apt-get said above."
}

# ---- ONNX Runtime -----------------------------------------------------------------------------------------

# place FILE ORIGIN: from a temporary name, so that a cut leaves the old library or the new one, never half of one.
place() {
    install -m 644 "$1" "$tmp/so"
    have=$(sha256 "$tmp/so")
    printf '%s %s\n' "$2" "$have" >"$tmp/stamp"
    mv -f "$tmp/stamp" "$stamp"
    mv -f "$tmp/so" "$so"
    say "ONNX Runtime is at $so"
}

download() {
    say "downloading ONNX Runtime $version for $arch (23 MB, once)"
    # The tags are fixed because the interpreter's own do not matter: we want one file out of one known wheel.
    TMPDIR=$tmp PIP_REQUIRE_VIRTUALENV=0 "$python" -m pip download --quiet --disable-pip-version-check --no-input \
        --no-deps --only-binary=:all: --require-hashes --requirement "$pin" \
        --python-version 3.11 --implementation cp --abi cp311 --platform "manylinux_2_28_$arch" --dest "$tmp" || die \
        "ONNX Runtime could not be downloaded: 'pip download onnxruntime==$version' failed (pip's own reason is above)." \
        "If the network or a proxy is in the way, mend pip's settings ('$python -m pip config list' shows them) and run this again." \
        'Without a network: get libonnxruntime.so elsewhere and run this again with SEMFS_ONNXRUNTIME=/path/to/libonnxruntime.so'
    "$python" - "$tmp" <<'PY' || die 'the wheel of ONNX Runtime could not be unpacked (see above). Run this again.'
import glob, re, shutil, sys, zipfile

tmp = sys.argv[1]
[wheel] = glob.glob(glob.escape(tmp) + "/*.whl")
with zipfile.ZipFile(wheel) as z:
    [name] = [n for n in z.namelist() if re.fullmatch(r"onnxruntime/capi/libonnxruntime\.so[.0-9]*", n)]
    with z.open(name) as src, open(tmp + "/unpacked", "wb") as dst:
        shutil.copyfileobj(src, dst)
PY
    [ "$(sha256 "$tmp/unpacked")" = "$wanted" ] || die \
        "the library in the wheel is not the one that scripts/onnxruntime.txt names for $arch: mend the '#so' lines there."
    place "$tmp/unpacked" "$version"
}

install_onnxruntime() {
    if [ "$in_place" = no ]; then
        { mkdir -p "$dir" && tmp=$(mktemp -d "$dir/.new.XXXXXX"); } || die \
            "cannot write to $dir (see above). If an earlier build ran as root, take the folder back:  sudo chown -R $(id -un) ${dir%/*}"
        if [ -n "$given" ]; then place "$given" given; else download; fi
    fi
    [ "$have" = "$wanted" ] || say "using the ONNX Runtime given with SEMFS_ONNXRUNTIME; its version is not checked" \
        "(semfs is tested with $version; remove $dir to have that one downloaded)"
}

check_rust
look_at_onnxruntime
install_packages
install_onnxruntime
