"""Airbyte's standard tests for connectors (FAST, part of its CDK) on the built program.

What is tested with which config stands in acceptance-test-config.yml. The suite calls Python sources in its own
process; here each call runs the program, through the function that the suite has for that.
"""

import os
import subprocess
import sys

from airbyte_cdk.test import entrypoint_wrapper
from airbyte_cdk.test.entrypoint_wrapper import EntrypointOutput
from airbyte_cdk.test.standard_tests.source_base import SourceTestSuiteBase

sys.path.insert(0, os.path.dirname(__file__))
import common  # noqa: E402

codes = {}  # exit statuses by verb and whether they were good


class Program:
    """Stands for the program where the suite wants a source object."""

    def spec(self, logger):
        raise NotImplementedError


def run(source, args, expecting_exception=None, *, expected_outcome=None):
    done = subprocess.run([common.TAP, *args], capture_output=True, text=True, encoding="utf-8", timeout=600)
    error = subprocess.CalledProcessError(done.returncode, args, done.stdout, done.stderr) if done.returncode else None
    codes.setdefault(args[0], set()).add(done.returncode)
    # Splitting as the suite's own runner does: at U+0085 and the like, too.
    return EntrypointOutput(command=[str(common.TAP), *args], messages=done.stdout.splitlines(), stderr=done.stderr, uncaught_exception=error)


entrypoint_wrapper._run_command = run


class TestSuite(SourceTestSuiteBase):
    @classmethod
    def create_connector(cls, scenario):
        return Program()


def test_exit_statuses():
    """A check that says FAILED must end with 0, which the suite does not look at; a bad catalog with 1."""
    assert codes == {"spec": {0}, "check": {0}, "discover": {0}, "read": {0, 1}}
