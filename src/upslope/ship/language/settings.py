"""How an answer is generated: one frozen object for the command line and for servers."""

from dataclasses import dataclass


@dataclass(frozen=True)
class GenerationSettings:
    """Which token is taken at each step, and when to stop."""

    max_tokens: int = 512
    temperature: float = 0.0  # always the likeliest token: a small model strays when it draws
    top_p: float = 0.9
    top_k: int = 0  # 0: all tokens
    min_p: float = 0.0  # only tokens with at least this share of the likeliest one's probability
    repetition_penalty: float = 1.0  # above 1: what was read or written becomes less likely
    presence_penalty: float = 0.0  # taken off the logit of what was written
    frequency_penalty: float = 0.0  # and once more for each time that it was
    seed: int = 0
    stop: tuple[str, ...] = ()  # an answer ends before the first of these words
    pattern: str = ""  # a regular expression that the whole answer matches, unless it is cut off
    top_logprobs: int | None = None  # note the log-probability of each token, and of so many of the likeliest

    def __post_init__(self) -> None:
        """ValueError where a value makes no sense."""
        if self.max_tokens < 1:
            raise ValueError(f"max_tokens is at least 1, not {self.max_tokens}")
        if not 0 <= self.temperature < float("inf"):
            raise ValueError(f"temperature is a number from 0 on, not {self.temperature}")
        if not 0 < self.top_p <= 1:
            raise ValueError(f"top_p is above 0 and at most 1, not {self.top_p}")
        if self.top_k < 0:
            raise ValueError(f"top_k is at least 0, not {self.top_k}")
        if not 0 <= self.min_p <= 1:
            raise ValueError(f"min_p is from 0 to 1, not {self.min_p}")
        if not 0 < self.repetition_penalty < float("inf"):
            raise ValueError(f"repetition_penalty is a number above 0, not {self.repetition_penalty}")
        for name, value in (("presence_penalty", self.presence_penalty), ("frequency_penalty", self.frequency_penalty)):
            if not -2 <= value <= 2:
                raise ValueError(f"{name} is from -2 to 2, not {value}")
        if not all(self.stop):
            raise ValueError("a stop word has at least one character")
