#!/usr/bin/env bash
# Loads a simulated Confluence through target-postgres into a server of its own in a temporary folder,
# twice, and compares every table with the site's truth after each run: the second run must write all rows
# again and add none. Run it with make demo-postgres, which builds what it needs.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
. demo/lib.sh

pg_dir=
pg_bin=

# find_postgres sets pg_bin to a directory that holds the server's programs.
find_postgres() {
  local dir
  for dir in "$(pg_config --bindir 2>/dev/null || true)" \
    $(printf '%s\n' /usr/lib/postgresql/*/bin | sort -rV) \
    "$(dirname "$(command -v initdb || true)" 2>/dev/null)"; do
    if [ -x "$dir/initdb" ] && [ -x "$dir/pg_ctl" ] && [ -x "$dir/postgres" ]; then
      pg_bin=$dir
      return
    fi
  done
  die "no Postgres server programs (initdb, pg_ctl) here; on Debian and Ubuntu: apt-get install postgresql"
}

# as_server runs a command as the user of the server. Postgres refuses to run as root; the folder is then
# another user's, who can enter no other.
as_server() {
  if [ "$(id -u)" != 0 ]; then
    (cd "$pg_dir" && "$@")
  else
    (cd "$pg_dir" && runuser -u "$pg_user" -- "$@")
  fi
}

# start_postgres listens on a socket in a folder that only the server's user (and root) can enter, and on
# no network address: so there is no password.
start_postgres() {
  pg_user=$(id -un)
  if [ "$(id -u)" = 0 ]; then
    pg_user=postgres
    id "$pg_user" >/dev/null 2>&1 || pg_user=nobody
  fi
  pg_dir=$(mktemp -d /tmp/tap-confluence-pg.XXXXXX) # not in TMPDIR: a socket's path has 100 characters or so
  [ "$(id -u)" != 0 ] || chown "$pg_user" "$pg_dir"
  as_server "$pg_bin/initdb" --pgdata "$pg_dir/data" --username demo --auth trust --encoding UTF8 --no-locale --no-sync \
    >"$OUT/postgres.log" 2>&1 || die "initdb failed: $(tail -n 5 "$OUT/postgres.log")"
  as_server "$pg_bin/pg_ctl" --pgdata "$pg_dir/data" --log "$pg_dir/server.log" --wait --timeout 60 \
    --options "-c listen_addresses='' -c unix_socket_directories=$pg_dir -c fsync=off" start >>"$OUT/postgres.log" 2>&1 </dev/null ||
    die "starting Postgres failed: $(tail -n 5 "$pg_dir/server.log" 2>/dev/null || tail -n 5 "$OUT/postgres.log")"
  say "$("$pg_bin/postgres" --version) runs in $pg_dir"
}

stop_all() {
  stop_site
  if [ -n "$pg_dir" ]; then
    as_server "$pg_bin/pg_ctl" --pgdata "$pg_dir/data" --mode immediate --wait stop >/dev/null 2>&1 || true
    rm -rf "$pg_dir"
  fi
}

find_postgres
python_between 10 14
venv postgres
trap stop_all EXIT
prepare
start_postgres

url="postgresql+psycopg://demo@/postgres?host=$pg_dir"
cat >"$OUT/target.json" <<JSON
{"sqlalchemy_url": "$url", "default_target_schema": "confluence"}
JSON

# report compares the tables with the truth.
report() {
  "$venv/bin/python" demo/report.py --catalog "$OUT/catalog.json" --truth "$OUT/truth.json" \
    --postgres "host=$pg_dir user=demo dbname=postgres" "$@"
}

say "tap-confluence | target-postgres, first run"
sync_into "$venv/bin/target-postgres" --config "$OUT/target.json"
report --counts-only

second=$(date -u +%Y-%m-%dT%H:%M:%S)
say "tap-confluence | target-postgres, second run"
sync_into "$venv/bin/target-postgres" --config "$OUT/target.json"
report --since "$second"
say "the second run wrote every row again and added none: rows are updated by their key"
