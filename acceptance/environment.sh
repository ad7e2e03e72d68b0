# shellcheck shell=bash
# Virtual environments of exactly pinned packages, for the acceptance tests and the benchmarks.
# To be sourced after demo/lib.sh by a script that runs in the repository's root with -euo pipefail.

VENVS=.venv/acceptance

# environment NAME FILE [OPTION...]: makes $VENVS/NAME hold exactly the packages of FILE. What is there is kept as long
# as that file stays as it is. uv does it, since pip refuses some of these packages when it is to check hashes.
environment() {
  local name=$1 want=$2
  shift 2
  if cmp -s "$want" "$VENVS/$name/installed.txt" && "$VENVS/$name/bin/python" -c '' 2>/dev/null; then
    return
  fi
  say "installing $want into $VENVS/$name"
  rm -rf "${VENVS:?}/$name"
  if [ "$name" = uv ]; then
    "$PYTHON" -m venv "$VENVS/uv" ||
      die "$PYTHON cannot make a virtual environment; on Debian and Ubuntu: apt-get install python3-venv"
    "$VENVS/uv/bin/pip" install --quiet --disable-pip-version-check --only-binary :all: --require-hashes -r "$want" ||
      die "installing the packages of $want failed"
  else
    "$VENVS/uv/bin/uv" venv --quiet --no-config --python "$(command -v "$PYTHON")" "$VENVS/$name"
    "$VENVS/uv/bin/uv" pip install --quiet --no-config --python "$VENVS/$name/bin/python" --require-hashes "$@" -r "$want" ||
      die "installing the packages of $want failed"
  fi
  cp "$want" "$VENVS/$name/installed.txt"
}
