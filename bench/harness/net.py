#!/usr/bin/env python3
"""./dev bench net: DTLS over UDP on loopback, ours beside others. bench/README.md has the method."""

import argparse
import pathlib
import sys
import tempfile
import time

import contenders
import goals
import quantities
from processes import Fault, cores, make_certificates
from results import Results

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
BASE = ("prototype", "plain UDP", "GnuTLS 1.2", "ours 1.3")


def options():
    keys = [quantity.key for quantity in quantities.TIMED]
    parser = argparse.ArgumentParser(prog="./dev bench net", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="few short rounds: about a minute")
    parser.add_argument("--rounds", type=int, help="default: 15; with --quick 3")
    parser.add_argument("--window", type=float, help="seconds of a sample (default: 1; with --quick 0.2)")
    parser.add_argument("--only", nargs="+", metavar="PART", help="contenders whose names contain a part")
    parser.add_argument("--what", nargs="+", metavar="QUANTITY", help=f"of {', '.join(keys)}")
    parser.add_argument("--json", default=ROOT / "build/bench/net.json", type=pathlib.Path)
    parser.add_argument("--programs", default=ROOT / "build/bench/bench", type=pathlib.Path)
    chosen = parser.parse_args()
    chosen.rounds = chosen.rounds or (3 if chosen.quick else 15)
    chosen.window = chosen.window or (0.2 if chosen.quick else 1.0)
    unknown = [what for what in chosen.what or () if not any(key.startswith(what) for key in keys)]
    if unknown:
        parser.error(f"no quantity is named {', '.join(unknown)}; there are {', '.join(keys)}")
    return chosen


def measured_contenders(chosen, results):
    found = [
        contender
        for contender in contenders.ALL
        if not chosen.only or any(part.lower() in contender.key.lower() for part in chosen.only)
    ]
    for contender in list(found):
        if not (chosen.programs / f"dtls_bench_net_{contender.program}").exists():
            found.remove(contender)
            results.notes.append(f"{contender.key} was not built: its library is not here")
    if not found:
        raise Fault("no contender is left to measure")
    return found


def progress(text):
    if sys.stderr.isatty():
        print(f"\r\x1b[K{text}", end="", file=sys.stderr, flush=True)


def add_throughput(results, turn):
    """Of each contender whose sending and receiving was measured, the rate of the slower side."""
    for who in results.contenders("bulk-send"):
        sent = results.samples("bulk-send", who, "rate")
        lost = results.samples("bulk-send", who, "lost")
        received = results.samples("bulk-receive", who, "rate")
        if len(received) > turn:
            rate = min(sent[turn] * (1 - lost[turn]), received[turn])
            results.add("bulk-throughput", who, rate=rate)


def run(chosen):
    results = Results("DTLS over UDP on loopback")
    results.notes += contenders.ABSENT
    found = measured_contenders(chosen, results)
    plan = [
        (quantity, [contender for contender in found if quantity.suits(contender)])
        for quantity in quantities.TIMED
        if (chosen.what and any(quantity.key.startswith(what) for what in chosen.what))
        or (not chosen.what and (quantity.quick or not chosen.quick))
    ]
    plan = [(quantity, who) for quantity, who in plan if who]
    for quantity, _ in plan:
        results.describe(quantity.key, quantity.title, quantity.unit)
    results.describe("bulk-throughput", "bulk, 1,200 B, slower side", "messages a second", "rate")
    total = chosen.rounds * sum(len(who) for _, who in plan)
    done = 0
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="dtls-bench-") as folder:
        bench = quantities.Bench(chosen.programs, folder, make_certificates(folder), cores())
        for turn in range(chosen.rounds):
            for quantity, who in plan:
                # Another one begins each round: a disturbance does not always hit the same.
                first = turn % len(who)
                for contender in who[first:] + who[:first]:
                    done += 1
                    progress(
                        f"round {turn + 1} of {chosen.rounds}, {100 * done // total} %: "
                        f"{quantity.title}: {contender.key}"
                    )
                    sample = bench.measure(quantity, contender, chosen.window)
                    fields = {"cost": sample.cost, "rate": sample.rate, "busy": sample.busy}
                    if quantity.work in ("sink", "source"):
                        fields["lost"] = sample.lost
                    if sample.failed:
                        results.notes.append(
                            f"{quantity.title}: {contender.key}: {sample.failed} did not go as asked"
                        )
                    results.add(quantity.key, contender.key, **fields)
            add_throughput(results, turn)
    progress("")
    print(results.table(BASE))
    print(results.goals_table(goals.NET))
    print()
    for note in dict.fromkeys(results.notes):
        print(note)
    spent = time.monotonic() - began
    results.write(chosen.json, goals.NET, {"rounds": chosen.rounds, "window_s": chosen.window, "took_s": round(spent)})
    print(f"{spent:.0f} s; as JSON: {chosen.json}")


if __name__ == "__main__":
    try:
        run(options())
    except Fault as fault:
        sys.exit(f"bench: {fault}")
