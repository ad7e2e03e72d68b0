"""Runs Airbyte's standard tests (test_fast.py) and counts them."""

import importlib.metadata
import subprocess
import sys
import xml.etree.ElementTree as ElementTree

from common import OUT, ROOT, Checks, Site

# What the suite only warns about in a catalog is an error here.
STRICT = "error::airbyte_cdk.test.standard_tests.DiscoveredCatalogWarning"

checks = Checks()
with Site(extra="all"):
    report = OUT / "fast.xml"
    status = subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "airbyte_cdk.test.standard_tests.pytest_hooks", "-p", "no:cacheprovider", "-c", "/dev/null",
         "--rootdir", ROOT, "-W", STRICT, "-k", "not docker_image", "-rs", "--tb=short", f"--junitxml={report}", "acceptance/test_fast.py"],
        cwd=ROOT, timeout=900).returncode
suite = ElementTree.parse(report).getroot().find("testsuite")
total, skipped = int(suite.get("tests")), int(suite.get("skipped"))
passed = total - skipped - int(suite.get("failures")) - int(suite.get("errors"))
checks.equal("pytest's status", status, 0)
for case in suite.iter("testcase"):
    if case.find("skipped") is None:
        checks.true(case.get("name"), case.find("failure") is None and case.find("error") is None)
# Skipped is only what acceptance-test-config.yml does not list a config for.
for case in suite.iter("skipped"):
    checks.true("skipped for lack of a section", "for scenario" in case.get("message"), case.get("message"))
checks.true("enough tests", passed >= 20, passed)
checks.finish(f"{passed} tests of airbyte-cdk {importlib.metadata.version('airbyte-cdk')}: spec, check, discover, read, bad catalog; 4 configs")
