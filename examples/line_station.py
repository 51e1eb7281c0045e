"""A manufacturing station in a few lines: update and check two units at once, one record each.

python examples/line_station.py PACKAGE TRUST PORT PORT
"""

import sys
from concurrent.futures import ThreadPoolExecutor

import fwtool


def station(package: str, trust: fwtool.Trust, records: fwtool.Records, port: str) -> str:
    """One unit: update it, run the health check, say how it went. What it raises stays its own."""
    try:
        result = fwtool.flash(fwtool.FlashJob(package=package, port=port, trust=trust), records)
        with fwtool.connect(port) as terminal:
            failed = [finding.id for finding in fwtool.diagnose(terminal) if finding.outcome == "fail"]
        return f"{port} {result.serial_number} {result.version_after} {'RED ' + ', '.join(failed) if failed else 'GREEN'}"
    except fwtool.ToolError as error:
        return f"{port} RED {error.name}: {error}"


def main() -> None:
    if len(sys.argv) < 4:
        sys.exit(__doc__)
    package, trust_file, *ports = sys.argv[1:]
    trust, records = fwtool.load_trust(trust_file), fwtool.Records("line-records")
    with ThreadPoolExecutor(len(ports)) as pool:
        for line in pool.map(lambda port: station(package, trust, records, port), ports):
            print(line)


if __name__ == "__main__":
    main()
