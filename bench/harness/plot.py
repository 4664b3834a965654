#!/usr/bin/env python3
"""A picture of a benchmark's JSON: plot.py FROM.json TO.svg."""

import json
import pathlib
import sys

# One panel each: title, unit, divisor, and (quantity, field, what to call it).
NET = (
    ("Bulk send, 1,200 B", "µs of CPU a message", 1000, (("bulk-send", "cost", ""),)),
    ("Bulk receive, 1,200 B", "µs of CPU a message", 1000, (("bulk-receive", "cost", ""),)),
    ("Echo, 64 B, 1,000 associations", "µs of CPU a message", 1000, (("echo", "cost", ""),)),
    (
        "Full handshake, server",
        "µs of CPU",
        1000,
        (("full-1.2", "cost", ""), ("full-1.3", "cost", "")),
    ),
    (
        "Resumed handshake, server",
        "µs of CPU",
        1000,
        (("resumed-1.2", "cost", ""), ("resumed-1.3", "cost", "")),
    ),
    (
        "Idle association",
        "KiB of RSS",
        1024,
        (("idle", "early", ""), ("idle", "late", " after 4 min")),
    ),
)
NODE = (
    ("Node: bulk receive, 1,200 B", "µs of CPU a message", 1000, (("node-receive", "cost", ""),)),
    ("Node: receive, 1,200 B, 20,000/s", "µs of CPU a message", 1000, (("node-paced", "cost", ""),)),
    ("Node: bulk send, 1,200 B", "µs of CPU a message", 1000, (("node-send", "cost", ""),)),
    ("Node: echo, 64 B, 200 peers", "µs of CPU a message", 1000, (("node-echo", "cost", ""),)),
)

OURS, SANS_IO, OTHERS, FLOOR = "#1f6f8b", "#6fb1c7", "#c8b08a", "#b8b8b8"


def colour(who):
    if who.startswith("ours sans-IO"):
        return SANS_IO
    if who.startswith("ours"):
        return OURS
    return FLOOR if who.startswith(("plain", "prototype", "dgram")) else OTHERS


def bars(content, divisor, sources):
    """(name, low, median, high, colour) of each contender, from above to below."""
    for quantity, field, suffix in sources:
        contenders = content["quantities"].get(quantity, {}).get("contenders", {})
        for who, row in contenders.items():
            if field in row:
                low, median, high = (row[field][at] / divisor for at in ("low", "median", "high"))
                yield who + suffix, low, median, high, colour(who)


def draw_panel(axes, title, unit, found):
    names = [name for name, *_ in found]
    medians = [median for _, _, median, _, _ in found]
    spread = [
        [median - low for _, low, median, _, _ in found],
        [high - median for _, _, median, high, _ in found],
    ]
    at = range(len(found))
    axes.barh(at, medians, xerr=spread, color=[shade for *_, shade in found], ecolor="#555555")
    for place, (_, _, median, high, _) in zip(at, found):
        text = f" {median:,.0f}" if median >= 100 else f" {median:.2g}"
        axes.text(high, place, text, va="center", fontsize=8)
    axes.set_yticks(list(at), names, fontsize=8)
    axes.invert_yaxis()
    axes.margins(x=0.18)
    axes.set_title(title, fontsize=10, loc="left")
    axes.set_xlabel(unit, fontsize=8)
    axes.tick_params(axis="x", labelsize=8)
    axes.spines[["top", "right"]].set_visible(False)


def draw(content, target):
    import matplotlib

    matplotlib.use("svg")
    # The same figures make the same file.
    matplotlib.rcParams |= {"svg.hashsalt": "dtls", "svg.fonttype": "none", "font.family": "sans-serif"}
    from matplotlib import pyplot

    panels = []
    for title, unit, divisor, sources in NET + NODE:
        found = list(bars(content, divisor, sources))
        if found:
            panels.append((title, unit, found))
    if not panels:
        return False
    rows = (len(panels) + 1) // 2
    figure, grid = pyplot.subplots(rows, 2, figsize=(10, 0.6 + 2.6 * rows), squeeze=False)
    places = [axes for row in grid for axes in row]
    for axes, panel in zip(places, panels):
        draw_panel(axes, *panel)
    for axes in places[len(panels) :]:
        axes.set_visible(False)
    machine = content["machine"]
    figure.suptitle(
        f"{content['title']}: less is better. Median and quartiles. {machine['processor']}, "
        f"Linux {machine['kernel']}, {machine['openssl'].split(' (')[0]}",
        fontsize=8,
        x=0.01,
        ha="left",
    )
    figure.tight_layout()
    target = pathlib.Path(target)
    target.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(target, format="svg", facecolor="white", metadata={"Date": None})
    return True


if __name__ == "__main__":
    draw(json.loads(pathlib.Path(sys.argv[1]).read_text()), sys.argv[2])
