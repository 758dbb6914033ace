"""The contracts that every model keeps, checked from its card alone: nobody writes them again for a new model.

`contracts()` holds all of them by name, and `keep(Subject(found), name)` checks one on a network that `discover` found;
`subjects(found)` are all networks of a card.
A contract is a public function of a file in this folder that takes a `Subject` and raises `Broken`, one sentence with
the values, where the model breaks it. An exception stands on the card, with its reason.
"""

from upslope.checks.contract.subject import Broken, Subject, subjects
from upslope.checks.contract.suite import contracts, keep

__all__ = ["Broken", "Subject", "contracts", "keep", "subjects"]
