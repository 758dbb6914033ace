"""How an answer is generated: one frozen object for the command line and for servers."""

from dataclasses import dataclass


@dataclass(frozen=True)
class GenerationSettings:
    """Which token is taken at each step, and when to stop."""

    max_tokens: int = 512
    temperature: float = 0.0  # always the likeliest token: a small model strays when it draws
    top_p: float = 0.9
    top_k: int = 0  # 0: all tokens
    seed: int = 0
    stop: tuple[str, ...] = ()  # an answer ends before the first of these words

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
        if not all(self.stop):
            raise ValueError("a stop word has at least one character")
