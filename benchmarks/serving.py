"""How many predictions a second the service gives, how long they take, and whether it lasts.

    python3 -m benchmarks.serving --model dnn=/tmp/dnn/export --model cnn=/tmp/cnn/export
    python3 -m benchmarks.serving --soak 50000

Needs wrk (`apt-get install wrk`), but not for --soak; and what the tests of mlengine need. Without
--model, it serves a single layer. Linux only: it reads the service's memory from /proc.
"""

import argparse
import json
import random
import re
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from itertools import chain, repeat
from pathlib import Path

import tensorflowvisu  # noqa: F401 - starts TensorFlow without its chatter
from benchmarks import COUNT, check_programs
from tests.mlengine.serving import Softmax, ask, export, mnist_digits, serving

CONNECTIONS = (1, 10, 100)
THREADS = 4  # that ask, in a soak
LOOKS = 10  # at the memory, in a soak
# Python and TensorFlow keep some memory for later, more in some minutes than in others; a leak of a
# kilobyte a request would be 45 MB in a soak of 50,000.
FLAT = 20  # megabytes between the first look and the last
LUA = """
wrk.method = "POST"
wrk.headers["Content-Type"] = "application/json"
wrk.body = {body}
"""


# --- how fast


def load(url, path, connections, seconds, body=None):
    """What wrk measures: requests/s, and their median and 99th percentile in milliseconds.

    body  to POST; None to GET
    Raises AssertionError if any answer is not a 200.
    """
    with tempfile.TemporaryDirectory() as folder:
        script = Path(folder, "post.lua")
        script.write_text(LUA.format(body=json.dumps(body)))
        flags = ["-t1", f"-c{connections}", f"-d{seconds}s", "--timeout", "10s", "--latency"]
        done = subprocess.run(
            ["wrk", *flags, *(["-s", str(script)] if body else []), url + path],
            capture_output=True,
            text=True,
            check=True,
            timeout=seconds + 30,
        )
    assert not re.search(r"Non-2xx|Socket errors", done.stdout), done.stdout
    rate = float(re.search(r"Requests/sec:\s+([\d.]+)", done.stdout)[1])
    units = {"us": 0.001, "ms": 1, "s": 1000, "m": 60_000}
    percentiles = {
        name: float(value) * units[unit]
        for name, value, unit in re.findall(
            r"^ +(50|99)%\s+([\d.]+)(us|ms|s|m) *$", done.stdout, re.M
        )
    }
    return rate, percentiles["50"], percentiles["99"]


def compare(service, models, rounds, seconds):
    """A table: each model, asked for one digit at a time, and a route that does nothing else."""
    body = json.dumps({"instances": [{"image": mnist_digits(5)[0]}]})
    routes = {name: (f"/v1/models/{name}:predict", body) for name in models}
    routes["(health)"] = ("/health", None)
    found = {}
    for _ in range(rounds):  # in turns, so that a slow minute is nobody's alone
        for connections in CONNECTIONS:
            for name, (path, sent) in routes.items():
                rates = load(service.url, path, connections, seconds, sent)
                found.setdefault((name, connections), []).append(rates)
    print("| model | connections | requests/s, median (all) | median, ms | p99, ms |")
    print("|---|---|---|---|---|")
    for name in routes:
        for connections in CONNECTIONS:
            rates, medians, slowest = zip(*found[name, connections], strict=True)
            every = ", ".join(f"{rate:.0f}" for rate in rates)
            print(
                f"| {name} | {connections} | {statistics.median(rates):.0f} ({every}) | "
                f"{statistics.median(medians):.1f} | {statistics.median(slowest):.1f} |"
            )


# --- whether it lasts


def requests(model):
    """What is asked in a soak: {what: (share, expected status, method, path, body)}."""
    digits = mnist_digits(5, 87, 95)
    digit = digits[0]
    path = f"/v1/models/{model}:predict"

    def wrong(value):
        return [[*digit[0][:-1], value], *digit[1:]]

    def post(share, status, body, to=path):
        return share, status, "POST", to, body

    def instances(share, status, *several, **more):
        return post(share, status, json.dumps({"instances": several, **more}).encode())

    def too_large():
        return repeat(b" " * 100_000, 20)  # of unknown length, so it is sent in chunks

    return {
        "one digit": instances(400, 200, digit),
        "by name": instances(150, 200, {"image": digit}),
        "three digits": instances(50, 200, *digits),
        "its status": (20, 200, "GET", f"/v1/models/{model}", None),
        "not JSON": post(30, 400, b"one, please"),
        "cut off": post(30, 400, json.dumps({"instances": digits}).encode()[:-500]),
        "no text at all": post(20, 400, bytes(range(256)) * 4),
        "nothing": post(20, 400, b""),
        "no instance": instances(20, 400),
        "27 rows": instances(30, 400, digit, digit[1:]),
        "a ragged row": instances(30, 400, [digit[0][1:], *digit[1:]]),
        "a text": instances(30, 400, wrong("0.5")),
        "a boolean": instances(30, 400, wrong(True)),
        "NaN": instances(30, 400, wrong(float("nan"))),
        "255": instances(30, 400, {"image": wrong(255)}),
        "columns": post(20, 400, json.dumps({"inputs": digits}).encode()),
        "nested": post(10, 400, b"[" * 100_000),
        "another model": post(20, 404, b"{}", "/v1/models/other:predict"),
        "another version": post(
            10, 404, json.dumps({"instances": digits}).encode(), path.replace(":", "/versions/7:")
        ),
        "another method": (10, 405, "GET", path, None),
        "too large": post(5, 413, b" " * 1_500_001),
        "too large, in chunks": post(5, 413, too_large),
    }


def soak(service, model, count, threads=THREADS):
    """Ask `count` times, in several threads, what is right and what is wrong, mixed at random.

    Returns how often each (what, expected status, status) was seen, and the service's memory in
    megabytes, at `LOOKS` moments after as many parts of the requests.
    """
    kinds = requests(model)
    shares = [share for share, *_ in kinds.values()]
    seen, memory, read = Counter(), [], {}

    def keep_asking(part, number, problems):
        try:
            choice = random.Random(f"{part} {number}")
            connection = service.connect()
            for what in choice.choices(list(kinds), shares, k=count // (LOOKS * threads)):
                _, expected, method, path, body = kinds[what]
                body = body() if callable(body) else body
                status, answer = ask(connection, method, path, body)
                assert status < 400 or list(answer) == ["error"], answer
                classes = [each["classes"] for each in answer.get("predictions", ())]
                assert read.setdefault(what, classes) == classes, f"{what}: {classes}"
                seen[what, expected, status] += 1
            connection.close()
        except Exception as problem:
            problems.append(problem)

    for part in range(LOOKS):
        problems = []
        asking = [
            threading.Thread(target=keep_asking, args=(part, number, problems))
            for number in range(threads)
        ]
        for thread in asking:
            thread.start()
        for thread in asking:
            thread.join()
        if problems:
            raise problems[0]
        memory.append(service.memory())
    return seen, memory


def report(seen, memory, seconds):
    """Print what a soak has found. Returns whether all is well."""
    print("| asked for | expected | answered | times |\n|---|---|---|---|")
    for (what, expected, status), times in sorted(seen.items(), key=lambda each: each[0][2]):
        print(f"| {what} | {expected} | {status} | {times} |")
    total = sum(seen.values())
    by_status = Counter()
    for (_, _, status), times in seen.items():
        by_status[status] += times
    counts = ", ".join(f"{times:,} x {status}" for status, times in sorted(by_status.items()))
    print(f"\n{total:,} requests in {seconds:.0f} s: {counts}")
    growth = memory[-1] - memory[0]
    print(f"memory, MB, after each tenth: {', '.join(f'{look:.0f}' for look in memory)}")
    as_expected = all(expected == status for _, expected, status in seen)
    print("all answered as expected" if as_expected else "NOT all answered as expected")
    print(f"memory {'flat' if growth < FLAT else 'NOT flat'}: {growth:+.1f} MB, {FLAT} allowed")
    return as_expected and growth < FLAT


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", action="append", metavar="NAME=DIR", help="as for serve.py")
    parser.add_argument("--rounds", type=COUNT, default=3)
    parser.add_argument("--seconds", type=COUNT, default=5, help="of each turn")
    parser.add_argument("--soak", type=COUNT, metavar="N", help="ask N times, right and wrong")
    given = parser.parse_args()
    if not given.soak:
        check_programs(parser, {"wrk": "wrk"})
    with tempfile.TemporaryDirectory() as folder:
        models = given.model or [f"softmax={make_model(folder)}"]
        names = [text.partition("=")[0] for text in models]
        with serving(*chain.from_iterable(("--model", text) for text in models)) as service:
            if given.soak:
                start = time.monotonic()
                seen, memory = soak(service, names[0], given.soak)
                sys.exit(not report(seen, memory, time.monotonic() - start))
            compare(service, names, given.rounds, given.seconds)


def make_model(folder):
    """A folder with a model of a single layer."""
    model = Softmax()
    model.train()
    export(model, Path(folder, "1"))
    return folder


if __name__ == "__main__":
    main()
