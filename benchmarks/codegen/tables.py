"""Tables of a comparison: throughput and what it took, as ratios to geomflow; the roofline."""

from cases import CASES
from peers import PEERS
from roofline import least_seconds

TITLES = {p.name: p.title for p in PEERS}
TWO = {p.name for p in PEERS if p.processors > 1}
COLUMNS = ["", "Mpoints / CPU s", "Mpoints / s", "geomflow faster by", "generation", "compilation", "GB", "deviation"]


def _number(x: float | None) -> str:
    return "" if x is None else f"{x:.3g}"


def _grid(header: list[str], lines: list[list[str]]) -> str:
    rows = [header, ["---"] * len(header), *lines]
    return "\n".join("| " + " | ".join(row) + " |" for row in rows)


def _ratio(results: dict, name: str, size: str) -> float | None:
    """geomflow's throughput over this one's: per CPU second, or per second where both have two processors."""
    rival = "geomflow-two" if name in TWO else "geomflow"
    kind = "wall" if name in TWO else "cpu"
    own, other = (results.get(n, {}).get("sizes", {}).get(size) for n in (rival, name))
    return other[kind] / own[kind] if own and other and right(own) and right(other) else None


def right(found: dict) -> bool:
    """Whether the answer agrees with the reference (a NaN does not)."""
    return found["deviation"] < 1e-9


def rows(results: dict, size: str) -> list[list[str]]:
    """One line per peer at one number of points."""
    lines = []
    for name, out in results.items():
        found = out.get("sizes", {}).get(size)
        if not found:
            lines.append([TITLES[name], out["status"], *[""] * 6])
            continue
        million, (generation, _) = float(size) / 1e6, out["generation"]
        lines.append(
            [
                TITLES[name],
                _number(million / found["cpu"]),
                _number(million / found["wall"]),
                _number(_ratio(results, name, size)),
                _number(generation),
                _number(max(0.0, found["first"][0] - found["cpu"])),
                _number(found["peak_gb"]),
                f"{found['deviation']:.1e}" + ("" if right(found) else " WRONG"),
            ]
        )
    return lines


def achieved(record: dict) -> list[list[str]]:
    """What every geomflow line reaches of the ceiling that binds it, at each number of points."""
    lines = []
    for case, results in record["results"].items():
        for name in ("geomflow", "geomflow-two"):
            out = results.get(name, {})
            work = out.get("work")
            for size, found in out.get("sizes", {}).items():
                ceiling = record["ceilings"].get("2" if name in TWO else "1")
                if not work or not ceiling:
                    continue
                time, binding = least_seconds(work, ceiling, int(size))
                spent = found["wall" if name in TWO or ceiling["platform"] != "cpu" else "cpu"] / int(size)
                calls = " ".join(f"{n} {k}" for k, n in work.items() if k in (*ceiling["calls_per_second"], "rsqrt"))
                lines.append(
                    [
                        f"{TITLES[name]}: {case}",
                        f"{float(size):.0e}",
                        str(work["operations"]),
                        calls,
                        str(work["bytes"]),
                        _number(1e9 * time),
                        binding,
                        _number(1e9 * spent),
                        f"{100 * time / spent:.0f} %",
                    ]
                )
    return lines


def _ceilings(record: dict) -> str:
    lines = []
    for count, c in record["ceilings"].items():
        sizes = ", ".join(f"{v / 1e9:.3g} GB/s ({k} points)" for k, v in c["bytes_per_second"].items())
        calls = ", ".join(f"{k} {v / 1e9:.3g}" for k, v in c["calls_per_second"].items())
        lines.append(
            f"{count} processor{'s' if count != '1' else ''}, {c['platform']}: {sizes}; additions and multiplications "
            f"{c['operations_per_second'] / 1e9:.3g} G/s; {calls} G/s."
        )
    return "\n\n".join(lines)


def table(record: dict, case: str) -> str:
    """One case, to print."""
    results = record["results"][case]
    found = dict.fromkeys(size for out in results.values() for size in out.get("sizes", {}))
    parts = [f"\n{CASES[case].title} ({case})"]
    for size in found or ("100000",):
        parts += [f"{float(size):.0e} points", _grid(COLUMNS, rows(results, size))]
    return "\n\n".join(parts)


def roofline_table(record: dict) -> str:
    """The ceilings, and what geomflow reaches of them."""
    header = ["", "points", "operations", "calls", "bytes", "least ns", "bound by", "measured ns", "achieved"]
    return f"{_ceilings(record)}\n\n{_grid(header, achieved(record))}"


def markdown(record: dict) -> str:
    """RESULTS.md."""
    machine = record["machine"]
    parts = [
        "# Generated code, side by side",
        "Written by `compare.py`; what the numbers mean is in [the README](../README.md).",
        f"{machine['cpu']}, {machine['cores']} cores, {machine['system']}, Python {machine['python']}; "
        f"{record['rounds']} interleaved rounds, cap {record['cap_seconds']:g} s and {record['memory_gb']:g} GB.",
        record["note"],
        "![Points per CPU second of every system, case by case](../../docs/images/codegen.png)",
    ]
    for name, results in record["results"].items():
        parts.append(f"## {CASES[name].title} (`{name}`)")
        for size in dict.fromkeys(s for out in results.values() for s in out.get("sizes", {})):
            parts += [f"{float(size):.0e} points", _grid(COLUMNS, rows(results, size))]
    versions = (out["version"] for outs in record["results"].values() for out in outs.values() if "version" in out)
    parts += [
        "## Roofline (per point)",
        roofline_table(record),
        "## Versions",
        "\n\n".join(dict.fromkeys(versions)),
        "## What did not finish",
        "\n\n".join(_problems(record["results"])) or "Nothing.",
    ]
    return "\n\n".join(p for p in parts if p) + "\n"


def _problems(results: dict) -> list[str]:
    return [
        f"{TITLES[name]}, {case}: {out['status']} {out.get('message', '')}".strip()
        for case, outs in results.items()
        for name, out in outs.items()
        if out["status"] != "done"
    ]
