"""`upslope serve`: what batching buys, eight clients together beside one; and what the cache buys at 256 tokens.

    python benchmarks/serve.py                   two threads, a toy and SmolLM2-135M
    python benchmarks/serve.py --check           exit status 1 if a bound is broken
    python benchmarks/serve.py --json            one line of JSON
    python benchmarks/serve.py --model toy       without the published weights

The server runs in a process of its own, the clients are threads here that speak HTTP and read streams. Every request
asks for the same number of tokens after a prompt of its own, drawn with a seed. In each round one client asks alone,
then eight at once; the figure is the median over rounds of tokens a second together / alone.

The cache: a Llama of 5 million parameters writes 256 tokens greedily, with and without it, the same tokens. So does a
GPT of the lab's size, without a bound: it is so small that calling its operations takes longer than what they compute.
"""

import argparse
import http.client
import json
import os
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from importlib.metadata import version
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

CLIENTS, TOGETHER, CACHE = 8, 3.0, 5.0
TOKENS = 64
SERVER = """
import json, sys, torch
from pathlib import Path
threads, word = int(sys.argv[1]), sys.argv[2]
torch.set_num_threads(threads)
from upslope.ship.language.language_model import LanguageModel
from upslope.ship.language.loading import CharacterTokenizer, load
from upslope.ship.serving.sentences import Sentences
from upslope.ship.serving.server import Server
if word == "toy":
    from upslope.models.build import built
    alphabet = "".join(map(chr, range(32, 97)))
    module = built("gpt-characters", seed=0).module.eval().requires_grad_(False)
    for parameter in module.parameters():
        parameter.normal_(std=0.05)
    model = LanguageModel("toy", "", module, CharacterTokenizer(alphabet), context=128)
else:
    model = load(word, quiet=True)
server = Server(model, Sentences(), slots=8, queue=32)
print(json.dumps({"port": server.port, "model": model.name}), flush=True)
try:
    server.run()
except KeyboardInterrupt:
    pass
"""


def ask(port: int, model: str, number: int) -> int:
    """One request as a stream, to its end: the tokens that came."""
    connection = http.client.HTTPConnection("127.0.0.1", port)
    body = {
        "model": model,
        "prompt": f"ONCE UPON A TIME, IN THE YEAR {1000 + number}, THERE WAS",
        "max_tokens": TOKENS,
        "temperature": 0.8,
        "seed": number,
        "stream": True,
        "stream_options": {"include_usage": True},
    }
    connection.request("POST", "/v1/completions", json.dumps(body), {"content-type": "application/json"})
    answer = connection.getresponse()
    assert answer.status == 200, answer.read()
    lines = [line for line in answer.read().decode().split("\n\n") if line.startswith("data: {")]
    connection.close()
    return int(json.loads(lines[-1][6:])["usage"]["completion_tokens"])


def serving(word: str, *, rounds: int, threads: int) -> tuple[float, float, float]:
    """Tokens a second of one client and of eight together, and the median of their ratios."""
    command = [sys.executable, "-c", SERVER, str(threads), word]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        line = process.stdout.readline()
        if not line:
            raise RuntimeError(f"{word} could not be served")
        found = json.loads(line)
        port, model = found["port"], found["model"]
        with ThreadPoolExecutor(CLIENTS) as pool:

            def together(first: int) -> float:
                start = time.perf_counter()
                written = sum(pool.map(lambda n: ask(port, model, n), range(first, first + CLIENTS)))
                return written / (time.perf_counter() - start)

            def alone(number: int) -> float:
                start = time.perf_counter()
                return ask(port, model, number) / (time.perf_counter() - start)

            alone(0)
            together(0)
            pairs = [(alone(100 * n), together(100 * n + 1)) for n in range(1, rounds + 1)]
    finally:
        process.send_signal(signal.SIGINT)
        process.wait()
    return (
        statistics.median(one for one, _ in pairs),
        statistics.median(all_ for _, all_ in pairs),
        statistics.median(all_ / one for one, all_ in pairs),
    )


def cache(name: str, *, rounds: int, threads: int) -> tuple[float, float, float]:
    """Seconds for 256 tokens with and without the cache, and the median of their ratios."""
    import torch
    from torch import nn

    from upslope.blocks.language.generation import generate
    from upslope.models.language.gpt import GPT
    from upslope.models.language.llama import Llama

    torch.set_num_threads(threads)
    torch.manual_seed(0)
    sizes: dict[str, Callable[[], nn.Module]] = {
        "gpt": lambda: GPT(vocab_size=65, context=512, dim=128, depth=4, heads=4, ngrams=(2, 3, 4)),
        "llama": lambda: Llama(vocab_size=1000, context=512, dim=256, depth=6, heads=4, kv_heads=2, hidden=688),
    }
    model = sizes[name]().eval()
    for parameter in model.parameters():
        torch.nn.init.normal_(parameter, std=0.05)
    prompt, pairs = torch.randint(65, (1, 16)), []
    for _ in range(rounds):
        seconds, texts = [], []
        for use_cache in (True, False):
            start = time.perf_counter()
            generator = torch.Generator().manual_seed(0)
            texts.append(generate(model, prompt, 256, generator=generator, temperature=0, use_cache=use_cache))
            seconds.append(time.perf_counter() - start)
        assert torch.equal(*texts)
        pairs.append(tuple(seconds))
    with_, without = (statistics.median(each) for each in zip(*pairs, strict=True))
    return with_, without, statistics.median(b / a for a, b in pairs)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true", help="exit status 1 if a bound is broken")
    parser.add_argument("--json", action="store_true", help="one line of JSON")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--model", action="append", help="toy or a model's name; may be given several times")
    parser.add_argument("--only", choices=["cache", "serving"], default="", help="one of the two parts")
    args = parser.parse_args()

    results: list[dict[str, Any]] = []
    for name, bound in (("llama", CACHE), ("gpt", None)) if args.only != "serving" else ():
        with_, without, ratio = cache(name, rounds=min(args.rounds, 3), threads=args.threads)
        results.append({"case": f"{name}: 256 tokens with the cache beside without", "ratio": ratio, "bound": bound})
        results[-1] |= {"seconds": with_, "peer_seconds": without, "threads": args.threads}
    with tempfile.TemporaryDirectory() as home:
        os.environ.setdefault("UPSLOPE_HOME", str(Path(home)))
        for word in (args.model or ["toy", "smollm2-135m-instruct"]) if args.only != "cache" else ():
            try:
                one, eight, ratio = serving(word, rounds=args.rounds, threads=args.threads)
            except RuntimeError as problem:
                print(f"serve: left out, {problem}", file=sys.stderr)
                continue
            case = f"{word}: {CLIENTS} clients together beside one, {TOKENS} tokens each"
            results.append({"case": case, "ratio": ratio, "bound": TOGETHER, "threads": args.threads})
            results[-1] |= {"tokens_per_second": eight, "peer_tokens_per_second": one}
    broken = [str(row["case"]) for row in results if row["bound"] and round(row["ratio"], 2) < row["bound"]]
    if args.json:
        rows = [{**row, "more_is_better": True} for row in results]
        print(json.dumps({"results": rows, "broken": broken, "torch": version("torch")}))
        return 1 if args.check and broken else 0
    for row in results:
        said = (
            f"{row['tokens_per_second']:7.1f} {row['peer_tokens_per_second']:7.1f} tokens/s"
            if "tokens_per_second" in row
            else f"{row['seconds']:7.2f} {row['peer_seconds']:7.2f} s"
        )
        print(
            f"{row['case']:<72}{said}   ratio {row['ratio']:.2f}"
            + (f"  (bound {row['bound']})" if row["bound"] else "")
        )
    if broken:
        print(f"bound broken: {'; '.join(broken)}", file=sys.stderr)
    return 1 if args.check and broken else 0


if __name__ == "__main__":
    sys.exit(main())
