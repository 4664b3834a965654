#!/usr/bin/env python3
"""DTLS over UDP on loopback, ours beside others: CPU time, throughput, memory and loss."""

import argparse
import pathlib
import sys
import tempfile

import contenders
import goals
import memory
import quantities
from loss import Loss
from processes import Fault, cores, make_certificates
from results import Progress, Results

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
BASE = ("prototype", "plain UDP", "GnuTLS 1.2", "ours 1.3")
IN_ROUNDS = (*quantities.TIMED, Loss())
KEYS = [*(quantity.key for quantity in IN_ROUNDS), "idle", "growth"]


def options():
    parser = argparse.ArgumentParser(prog="./dev bench net", description=__doc__)
    add = parser.add_argument
    add("--quick", action="store_true", help="few short rounds without idle and growth: a minute")
    add("--rounds", type=int, help="default: 15; with --quick 3")
    add("--window", type=float, help="seconds of a sample; default: 1; with --quick 0.2")
    add("--only", nargs="+", metavar="PART", help="contenders whose names contain one of the parts")
    add("--what", nargs="+", metavar="QUANTITY", help=f"those that begin so, of {', '.join(KEYS)}")
    add("--skip-linger", action="store_true", help="idle associations only right away")
    add("--json", default=ROOT / "build/bench/net.json", type=pathlib.Path, help="default: %(default)s")
    add("--programs", default=ROOT / "build/bench/bench", type=pathlib.Path, help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    chosen.rounds = chosen.rounds or (3 if chosen.quick else 15)
    chosen.window = chosen.window or (0.2 if chosen.quick else 1.0)
    for what in chosen.what or ():
        if not any(key.startswith(what) for key in KEYS):
            parser.error(f"no quantity begins with {what}; there are {', '.join(KEYS)}")
    return chosen


def is_wanted(chosen, key, quick):
    if chosen.what:
        return any(key.startswith(what) for what in chosen.what)
    return quick or not chosen.quick


def measured_contenders(chosen, results):
    found = []
    for contender in contenders.ALL:
        if chosen.only and not any(part.lower() in contender.key.lower() for part in chosen.only):
            continue
        if (chosen.programs / f"dtls_bench_net_{contender.program}").exists():
            found.append(contender)
        else:
            results.notes.append(f"{contender.key} was not built: its library is not here")
    if not found:
        raise Fault("no contender is left to measure")
    return found


def measure_rounds(chosen, bench, found, results, progress):
    plan = [
        (quantity, [contender for contender in found if quantity.suits(contender)])
        for quantity in IN_ROUNDS
        if is_wanted(chosen, quantity.key, quantity.quick)
    ]
    plan = [(quantity, who) for quantity, who in plan if who]
    for quantity, _ in plan:
        results.describe(quantity.key, quantity.title, quantity.unit, quantity.field)
    results.describe("bulk-throughput", "bulk, 1,200 B, slower side", "messages a second", "rate")
    total = chosen.rounds * sum(len(who) for _, who in plan)
    done = 0
    for turn in range(chosen.rounds):
        for quantity, who in plan:
            # Another one begins each round, so that a disturbance does not always hit the same.
            first = turn % len(who)
            for contender in who[first:] + who[:first]:
                progress(
                    f"round {turn + 1} of {chosen.rounds}, {100 * done // total} %: "
                    f"{quantity.title}: {contender.key}"
                )
                fields = quantity.measure(bench, contender, chosen.window)
                results.add(quantity.key, contender.key, **fields)
                done += 1
        add_throughput(results, turn)
        progress.line(f"round {turn + 1} of {chosen.rounds} is done")


def add_throughput(results, turn):
    """Of each contender whose sending and receiving was measured, the rate of the slower side."""
    for who in results.contenders("bulk-send"):
        sent = results.samples("bulk-send", who, "rate")
        lost = results.samples("bulk-send", who, "lost")
        received = results.samples("bulk-receive", who, "rate")
        if len(received) > turn:
            rate = min(sent[turn] * (1 - lost[turn]), received[turn])
            results.add("bulk-throughput", who, rate=rate)


def measure_memory(chosen, bench, found, results, progress):
    having = [contender for contender in found if memory.suits(contender)]
    if is_wanted(chosen, "growth", False):
        for contender in having:
            progress(f"growth to {memory.MANY:,} associations: {contender.key}")
            memory.measure_growth(bench, contender, results, chosen.window)
        progress.line("growth is done")
    if is_wanted(chosen, "idle", False):
        memory.measure_idle(bench, having, results, not chosen.skip_linger, progress)
        progress.line("idle associations are done")


def run(chosen):
    results = Results("DTLS over UDP on loopback")
    results.notes += contenders.ABSENT
    found = measured_contenders(chosen, results)
    progress = Progress()
    with tempfile.TemporaryDirectory(prefix="dtls-bench-") as folder:
        bench = quantities.Bench(chosen.programs, folder, make_certificates(folder), cores())
        measure_rounds(chosen, bench, found, results, progress)
        measure_memory(chosen, bench, found, results, progress)
    print(results.table(BASE))
    print(results.goals_table(goals.NET))
    print("\n" + "\n".join(results.notes))
    results.write(chosen.json, goals.NET, {"rounds": chosen.rounds, "window_s": chosen.window})
    print(f"{progress.spent_s():.0f} s; as JSON: {chosen.json}")


if __name__ == "__main__":
    try:
        run(options())
    except Fault as fault:
        sys.exit(f"bench: {fault}")
