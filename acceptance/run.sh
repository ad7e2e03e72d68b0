#!/usr/bin/env bash
# Runs clients that others wrote, and the test suites that others publish, on the built program against a simulated site,
# and says in one line for each what it checked. Run it with make acceptance, which builds what it needs.
#
#   acceptance/run.sh [CLIENT...]      all of them, or those named
#
# Everything is installed under .venv, with the versions and hashes of acceptance/requirements-*.txt. Logs and what the
# clients wrote stay in acceptance/out.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
# shellcheck source=demo/lib.sh
. demo/lib.sh
# shellcheck source=acceptance/environment.sh
. acceptance/environment.sh

OUT=acceptance/out
ALL=(metadata fast pyairbyte check-tap sdk jsonl duckdb meltanolabs pipelinewise datamill sqlite csv s3 stitch mariadb dlt queries snippets meltano)

# environments makes those that a client needs. Some of them hold old packages that exist as sources only.
environments() {
  environment uv acceptance/requirements-uv.txt
  local wheels=(--only-binary :all:)
  case $1 in
  metadata) environment metadata acceptance/requirements-metadata.txt "${wheels[@]}" --no-deps ;;
  fast | pyairbyte) environment airbyte acceptance/requirements-airbyte.txt "${wheels[@]}" ;;
  check-tap | jsonl) environment check acceptance/requirements-check.txt ;;
  duckdb) environment duckdb demo/requirements-duckdb.txt ;;
  datamill) environment datamill acceptance/requirements-datamill.txt --no-deps ;;
  sqlite | stitch) environment classic acceptance/requirements-classic.txt ;;
  s3) environment s3 acceptance/requirements-s3.txt ;;
  snippets)
    environment singer acceptance/requirements-singer.txt "${wheels[@]}"
    environment airbyte acceptance/requirements-airbyte.txt "${wheels[@]}"
    environment meltano acceptance/requirements-meltano.txt "${wheels[@]}"
    environment duckdb demo/requirements-duckdb.txt
    ;;
  dlt) environment dlt acceptance/requirements-dlt.txt "${wheels[@]}" ;;
  sdk | meltanolabs | csv | mariadb) environment singer acceptance/requirements-singer.txt "${wheels[@]}" ;;
  queries)
    environment singer acceptance/requirements-singer.txt "${wheels[@]}"
    environment duckdb demo/requirements-duckdb.txt
    ;;
  pipelinewise)
    environment singer acceptance/requirements-singer.txt "${wheels[@]}"
    environment pipelinewise acceptance/requirements-pipelinewise.txt
    ;;
  meltano)
    environment singer acceptance/requirements-singer.txt "${wheels[@]}"
    environment meltano acceptance/requirements-meltano.txt "${wheels[@]}"
    ;;
  *) die "there is no client $1; there are: ${ALL[*]}" ;;
  esac
}

# client NAME runs one client.
client() {
  case $1 in
  metadata) "$VENVS/metadata/bin/python" acceptance/client_metadata.py ;;
  fast | pyairbyte) "$VENVS/airbyte/bin/python" "acceptance/client_$1.py" ;;
  check-tap) "$VENVS/check/bin/python" acceptance/client_check_tap.py ;;
  sdk) "$VENVS/singer/bin/python" acceptance/client_sdk.py ;;
  jsonl) "$VENVS/check/bin/python" acceptance/client_load.py jsonl "$VENVS/check/bin/target-jsonl" ;;
  duckdb) "$VENVS/duckdb/bin/python" acceptance/client_load.py duckdb "$VENVS/duckdb/bin/target-duckdb" ;;
  meltanolabs) "$VENVS/singer/bin/python" acceptance/client_load.py meltanolabs "$VENVS/singer/bin/target-postgres" ;;
  datamill) "$VENVS/datamill/bin/python" acceptance/client_load.py datamill "$VENVS/datamill/bin/target-postgres" ;;
  sqlite) "$VENVS/classic/bin/python" acceptance/client_load.py sqlite "$VENVS/classic/bin/python" acceptance/launch_sqlite.py ;;
  stitch) "$VENVS/classic/bin/python" acceptance/client_load.py stitch "$VENVS/classic/bin/target-stitch" ;;
  mariadb) "$VENVS/singer/bin/python" acceptance/client_load.py mariadb "$VENVS/singer/bin/python" acceptance/target_mariadb.py ;;
  csv) "$VENVS/singer/bin/python" acceptance/client_load.py csv "$VENVS/singer/bin/target-csv" ;;
  s3) "$VENVS/s3/bin/python" acceptance/client_load.py s3 "$VENVS/s3/bin/target-s3" ;;
  snippets) "$VENVS/singer/bin/python" acceptance/client_snippets.py "$VENVS" ;;
  dlt) "$VENVS/dlt/bin/python" acceptance/client_dlt.py ;;
  pipelinewise) "$VENVS/singer/bin/python" acceptance/client_load.py pipelinewise "$VENVS/pipelinewise/bin/target-postgres" ;;
  queries) "$VENVS/singer/bin/python" acceptance/client_queries.py "$VENVS/duckdb" "${SITE_FLAGS[@]}" ;;
  meltano) "$VENVS/singer/bin/python" acceptance/client_meltano.py "$PWD/$VENVS/meltano/bin/meltano" ;;
  esac
}

# report NAME runs one client and prints its line.
report() {
  local begin=$SECONDS verdict=ok
  client "$1" >"$OUT/$1.log" 2>&1 </dev/null || verdict=FAILED
  printf '%-13s %-6s %s (%d s)\n' "$1" "$verdict" "$(tail -n 1 "$OUT/$1.log" | cut -c1-400)" $((SECONDS - begin))
  echo "$verdict" >>"$OUT/verdicts"
  [ "$verdict" = ok ] || printf '    %s ends with:\n%s\n' "$OUT/$1.log" "$(tail -n 15 "$OUT/$1.log" | cut -c1-300 | sed 's/^/    | /')"
}

python_between 10 11 # pipelinewise-target-postgres pins a driver that has no wheels for later ones
clients=("$@")
[ $# -gt 0 ] || clients=("${ALL[@]}")
# The settings of whoever runs this are not the tests'.
for name in $(compgen -e | grep -E '^(TAP_CONFLUENCE|MELTANO|TARGET|AIRBYTE|SINGER_SDK)_' || true); do unset "$name"; done
export PYTHONUTF8=1 PYTHONDONTWRITEBYTECODE=1
for name in "${clients[@]}"; do environments "$name"; done
rm -rf "$OUT"
mkdir -p "$OUT"
say "$("$PYTHON" -V), $(bin/tap-confluence --version); logs in $OUT"

# Meltano takes as long as many others together, most of it on one core: so the clients that start it run beside them.
lane() {
  local name
  for name in "$@"; do report "$name"; done
}
meltano=() others=()
for name in "${clients[@]}"; do
  case $name in
  meltano | snippets) meltano+=("$name") ;;
  *) others+=("$name") ;;
  esac
done
lane ${meltano[@]+"${meltano[@]}"} &
lane ${others[@]+"${others[@]}"}
wait
passed=$(grep -cx ok "$OUT/verdicts" || true)
printf '\n%d passed, %d failed\n' "$passed" $((${#clients[@]} - passed))
[ "$passed" = ${#clients[@]} ]
