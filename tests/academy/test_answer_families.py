"""The names that are an answer, beside the installed libraries: what computes it is refused under every name."""

import importlib
import warnings

import pytest

from upslope.academy.grading.sandbox.torch_denylist import door, switch
from upslope.academy.grading.static import source_check
from upslope.academy.grading.static.answer_families import FAMILIES, belongs, squashed, stems
from upslope.academy.lessons import exercises, find
from upslope.academy.reference import locate
from upslope.academy.stub import stub_text

CUT = "raise NotImplementedError"


def said(name, statement, imports="import torch"):
    """What the gate says to an answer that holds this statement; with the stub's own header and signature."""
    step = find(name)
    lines = stub_text(step).split("\n")
    at = max(k for k, line in enumerate(lines) if CUT in line)
    lines[at] = lines[at].split(CUT)[0] + statement
    found = source_check.refusal("\n".join([imports, *lines]), locate(step.exercise), step)
    return found and found.sentence


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("layer_norm", "layernorm"),
        ("layer_norm_", "layernorm"),
        ("LayerNorm", "layernorm"),
        ("InstanceNorm1d", "instancenorm"),
        ("max_pool3d", "maxpool"),
        ("MaxPool2d", "maxpool"),
        ("avg_poolnd", "avgpool"),
        ("RMSNorm", "rmsnorm"),
        ("BCEWithLogitsLoss", "bcewithlogitsloss"),
        ("LeakyReLU", "leakyrelu"),
        ("relu6", "relu"),
        ("_fused_rms_norm", "fusedrmsnorm"),
        ("nll_loss2d", "nllloss"),
        ("_", ""),
    ],
)
def test_a_name_without_its_spelling(name, words):
    assert squashed(name) == words


@pytest.mark.parametrize(
    ("name", "family", "there"),
    [
        ("native_layer_norm", "normalization", True),
        ("LazyLayerNorm4d", "normalization", True),  # of a PyTorch that is not there yet
        ("layer_norm_v2_out", "normalization", True),
        ("linear_cross_entropy", "cross_entropy", True),
        ("adaptive_avg_pool3d", "average_pool", True),
        ("svd_lowrank", "orthogonalization", True),
        ("weight", "orthogonalization", False),  # though it holds "eig"
        ("sqrt", "orthogonalization", False),
        ("normalize", "normal_distribution", False),
        ("upsample", "random_normal", False),
        ("remainder", "model_averaging", False),
        ("layer", "normalization", False),
        ("norm", "normalization", False),
        ("var_mean", "normalization", False),
        ("logsigmoid", "binary_cross_entropy", False),
    ],
)
def test_families_hold_words_and_not_letters(name, family, there):
    assert belongs(name, stems([family])) == there


def test_a_single_name_stands_for_its_variants():
    assert stems(["max_pool2d"]) == {"maxpool"}
    assert belongs("MaxPool3d", stems(["max_pool2d"]))
    assert not belongs("max", stems(["max_pool2d"]))


def test_stems_are_written_as_they_are_compared():
    for family in FAMILIES.values():
        assert [stem for stem in family if squashed(stem) != stem] == []
        assert len(set(family)) == len(family)


def test_lessons_refuse_families_that_there_are_or_names():
    used = {word for step in exercises() for word in step.refuses}
    assert [family for family in FAMILIES if family not in used] == []


AROUND = [
    "{f} = torch.nn.functional.layer_norm",
    "return torch.layer_norm(x)",
    "return torch.nn.RMSNorm(3)(x)",
    "return torch.nn.InstanceNorm1d(3)(x)",
    "return x.native_layer_norm(3)",
    'return torch.__dict__["layer_norm"](x)',
    'return torch.nn.functional.__dict__.get("layer" + "_norm")(x)',
    'return vars(torch)["layer_norm"](x)',
    'return globals()["torch"].layer_norm(x)',
    'return getattr(torch, "layer_norm")(x)',
    'return getattr(torch, "layer" + "_norm")(x)',
    "return getattr(torch, f\"layer_{'norm'}\")(x)",
    'return getattr(torch, "_".join(["layer", "norm"]))(x)',
    "return getattr(torch, dir(torch)[3])(x)",
    "t = torch.nn.functional\n    return getattr(t, x)",
    'return getattr(x, "layer" + str(eps))(x)',
    'name = "sum"\n    name = str(eps)\n    return getattr(x, name)()',
    "return getattr(x, eps)()",
    'name = "layer_norm"\n    return getattr(torch, name)(x)',
    "return getattr(type(x), str(eps))(x)",
    "return getattr(x.__class__, str(eps))(x)",
    'return torch.__getattr__("layer_norm")(x)',
    'return torch.__getattribute__("layer_norm")(x)',
    'return object.__getattribute__(torch, "layer_norm")(x)',
    'import operator\n    return operator.attrgetter("layer_norm")(torch)(x)',
    'import operator\n    return operator.attrgetter("nn.functional.layer_norm")(torch)(x)',
    'import operator\n    return operator.methodcaller("layer_norm", x)(torch)',
    "import operator\n    return operator.attrgetter(str(eps))(torch)(x)",
    "import operator\n    get = operator.attrgetter\n    return get('layer_norm')(torch)(x)",
    "from operator import attrgetter as a\n    return a('layer_norm')(torch)(x)",
    "from operator import attrgetter\n    return list(map(attrgetter, [x]))",
    "import functools\n    return functools.reduce(getattr, ['nn', 'LayerNorm'], torch)",
    "look = getattr\n    return look(torch, 'layer_norm')(x)",
    "import string\n    return string.Formatter().get_field('0.layer_norm', [torch], {})[0](x)",
    "match torch:\n        case object(layer_norm=f):\n            return f(x)",
    "self = torch\n    return self.layer_norm(x)",
    "from torch.nn.functional import group_norm as g\n    return g(x)",
    "import torch.nn.modules.batchnorm as b\n    return b",
    "return getattr(torch, 'load')",
    "return getattr(torch, 'ops')",
]


@pytest.mark.parametrize("statement", AROUND)
def test_no_way_around_a_name(statement):
    sentence = str(said("layer-norm", statement.replace("{f}", "f")))
    assert sentence.endswith(("write out what it does", "write the name itself", "an answer needs no such thing"))


@pytest.mark.parametrize(
    "statement",
    [
        "layer_norm_eps = eps\n    return layer_norm_eps * x",  # names of one's own mean what one says
        "batch_norm = x\n    return batch_norm + weight",
        "return getattr(x, 'data')",
        "return getattr(x, 'mT', None)",
        "name = 'sum'\n    return getattr(x, name)()",
        "from operator import itemgetter, mul\n    return itemgetter(0)(x)",
        "import operator\n    return sorted([x], key=operator.attrgetter('ndim'))",
        "return torch.var_mean(x, dim=-1, correction=0)",
        "return torch.linalg.vector_norm(x)",
        "return x.norm() + torch.nn.functional.normalize(x)",
        "return torch.rsqrt(x.square().mean() + eps)",
    ],
)
def test_what_is_no_name_of_the_answer_passes(statement):
    assert said("layer-norm", statement) is None


def test_a_class_may_call_its_own_parts_as_it_likes():
    text = stub_text(find("encoder-block"))
    begin = text.index("class EncoderBlock")
    parts = [
        "from upslope.blocks.attention import MultiHeadAttention\nfrom torch import nn\n\n\n",
        text[begin:].replace(CUT, "self.transformer = nn.Linear(2, 2)\n        " + CUT, 1),
        "\n    def more(self, x):\n        return self.transformer(MultiHeadAttention(x))\n",
    ]
    step = find("encoder-block")
    assert source_check.refusal("".join(parts), locate(step.exercise), step) is None


@pytest.fixture(scope="module")
def torch():
    return pytest.importorskip("torch")


def namespaces(torch):
    """Where PyTorch keeps what computes, by the name under which an answer could reach it."""
    import torch.distributions

    yield from (
        ("torch", torch),
        ("torch.nn", torch.nn),
        ("torch.nn.functional", torch.nn.functional),
        ("torch.special", torch.special),
        ("torch.linalg", torch.linalg),
        ("torch.distributions", torch.distributions),
        ("torch.Tensor", torch.Tensor),
        ("torch.ops.aten", torch.ops.aten),
    )


def names(torch):
    """Every public name there, under its whole name. Of ATen, the operators that are registered."""
    for where, space in namespaces(torch):
        if where == "torch.ops.aten":
            registered = torch._C._dispatch_get_all_op_names()
            inside = {name[6:].split(".")[0] for name in registered if name.startswith("aten::")}
        else:
            inside = set(dir(space))
        yield from (f"{where}.{name}" for name in sorted(inside) if not name.startswith("_"))


# Words of PyTorch's that hold a stem by chance, letter by letter; the names around them are not refused for it.
BY_CHANCE = {
    "orthogonalization": (
        "weight",
        "sqrt",
        "inverse_gamma",
        "unique_inverse",
        "slice_inverse",
        "property",
        "freqresp",
        "diagsvd",
    ),
    "normal_distribution": ("normalize", "denormal", "frobenius"),
    "random_normal": ("upsample", "downsample", "sampler", "sampled", "resample"),
    "convolution": ("convert", "conversion"),
    "rotary": ("property",),
    "binary_cross_entropy": ("subclass",),
}


def numerical_names():
    """Every public name of NumPy and SciPy where they keep what computes."""
    for where in ("numpy", "numpy.linalg", "scipy.linalg", "scipy.signal", "scipy.special", "scipy.ndimage"):
        yield from (f"{where}.{name}" for name in dir(importlib.import_module(where)) if not name.startswith("_"))


@pytest.mark.parametrize("family", FAMILIES)
def test_every_name_of_a_stem_is_refused(torch, family):
    """Found by another way than the gate's: letters in a row, underscores and case left out."""
    every = [*names(torch), *numerical_names()]
    loose = [whole for whole in every if any(stem in _letters(whole) for stem in FAMILIES[family])]
    missed = {whole for whole in loose if not belongs(whole.rpartition(".")[2], stems([family]))}
    chance = BY_CHANCE.get(family, ())
    assert sorted(whole for whole in missed if not any(word in whole.lower() for word in chance)) == []


def _letters(whole):
    return whole.rpartition(".")[2].replace("_", "").lower()


def numbers(torch, *shape):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(3))


def layer_norm(torch):
    x, ones, zeros = numbers(torch, 2, 4), torch.ones(4), torch.zeros(4)
    wanted = (x - x.mean(-1, keepdim=True)) / (x.var(-1, keepdim=True, correction=0) + 1e-5).sqrt()
    built = [(4,), (2,), (1, 4), (2, 2)]
    return wanted, [(x,), (x, 1), (x, (4,)), (x, (4,), ones, zeros, 1e-5), (x[None],)], built


def rms_norm(torch):
    x = numbers(torch, 2, 4) - 3
    wanted = x / (x.square().mean(-1, keepdim=True) + 1e-6).sqrt()
    return wanted, [(x, (4,)), (x, (4,), torch.ones(4), 1e-6), (x,), (x * 0.5,)], [((4,), 1e-6), (4,)]


def cross_entropy(torch):
    logits, labels = numbers(torch, 5, 3), torch.tensor([0, 1, 2, 2, 1])
    logp = logits.log_softmax(-1)
    wanted = -logp[range(5), labels].mean()
    eye = torch.eye(3)
    return wanted, [(logits, labels), (logp, labels), (logits, eye, labels), (logits, labels, None)], [()]


def binary_cross_entropy(torch):
    logits, x = numbers(torch, 6), torch.tensor([0.0, 1, 1, 0, 1, 0])
    wanted = -(x * logits.sigmoid().log() + (1 - x) * (1 - logits.sigmoid()).log()).mean()
    return wanted, [(logits, x), (logits.sigmoid(), x), (logits, 2 * x - 1), (logits[None], x[None])], [()]


def attention(torch):
    q, k, v = (numbers(torch, 1, 1, n, 4) for n in (3, 5, 5))
    return (q @ k.mT / 2).softmax(-1) @ v, [(q, k, v)], []


def gaussian_kl(torch):
    normal = torch.distributions.Normal
    mean, spread = numbers(torch, 4), numbers(torch, 4).exp()
    wanted = -0.5 * (1 + 2 * spread.log() - mean**2 - spread**2)
    return wanted, [(normal(mean, spread), normal(torch.zeros(4), torch.ones(4)))], []


def average_pool(torch):
    x = numbers(torch, 2, 3, 4, 4)
    wanted = x.mean((-2, -1))
    flat, deep = x.reshape(2, 3, 16), x.reshape(2, 3, 2, 2, 4)
    calls = [(x, 1), (x, 4), (flat, 1), (deep, 1), (x, 1, None, "area"), (x,), (flat,), (deep,)]
    return wanted, calls, [(1,), (4,), (16,), ((2, 2, 4),)]


# By lesson: the answer for some inputs, in which ways one might ask a function for it, and build a module for it.
COMPUTED = {
    "layer-norm": layer_norm,
    "rms-norm": rms_norm,
    "label-smoothing": cross_entropy,
    "bernoulli-likelihood": binary_cross_entropy,
    "discriminator-loss": binary_cross_entropy,
    "attention": attention,
    "gaussian-kl": gaussian_kl,
    "global-average-pool": average_pool,
}
# What must be found, or the search would find nothing.
FOUND = {
    "layer-norm": {"torch.layer_norm", "torch.nn.InstanceNorm1d", "torch.nn.GroupNorm", "torch.native_layer_norm"},
    "rms-norm": {"torch.rms_norm", "torch.nn.RMSNorm"},
    "label-smoothing": {"torch.nn.functional.cross_entropy", "torch.nn.functional.nll_loss"},
    "bernoulli-likelihood": {"torch.nn.functional.soft_margin_loss", "torch.nn.BCELoss"},
    "discriminator-loss": {"torch.nn.MultiLabelSoftMarginLoss"},
    "attention": {"torch.nn.functional.scaled_dot_product_attention"},
    "gaussian-kl": {"torch.distributions.kl_divergence"},
    "global-average-pool": {"torch.nn.AvgPool3d", "torch.nn.functional.interpolate", "torch.adaptive_avg_pool1d"},
}


@pytest.mark.deep
@pytest.mark.parametrize("lesson", COMPUTED)
def test_whatever_computes_the_answer_is_refused(torch, lesson):
    """Every function and module class of PyTorch's is called; those that give the answer are refused by name."""
    wanted, calls, built = COMPUTED[lesson](torch)
    found = set()
    with warnings.catch_warnings(), torch.no_grad():
        warnings.simplefilter("ignore")
        for whole in names(torch):
            closed = not whole.startswith("torch.ops") and (door(whole) or switch(whole))
            if not closed and any(_gives(torch, wanted, one) for one in _results(torch, whole, calls, built)):
                found.add(whole)
    assert found >= FOUND[lesson]
    passes = [whole for whole in sorted(found) if said(lesson, f"return {whole}") is None]
    assert passes == []


def _results(torch, whole, calls, built):
    where, _, name = whole.rpartition(".")
    tool = getattr(dict(namespaces(torch))[where], name, None)
    module = isinstance(tool, type) and issubclass(tool, torch.nn.Module)
    if not callable(tool) or (isinstance(tool, type) and not module) or name.startswith(("set_", "get_", "is_")):
        return
    for build in built if module else [None]:
        for call in calls:
            arguments = [part.clone() if isinstance(part, torch.Tensor) else part for part in call]
            try:
                yield (tool if build is None else tool(*build))(*arguments)
            except Exception:
                continue


def _gives(torch, wanted, result):
    first = result[0] if isinstance(result, tuple | list) and result else result
    if type(first) is not torch.Tensor or first.dtype != wanted.dtype or first.layout != torch.strided:
        return False
    if first.is_meta or first.numel() != wanted.numel():
        return False
    return torch.allclose(first.flatten(), wanted.flatten(), atol=1e-4)


def test_an_argument_that_is_the_answer_is_refused():
    call = "return F.scaled_dot_product_attention(q, k, v, attn_mask=mask, is_causal=causal{})"
    header = "from torch.nn import functional as F"
    assert said("grouped-queries", call.format(""), header) is None
    assert "enable_gqa=" in str(said("grouped-queries", call.format(", enable_gqa=True"), header))
