"""The numbers worked by hand in the lessons on blocks are what the library gives, and the lessons say them so."""

import math

import pytest
from tests.academy.lesson_prose import says

pytestmark = pytest.mark.needs("torch")


@pytest.fixture(scope="module")
def torch():
    return pytest.importorskip("torch")


def count(module) -> int:
    return sum(parameter.numel() for parameter in module.parameters())


def middle(torch, value: float):
    """A 3 x 3 kernel that multiplies each pixel by itself."""
    kernel = torch.zeros(1, 1, 3, 3)
    kernel[0, 0, 1, 1] = value
    return kernel


def test_number_of_training_step(torch):
    from upslope.blocks.training import training_step

    def walk(*, forget: bool):
        model = torch.nn.Linear(1, 1, bias=False, dtype=torch.float64)
        torch.nn.init.constant_(model.weight, 2.0)
        optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
        if not forget:
            optimizer.zero_grad = lambda: None
        x, y = torch.tensor([[3.0]], dtype=torch.float64), torch.tensor([[5.0]], dtype=torch.float64)
        path = []
        for _ in range(3):
            out = training_step(model, x, y, loss=lambda z, y: (z - y).square().sum() / 2, optimizer=optimizer)
            path.append((round(float(out), 3), round(model.weight.item(), 6)))
        return path

    assert walk(forget=True)[:2] == [(0.5, 1.7), (0.005, 1.67)]
    first, second, third = walk(forget=False)
    assert (first[1], second[1], third[0]) == (1.7, 1.37, 0.396)
    assert round(third[0] / second[0]) == 79
    says(
        "training-step", "(6 - 5)²/2 = 0.5", "w becomes 1.7", "the loss 0.005", "w = 1.67", "w = 1.37", "loss 0.396: 79"
    )


def test_number_of_warmup_cosine(torch):
    from upslope.blocks.schedules import warmup_cosine

    factors = [round(warmup_cosine(step, total=6, warmup=1), 3) for step in range(6)]
    assert factors == [0.5, 1, 0.854, 0.5, 0.146, 0]
    says("warmup-cosine", "The factors: 0.5, 1, 0.854, 0.5, 0.146, 0")


def test_number_of_label_smoothing(torch):
    from upslope.blocks.losses import smoothed_cross_entropy

    slopes = []
    for smoothing in (0.2, 0.0):
        z = torch.tensor([[0.0, math.log(3)]], requires_grad=True)
        loss = smoothed_cross_entropy(z, torch.tensor([1]), smoothing=smoothing)
        loss.backward()
        slopes.append([round(v, 4) for v in z.grad[0].tolist()])
        if smoothing:
            assert round(loss.item(), 4) == 0.3975
    assert slopes == [[0.15, -0.15], [0.25, -0.25]]
    says("label-smoothing", "= 0.3975", "= [0.15, -0.15]; without smoothing it would be [0.25, -0.25]", "ln 91 = 4.51")
    best = torch.zeros(1, 10, dtype=torch.float64)
    best[0, 3] = math.log(91)
    best.requires_grad_()
    smoothed_cross_entropy(best, torch.tensor([3]), smoothing=0.1).backward()
    assert float(best.grad.abs().max()) < 1e-12


def test_number_of_global_average_pool(torch):
    from upslope.blocks.pooling import global_average_pool

    x = torch.tensor([[[[1.0, 2.0], [3.0, 6.0]]]], requires_grad=True)
    out = global_average_pool(x)
    (8 * out).sum().backward()
    assert (out.tolist(), x.grad.unique().tolist()) == ([[3.0]], [2.0])
    says("global-average-pool", "(1 + 2 + 3 + 6)/4 = 3", "every pixel gets 2", "102,764,544", "513,000")
    assert 7 * 7 * 512 * 4096 + 4096 == 102_764_544
    assert 512 * 1000 + 1000 == 513_000


def test_number_of_residual_block(torch):
    from upslope.blocks.residual import BasicBlock

    block = BasicBlock(1, 1).eval()
    block.conv1.weight.data, block.conv2.weight.data = middle(torch, 1.0), middle(torch, -0.5)
    out = block(torch.tensor([[[[4.0, -4.0]]]])).flatten().tolist()
    assert [round(v, 3) for v in out] == [2, 0]
    says("residual-block", "y = relu(-2 + 4) = 2", "y = relu(0 - 4) = 0")


def test_number_of_bottleneck(torch):
    from upslope.blocks.residual import Bottleneck

    block = Bottleneck(256, 64)
    weights = [count(conv) for conv in (block.conv1, block.conv2, block.conv3)]
    assert weights == [16_384, 36_864, 16_384]
    assert (sum(weights), count(block), round(2 * 9 * 256**2 / sum(weights))) == (69_632, 70_400, 17)
    says("bottleneck", "256·64 = 16,384", "= 36,864", "69,632", "a seventeenth", "70,400", f"{2 * 9 * 256**2:,}")


def test_number_of_stochastic_depth(torch):
    from upslope.blocks.depth import stochastic_depth

    out = stochastic_depth(torch.tensor([[4.0, 8.0]] * 50), rate=0.2, training=True)
    assert {tuple(row) for row in out.tolist()} == {(5.0, 10.0), (0.0, 0.0)}
    says("stochastic-depth", "becomes [4/0.8, 8/0.8] = [5, 10]", "0.8 · 5 + 0.2 · 0 = 4")


def test_number_of_layer_norm(torch):
    from upslope.blocks.norms import layer_norm

    x, weight, bias = torch.tensor([1.0, 3.0]), torch.tensor([1.0, 2.0]), torch.tensor([0.0, 2.0])
    assert layer_norm(x, weight, bias, eps=0.0).tolist() == [-1.0, 4.0]
    unbiased = (x - x.mean()) / x.std() * weight + bias
    assert [round(v, 3) for v in unbiased.tolist()] == [-0.707, 3.414]
    says("layer-norm", "= [-1, 4]", "y = [-0.707, 3.414]")


def test_number_of_attention(torch):
    from upslope.blocks.attention import scaled_dot_product_attention

    q, v = torch.tensor([[1.0, 0.0]]), torch.tensor([[4.0], [0.0]])
    k = torch.tensor([[math.log(3) * math.sqrt(2), 0.0], [0.0, 0.0]])
    assert round(float(scaled_dot_product_attention(q, k, v)), 5) == 3
    says("attention", "the weights 0.75 and 0.25", "the query gets 3", f"needs {(16 * 16) ** 2:,}")


def test_number_of_multi_head_attention(torch):
    from upslope.blocks.attention import MultiHeadAttention

    layer = MultiHeadAttention(2, heads=1)
    layer.qkv.weight.data = torch.cat([torch.zeros(2, 2), torch.eye(2), torch.eye(2)])
    layer.projection.weight.data = torch.eye(2)
    for linear in (layer.qkv, layer.projection):
        torch.nn.init.zeros_(linear.bias)
    assert layer(torch.tensor([[[1.0, 3.0], [3.0, 5.0]]])).tolist() == [[[2.0, 4.0], [2.0, 4.0]]]
    assert {count(MultiHeadAttention(192, heads=heads)) for heads in (1, 3, 6)} == {148_224}
    says("multi-head-attention", "[[2, 4], [2, 4]]", "together 148,224")


def test_the_pattern_in_multi_head_attention_cuts_quarters(torch):
    """The example that shows what brackets mean says that it cuts pictures into quarters."""
    from einops import rearrange

    x = torch.arange(16.0).reshape(1, 1, 4, 4)
    cut = rearrange(x, "B C (two h) (also w) -> B two also C h w", two=2, also=2)
    assert cut[0, 0, 1, 0].tolist() == x[0, 0, :2, 2:].tolist()
    assert cut[0, 1, 0, 0].tolist() == x[0, 0, 2:, :2].tolist()
    says("multi-head-attention", '"B C (two h) (also w) -> B two also C h w", two=2, also=2')


def test_number_of_patch_embedding(torch):
    from upslope.blocks.patches import PatchEmbedding

    layer = PatchEmbedding(in_channels=1, patch_size=2, dim=1)
    layer.projection.weight.data.fill_(1.0)
    layer.projection.bias.data.fill_(0.0)
    assert layer(torch.tensor([[[[1.0, 2, 5, 6], [3, 4, 7, 8]]]])).tolist() == [[[10.0], [26.0]]]
    says("patch-embedding", "[[10], [26]]", "49 tokens of 16 numbers", f"{224 * 224:,}", "2.5 billion")
    assert PatchEmbedding(in_channels=1, patch_size=4, dim=5)(torch.zeros(1, 1, 28, 28)).shape == (1, 49, 5)
    assert round(224**4 / 1e9, 1) == 2.5


def test_number_of_class_token(torch):
    from upslope.blocks.patches import ClassTokenAndPositions

    layer = ClassTokenAndPositions(tokens=2, dim=1)
    layer.class_token.data.fill_(9.0)
    layer.positions.data = torch.tensor([[[100.0], [200.0], [300.0]]])
    out = layer(torch.tensor([[[1.0], [2.0]]]))
    assert out.tolist() == [[[109.0], [201.0], [302.0]]]
    (out * torch.tensor([[1.0], [10.0], [100.0]])).sum().backward()
    assert (layer.class_token.grad.flatten().tolist(), layer.positions.grad.flatten().tolist()) == ([1], [1, 10, 100])
    says("class-token", "then [[109], [201], [302]]", "the class token gets 1, and the places get all three")


def test_number_of_encoder_block(torch):
    from upslope.blocks.transformer import EncoderBlock

    block = EncoderBlock(2, heads=1)
    for linear, bias in ((block.attention.projection, [10.0, 20.0]), (block.mlp[3], [100.0, 200.0])):
        linear.weight.data.fill_(0.0)
        linear.bias.data = torch.tensor(bias)
    assert block(torch.tensor([[[1.0, 2.0]]])).tolist() == [[[111.0, 222.0]]]
    wide = EncoderBlock(192, heads=3)
    assert [count(part) for part in (wide.norm1, wide.attention, wide.mlp)] == [2 * 192, 4 * 192**2 + 4 * 192, 295_872]
    assert count(wide) == 444_864
    assert 8 * 192**2 + 5 * 192 == 295_872
    says("encoder-block", "[[1, 2]] becomes [[111, 222]]", "these are 444,864")


def multiplications(torch, network) -> int:
    """What the convolutions and the last layer multiply for one picture."""
    total = 0

    def note(layer, inputs, out) -> None:
        nonlocal total
        total += layer.weight.numel() * (out[0, 0].numel() if layer.weight.ndim == 4 else 1)

    for layer in network.modules():
        if isinstance(layer, torch.nn.Conv2d | torch.nn.Linear):
            layer.register_forward_hook(note)
    network.eval()(torch.zeros(1, 1, 28, 28))
    return total


def test_numbers_of_the_mnist_lab(torch):
    from upslope.models.build import build

    fast, plain = build("sprint"), build("sprint-plain")
    assert count(fast) == count(plain) == 29_434
    assert [multiplications(torch, network) for network in (plain, fast)] == [2_125_696, 690_048]
    assert round(math.sqrt(0.99 * 0.01 / 10_000), 4) == 0.001
    says("mnist", "29,434 weights", "2,125,696", "690,048, a third", "= 0.001")


def test_numbers_of_the_fashion_lab(torch):
    from upslope.labs.vision import fashion
    from upslope.models.build import build

    def made(model: str):
        return build(fashion.SIZES[model])

    resnet = made("resnet")
    assert [count(stage) for stage in resnet.stages] == [4672, 14_528, 57_728]
    assert (count(resnet.conv1), count(resnet.norm1), count(resnet)) == (144, 32, 77_754)
    assert count(made("vit")) == 456_394
    says("fashion", "144 weights and 32", "= 4,672", "14,528", "57,728", "Together 77,754", "should be 456,394")
    assert 5.5 < 456_394 / 77_754 < 6.5
    says("fashion", "six times the ResNet's weights")


def test_numbers_of_the_twins_lab():
    lrs, velocity, path = (0.1, 0.05), {"PyTorch": 0.0, "Keras": 0.0}, {"PyTorch": 0.0, "Keras": 0.0}
    for lr in lrs:
        velocity["PyTorch"] = 0.9 * velocity["PyTorch"] + 1
        path["PyTorch"] += lr * velocity["PyTorch"]
        velocity["Keras"] = 0.9 * velocity["Keras"] - lr
        path["Keras"] -= velocity["Keras"]
    assert {side: round(way, 6) for side, way in path.items()} == {"PyTorch": 0.195, "Keras": 0.24}
    says("twins", "together 0.195", "together 0.24")


def test_number_of_triplet_loss(torch):
    from upslope.blocks.metric_losses import triplet_loss

    embeddings, labels = torch.tensor([[0.0], [1.0], [3.0]]), torch.tensor([0, 0, 1])
    assert triplet_loss(embeddings, labels, margin=4).item() == pytest.approx(0.5)
    assert (1 - 9 + 4, 1 - 4 + 4) == (-4, 1)
    says("triplet-loss", "1 - 9 + 4 = -4, so 0", "1 - 4 + 4 = 1", "(0 + 1) / 2 = 0.5")


def test_number_of_arcface(torch):
    from upslope.blocks.metric_losses import arcface_logits

    x, centers, label = torch.tensor([[3.0, 0.0]]), torch.tensor([[1.0, 0.0], [0.0, 2.0]]), torch.tensor([0])
    for margin, logits in ((math.pi / 3, [1, 0]), (0.0, [2, 0])):
        found = arcface_logits(x, centers, label, margin=margin, scale=2)[0].tolist()
        assert found == pytest.approx(logits, abs=1e-5)
    says("arcface", "[2 · 0.5, 2 · 0] = [1, 0]", "Without it they were [2, 0]")


def test_number_of_mixup(torch):
    from upslope.blocks.mixing import mixup

    samples, targets = torch.tensor([[4.0], [8.0]]), torch.eye(2)
    mixed, wanted = mixup(samples, targets, partners=torch.tensor([1, 0]), shares=torch.tensor([0.75, 0.5]))
    assert mixed.tolist() == [[5], [6]]
    assert wanted.tolist() == [[0.75, 0.25], [0.5, 0.5]]
    says("mixup", "0.75 · 4 + 0.25 · 8 = 5 with the target [0.75, 0.25], the second 6 with [0.5, 0.5]")


def test_number_of_cutmix(torch):
    from upslope.blocks.mixing import cutmix

    pictures, targets = torch.stack([torch.zeros(1, 4, 4), torch.ones(1, 4, 4)]), torch.eye(2)
    mixed, wanted = cutmix(pictures, targets, partners=torch.tensor([1, 0]), share=0.75, center=(0, 0))
    assert mixed.sum(dim=(1, 2, 3)).tolist() == [1, 15]
    assert wanted[0].tolist() == [15 / 16, 1 / 16]
    says("cutmix", "k = 15/16, though λ was 12/16", "√0.25 = 1/2")
