"""Results for people: a line per case, a table against the bars, curves."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from bench import curves

PEERS = "postfix+dovecot"
BAR_OF_GROWTH = 1.5
_NO_BAR: dict[str, Any] = {"limit": None, "ratio": None, "faster": True}


def line(result: dict[str, Any]) -> str:
    """One case, as it ends."""
    parts = [f"{result['case']:20}"]
    for label, figures in result["median"].items():
        shown = ", ".join(f"{name} {number(value)}" for name, value in figures.items() if name != "took_s")
        parts.append(f"  {label}: {shown}")
    parts += [f"  {label}: WRONG {text}" for label, text in result["wrong"].items()]
    return "\n".join(parts)


def number(value: float) -> str:
    """Three significant digits, with thousands set apart."""
    if value >= 100:
        return f"{value:,.0f}"
    return f"{value:.3g}"


def ratio(bar: dict[str, Any], ours: float, theirs: float) -> float:
    """How many times as fast as theirs ours is."""
    if bar["faster"]:
        return ours / theirs if theirs else 0.0
    return theirs / ours if ours else 0.0


def judge(bar: dict[str, Any], ours: float, theirs: float | None) -> tuple[str, bool | None]:
    """(what was reached, whether that is enough; None if it cannot be said)"""
    if bar["limit"] is not None:
        return f"{number(ours)}", ours <= bar["limit"]
    if theirs is None:
        return "–", None
    reached = ratio(bar, ours, theirs)
    return f"{number(reached)}×", reached >= bar["ratio"]


def bars_table(record: dict[str, Any]) -> str:
    """Every bar in Markdown: what was asked, what each server did, what that makes."""
    labels = sorted(
        {label for result in record["results"] for label in result["median"] if label != PEERS}, reverse=True
    )
    head = ["case", "figure", "bar", *[cell for label in labels for cell in (label, "reached")], PEERS]
    lines = ["| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
    for result in record["results"]:
        if not result["case"].startswith("growth-"):
            lines += ["| " + " | ".join(cells) + " |" for cells in _rows(result, labels)]
    return "\n".join(lines) + "\n"


def _rows(result: dict[str, Any], labels: list[str]) -> Iterator[list[str]]:
    """The lines of one case: one for each bar; without a bar, one for its first figure."""
    first = next((name for figures in result["median"].values() for name in figures), "")
    theirs = result["median"].get(PEERS)
    for bar in result["bars"] or [_NO_BAR | {"figure": first}]:
        figure = bar["figure"]
        cells = [result["title"], figure.replace("_", " "), _bar(bar)]
        for label in labels:
            found = result["median"].get(label)
            if found is None:
                cells += [result["wrong"].get(label, "–"), "✗" if label in result["wrong"] else "–"]
            elif bar["limit"] is None and bar["ratio"] is None:
                cells += [number(found[figure]), _beside(figure, found, theirs)]
            else:
                reached, enough = judge(bar, found[figure], theirs[figure] if theirs else None)
                cells += [number(found[figure]), reached + {True: " ✓", False: " ✗", None: ""}[enough]]
        yield [*cells, number(theirs[figure]) if theirs and figure in theirs else "–"]


def _beside(figure: str, ours: dict[str, float], theirs: dict[str, float] | None) -> str:
    """Without a bar: only how it compares."""
    if theirs is None:
        return "–"
    rate = figure.endswith(("per_s", "mb_s"))
    return f"{number(ratio({'faster': rate}, ours[figure], theirs[figure]))}×"


def table(record: dict[str, Any]) -> str:
    """Everything that was measured, in Markdown."""
    return bars_table(record) + growth_table(record)


def _bar(bar: dict[str, Any]) -> str:
    if bar["limit"] is not None:
        return f"≤ {bar['limit']:g}"
    return f"≥ {bar['ratio']:g}×" if bar["ratio"] is not None else "–"


def growth(record: dict[str, Any]) -> dict[str, dict[str, list[tuple[int, float]]]]:
    """Server → case → (messages, milliseconds), smallest first."""
    found: dict[str, dict[str, list[tuple[int, float]]]] = {}
    for result in record["results"]:
        if not result["case"].startswith("growth-"):
            continue
        for label, figures in result["median"].items():
            sizes = {name.removesuffix("_ms"): value for name, value in figures.items()}
            points = sorted((int(size), value) for size, value in sizes.items() if size.isdigit())
            found.setdefault(label, {})[result["title"]] = points
    return found


def growth_table(record: dict[str, Any]) -> str:
    """What each case costs by size, and the largest against the smallest: at most GROWTH times."""
    lines = []
    for label, found in growth(record).items():
        sizes = sorted({size for points in found.values() for size, _ in points})
        head = [label, *[f"{size:,}" for size in sizes], f"× ({BAR_OF_GROWTH} at most)"]
        lines += ["", "| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
        for name, points in found.items():
            times = dict(points)
            cells = [name, *[f"{number(times[size])} ms" if size in times else "–" for size in sizes]]
            if len(points) > 1:
                factor = points[-1][1] / points[0][1]
                cells.append(f"{factor:.2f} " + ("✓" if factor <= BAR_OF_GROWTH else "✗"))
            else:
                cells.append("–")
            lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines) + "\n" if lines else ""


def draw(record: dict[str, Any], folder: Path) -> None:
    """Growth curves, where they were measured: one picture per server."""
    for label, found in growth(record).items():
        picture = curves.draw(f"{label}: what the same answer costs", found)
        (folder / f"growth-{label.partition('/')[2]}.svg").write_text(picture)
