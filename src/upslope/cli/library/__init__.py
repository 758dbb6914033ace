"""The verbs that use the library: data sets, models, predictions, exports, recorded results."""
