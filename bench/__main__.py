"""`python -m bench`: measure the daemon of this working tree, or any gateway."""

import argparse
import gc
import json
import resource
import sys
from collections.abc import Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path

from bench.children import DidNotStart, started_upstream
from bench.figures import SCENARIOS, summarise
from bench.http1 import Target
from bench.machine import describe_machine
from bench.report import all_met, build_document, format_table
from bench.runs import Plan, Run, run_with_daemon, run_with_gateway
from bench.scenarios import FULL, QUICK, ScenarioFailed

_QUICK_NOTE = "Sizes of --quick: good for a look, not for comparing."


def parse_options(arguments: Sequence[str]) -> argparse.Namespace:
    """The command line; exits with a message where it makes no sense."""
    parser = argparse.ArgumentParser(
        prog="python -m bench",
        description="Measure piecesd, or with --gateway any other gateway. See docs/benchmarks.md.",
    )
    parser.add_argument("--runs", type=int, help="how many runs to take medians of (3)")
    parser.add_argument("--quick", action="store_true", help="one short run")
    parser.add_argument(
        "--only", type=_scenarios, default=SCENARIOS, help=f"of {','.join(SCENARIOS)}"
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="write all of it there, too")
    parser.add_argument("--check", action="store_true", help="exit with 1 if a target is missed")
    parser.add_argument("--no-pin", action="store_true", help="leave all processes on all cores")
    parser.add_argument("--model", default="gpt-4o", help="the model to ask for (gpt-4o)")
    parser.add_argument(
        "--upstream-port", type=int, default=0, help="where the bench upstream listens"
    )
    parser.add_argument("--gateway", metavar="URL", help="such as http://127.0.0.1:8080/v1")
    parser.add_argument("--pid", type=int, help="the process of that gateway")
    parser.add_argument("--api-key", default="", help="the key of that gateway")
    options = parser.parse_args(arguments)
    if options.gateway and not (options.pid and options.upstream_port):
        parser.error("--gateway needs --pid and --upstream-port, the upstream that it calls")
    if options.runs is None:
        options.runs = 1 if options.quick else 3
    if options.runs < 1:
        parser.error("--runs needs to be at least 1")
    return options


def main(arguments: Sequence[str]) -> int:
    options = parse_options(arguments)
    _, most_files = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most_files, most_files))
    gc.freeze()
    gc.disable()
    try:
        runs = _measure(options)
    except (DidNotStart, ScenarioFailed) as error:
        print(f"bench: {error}", file=sys.stderr)
        return 2
    summaries = summarise([run.figures for run in runs])
    failures = [failure for run in runs for failure in run.failures]
    if options.quick:
        print(_QUICK_NOTE)
    print(format_table(summaries, failures))
    if options.json:
        document = build_document(
            summaries,
            failures,
            taken_at=datetime.now(UTC).isoformat(timespec="seconds"),
            machine=describe_machine(),
            settings=_settings(options),
        )
        options.json.parent.mkdir(parents=True, exist_ok=True)
        options.json.write_text(json.dumps(document, indent=2, ensure_ascii=False) + "\n")
    return 1 if options.check and not all_met(summaries, failures) else 0


def _measure(options: argparse.Namespace) -> list[Run]:
    with started_upstream(options.upstream_port) as (upstream_pid, upstream_port):
        plan = Plan(
            only=options.only,
            sizes=QUICK if options.quick else FULL,
            model=options.model,
            pin=not options.no_pin,
            upstream_pid=upstream_pid,
            upstream_port=upstream_port,
        )
        numbers = range(1, options.runs + 1)
        if not options.gateway:
            return [run_with_daemon(number, plan, _progress) for number in numbers]
        target = Target.from_url(options.gateway, model=options.model, api_key=options.api_key)
        return [
            run_with_gateway(number, plan, target, options.pid, _progress) for number in numbers
        ]


def _settings(options: argparse.Namespace) -> dict[str, object]:
    return {
        "gateway": options.gateway or "piecesd of this working tree",
        "model": options.model,
        "runs": options.runs,
        "only": list(options.only),
        "pinned": not (options.no_pin or options.gateway),
        "sizes": asdict(QUICK if options.quick else FULL),
    }


def _progress(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


def _scenarios(names: str) -> tuple[str, ...]:
    asked = names.split(",")
    unknown = set(asked) - set(SCENARIOS)
    if unknown:
        raise argparse.ArgumentTypeError(f"no such scenario: {', '.join(sorted(unknown))}")
    return tuple(name for name in SCENARIOS if name in asked)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
