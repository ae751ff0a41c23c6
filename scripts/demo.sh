#!/usr/bin/env bash
# Shows semfs at work: indexes a folder of pictures, mounts it, lists three searches, unmounts. `make demo` runs it.
#
#   ROOT=~/Pictures   your own folder, only read; its index is kept, so that a second run is fast.
#                     Without it: pictures drawn for the occasion, and nothing is kept.
# Ends with 0 only if the mount worked.
set -euo pipefail

sample_queries=('a beach and the sea' 'climber on a rock' 'a brown dog runs on the grass')
own_queries=('children playing' 'a beach and the sea' 'dog + snow')
lines_shown=8
sample_limit_s=300 # the samples are few: a first pass that takes longer hangs. A folder of yours may take hours.

say() { printf '%s\n' "$@"; }
die() {
    printf 'demo: %s\n' "$@" >&2
    exit 1
}

# ---- What depends on semfs's own formats -------------------------------------------------------------------

toml() { printf '"%s"' "$(printf '%s' "$1" | sed 's/[\\"]/\\&/g')"; }

write_config() {
    cat >"$config" <<TOML
roots = [$(toml "$pictures")]
mount = $(toml "$mnt")
state = $(toml "$state")
TOML
}

# Sets photos (how many are indexed by now); true once the first pass over the folder is done.
first_pass_done() {
    local json
    json=$("$semfs" status --json --config "$config" 2>/dev/null) || return 1
    photos=$(sed -n 's/.*"photos": *\([0-9][0-9]*\).*/\1/p' <<<"$json" | head -n 1)
    grep -Eq '"passes_finished": *[1-9]' <<<"$json"
}

search_without_mount() {
    "$semfs" index --config "$config" || return
    local query
    for query in "${queries[@]}"; do
        printf '\n$ semfs search %q\n' "$query"
        "$semfs" search --config "$config" -- "$query" | show || return
    done
}

# ---- Helpers -----------------------------------------------------------------------------------------------

# Passes the first lines of a listing on, then says how many there were.
show() { awk -v max="$lines_shown" 'NR <= max { print "  " $0 } END { print "  (" NR " in all" (NR > max ? ", the first " max " shown)" : ")") }'; }

# From the kernel's list: asking the folder itself would hang or fail where the daemon has died.
mounted() { at=${mnt// /\\040} awk '$5 == ENVIRON["at"] { found = 1 } END { exit !found }' /proc/self/mountinfo; }

# Only ever signals the process that this script started.
stop_daemon() {
    [ -n "$daemon" ] || return 0
    kill -TERM "$daemon" 2>/dev/null || true
    local i
    for ((i = 0; i < 100; i++)); do
        kill -0 "$daemon" 2>/dev/null || break
        sleep 0.1
    done
    if kill -0 "$daemon" 2>/dev/null; then
        say 'The daemon did not stop within 10 seconds of SIGTERM; killing it.' >&2
        kill -KILL "$daemon" 2>/dev/null || true
    fi
    wait "$daemon" 2>/dev/null || true
    daemon=
}

cleanup() {
    set +e
    trap '' INT TERM HUP
    stop_daemon
    [ -n "$work" ] || return
    ! mounted || fusermount3 -uz "$mnt"
    # Never into a mount: what it shows is not ours to remove.
    rm -rf --one-file-system "$work"
}

# Without the mount there is still the command line; then the reason stands last, where it is read.
go_without_mount() {
    stop_daemon
    say '' "The mount cannot be shown here (why: below). The same searches from the command line:"
    search_without_mount || say 'The search on the command line failed as well (see above).'
    printf '\n' >&2
    die "$@"
}

in_container='In a container: start it with  --device /dev/fuse --cap-add SYS_ADMIN'
check_fuse() {
    [ -e /dev/fuse ] || go_without_mount \
        'there is no mount because /dev/fuse is missing: this kernel or container offers no FUSE.' \
        "On your own machine:  sudo modprobe fuse" "$in_container"
    # Opened for real: permission bits alone say little in a container.
    (exec 3<>/dev/fuse) 2>/dev/null || go_without_mount \
        "there is no mount because $(id -un) may not open /dev/fuse ($(stat -c '%A, of %U' /dev/fuse))." \
        'On your own machine:  sudo chmod 666 /dev/fuse  (what distributions set), or run this as root.' "$in_container"
}

# ---- The demo ----------------------------------------------------------------------------------------------

daemon=
work=
photos=
trap cleanup EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP

own=${ROOT:-}
case $own in
\~ | \~/*) own=${HOME:?}${own#\~} ;; # only bash expands the ~ in `make demo ROOT=~/Pictures`
esac
if [ -n "$own" ]; then
    { [ -d "$own" ] && [ -r "$own" ]; } || die "ROOT=$own is not a folder that I can read."
    own=$(realpath -- "$own")
fi
target=$(realpath -m -- "${CARGO_TARGET_DIR:-$(dirname "${BASH_SOURCE[0]}")/../target}")
cd "$(dirname "${BASH_SOURCE[0]}")/.."
semfs=$target/release/semfs
[ -x "$semfs" ] || die "$semfs is not there: run 'make demo', which builds it first."

work=$(realpath -- "$(mktemp -d "${TMPDIR:-/tmp}/semfs-demo.XXXXXX")")
mnt=$work/mnt
config=$work/semfs.toml
mkdir "$mnt"
if [ -n "$own" ]; then
    pictures=$own
    queries=("${own_queries[@]}")
    state=${XDG_CACHE_HOME:-${HOME:?}/.cache}/semfs-demo/$(printf '%s' "$own" | sha256sum | cut -c 1-16)
    mkdir -p "$state"
    chmod 700 "$state" # it tells what the photos show
    say "Pictures: $pictures (only read)" "Index:    $state (kept for the next run; remove it as you like)"
else
    pictures=$work/pictures
    queries=("${sample_queries[@]}")
    state=$work/state
    mkdir "$pictures" "$state"
    cargo run --quiet --locked --release --example draw_samples -- "$pictures"
    say "Pictures: $pictures (drawn just now; ROOT=~/Pictures takes yours)"
fi
write_config
check_fuse

say "Mount:    $mnt"
"$semfs" daemon --config "$config" >"$work/daemon.log" 2>&1 &
daemon=$!
SECONDS=0
told=0
failed=
until first_pass_done; do
    kill -0 "$daemon" 2>/dev/null || break
    if [ -z "$own" ] && [ "$SECONDS" -ge "$sample_limit_s" ]; then
        failed="the first pass over the sample pictures was not done after $SECONDS s"
        break
    fi
    if [ $((SECONDS - told)) -ge 10 ]; then
        told=$SECONDS
        say "          indexing, ${photos:-0} photos so far after $SECONDS s"
    fi
    sleep 0.2
done
if ! mounted || ! status=$(cat "$mnt/.semfs/status"); then
    say '' 'The last lines of the daemon:' >&2
    tail -n 20 "$work/daemon.log" >&2
    go_without_mount 'there is no mount because the daemon did not get there: its last lines are further up.' "$in_container"
fi

for query in "${queries[@]}"; do
    printf '\n$ ls %q\n' "$mnt/search/$query"
    # shellcheck disable=SC2012 # a person reads these names
    ls -- "$mnt/search/$query" | show || failed='a search in the mount failed (see above)'
done
printf '\n$ cat %q\n%s\n\n' "$mnt/.semfs/status" "$status"

stop_daemon
! mounted || die 'the daemon left its mount behind when it stopped; it is detached now.'
[ -z "$failed" ] || die "$failed."
say 'Unmounted.'
