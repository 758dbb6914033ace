"""Counts: a network has as many parameters as were published for it, counted at full size without memory."""

from upslope.checks.contract.subject import Broken, Subject


def counts(subject: Subject) -> None:
    """Each size has its published number of parameters: to the unit, or in millions as printed.

    Only a toy needs none. Where nobody published a count, the author counts by hand, and says so.
    """
    for name, size in subject.sizes.items():
        if size.parameters is None and not size.parameters_about:
            if name.startswith("toy"):
                continue
            raise Broken(f"the card has no parameter count for {name}: parameters or parameters_about, and counted_by")
        if not size.counted_by:
            raise Broken(f"the card has a parameter count for {name} and does not say in counted_by who published it")
        # A parameter that two modules share is one: `parameters()` gives it once.
        count = sum(parameter.numel() for parameter in subject.build_without_memory(name).parameters())
        if size.parameters is not None and count != size.parameters:
            raise Broken(f"{name} has {count:,} parameters, and {size.counted_by} says {size.parameters:,}")
        if size.parameters_about:
            digits = len(size.parameters_about.partition(".")[2])
            millions = f"{count / 1e6:.{digits}f}"
            if millions != size.parameters_about:
                raise Broken(
                    f"{name} has {millions} million parameters ({count:,}), and {size.counted_by} says "
                    f"{size.parameters_about} million"
                )
