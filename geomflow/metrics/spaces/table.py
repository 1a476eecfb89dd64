r"""The tables of `docs/spaces.md`, written from the catalogue."""

from __future__ import annotations

from geomflow.metrics.spaces import SPACES, TRUTHS


def spaces() -> str:
    r"""Return the catalogue as a Markdown table: name, what it is, the truths it carries, where they come from."""
    rows = ["| space | what it is | truths | source |", "|---|---|---|---|"]
    for name, space in SPACES.items():
        truths = ", ".join(space.truths) or "the identities only"
        rows.append(f"| `{name}` | {_cell(space.note)} | {truths} | {_cell(space.reference)} |")
    return "\n".join(rows)


def truths() -> str:
    r"""Return the kinds of truth as a Markdown table; those that hold for every metric are marked."""
    rows = ["| truth | statement | |", "|---|---|---|"]
    for name, truth in TRUTHS.items():
        rows.append(f"| `{name}` | {_cell(truth.summary)} | {'every metric' if truth.always else ''} |")
    return "\n".join(rows)


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


if __name__ == "__main__":
    print(f"{spaces()}\n\n{truths()}")
