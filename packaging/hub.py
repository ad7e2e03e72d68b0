"""Writes docs/meltano-hub.yml, the plugin definition for Meltano's Hub, from what the program says of itself.

    tap-confluence --about --format=json | hub.py >docs/meltano-hub.yml
"""

import json
import sys

HEADER = """\
# The definition of this plugin for Meltano's Hub (_data/meltano/extractors/tap-confluence). Written by
# packaging/hub.py from --about; make release-check fails when it is out of date.
"""

# Wherever the schema's own type does not say what Meltano calls it.
KINDS = {"anchor_date": "date_iso8601"}


def kind(name, schema):
    """Returns Meltano's kind of a setting, or none for plain text."""
    if name in KINDS:
        return KINDS[name]
    if "enum" in schema:
        return "options"
    types = schema.get("type", "string")
    types = [types] if isinstance(types, str) else types
    known = {"integer": "integer", "number": "decimal", "boolean": "boolean", "array": "array", "object": "object"}
    return next((known[t] for t in types if t in known), "string")


def setting(name, schema):
    item = {"name": name, "label": schema["title"], "description": schema["description"], "kind": kind(name, schema)}
    if schema.get("secret") or schema.get("airbyte_secret") or schema.get("writeOnly"):
        item["sensitive"] = True
    if item["kind"] == "options":
        item["options"] = [{"label": v, "value": v} for v in schema["enum"]]
    if "default" in schema:
        item["value"] = schema["default"]
    return item


def main():
    about = json.load(sys.stdin)
    definition = {
        "name": "tap-confluence",
        "namespace": "tap_confluence",
        "variant": "tap-confluence",
        "label": "Confluence Cloud",
        "description": about["description"],
        "domain_url": "https://www.atlassian.com/software/confluence",
        "repo": "https://github.com/tap-confluence/tap-confluence",
        "docs": "https://github.com/tap-confluence/tap-confluence#readme",
        "logo_url": "/assets/logos/extractors/confluence.png",
        "pip_url": "tap-confluence",
        "executable": "tap-confluence",
        "keywords": ["atlassian", "wiki", "collaboration"],
        "maintenance_status": "active",
        "quality": "unknown",
        "capabilities": about["capabilities"],
        "settings_group_validation": [["domain", "email", "api_token"], ["domain", "access_token"]],
        "settings": [setting(n, s) for n, s in about["settings"]["properties"].items()],
    }
    print(HEADER + dump(definition), end="")


def dump(value, indent=""):
    """Returns block-style YAML; text is written as JSON, which YAML reads as it is."""
    out = ""
    if isinstance(value, dict):
        for key, v in value.items():
            if isinstance(v, list) and v and isinstance(v[0], (dict, list)):
                out += f"{indent}{key}:\n{dump(v, indent)}"
            else:
                out += f"{indent}{key}: {json.dumps(v, ensure_ascii=False)}\n"
    elif isinstance(value, list):
        for v in value:
            if isinstance(v, dict):
                block = dump(v, indent + "  ")
                out += f"{indent}- {block.removeprefix(indent + '  ')}"
            else:
                out += f"{indent}- {json.dumps(v, ensure_ascii=False)}\n"
    return out


if __name__ == "__main__":
    main()
