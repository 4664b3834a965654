"""The options that both benchmarks have, and what becomes of their results: tables, JSON, a picture."""

import argparse
import pathlib

import plot

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent


def add_options(parser, name, keys, quick, rounds, window_s):
    """Parses the command line. rounds and window_s: the default, and that of --quick."""
    build = ROOT / "build/bench"
    parts = "those whose names contain one of the parts"
    only = {"nargs": "+", "metavar": "PART", "help": f"contenders: {parts}"}
    what = {"nargs": "+", "metavar": "NAME", "help": f"those that begin so, of {', '.join(keys)}"}
    parser.add_argument("--quick", action="store_true", help=quick)
    parser.add_argument("--rounds", type=int, help=f"default: {rounds[0]}; with --quick {rounds[1]}")
    parser.add_argument(
        "--window",
        type=float,
        metavar="SECONDS",
        help=f"of each sample; default: {window_s[0]}; with --quick {window_s[1]}",
    )
    parser.add_argument("--only", **only)
    parser.add_argument("--what", **what)
    parser.add_argument(
        "--publish", action="store_true", help=f"also makes docs/pictures/bench-{name}.svg anew"
    )
    parser.add_argument("--json", default=build / f"{name}.json", type=pathlib.Path)
    parser.add_argument("--programs", default=build / "bench", type=pathlib.Path, help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    chosen.name = name
    chosen.rounds = chosen.rounds or rounds[chosen.quick]
    chosen.window = chosen.window or window_s[chosen.quick]
    for begin in chosen.what or ():
        if not any(key.startswith(begin) for key in keys):
            parser.error(f"nothing to measure begins with {begin}; there are {', '.join(keys)}")
    return chosen


def publish(results, base, goals, chosen, progress):
    print(results.table(base))
    print(results.goals_table(goals))
    print("\n" + "\n".join(dict.fromkeys(results.notes)))
    options = {"rounds": chosen.rounds, "window_s": chosen.window, "quick": chosen.quick}
    content = results.write(chosen.json, goals, options)
    pictures = [chosen.json.with_suffix(".svg")]
    if chosen.publish:
        pictures.append(ROOT / f"docs/pictures/bench-{chosen.name}.svg")
    pictures = [str(picture) for picture in pictures if plot.draw(content, picture)]
    print(f"{progress.spent_s():.0f} s; {', '.join([str(chosen.json), *pictures])}")
