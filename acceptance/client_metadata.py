"""Checks metadata.yaml by the models that Airbyte publishes for it, and against the program and the repository."""

import importlib.metadata
import subprocess
import xml.etree.ElementTree as ElementTree

import pydantic
import yaml
from airbyte_connector_models.metadata.v0.connector_metadata_definition_v0 import ConnectorMetadataDefinitionV0

from common import CONFIG, ROOT, Checks, loads, tap

checks = Checks()
raw = yaml.safe_load((ROOT / "metadata.yaml").read_text(encoding="utf-8"))
data = ConnectorMetadataDefinitionV0.model_validate(raw).data
checks.count += 1
for what, broken in {"an unknown field": {"unknown": 1}, "no version": {"dockerImageTag": None}, "an unknown stage": {"releaseStage": "new"}}.items():
    try:
        ConnectorMetadataDefinitionV0.model_validate({**raw, "data": {**raw["data"], **broken}})
        checks.true(f"{what} is refused", False)
    except pydantic.ValidationError:
        checks.count += 1

lines = [loads(line) for line in tap("discover", "--config", CONFIG).split("\n") if line]
streams = {stream["name"] for line in lines if line["type"] == "CATALOG" for stream in line["catalog"]["streams"]}
suggested = set(data.suggested_streams.streams)
checks.true("suggested streams", suggested and suggested <= streams, suggested - streams)
checks.true("hosts", set(data.allowed_hosts.hosts) == {"*.atlassian.net", "api.atlassian.com"}, data.allowed_hosts)
checks.true("the icon is an SVG", ElementTree.parse(ROOT / data.icon).getroot().tag.endswith("svg"))
release = subprocess.run([ROOT / "packaging" / "version", "--release"], capture_output=True, text=True, check=True).stdout.strip()
checks.equal("the version of a release", release, data.docker_image_tag)
checks.finish(f"metadata.yaml of {data.docker_repository}:{data.docker_image_tag} is valid by airbyte-connector-models "
              f"{importlib.metadata.version('airbyte-connector-models')}; what is broken is refused")
