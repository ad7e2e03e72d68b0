# shellcheck shell=bash
# What the checks of packages share: messages, a temporary folder, a simulated site and the comparison of what
# was read with what the site holds. To be sourced by a script that runs in the repository's root with
# -euo pipefail.

PYTHON=${PYTHON:-python3}
TMP=$(mktemp -d "${TMPDIR:-/tmp}/tap-confluence.XXXXXX")
checks=0
pids=()

say() { printf '\n== %s\n' "$*"; }

ok() {
  checks=$((checks + 1))
  printf '   ok  %s\n' "$*"
}

die() {
  printf '%s: %s\n' "${0##*/}" "$*" >&2
  exit 1
}

# need PROGRAM PACKAGE: stops with advice unless the program is on the PATH.
need() {
  command -v "$1" >/dev/null || die "$1 is not on the PATH; on Debian and Ubuntu: apt-get install $2"
}

# is WHAT GOT WANT
is() {
  [ "$2" = "$3" ] || die "$1 is '$2', not '$3'"
  ok "$1 is $3"
}

# venv NAME: makes .venv/NAME hold exactly packaging/requirements-NAME.txt and sets venv to its path. The file
# lists everything, so nothing is added that a package asks for besides.
venv() {
  venv=$PWD/.venv/packaging-$1
  local want=packaging/requirements-$1.txt
  if cmp -s "$want" "$venv/installed.txt" && "$venv/bin/python" -c '' 2>/dev/null; then
    return
  fi
  rm -rf "$venv"
  "$PYTHON" -m venv "$venv" || die "$PYTHON cannot make a virtual environment; on Debian and Ubuntu: apt-get install python3-venv"
  "$venv/bin/pip" install --quiet --disable-pip-version-check --only-binary :all: --no-deps --require-hashes -r "$want" ||
    die "installing the packages of $want failed"
  cp "$want" "$venv/installed.txt"
}

# in_background FILE COMMAND ...: starts a server that prints its address, waits for that line and sets
# address to it.
in_background() {
  local out=$1 tries
  shift
  : >"$out"
  "$@" >"$out" 2>"$out.log" </dev/null &
  pids+=($!)
  for ((tries = 0; tries < 300; tries++)); do
    if read -r address <"$out"; then return; fi
    kill -0 "${pids[-1]}" 2>/dev/null || die "$1 ended: $(tail -n 5 "$out.log")"
    sleep 0.1
  done
  die "$1 printed no address within 30 seconds"
}

stop_background() {
  local pid
  for pid in ${pids[@]+"${pids[@]}"}; do
    kill "$pid" 2>/dev/null || true
    wait "$pid" 2>/dev/null || true
  done
  pids=()
}

SITE_FLAGS=(-pages 40 -seed 3 -email image@example.org -token site-token)

# start_site serves a simulated site, sets site to its address and writes $TMP/config.json, which reads it, and
# $TMP/truth.json, which says how many rows each stream has.
start_site() {
  go build -o "$TMP/simconfluence" ./internal/simconfluence/cmd/simconfluence
  in_background "$TMP/site" "$TMP/simconfluence" -addr 127.0.0.1:0 "${SITE_FLAGS[@]}"
  site=$address
  "$TMP/simconfluence" "${SITE_FLAGS[@]}" -truth >"$TMP/truth.json"
  config_for "$site" "$TMP/config.json"
}

# config_for ADDRESS FILE [TOKEN]
config_for() {
  cat >"$2" <<JSON
{"domain": "acme", "email": "image@example.org", "api_token": "${3:-site-token}", "api_url": "$1"$(
    # Only a server on this machine may be asked without a limit.
    printf ', "requests_per_second": 0'
  )}
JSON
}

# same_rows FILE: stops unless the messages in the file hold every row that the site has.
same_rows() {
  ok "$("$PYTHON" packaging/rows.py "$TMP/truth.json" "$1")" || exit 1
}
