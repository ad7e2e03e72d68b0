"""Runs the Meltano SDK's tests (test_sdk.py) and counts them."""

import importlib.metadata
import subprocess
import sys
import xml.etree.ElementTree as ElementTree

from common import OUT, ROOT, Checks, Site

checks = Checks()
with Site(extra="all") as site:
    report = OUT / "sdk.xml"
    status = subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-c", "/dev/null", "--rootdir", ROOT, "-rsw", "--tb=short",
         f"--junitxml={report}", "acceptance/test_sdk.py"], cwd=ROOT, timeout=900).returncode
    streams = len(site.streams)
suite = ElementTree.parse(report).getroot().find("testsuite")
checks.equal("pytest's status", status, 0)
for case in suite.iter("testcase"):
    checks.true(case.get("name"), len(case) == 0, [child.get("message") for child in case])
checks.true("tests of every stream", int(suite.get("tests")) > 10 * streams, suite.get("tests"))
checks.finish(f"{suite.get('tests')} tests of singer-sdk {importlib.metadata.version('singer-sdk')} and ours; {streams} streams")
