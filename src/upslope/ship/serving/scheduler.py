"""Continuous batching: all texts that are being written get their next token from one forward pass.

G. Yu et al., "Orca: A Distributed Serving System for Transformer-Based Generative Models", 2022,
https://www.usenix.org/conference/osdi22/presentation/yu. A thread of its own goes round: read on in the prompt of one
new text, a piece at a time, so that a long prompt does not hold up the others; then one token for every running text.
Texts join and leave between two rounds. What a prompt has in common with the one before it is not read again.
"""

import math
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence

import torch

from upslope.blocks.language.slots import SlotCache
from upslope.ship.language.continuation import Continuation, Piece
from upslope.ship.language.language_model import LanguageModel, unread

CHUNK = 256  # tokens of a prompt that are read in a round
SLOTS, QUEUE = 8, 32


class Overloaded(Exception):
    """All slots and all places in the queue are taken."""

    def __init__(self, seconds: int) -> None:
        super().__init__(f"the server is busy: all its slots and its queue are full; try again in {seconds} seconds")
        self.seconds = seconds


class Ticket:
    """A text in line or in a slot, and who hears of its pieces, or of what went wrong."""

    def __init__(self, text: Continuation, deliver: Callable[[Piece | Exception], None]) -> None:
        self.text, self.deliver = text, deliver
        self.gone = False  # nobody listens any more
        self.begun = time.monotonic()

    def leave(self) -> None:
        """Nobody listens any more: the slot is free with the next token."""
        self.gone = True


class Scheduler:
    """The slots of a model, and the line before them."""

    def __init__(self, model: LanguageModel, *, slots: int = SLOTS, queue: int = QUEUE) -> None:
        self.model, self.slots, self.queue = model, slots, queue
        self.passes = 0  # forward passes that gave running texts a token
        self._cache, self._prompt = SlotCache(slots=slots), model.cache()
        self._rows: list[Ticket] = []  # in the order of the cache's rows
        self._reading: Ticket | None = None
        self._again: deque[Ticket] = deque()  # whose context was full: the last half of it is read anew
        self._waiting: deque[Ticket] = deque()
        self._turn = threading.Condition()
        self._ending = False
        self._typical = 1.0  # seconds that a text takes, of late
        self._thread = threading.Thread(target=self._run, name="upslope-scheduler", daemon=True)

    def start(self) -> None:
        """Begin to work."""
        self._thread.start()

    def stop(self) -> None:
        """End after this round; who still waits hears nothing more."""
        with self._turn:
            self._ending = True
            self._turn.notify()
        self._thread.join()

    @property
    def running(self) -> int:
        """Texts that have a slot."""
        return len(self._rows) + len(self._again) + (self._reading is not None)

    @property
    def waiting(self) -> int:
        """Texts in line."""
        return len(self._waiting)

    def submit(self, tickets: Sequence[Ticket]) -> None:
        """Take all of these texts in, or none. Overloaded where there is no room for them."""
        with self._turn:
            self._waiting = deque(each for each in self._waiting if not each.gone)
            if self.running + self.waiting + len(tickets) > self.slots + self.queue:
                turns = (self.waiting + 1) / self.slots
                raise Overloaded(min(60, max(1, math.ceil(self._typical * turns))))
            self._waiting.extend(tickets)
            self._turn.notify()

    @torch.inference_mode()
    def _run(self) -> None:
        while True:
            with self._turn:
                while not (self._ending or self.running or self._waiting):
                    self._turn.wait()
                if self._ending:
                    return
                self._admit()
            try:
                self._round()
            except Exception as error:  # whoever it was about, nobody's keys and values are whole any more
                lost = [*self._rows, *self._again, *([self._reading] if self._reading is not None else [])]
                self._rows, self._reading = [], None
                self._again.clear()
                self._cache, self._prompt = SlotCache(slots=self.slots), self.model.cache()
                for ticket in lost:
                    self._deliver(ticket, error)

    def _round(self) -> None:
        if self._reading is not None:
            self._read_on(self._reading)
        for row in reversed(range(len(self._rows))):
            if self._rows[row].gone:
                self._free(row)
        if self._rows:
            self._next_tokens()

    def _admit(self) -> None:
        """Whose prompt is read now: at most one, and only if a slot is free for it."""
        self._waiting = deque(each for each in self._waiting if not each.gone)
        if self._reading is not None and self._reading.gone:
            self._reading = None
        if self._reading is None and self._again:
            self._reading = self._again.popleft()
        elif self._reading is None and self._waiting and self.running < self.slots:
            self._reading = self._waiting.popleft()

    def _read_on(self, ticket: Ticket) -> None:
        new = unread(ticket.text.window, self._prompt)
        logits = self.model.step(torch.tensor([new[:CHUNK]]), self._prompt)
        if len(new) > CHUNK:
            return
        if self._said(ticket, logits[0]):
            self._cache.add(self._prompt)
            self._rows.append(ticket)
        self._reading = None

    def _next_tokens(self) -> None:
        """A token for every running text, in one pass."""
        new = torch.tensor([[ticket.text.window[-1]] for ticket in self._rows])
        self.passes += 1
        logits = self.model.next_logits(new, self._cache)
        for row in reversed(range(len(self._rows))):
            ticket = self._rows[row]
            read = int(self._cache.lengths[row])
            if not self._said(ticket, logits[row]):
                self._free(row)
            elif len(ticket.text.window) != read + 1:
                self._free(row)
                self._again.append(ticket)

    def _said(self, ticket: Ticket, logits: torch.Tensor) -> bool:
        """Hand out the next piece of a text; whether it goes on."""
        try:
            piece = ticket.text.take(ticket.text.choose(logits))
        except Exception as error:
            self._deliver(ticket, error)
            return False
        self._deliver(ticket, piece)
        if piece.finish:
            self._typical += 0.2 * (time.monotonic() - ticket.begun - self._typical)
        return not piece.finish

    def _deliver(self, ticket: Ticket, what: Piece | Exception) -> None:
        try:
            ticket.deliver(what)
        except RuntimeError:  # the loop of who listens has ended
            ticket.leave()

    def _free(self, row: int) -> None:
        last = self._cache.remove(row)
        self._rows[row] = self._rows[last]
        self._rows.pop()
