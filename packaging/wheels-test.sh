#!/usr/bin/env bash
# Checks the wheels in a directory: their form, that pip chooses the right one on every platform, and that this
# machine's is installed by pip and by uv, runs and reads a simulated site. Run it with make wheels.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
. packaging/lib.sh

dir=$(cd "$1" && pwd)
cleanup() {
  stop_background
  rm -rf "$TMP"
}
trap cleanup EXIT
venv checks

say "the wheels in $1"
python_version=$("$venv/bin/python" - "$dir" <<'PY'
import pathlib, sys, zipfile
from packaging.metadata import Metadata
from packaging.utils import parse_wheel_filename
versions = set()
for path in pathlib.Path(sys.argv[1]).glob("*.whl"):
    name, version, build, tags = parse_wheel_filename(path.name)
    with zipfile.ZipFile(path) as wheel:
        folder = next(n for n in wheel.namelist() if n.endswith("/METADATA")).rpartition("/")[0]
        metadata = Metadata.from_email(wheel.read(folder + "/METADATA"), validate=True)
        assert (metadata.name, metadata.version) == (name, version), path
        lines = wheel.read(folder + "/WHEEL").decode().splitlines()
        assert {l[5:] for l in lines if l.startswith("Tag: ")} == {str(t) for t in tags}, path
    versions.add(str(version))
(version,) = versions
print(version)
PY
)
ok "names, tags and metadata agree: version $python_version"
for wheel in "$dir"/*.whl; do
  "$venv/bin/wheel" unpack --dest "$TMP/unpacked" "$wheel" >/dev/null
done
ok "every file has the digest of its wheel's RECORD"

# platform TAG DESCRIPTION: what pip downloads for a platform holds a program for it.
platform() {
  rm -rf "$TMP/chosen"
  "$venv/bin/pip" download --quiet --no-index --find-links "$dir" --no-deps --only-binary :all: --platform "$1" \
    --dest "$TMP/chosen" "tap-confluence==$python_version" || die "pip finds no wheel for $1"
  "$venv/bin/python" -m zipfile -e "$TMP/chosen/"*.whl "$TMP/chosen/files"
  local program
  program=$(echo "$TMP/chosen/files/"*.data/scripts/*)
  # The build settings that Go writes into every program.
  is "pip's choice for $1" "$(go version -m "$program" | sed -n 's/^\tbuild\tGO\(OS\|ARCH\)=//p' | sort | xargs)" "$2"
}
platform manylinux2014_x86_64 "amd64 linux"
platform manylinux_2_17_x86_64 "amd64 linux"
platform musllinux_1_1_x86_64 "amd64 linux"
platform manylinux2014_aarch64 "arm64 linux"
platform musllinux_1_1_aarch64 "arm64 linux"
platform macosx_15_0_x86_64 "amd64 darwin"
platform macosx_15_0_arm64 "arm64 darwin"
platform win_amd64 "amd64 windows"

say "this machine's wheel"
"$PYTHON" -m venv "$TMP/env"
"$TMP/env/bin/pip" install --quiet --no-index --find-links "$dir" "tap-confluence==$python_version"
tap=$TMP/env/bin/tap-confluence
is "--version" "$("$tap" --version)" "tap-confluence v$(packaging/version)"
is "--about" "$("$tap" --about --format=json | "$PYTHON" -c 'import json, sys; print(json.load(sys.stdin)["name"])')" tap-confluence
start_site
"$tap" --config "$TMP/config.json" >"$TMP/singer.jsonl" 2>"$TMP/singer.log" || die "the sync failed: $(tail -n 3 "$TMP/singer.log")"
same_rows "$TMP/singer.jsonl"
is "uvx --version" "$(UV_CACHE_DIR="$TMP/uv" "$venv/bin/uvx" --offline --no-index --find-links "$dir" \
  --from "tap-confluence==$python_version" --python "$PYTHON" tap-confluence --version 2>"$TMP/uvx.log")" "tap-confluence v$(packaging/version)"
"$TMP/env/bin/pip" uninstall --quiet --yes tap-confluence
[ ! -e "$tap" ] || die "pip uninstall leaves $tap"
ok "pip uninstall removes it"

printf '\n%d passed, 0 failed\n' "$checks"
