"""The tables made from results.json."""

from cases import CASES
from peers import PEERS

OURS = "geomflow"
_TITLES = {p.name: p.title for p in PEERS}


def mark(out: dict) -> str:
    """One letter on the quality of an answer."""
    if "correct" not in out:
        return "?"
    return "w" if not out["correct"] else {True: "", None: "", False: "u"}[out["exact"]]


def cell(out: dict | None, key: str = "cpu") -> str:
    """Seconds with their mark, or why there are none."""
    if out is None:
        return ""
    if "time" in out:
        return f"{out['time'][key]:.3g} {mark(out)}".strip()
    status = out["status"]
    return {"failed": "fails", "not installed": "-"}.get(status, "> cap" if "time" in status else "memory")


def fastest(outs: dict[str, dict], exact: bool, key: str = "cpu") -> tuple[str, float] | None:
    """The fastest peer with a correct (and exactly simplified) answer."""
    known = [
        (out["time"][key], name)
        for name, out in outs.items()
        if not name.startswith(OURS) and out.get("correct") and not (exact and out["exact"] is False)
    ]
    return (min(known)[1], min(known)[0]) if known else None


def rows(record: dict, key: str) -> tuple[list[str], list[list[str]]]:
    """Header and body: one line per system, then the ratios of the fastest peer to geomflow."""
    results = record["results"]
    cases = [c for c in CASES if c in results]
    names = [p.name for p in PEERS if any(p.name in results[c] for c in cases)]
    body = [[_TITLES[n], *(cell(results[c].get(n), key) for c in cases)] for n in names]
    for text, exact in (
        ("fastest correct peer / geomflow", False),
        ("fastest exactly simplified peer / geomflow", True),
    ):
        line = [text]
        for c in cases:
            best, own = fastest(results[c], exact, key), results[c].get(OURS, {}).get("time")
            line.append(f"{best[1] / own[key]:.3g} ({best[0]})" if best and own else "")
        body.append(line)
    return ["", *cases], body


def table(record: dict, key: str = "cpu") -> str:
    """Aligned columns for the terminal: systems down, cases across would be too wide, so cases down."""
    header, body = rows(record, key)
    columns = [[line[0] for line in body], *([line[k] for line in body] for k in range(1, len(header)))]
    width = max(map(len, columns[0]))
    lines = []
    for k in range(1, len(header)):
        lines.append(f"{CASES[header[k]].title} [{key} seconds]")
        lines += [f"  {name:{width}}  {value}" for name, value in zip(columns[0], columns[k], strict=True) if value]
    return "\n".join(lines)


def _grid(header: list[str], body: list[list[str]]) -> str:
    lines = ["| " + " | ".join(header) + " |", "|" + " --- |" * len(header)]
    return "\n".join(lines + ["| " + " | ".join(line) + " |" for line in body])


def _startup(results: dict) -> list[list[str]]:
    seen: dict[str, dict] = {}
    for outs in results.values():
        for name, out in outs.items():
            if "ready" in out and (name not in seen or "version" in out):
                seen[name] = out
    return [
        [_TITLES[n], seen[n].get("version", ""), f"{seen[n]['ready']['cpu']:.2g}", f"{seen[n]['ready']['wall']:.2g}"]
        for n in _TITLES
        if n in seen
    ]


def markdown(record: dict) -> str:
    """RESULTS.md."""
    results, machine = record["results"], record["machine"]
    cases = [c for c in CASES if c in results]
    problems = [
        f"- {_TITLES[n]}, {c}: {out.get('message') or out['status']}"
        for c in cases
        for n, out in results[c].items()
        if out["status"] not in ("done", "not installed")
    ]
    parts = [
        "# Symbolic curvature, side by side",
        "Written by `compare.py`; what the numbers mean is in [the README](../README.md).",
        record["note"],
        f"{machine['cpu']}, {machine['cores']} cores, {machine['system']}, Python {machine['python']}; one process at "
        f"a time, cap {record['cap_seconds']:g} s and {record['memory_gb']:g} GB, fastest of {record['repeat']}.",
        "u: correct, but not exactly simplified (a component that vanishes identically is not 0, or a constant scalar "
        "curvature still contains coordinates); w: wrong; ?: the check of the answer hit its own cap.",
        "## CPU seconds of the computation",
        _grid(*rows(record, "cpu")),
        "## Wall seconds of the computation",
        _grid(*rows(record, "wall")),
        "## Versions and start-up (imports and parsing; not in the tables above)",
        _grid(["", "version", "CPU s", "wall s"], _startup(results)),
        "## What did not finish",
        "\n".join(problems) or "Nothing.",
    ]
    return "\n\n".join(p for p in parts if p) + "\n"
