"""Group by group."""


def convolution_cost(in_channels, out_channels, *, kernel, places, groups=1, bias=True):
    for name, value in {"in_channels": in_channels, "out_channels": out_channels}.items():
        if value % groups != 0:
            raise ValueError(f"groups={groups} does not divide {name}={value}")
    weights = 0
    for _ in range(groups):
        weights += (in_channels // groups) * (out_channels // groups) * kernel * kernel
    return weights + (out_channels if bias else 0), weights * places
