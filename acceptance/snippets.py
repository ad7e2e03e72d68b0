"""Cuts the snippets out of a Markdown document.

A block is what stands between fences, or is indented by four more than the text around it: indented blocks are commands. A
comment "<!-- not run: REASON -->" just before a block says why it can't be run here. The file that a block is meant for is
the last one that the text since the block before it names in backquotes; "pip install ..." in that text is a command, too.
"""

import dataclasses
import re

FENCE = re.compile(r"^ *(```+|~~~+)(\w*) *$")
ITEM = re.compile(r"^ *(?:[-*]|\d+\.) +")
FILE = re.compile(r"`([\w./-]+\.(?:json|ya?ml))`")
INSTALL = re.compile(r"`(pip install [^`]+)`")
NOT_RUN = re.compile(r"<!-- not run: (.*?) -->", re.S)


@dataclasses.dataclass
class Block:
    document: str
    line: int
    kind: str  # "commands", or what stands behind the fence
    text: str
    file: str  # that it is meant for, or ""
    installs: list
    reason: str  # why it is not run, or ""

    @property
    def place(self):
        return f"{self.document}:{self.line}"


def cut(document, text):
    """Returns the blocks of a document in order."""
    blocks, prose, lines, at = [], [], text.split("\n"), 0
    inner = 0  # where text within the list item begins
    while at < len(lines):
        line, begin = lines[at], at
        indent = len(line) - len(line.lstrip())
        fence = FENCE.match(line)
        if fence:
            end = next(n for n in range(at + 1, len(lines)) if lines[n].strip() == fence[1])
            kind, body, at = fence[2], lines[at + 1 : end], end + 1
        elif line and indent >= inner + 4 and (at == 0 or lines[at - 1] == ""):
            while at < len(lines) and (lines[at] == "" or len(lines[at]) - len(lines[at].lstrip()) >= inner + 4):
                at += 1
            kind, body = "commands", lines[begin:at]
        else:
            if ITEM.match(line):
                inner = len(ITEM.match(line)[0])
            elif line and indent == 0:
                inner = 0
            prose.append(line)
            at += 1
            continue
        margin = min((len(part) - len(part.lstrip()) for part in body if part), default=0)
        before = "\n".join(prose)
        files, reasons = FILE.findall(before), NOT_RUN.findall(before)
        last = before.rstrip().endswith("-->")
        blocks.append(Block(document, begin + 1, kind, "\n".join(part[margin:] for part in body).strip("\n") + "\n", files[-1] if files else "",
                            INSTALL.findall(before), " ".join(reasons[-1].split()) if reasons and last else ""))
        prose = []
    return blocks
