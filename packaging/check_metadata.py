"""Checks metadata.yaml: by Airbyte's own models, and against the streams of the program.

    check_metadata.py metadata.yaml discovered.jsonl
"""

import json
import sys
import xml.etree.ElementTree as ET
from pathlib import Path

import yaml
from airbyte_connector_models.metadata.v0.connector_metadata_definition_v0 import ConnectorMetadataDefinitionV0


def main(metadata_file, discovered_file):
    with open(metadata_file, encoding="utf-8") as f:
        raw = yaml.safe_load(f)
    data = ConnectorMetadataDefinitionV0.model_validate(raw).data
    with open(discovered_file, encoding="utf-8") as f:
        streams = {s["name"] for line in f for s in json.loads(line).get("catalog", {}).get("streams", [])}
    unknown = set(data.suggested_streams.streams) - streams
    if not streams or unknown:
        sys.exit(f"{metadata_file}: suggestedStreams that the program does not have: {sorted(unknown)}")
    icon = Path(metadata_file).parent / data.icon
    if not ET.parse(icon).getroot().tag.endswith("svg"):
        sys.exit(f"{icon} is not an SVG")
    print(f"{metadata_file} is valid: {data.docker_repository}:{data.docker_image_tag}")


if __name__ == "__main__":
    main(*sys.argv[1:])
