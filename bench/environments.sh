#!/usr/bin/env bash
# Makes the Python environments of the baselines, if they aren't there: .venv/bench for requests with json and orjson,
# and the acceptance tests' environment of Airbyte's CDK.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
# shellcheck source=demo/lib.sh
. demo/lib.sh
# shellcheck source=acceptance/environment.sh
. acceptance/environment.sh

python_between 10 11
environment uv acceptance/requirements-uv.txt
environment bench bench/requirements.txt --only-binary :all:
environment airbyte acceptance/requirements-airbyte.txt --only-binary :all:
