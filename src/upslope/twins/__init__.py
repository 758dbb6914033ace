"""Keras 3 twins of some of the models: the same network beside the PyTorch one, and its weights both ways.

Keras decides at its first import on which backend it runs, so say which one before a twin is imported:

    from upslope.twins.backend import use
    use("tensorflow")
    from upslope.twins.lenet import LeNet5
"""
