"""Compares the rows that a Singer or Airbyte sync wrote with those that the simulated site holds.

    rows.py truth.json messages.jsonl
"""

import collections
import json
import sys


def main(truth_file, messages_file):
    with open(truth_file, encoding="utf-8") as f:
        truth = json.load(f)
    counts = collections.Counter()
    with open(messages_file, encoding="utf-8", newline="\n") as f:
        for line in f:
            message = json.loads(line)
            if message["type"] == "RECORD":
                counts[message.get("stream") or message["record"]["stream"]] += 1  # Singer's, Airbyte's
    wrong = [f"{s}: {counts[s]} rows, not {n}" for s, n in truth.items() if counts[s] != n]
    wrong += [f"{s}: a stream that the site does not have" for s in counts if s not in truth]
    if wrong:
        sys.exit("\n".join(wrong))
    print(f"{sum(counts.values())} rows of {len(truth)} streams, as the site has them")


if __name__ == "__main__":
    main(*sys.argv[1:])
