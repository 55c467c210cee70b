"""What an answer costs over HTTP: this server against bare aiohttp, stock Strawberry and Mercurius, in one run.

python -m bench.http [--quick] [--only modal] [--readme]

Everything is started here, on loopback. All answers are compared first; then variants take turns, in rounds.
"""

from __future__ import annotations

import argparse
import sys

from bench.http import readme, report, run


def main() -> None:
    """Runs it and prints."""
    parser = argparse.ArgumentParser(
        prog="python -m bench.http", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--quick", action="store_true", help="a look in less than a minute: nothing to be judged by")
    parser.add_argument("--only", default="", metavar="WORD", help="works with this in their names")
    parser.add_argument(
        "--readme", action="store_true", help="write the figures into README.md and docs/bench-http.svg"
    )
    asked = parser.parse_args()
    if sys.platform != "linux":
        parser.error("the bench reads /proc and places processes on cores, which only Linux has")
    figures = run.run(run.QUICK if asked.quick else run.FULL, asked.only)
    print(f"\n{report.machine()}; medians of rounds, ratios within a round{report.load_cost(figures)}\n")
    print(report.text(report.table(figures)))
    print()
    print(report.text([report.TARGETS_HEAD, *(one.row() for one in report.targets(figures))]))
    print(f"\n{report.disturbed(figures)}", end="")
    if asked.readme:
        readme.publish(figures)


if __name__ == "__main__":
    main()
