"""Class by class, from the rows that belong to it."""

import numpy as np


def naive_bayes(counts, labels, classes, *, alpha=1.0):
    prior = np.zeros(classes)
    likelihood = np.zeros((classes, counts.shape[1]))
    for number in range(classes):
        (mine,) = np.nonzero(labels == number)
        prior[number] = np.log(len(mine)) - np.log(len(labels))
        totals = alpha + np.asarray(counts[mine].sum(axis=0)).ravel()
        likelihood[number] = np.log(totals) - np.log(totals.sum())
    return prior, likelihood
