"""Print how many (method, documented code) pairs of the specification the tests bring about, and which they leave out,
and how many statements of the semantics have a test.

python tests/conformance/report.py
"""

from __future__ import annotations

from pairs.summary import lines
from statements import summary

if __name__ == "__main__":
    for line in lines():
        print(line)
    print(f"semantics: {summary()}")
