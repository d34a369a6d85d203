"""Print how many (method, documented code) pairs of the specification the tests bring about, and which they leave out.

python tests/conformance/report.py
"""

from __future__ import annotations

from pairs.summary import lines

if __name__ == "__main__":
    for line in lines():
        print(line)
