#!/usr/bin/env python3
"""DTLS over UDP on loopback, ours beside others: CPU time, throughput, memory and loss."""

import argparse
import sys
import tempfile

import contenders
import goals
import memory
import quantities
from loss import Loss
from processes import Fault, alone, cores, make_certificates
from publish import add_options, publish
from results import Progress, Results
from rounds import is_named, is_wanted, measure_rounds

BASE = ("prototype", "plain UDP", "GnuTLS 1.2", "ours 1.3")
IN_ROUNDS = (*quantities.TIMED, Loss())
KEYS = [*(quantity.key for quantity in IN_ROUNDS), "idle", "growth"]


def options():
    parser = argparse.ArgumentParser(prog="./dev bench net", description=__doc__)
    parser.add_argument("--skip-linger", action="store_true", help="idle associations only right away")
    quick = "few short rounds without idle, growth, loss and hello: a minute"
    return add_options(parser, "net", KEYS, quick, rounds=(11, 3), window_s=(0.5, 0.2))


def measured_contenders(chosen, results):
    found = []
    for contender in contenders.ALL:
        if not is_named(chosen, contender):
            continue
        if (chosen.programs / f"dtls_bench_net_{contender.program.split()[0]}").exists():
            found.append(contender)
        else:
            results.notes.append(f"{contender.key} was not built: its library is not here")
    if not found:
        raise Fault("no contender is left to measure")
    return found


def add_throughput(results, turn):
    """Of each contender whose sending and receiving was measured, the rate of the slower side."""
    results.describe("bulk-throughput", "bulk, 1,200 B, slower side", "messages a second", "rate")
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
        measure_rounds(
            chosen,
            bench,
            IN_ROUNDS,
            found,
            results,
            progress,
            lambda turn: add_throughput(results, turn),
        )
        measure_memory(chosen, bench, found, results, progress)
    publish(results, BASE, goals.NET, chosen, progress)


if __name__ == "__main__":
    try:
        chosen = options()
        with alone():
            run(chosen)
    except Fault as fault:
        sys.exit(f"bench: {fault}")
