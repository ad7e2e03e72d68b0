#!/usr/bin/env bash
# Loads a simulated Confluence into demo/out/confluence.duckdb through target-duckdb, compares every table
# with the site's truth and draws three pictures. Run it with make demo, which builds what it needs.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
. demo/lib.sh

python_between 10 13
venv duckdb
trap stop_site EXIT
prepare

# add_metadata_columns is needed for more than the columns: see requirements-duckdb.in.
cat >"$OUT/target.json" <<JSON
{"path": "$OUT/confluence.duckdb", "default_target_schema": "main", "add_metadata_columns": true}
JSON

say "tap-confluence | target-duckdb"
sync_into "$venv/bin/target-duckdb" --config "$OUT/target.json"

"$venv/bin/python" demo/report.py --catalog "$OUT/catalog.json" --truth "$OUT/truth.json" --duckdb "$OUT/confluence.duckdb"
say "the tables stay in $OUT/confluence.duckdb"
