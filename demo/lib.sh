# shellcheck shell=bash
# What the demos share: the Python packages, the simulated site, one sync, and the end of it all.
# To be sourced by a script that runs in the repository's root with -euo pipefail.

OUT=demo/out
export PYTHONDONTWRITEBYTECODE=1
PYTHON=${PYTHON:-python3}
PAGES=${PAGES:-300}
SEED=${SEED:-1}
# With EXTRA=1 all streams on demand come, too, else those with the names of people only.
EXTRA_STREAMS=users
[ -z "${EXTRA:-}" ] || EXTRA_STREAMS=all
SITE_FLAGS=(-pages "$PAGES" -spaces $((PAGES / 100 + 5)) -seed "$SEED" -readable -email demo@example.org -token demo)

site_pid=

say() { printf '\n== %s\n' "$*" >&2; }

die() {
  printf '%s: %s\n' "${0##*/}" "$*" >&2
  exit 1
}

# python_between FIRST LAST: stops unless $PYTHON is one of these versions (3.x), for which there are
# built packages of everything that is pinned.
python_between() {
  command -v "$PYTHON" >/dev/null || die "$PYTHON is not on the PATH: install Python 3.$1 to 3.$2 and try again"
  "$PYTHON" -c "import sys; sys.exit(not ((3, $1) <= sys.version_info[:2] <= (3, $2)))" ||
    die "the pinned packages need Python 3.$1 to 3.$2, and $PYTHON is $("$PYTHON" -V 2>&1); name another one, as in: make ... PYTHON=python3.$2"
}

# venv NAME: makes .venv/NAME hold exactly demo/requirements-NAME.txt and sets venv to its path. What is
# there is kept as long as that file stays as it is.
venv() {
  venv=.venv/demo-$1
  local want=demo/requirements-$1.txt
  if cmp -s "$want" "$venv/installed.txt" && "$venv/bin/python" -c '' 2>/dev/null; then
    return
  fi
  say "installing $want into $venv"
  rm -rf "$venv"
  "$PYTHON" -m venv "$venv" ||
    die "$PYTHON cannot make a virtual environment; on Debian and Ubuntu: apt-get install python3-venv"
  "$venv/bin/pip" install --quiet --disable-pip-version-check --only-binary :all: --require-hashes -r "$want" ||
    die "installing the packages of $want failed"
  cp "$want" "$venv/installed.txt"
}

# start_site starts the simulated site on a free port of loopback and sets site to its URL.
start_site() {
  : >"$OUT/site.url"
  bin/simconfluence -addr 127.0.0.1:0 "${SITE_FLAGS[@]}" >"$OUT/site.url" 2>"$OUT/site.log" </dev/null &
  site_pid=$!
  local tries
  for ((tries = 0; tries < 300; tries++)); do
    if read -r site <"$OUT/site.url"; then
      say "a simulated Confluence is at $site"
      sed 's/^/  /' "$OUT/site.log" >&2 # what became of the pages
      return
    fi
    kill -0 "$site_pid" 2>/dev/null || die "the simulated site ended: $(tail -n 5 "$OUT/site.log")"
    sleep 0.1
  done
  die "the simulated site said no address within 30 seconds"
}

stop_site() {
  if [ -n "$site_pid" ]; then
    kill "$site_pid" 2>/dev/null || true
    wait "$site_pid" 2>/dev/null || true
    site_pid=
  fi
}

# prepare empties the output directory and puts the tap's settings, its catalog and the site's truth there.
prepare() {
  rm -rf "$OUT"
  mkdir -p "$OUT"
  start_site
  cat >"$OUT/tap.json" <<JSON
{
  "domain": "demo.atlassian.net",
  "email": "demo@example.org",
  "api_token": "demo",
  "api_url": "$site",
  "extra_streams": "$EXTRA_STREAMS",
  "requests_per_second": 0
}
JSON
  bin/simconfluence "${SITE_FLAGS[@]}" -truth -extra "$EXTRA_STREAMS" >"$OUT/truth.json"
  bin/tap-confluence --config "$OUT/tap.json" --discover >"$OUT/catalog.json"
}

# sync_into TARGET ...: pipes a full sync into the target. The tap says on the terminal what it does; the
# target's log goes to a file, and its states, of which the last is the one to keep, to another.
sync_into() {
  local begin=$SECONDS status=(0 0)
  bin/tap-confluence --config "$OUT/tap.json" | PYTHONUTF8=1 "$@" >"$OUT/states.jsonl" 2>>"$OUT/target.log" ||
    status=("${PIPESTATUS[@]}")
  if [ "${status[1]}" != 0 ]; then
    tail -n 20 "$OUT/target.log" | cut -c1-300 >&2
    die "the target ended with status ${status[1]} (all of its log: $OUT/target.log)"
  fi
  [ "${status[0]}" = 0 ] || die "the tap ended with status ${status[0]}"
  say "synced in $((SECONDS - begin)) seconds"
}
