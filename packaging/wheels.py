"""Makes Python wheels that hold the program, one for each platform, so that pip and uv install it.

    wheels.py --version 1.2.3 --out dist/wheels PLATFORM=PROGRAM ...

PLATFORM is a key of PLATFORMS, PROGRAM the file built for it. A wheel has no Python code: pip puts the program
into the environment's directory of scripts. The same programs give the same bytes.
"""

import argparse
import base64
import hashlib
import pathlib
import re
import zipfile

NAME = "tap-confluence"
ROOT = pathlib.Path(__file__).resolve().parent.parent

# A static program runs on glibc and on musl, of whatever version. macOS 12 is the oldest that Go 1.26 supports.
PLATFORMS = {
    "linux_amd64": ["manylinux2014_x86_64", "manylinux_2_17_x86_64", "musllinux_1_1_x86_64"],
    "linux_arm64": ["manylinux2014_aarch64", "manylinux_2_17_aarch64", "musllinux_1_1_aarch64"],
    "darwin_amd64": ["macosx_12_0_x86_64"],
    "darwin_arm64": ["macosx_12_0_arm64"],
    "windows_amd64": ["win_amd64"],
}

METADATA = """\
Metadata-Version: 2.4
Name: {name}
Version: {version}
Summary: Extracts a Confluence Cloud site: a Singer tap and an Airbyte source in one program
License-Expression: Apache-2.0
License-File: LICENSE
Keywords: confluence,atlassian,singer,tap,airbyte,meltano,elt
Classifier: Environment :: Console
Classifier: Intended Audience :: Developers
Classifier: Programming Language :: Go
Classifier: Topic :: Database
Project-URL: Homepage, https://github.com/tap-confluence/tap-confluence
Project-URL: Documentation, https://github.com/tap-confluence/tap-confluence#readme
Project-URL: Changelog, https://github.com/tap-confluence/tap-confluence/blob/main/CHANGELOG.md
Project-URL: Issues, https://github.com/tap-confluence/tap-confluence/issues
Description-Content-Type: text/markdown

{readme}"""


def pep440(version):
    """Returns the version as Python spells it: 1.2.3-dev+abc is 1.2.3.dev0+abc."""
    match = re.fullmatch(r"(\d+\.\d+\.\d+)(-dev)?(\+[0-9a-z.]+)?", version)
    if not match:
        raise SystemExit(f"wheels.py: {version} is not a version like 1.2.3 or 1.2.3-dev+commit")
    number, dev, local = match.groups()
    return number + (".dev0" if dev else "") + (local or "")


def readme(version):
    """Returns the README with links that work outside the repository."""
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    tag = "main" if "-" in version else f"v{version}"
    base = f"https://github.com/tap-confluence/tap-confluence/blob/{tag}/"
    return re.sub(r"\]\((?!https?:|#|mailto:)([^)]+)\)", lambda m: f"]({base}{m.group(1)})", text)


class Wheel:
    """A wheel being written: adds files with a fixed time, and keeps their digests for RECORD."""

    def __init__(self, path):
        self.archive = zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=9)
        self.record = []

    def add(self, name, data, mode=0o644):
        info = zipfile.ZipInfo(name, date_time=(1980, 1, 1, 0, 0, 0))
        info.create_system = 3  # Unix, wherever this runs: the mode is meant
        info.external_attr = (0o100000 | mode) << 16
        info.compress_type = zipfile.ZIP_DEFLATED
        self.archive.writestr(info, data)
        digest = base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()
        self.record.append(f"{name},sha256={digest},{len(data)}\n")

    def close(self, record_name):
        lines = "".join([*self.record, f"{record_name},,\n"])
        self.add(record_name, lines.encode())
        self.archive.close()


def write_wheel(out, version, platform, program):
    tags = PLATFORMS[platform]
    python_version = pep440(version)
    stem = f"{NAME.replace('-', '_')}-{python_version}"
    info = f"{stem}.dist-info"
    path = out / f"{stem}-py3-none-{'.'.join(tags)}.whl"
    wheel_lines = [
        "Wheel-Version: 1.0",
        f"Generator: {NAME} packaging/wheels.py",
        "Root-Is-Purelib: false",
        *(f"Tag: py3-none-{tag}" for tag in tags),
    ]
    suffix = ".exe" if platform.startswith("windows") else ""

    wheel = Wheel(path)
    wheel.add(f"{stem}.data/scripts/{NAME}{suffix}", program.read_bytes(), mode=0o755)
    wheel.add(f"{info}/METADATA", METADATA.format(name=NAME, version=python_version, readme=readme(version)).encode())
    wheel.add(f"{info}/WHEEL", ("\n".join(wheel_lines) + "\n").encode())
    wheel.add(f"{info}/licenses/LICENSE", (ROOT / "LICENSE").read_bytes())
    wheel.close(f"{info}/RECORD")
    return path


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--version", required=True)
    parser.add_argument("--out", required=True, type=pathlib.Path)
    parser.add_argument("programs", nargs="+", metavar="PLATFORM=PROGRAM")
    args = parser.parse_args()
    args.out.mkdir(parents=True, exist_ok=True)
    for item in args.programs:
        platform, _, program = item.partition("=")
        if platform not in PLATFORMS:
            parser.error(f"{platform} is none of {', '.join(PLATFORMS)}")
        path = write_wheel(args.out, args.version, platform, pathlib.Path(program))
        print(f"{path} ({path.stat().st_size / 1e6:.1f} MB)")


if __name__ == "__main__":
    main()
