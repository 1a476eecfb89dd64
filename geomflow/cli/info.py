r"""`geomflow info`: what a result computed now would be computed with."""

from __future__ import annotations

from dataclasses import dataclass

from geomflow.core.card import Card
from geomflow.core.provenance import provenance


@dataclass(frozen=True)
class Info:
    r"""Show versions, devices and precision."""

    def run(self) -> None:
        r"""Print the provenance card."""
        card = Card("geomflow info")
        for key, value in provenance({}).items():
            if key != "settings_sha256":  # there are no settings here
                card.row(key.replace("_", " "), "not known" if value is None else value)
        card.show()
