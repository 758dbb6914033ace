"""The two weights of the paper's equation."""


def guided(asked, anything, *, guidance):
    return (1 + guidance) * asked - guidance * anything
