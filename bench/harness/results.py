"""Samples by quantity and contender, their quartiles, tables, JSON."""

import datetime
import json
import os
import pathlib
import platform
import statistics
import subprocess
import sys
import time


def quartiles(samples):
    """Low quartile, median, high quartile; linear between the two nearest samples."""
    if len(samples) == 1:
        return [samples[0]] * 3
    return statistics.quantiles(samples, n=4, method="inclusive")


class Progress:
    """One line that changes, for people; for a file, a line now and then."""

    def __init__(self):
        self._began = time.monotonic()
        self._changes = sys.stderr.isatty()

    def spent_s(self):
        return time.monotonic() - self._began

    def __call__(self, text):
        if self._changes:
            print(f"\r\x1b[K{text}", end="", file=sys.stderr, flush=True)

    def line(self, text):
        self("")
        print(f"{self.spent_s():6.0f} s  {text}", file=sys.stderr, flush=True)


class Results:
    """What was measured: values[quantity][contender][field] is a list with one sample a round."""

    def __init__(self, title):
        self.title = title
        self.notes = []
        self._quantities = {}
        self._about = {}

    def describe(self, quantity, title, unit, field="cost"):
        self._about.setdefault(quantity, {"title": title, "unit": unit, "field": field})
        self._quantities.setdefault(quantity, {})

    def add(self, quantity, who, **fields):
        samples = self._quantities[quantity].setdefault(who, {})
        for name, value in fields.items():
            samples.setdefault(name, []).append(value)

    def samples(self, quantity, who, field="cost"):
        return self._quantities.get(quantity, {}).get(who, {}).get(field, [])

    def quantities(self):
        return {key: self._about[key] for key in self._quantities if self._quantities[key]}

    def contenders(self, quantity):
        return list(self._quantities.get(quantity, ()))

    def ratio(self, goal):
        """The median of the rounds' own ratios; None where one of both was not measured."""
        ours = self.samples(goal.quantity, goal.who, goal.field)
        if not goal.base:
            return statistics.median(ours) if ours else None
        base = self.samples(goal.base_quantity or goal.quantity, goal.base, goal.field)
        ratios = [one / other for one, other in zip(ours, base) if other > 0]
        return statistics.median(ratios) if ratios else None

    # --- for people ---------------------------------------------------------------------------

    def table(self, base):
        """One block for each quantity; `ratio` is to the first of `base` that is in the block."""
        lines = []
        for key, about in self.quantities().items():
            field = about["field"]
            rows = self._quantities[key]
            reference = next((who for who in base if self.samples(key, who, field)), None)
            lines.append(f"\n{about['title']} ({about['unit']})")
            extra = [name for name in ("rate", "busy", "lost", "dropped", "late") if name != field and any(name in row for row in rows.values())]
            head = f"  {'':24}{'median':>10}{'low':>10}{'high':>10}{'ratio':>8}"
            lines.append(head + "".join(f"{title(name):>14}" for name in extra))
            for who, row in rows.items():
                if field not in row:
                    continue
                low, median, high = quartiles(row[field])
                line = f"  {who:24}" + "".join(f"{number(value):>10}" for value in (median, low, high))
                ratios = [
                    one / other
                    for one, other in zip(row[field], self.samples(key, reference, field))
                    if other
                ]
                line += f"{statistics.median(ratios):>8.2f}" if ratios else f"{'':8}"
                for name in extra:
                    line += f"{shown(name, statistics.median(row[name])) if name in row else '':>14}"
                lines.append(line)
            if reference:
                lines.append(f"  (ratio to {reference})")
        return "\n".join(lines)

    def verdicts(self, goals):
        for goal in goals:
            value = self.ratio(goal)
            if value is None:
                yield goal, None, "not measured"
            else:
                good = value >= goal.bound if goal.at_least else value <= goal.bound
                yield goal, value, "met" if good else "missed"

    def goals_table(self, goals):
        lines = [f"\n{'goal':44}{'bound':>10}{'measured':>10}"]
        left_out = 0
        for goal, value, verdict in self.verdicts(goals):
            if value is None:
                left_out += 1
                continue
            bound = f"{'≥' if goal.at_least else '≤'} {number(goal.bound)}"
            lines.append(f"  {goal.text:42}{bound:>10}{number(value):>10}  {verdict}")
        if left_out:
            lines.append(f"  ({left_out} more were not measured in this run)")
        return "\n".join(lines)

    # --- for programs -------------------------------------------------------------------------

    def write(self, path, goals, options):
        path = pathlib.Path(path)
        path.parent.mkdir(parents=True, exist_ok=True)
        content = {
            "title": self.title,
            "machine": machine(),
            "options": options,
            "notes": self.notes,
            "goals": [
                {"goal": goal.text, "bound": goal.bound, "measured": value, "verdict": verdict}
                for goal, value, verdict in self.verdicts(goals)
            ],
            "quantities": {
                key: about
                | {
                    "contenders": {
                        who: {
                            name: dict(zip(("low", "median", "high"), quartiles(samples)))
                            | {"samples": samples}
                            for name, samples in row.items()
                        }
                        for who, row in self._quantities[key].items()
                    }
                }
                for key, about in self.quantities().items()
            },
        }
        path.write_text(json.dumps(content, indent=1, ensure_ascii=False) + "\n")
        return content


def title(field):
    return {
        "rate": "a second",
        "busy": "core",
        "lost": "lost",
        "dropped": "by kernel",
        "late": "after linger",
    }[field]


def shown(field, value):
    if field == "dropped":
        return f"{value:.1f} %"
    return f"{100 * value:.1f} %" if field in ("busy", "lost") else f"{value:,.0f}"


def number(value):
    return f"{value:,.0f}" if abs(value) >= 100 or value == int(value) else f"{value:.2f}"


def machine():
    """What the figures hold for."""

    def run(*command):
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        return done.stdout.strip() if done.returncode == 0 else ""

    processor = ""
    for line in pathlib.Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            processor = line.split(":", 1)[1].strip()
            break
    here = str(pathlib.Path(__file__).parent)
    return {
        "date": datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="seconds"),
        "processor": processor,
        "cores": os.cpu_count(),
        "memory_bytes": os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"),
        "kernel": platform.release(),
        "compiler": run("c++", "--version").split("\n")[0],
        "openssl": run("openssl", "version"),
        "gnutls": run("pkg-config", "--modversion", "gnutls"),
        "node": run("node", "--version"),
        "commit": run("git", "-C", here, "rev-parse", "--short", "HEAD"),
        "changed": bool(run("git", "-C", here, "status", "--porcelain", "-uno")),
        "load_average": os.getloadavg(),
    }
