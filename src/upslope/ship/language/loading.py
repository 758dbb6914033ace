"""Language models by name: published ones, a GGUF file, or one's own run of the lab `gpt`."""

import inspect
from pathlib import Path
from typing import cast

from numpy.typing import ArrayLike
from torch import nn

from upslope.blocks.int8 import with_int8
from upslope.blocks.language.characters import Characters
from upslope.cards import ModelCard, discover
from upslope.models import pretrained
from upslope.models.build import UnknownModel, find
from upslope.models.gguf import is_gguf, llama_arguments, read_gguf
from upslope.runs.errors import RunProblem
from upslope.ship import predictor
from upslope.ship.language.chat_template import ChatTemplate
from upslope.ship.language.language_model import LanguageModel
from upslope.ship.language.tokenizer import Tokenizer
from upslope.ship.pipelines.pipeline import LoadedModel
from upslope.text.merges import from_merges
from upslope.text.published import PublishedTokenizer, of_gguf
from upslope.text.token import Ids

DEFAULT = "smollm2-135m-instruct"


def load(word: str = DEFAULT, *, int8: bool = False, quiet: bool = False) -> LanguageModel:
    """The language model that a person means; `int8`: with its linear layers in eight bits.

    RunProblem, DataProblem or UnknownModel say what is missing and what to type.
    """
    path = Path(word).expanduser()
    if path.is_file() and is_gguf(path):
        return _of_file(path, int8=int8)
    try:
        found, size = find(word)
    except UnknownModel:
        return _of_run(word, int8=int8)
    card = cast(ModelCard, found.card)
    if not card.causal or not card.sizes[size].weights:
        why = "no weights of it are published here" if card.causal else "it continues no texts"
        raise RunProblem(f"{word} cannot chat, {why}: upslope chat {DEFAULT}")
    module = pretrained.load(word, quiet=quiet)
    about = card.sizes[size].weights[0].note or card.title
    return _published(word, about, module, pretrained.tokenizer(word, quiet=quiet), int8=int8)


def _of_file(path: Path, *, int8: bool) -> LanguageModel:
    import torch

    from upslope.models.checkpoints import translate
    from upslope.models.language.llama import GGUF, Llama

    held = read_gguf(path)
    arguments = llama_arguments(held.settings, name=path.name)
    tokenizer = of_gguf(held.settings, name=path.name)
    with torch.device("meta"):
        module = Llama(**arguments, tied="output.weight" not in held.tensors)
    module.load_state_dict(translate(held.tensors, GGUF, module.state_dict(), name=path.name), assign=True)
    title = str(held.settings.get("general.name", "a Llama"))
    return _published(path.name, title, module.eval(), tokenizer, int8=int8)


def _published(name: str, title: str, module: nn.Module, described: PublishedTokenizer, *, int8: bool) -> LanguageModel:
    tokenizer = described.byte_level()
    template = None
    if described.template:
        end = described.ends[0] if described.ends else ""
        template = ChatTemplate(described.template, begin=described.begin, end=end)
    count = sum(parameter.numel() for parameter in module.parameters())
    about = f"{title}; {count / 1e6:,.0f} million parameters"
    about += "" if template else "; it continues texts, and was not taught to answer"
    return LanguageModel(
        name=name,
        about=about + (", in int8" if int8 else ""),
        module=(with_int8(module) if int8 else module).requires_grad_(False),
        tokenizer=tokenizer,
        context=int(cast(int, module.context)),
        ends=frozenset(map(described.tokens.index, described.ends)),
        template=template,
        begin=(described.tokens.index(described.begin),) if described.begin else (),
    )


def _of_run(word: str, *, int8: bool) -> LanguageModel:
    cards = discover("models")
    if word in cards:
        sizes = [name for name, size in cast(ModelCard, cards[word].card).sizes.items() if size.weights]
        which = f"; which of its sizes: {', '.join(sizes)}?" if sizes else ", and none of its sizes has weights here"
        raise RunProblem(f"{word} is a family of models{which}")
    if word not in discover("labs"):
        _known(word)
    network = predictor.load(word).network
    if network.spec.task != "text-generation":
        raise RunProblem(
            f"{network.name} was trained for {network.spec.task}, and here it takes text-generation: a run of gpt"
        )
    if network.module is None:
        raise RunProblem(f"{network.name} is a graph without its modules: take the run that it was exported from")
    if "cache" not in inspect.signature(network.module.forward).parameters:
        raise RunProblem(
            f"{network.name} keeps no cache and cannot chat: upslope predict {network.name} continues a text"
        )
    return _characters(network, int8=int8)


def _known(word: str) -> None:
    """Say it in our words where nothing of this name is a run, a file or a folder."""
    if not Path(word).expanduser().exists():
        from upslope.runs.run_dir import find_run

        try:
            find_run(word)
        except RunProblem:
            raise RunProblem(
                f'there is no language model "{word}": a published one ({DEFAULT}), a run of gpt, or a GGUF file'
            ) from None


def _characters(network: LoadedModel, *, int8: bool) -> LanguageModel:
    kept = network.spec.preprocessing
    tokenizer: Tokenizer = (
        CharacterTokenizer(str(kept["alphabet"])) if "alphabet" in kept else from_merges(kept["merges"])
    )
    unit = "characters" if "alphabet" in kept else "pieces of words"
    module = with_int8(network.module) if int8 else network.module
    return LanguageModel(
        name=network.name,
        about=f"a model of {unit}, trained on {network.learned_from}: it continues texts and does not converse",
        module=module.eval().requires_grad_(False),
        tokenizer=tokenizer,
        context=int(network.spec.preprocessing["context"]),
    )


class CharacterTokenizer:
    """Characters behind the same methods as a published tokenizer's."""

    def __init__(self, alphabet: str) -> None:
        self.characters = Characters(alphabet)

    def encode(self, text: str) -> Ids:
        """The ids; RunProblem names the characters that the model has never seen."""
        if missing := self.characters.missing(text):
            said = " ".join(map(repr, missing[:5])) + (" ..." if len(missing) > 5 else "")
            raise RunProblem(f"the text holds {said}, which the model does not know: leave them out")
        return self.characters.encode(text)

    def decode(self, ids: ArrayLike) -> str:
        """The text of ids."""
        return self.characters.decode(ids)

    def shown(self, number: int) -> str:
        """The character of an id."""
        return self.characters.alphabet[number]

    def token_bytes(self) -> list[bytes]:
        """Each character in UTF-8."""
        return [character.encode() for character in self.characters.alphabet]

    def decoder(self) -> "CharacterDecoder":
        """A token is a character: nothing is ever incomplete."""
        return CharacterDecoder(self.characters)


class CharacterDecoder:
    """Ids to text, one at a time."""

    def __init__(self, characters: Characters) -> None:
        self._characters = characters

    def push(self, number: int) -> str:
        """The character."""
        return self._characters.alphabet[number]

    def flush(self) -> str:
        """Nothing."""
        return ""
