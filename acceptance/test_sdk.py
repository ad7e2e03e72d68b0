"""The Meltano SDK's tests for taps on the built program, through a proxy tap in Python that has its streams."""

import collections
import functools
import json
import os
import subprocess
import sys
import types

import pytest
from singer_sdk import Stream, Tap
from singer_sdk.about import AboutFormatter, AboutInfo
from singer_sdk.testing import factory
from singer_sdk.testing.runners import TapTestRunner

sys.path.insert(0, os.path.dirname(__file__))
import common  # noqa: E402


@functools.cache
def run(*args):
    return subprocess.run([common.TAP, "--config", common.CONFIG, *args], capture_output=True, text=True, encoding="utf-8", check=True, timeout=600)


class ProxyStream(Stream):
    def get_records(self, context):
        return iter(())


class ProxyTap(Tap):
    name = "tap-confluence"
    config_jsonschema = {"type": "object", "properties": {}}

    def discover_streams(self):
        streams = []
        for entry in json.loads(run("--discover").stdout)["streams"]:
            stream = ProxyStream(self, schema=entry["schema"], name=entry["tap_stream_id"])
            stream.primary_keys = entry["key_properties"]
            stream.replication_key = entry.get("replication_key")
            streams.append(stream)
        return streams

    def run_connection_test(self):
        return run("--test").returncode == 0


class Runner(TapTestRunner):
    def run_discovery(self):
        return run("--discover").stdout

    def run_connection_test(self):
        return run("--test").returncode == 0

    def _execute_sync(self):
        done = run()
        return done.stdout, done.stderr


STREAMS = len(json.loads(run("--discover").stdout)["streams"])  # those on demand, too
factory.TapTestRunner = Runner  # the class factory makes its runner by this name
TestTapConfluence = factory.TapTestClassFactory(ProxyTap, config={}).new_test_class()


@pytest.fixture(scope="module")
def messages():
    return [json.loads(line) for line in run().stdout.split("\n") if line]


def test_keys_are_unique(messages):
    """The SDK's own test compares generators, which are never equal."""
    keys = {m["stream"]: m["key_properties"] for m in messages if m["type"] == "SCHEMA"}
    seen = collections.Counter(
        (m["stream"], *(m["record"][name] for name in keys[m["stream"]])) for m in messages if m["type"] == "RECORD")
    assert [key for key, n in seen.items() if n > 1] == []
    assert len(keys) == STREAMS and len({key[0] for key in seen}) == STREAMS


def test_final_state(messages):
    """The SDK's own test looks for progress markers in the message, not in its value."""
    state = [m for m in messages if m["type"] == "STATE"][-1]["value"]
    assert messages[-1]["type"] == "STATE"
    assert len(state["bookmarks"]) == STREAMS and "progress_markers" not in json.dumps(state) and '"at"' not in json.dumps(state)


def test_catalog_fed_back(messages):
    """The discovered catalog, given back unchanged, reads the same."""
    path = common.OUT / "sdk-catalog.json"
    path.write_text(run("--discover").stdout)
    again = [json.loads(line) for line in run("--catalog", path).stdout.split("\n") if line]

    def records(of):
        return sorted(json.dumps([m["stream"], m["record"]], sort_keys=True) for m in of if m["type"] == "RECORD")

    assert records(again) == records(messages)
    assert [m for m in again if m["type"] == "SCHEMA"] == [m for m in messages if m["type"] == "SCHEMA"]


def test_about():
    about = json.loads(run("--about", "--format=json").stdout)
    assert about["name"] == "tap-confluence" and {"catalog", "discover", "state"} <= set(about["capabilities"])
    assert "domain" in about["settings"]["properties"]
    capabilities = [types.SimpleNamespace(value=name) for name in about["capabilities"]]
    info = AboutInfo(**{**about, "capabilities": capabilities}, env_var_prefix="TAP_CONFLUENCE_")
    as_json = json.loads(AboutFormatter.get_formatter("json").format_about(info))
    assert list(as_json.items()) == list(about.items())
    info.capabilities = about["capabilities"]
    lines = AboutFormatter.get_formatter("markdown").format_about(info).splitlines()
    ours = run("--about", "--format=markdown").stdout.splitlines()
    lines[4] = ours[4]  # what it is built with: there the version
    assert ours[:len(lines)] == lines and ours[len(lines):][:2] == ["", "## Streams"]
