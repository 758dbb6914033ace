"""The taught PyTorch parts that several models use: attention, norms, residual blocks, schedules."""
