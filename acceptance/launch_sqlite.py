"""Starts target-sqlite 0.2.0, which is older than Python 3.10, where collections.MutableMapping moved."""

import collections
import collections.abc

collections.MutableMapping = collections.abc.MutableMapping

from target_sqlite import main  # noqa: E402

main()
