"""The command line."""

from __future__ import annotations

import argparse
import asyncio
import sys

from bench import consistency, harness
from bench.consistency import trial
from bench.consistency.faults import FAULTS
from bench.consistency.trial import Plan


def main() -> int:
    """The exit code: 1 for a violation, or for a mutant without one."""
    parser = argparse.ArgumentParser(
        prog="python -m bench.consistency",
        description=consistency.__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--fault", choices=[*FAULTS, "all"], default="none")
    parser.add_argument("--reads", type=int, default=10_000, help="VERIFIED reads altogether, at least")
    parser.add_argument("--rounds", type=int, default=3, help="how often each fault strikes, at least")
    parser.add_argument("--servers", type=int, default=3, help="one is written to, the others are read; at least 2")
    parser.add_argument("--readers", type=int, default=1, help="processes that read")
    parser.add_argument("--mutant", action="store_true", help="break the version check: must be caught")
    asked = parser.parse_args()
    faults = list(FAULTS) if asked.fault == "all" else [asked.fault]
    plan = Plan(
        faults,
        reads=-(-asked.reads // len(faults)),
        rounds=asked.rounds,
        servers=asked.servers,
        readers=asked.readers,
        mutant=asked.mutant,
    )
    with harness.postgres() as url:
        results = asyncio.run(trial.run(url, plan))
    for result in results:
        harness.show(result.rows())
    reads, violations = sum(one.reads for one in results), sum(one.violations for one in results)
    print(f"\n{reads:,} VERIFIED reads, {violations:,} violations")
    return int(bool(violations) != asked.mutant)


if __name__ == "__main__":
    sys.exit(main())
