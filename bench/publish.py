"""Put measured figures into docs/performance.md: `python -m bench.publish RESULTS.json …`.

Of several files, a later one replaces the cases it has. The text between the marks `<!-- bars -->`,
`<!-- growth -->` and `<!-- machine -->` and their ends is written anew; the curves go to docs/.
"""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path
from typing import Any

from bench import plan, report, sets

DOCS = Path(__file__).resolve().parent.parent / "docs"


def main(files: list[str]) -> None:
    record = merged([json.loads(Path(name).read_text()) for name in files])
    order = {case.name: place for place, case in enumerate(plan.cases_for(list(sets.GROWTH)))}
    record["results"].sort(key=lambda result: order.get(result["case"], len(order)))
    page = DOCS / "performance.md"
    text = page.read_text()
    for name, content in (
        ("machine", machine(record)),
        ("bars", report.bars_table(record)),
        ("growth", report.growth_table(record)),
    ):
        text = between(text, name, content)
    page.write_text(text)
    report.draw(record, DOCS)


def merged(records: list[dict[str, Any]]) -> dict[str, Any]:
    """One record of many: for each case and server the newest."""
    found: dict[str, dict[str, Any]] = {}
    for record in records:
        for result in record["results"]:
            old = found.get(result["case"])
            if old is None:
                found[result["case"]] = result
            else:
                kept = {
                    label: figures for label, figures in old["median"].items() if label not in result["wrong"]
                }
                found[result["case"]] = result | {"median": kept | result["median"]}
    return records[-1] | {"results": list(found.values())}


def between(text: str, name: str, content: str) -> str:
    """A page with the text between two marks replaced."""
    pattern = re.compile(rf"(<!-- {name} -->\n).*?(<!-- end of {name} -->)", re.DOTALL)
    if not pattern.search(text):
        raise SystemExit(f"docs/performance.md has no place for {name}")
    return pattern.sub(lambda match: f"{match[1]}{content.strip()}\n{match[2]}", text)


def machine(record: dict[str, Any]) -> str:
    """What was measured, on what."""
    about, versions = record["machine"], record["versions"]
    busy = sorted(share for result in record["results"] for share in result["busy_before"])
    parts = [
        f"{about['processors']} processors ({about['model']}), {about['memory_gib']} GiB, Linux {about['kernel']}",
        ", ".join(f"{name} {version}" for name, version in versions.items()),
        f"began {record['began']}",
    ]
    if busy:
        middle, worst = busy[len(busy) // 2], busy[-1]
        parts.append(
            f"other work took {middle:.0%} of the processors in the median before a round, {worst:.0%} at most"
        )
    return "\n".join(f"- {part}" for part in parts)


if __name__ == "__main__":
    main(sys.argv[1:])
