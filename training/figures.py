"""Curves and tables of docs/longnet.md from the JSON that `npm run train:small` wrote:

    python3 training/figures.py EVALUATION.json FOLDER

writes loss-light.svg, loss-dark.svg, recall-light.svg, recall-dark.svg and tables.md. Needs Python alone.
"""
from __future__ import annotations

import json
import math
import sys
from pathlib import Path

THEMES = {
    "light": {"ground": "#fbfaf6", "ink": "#2b2a26", "soft": "#6a675e", "grid": "#dedace", "longnet": "#1f6f4a", "window": "#a1442b", "dense": "#8a6d1f"},
    "dark": {"ground": "#1b1c19", "ink": "#eceae2", "soft": "#a5a297", "grid": "#3a3b35", "longnet": "#6cc79a", "window": "#e8896d", "dense": "#d6b65a"},
}
WIDTH, HEIGHT, LEFT, RIGHT, TOP, BOTTOM = 640, 360, 64, 600, 56, 300


def short(tokens: int) -> str:
    return f"{tokens // 1024}k" if tokens >= 1024 and tokens % 1024 == 0 else str(tokens)


def curve(title: str, unit: str, points: dict[str, list[tuple[int, dict]]], theme: str, level: tuple[str, float] | None = None) -> str:
    """@param points: per model (tokens, interval); @param level: a line across, with its name"""
    c = THEMES[theme]
    xs = sorted({tokens for line in points.values() for tokens, _ in line})
    ys = [value[edge] for line in points.values() for _, value in line for edge in ("low", "high")]
    ys += [level[1]] if level else []
    low, high = min(ys), max(ys)
    margin = 0.05 * (high - low) or 0.1
    low, high = low - margin, high + margin
    span = math.log(xs[-1] / xs[0]) or 1
    x = lambda tokens: LEFT + (RIGHT - LEFT) * math.log(tokens / xs[0]) / span
    y = lambda value: BOTTOM - (BOTTOM - TOP) * (value - low) / (high - low)
    parts = [f'<rect width="{WIDTH}" height="{HEIGHT}" fill="{c["ground"]}"/>']
    parts.append(f'<text x="{LEFT}" y="28" fill="{c["ink"]}" font-size="15" font-weight="600">{title}</text>')
    for i in range(5):
        value = low + (high - low) * i / 4
        parts.append(f'<line x1="{LEFT}" x2="{RIGHT}" y1="{y(value):.1f}" y2="{y(value):.1f}" stroke="{c["grid"]}"/>')
        parts.append(f'<text x="{LEFT - 8}" y="{y(value) + 4:.1f}" text-anchor="end" fill="{c["soft"]}">{value:.2f}</text>')
    for tokens in xs:
        parts.append(f'<text x="{x(tokens):.1f}" y="{BOTTOM + 20}" text-anchor="middle" fill="{c["soft"]}">{short(tokens)}</text>')
    parts.append(f'<text x="{RIGHT}" y="{BOTTOM + 42}" text-anchor="end" fill="{c["soft"]}">{unit}</text>')
    if level:
        parts.append(f'<line x1="{LEFT}" x2="{RIGHT}" y1="{y(level[1]):.1f}" y2="{y(level[1]):.1f}" stroke="{c["soft"]}" stroke-dasharray="4 4"/>')
        parts.append(f'<text x="{RIGHT}" y="{y(level[1]) - 5:.1f}" text-anchor="end" fill="{c["soft"]}">{level[0]}</text>')
    for i, (name, line) in enumerate(points.items()):
        path = " ".join(f"{x(t):.1f},{y(v['mean']):.1f}" for t, v in line)
        parts.append(f'<polyline points="{path}" fill="none" stroke="{c[name]}" stroke-width="2"/>')
        for t, v in line:
            parts.append(f'<line x1="{x(t):.1f}" x2="{x(t):.1f}" y1="{y(v["low"]):.1f}" y2="{y(v["high"]):.1f}" stroke="{c[name]}"/>')
        parts.append(f'<text x="{LEFT + 130 * i}" y="{HEIGHT - 12}" fill="{c[name]}" font-weight="600">{name}</text>')
    head = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-labelledby="t" font-family="system-ui, sans-serif" font-size="12">'
    return "\n".join([head, f'<title id="t">{title}</title>', *parts, "</svg>", ""])


def cell(value: dict, digits: int = 3) -> str:
    return f"{value['mean']:.{digits}f} [{value['low']:.{digits}f}, {value['high']:.{digits}f}]"


def tables(result: dict) -> str:
    lines = []
    for study in result["loss"]:
        names = list(study["lengths"][0]["loss"])
        others = [n for n in names if n != "longnet"]
        lines += [f"**{study['kind']}**, last {study['scoredTokens']} tokens of {study['rows']} rows, nat per token", ""]
        lines += ["| context | " + " | ".join(names) + " | " + " | ".join(f"{n} - longnet" for n in others) + " |"]
        lines += ["|---" * (1 + len(names) + len(others)) + "|"]
        for entry in study["lengths"]:
            values = [cell(entry["loss"][n]) for n in names] + [cell(entry["minusLongnet"][n]) for n in others]
            lines.append(f"| {short(entry['context'])} | " + " | ".join(values) + " |")
        lines.append("")
    recall = result["recall"]
    names = list(recall["distances"][0]["recalled"])
    lines += [f"**Recall**, share of facts whose value is the most probable token, {recall['rows']} rows; chance {recall['chance']:.3f}", ""]
    lines += ["| distance | " + " | ".join(names) + " |", "|---" * (1 + len(names)) + "|"]
    for entry in recall["distances"]:
        lines.append(f"| {short(entry['distance'])} | " + " | ".join(cell(entry["recalled"][n]) for n in names) + " |")
    return "\n".join([*lines, ""])


def main() -> None:
    result = json.loads(Path(sys.argv[1]).read_text())
    folder = Path(sys.argv[2])
    folder.mkdir(parents=True, exist_ok=True)
    facts = next(study for study in result["loss"] if study["kind"] == "facts")["lengths"]
    loss = {name: [(e["context"], e["loss"][name]) for e in facts] for name in facts[0]["loss"]}
    distances = result["recall"]["distances"]
    recalled = {name: [(e["distance"], e["recalled"][name]) for e in distances] for name in distances[0]["recalled"]}
    for theme in THEMES:
        (folder / f"loss-{theme}.svg").write_text(curve("Loss, nat per token", "tokens of context", loss, theme))
        chance = ("chance", result["recall"]["chance"])
        (folder / f"recall-{theme}.svg").write_text(curve("Share of facts recalled", "tokens since the fact", recalled, theme, chance))
    (folder / "tables.md").write_text(tables(result))


if __name__ == "__main__":
    main()
