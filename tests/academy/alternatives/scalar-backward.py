"""Kahn's algorithm: count how many contributions each value waits for, pass on when none is missing."""


def backward(self) -> None:
    waits = {self: 0}
    found = [self]
    for value in found:
        for parent in value.parents:
            if parent not in waits:
                waits[parent] = 0
                found.append(parent)
            waits[parent] += 1
    for value in found:
        if value.parents:
            value.grad = 0
    self.grad = 1.0
    ready = [self]
    while ready:
        value = ready.pop()
        for k in range(len(value.parents)):
            parent = value.parents[k]
            parent.grad = parent.grad + value.slopes[k] * value.grad
            waits[parent] -= 1
            if waits[parent] == 0:
                ready.append(parent)
