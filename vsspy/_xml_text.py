"""XML elements as text."""

from __future__ import annotations

from collections.abc import Sequence

_ESCAPES = str.maketrans(
    {"&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "\r": "&#13;", "\n": "&#10;", "\t": "&#9;"}
)

Value = str | int | bool | None


def xml_element(_name: str, _children: Sequence[str] = (), /, **attributes: Value) -> str:
    """One element; attributes that are None are left out."""
    text = "".join(f' {key}="{_value(value)}"' for key, value in attributes.items() if value is not None)
    content = "".join(_children)
    return f"<{_name}{text}>{content}</{_name}>" if content else f"<{_name}{text}/>"


def _value(value: str | int | bool) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return str(value).translate(_ESCAPES)
