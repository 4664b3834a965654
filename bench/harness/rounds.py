"""Rounds of samples: which quantities and contenders, in which order."""

from processes import Fault

ATTEMPTS = 3  # a busy machine can keep a program from running for the whole of a short window


def is_wanted(chosen, key, quick=True):
    if chosen.what:
        return any(key.startswith(what) for what in chosen.what)
    return quick or not chosen.quick


def is_named(chosen, contender):
    return not chosen.only or any(part.lower() in contender.key.lower() for part in chosen.only)


def measure_once(quantity, bench, contender, window_s, results):
    for attempt in range(1, ATTEMPTS + 1):
        try:
            return quantity.measure(bench, contender, window_s)
        except Fault as fault:
            if attempt == ATTEMPTS:
                raise
            results.notes.append(f"{contender.key}, measured once more: {fault}")


def measure_rounds(chosen, bench, quantities, contenders, results, progress, after_round=None):
    """One sample of every quantity and contender in each round."""
    plan = []
    for quantity in quantities:
        who = [each for each in contenders if quantity.suits(each) and is_named(chosen, each)]
        if who and is_wanted(chosen, quantity.key, quantity.quick):
            plan.append((quantity, who))
            results.describe(quantity.key, quantity.title, quantity.unit, quantity.field)
    total = chosen.rounds * sum(len(who) for _, who in plan)
    done = 0
    for turn in range(chosen.rounds if plan else 0):
        for quantity, who in plan:
            # Another one begins each round, so that a disturbance does not always hit the same.
            first = turn % len(who)
            for contender in who[first:] + who[:first]:
                progress(
                    f"round {turn + 1} of {chosen.rounds}, {100 * done // total} %: "
                    f"{quantity.title}: {contender.key}"
                )
                fields = measure_once(quantity, bench, contender, chosen.window, results)
                results.add(quantity.key, contender.key, **fields)
                done += 1
        if after_round:
            after_round(turn)
        progress.line(f"round {turn + 1} of {chosen.rounds} is done")
