"""As products with diagonal matrices, on either side."""

import numpy as np
from scipy.sparse import csr_array, diags_array


def tf_idf(counts, frequencies, documents):
    idf = 1 - np.log1p(frequencies) + np.log1p(documents)
    weighted = counts.astype(np.float64) @ diags_array(idf)
    squares = np.asarray(weighted.multiply(weighted).sum(axis=1)).ravel()
    inverse = np.zeros(len(squares))
    np.divide(1, np.sqrt(squares), out=inverse, where=squares > 0)
    return csr_array(diags_array(inverse) @ weighted)
