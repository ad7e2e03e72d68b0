#!/usr/bin/env bash
# Prints a page of a simulated Confluence as Markdown, one with a table if there is one. Run it with make demo-markdown,
# which builds what it needs.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
PAGES=20
. demo/lib.sh

OUT=demo/out/markdown
trap stop_site EXIT
prepare
sed -i.bak 's/^{$/{ "body_format": "markdown",/' "$OUT/tap.json"
bin/tap-confluence --config "$OUT/tap.json" --discover |
  "$PYTHON" -c 'import json, sys; json.dump({"streams": [s for s in json.load(sys.stdin)["streams"] if s["stream"] == "pages"]}, sys.stdout)' \
    >"$OUT/catalog.json"

say "tap-confluence with body_format markdown: a page"
bin/tap-confluence --config "$OUT/tap.json" --catalog "$OUT/catalog.json" 2>"$OUT/tap.log" >"$OUT/pages.jsonl"
"$PYTHON" - "$OUT/pages.jsonl" <<'PYTHON'
import json
import sys

records = [m["record"] for m in map(json.loads, open(sys.argv[1], encoding="utf-8")) if m["type"] == "RECORD"]
page = next((r for r in records if "| --- |" in r["body"]["markdown"]["value"]), records[0])
print("\n".join(page["body"]["markdown"]["value"].split("\n")[:40]))
PYTHON
