"""Seven steps from one-hot to the limits: a prediction to commit to, then code with what it printed, then why."""

from __future__ import annotations

from dataclasses import dataclass

from ._code import Example, run
from ._facts import best_gap, gradient, see, target, with_gap
from ._items import Option, Question, numbers
from ._text import fixed
from .recording import ece_pair, final


@dataclass(frozen=True)
class Step:
    """One step: a prediction, code that was run, what it shows."""

    title: str
    prediction: Question
    example: Example
    says: tuple[str, ...]


def steps() -> list[Step]:
    """The seven steps in order."""
    return [_one_hot(), _target(), _loss(), _gradient(), _optimum(), _calibration(), _limits()]


def _one_hot() -> Step:
    code = """
    import torch
    from labelsmooth import cross_entropy

    label = torch.tensor([0])
    for gap in (2, 5, 10, 20):
        logits = torch.zeros(1, 10, dtype=torch.float64)
        logits[0, 0] = gap          # the lead of the true class
        print(f"gap {gap:2d}   loss {cross_entropy(logits, label):.1e}")
    """
    ask = "Ten classes, hard labels. How far must the true logit lead the others before the loss reaches 0?"
    options = (
        Option("by about 5", lambda: see(with_gap(10, 5.0), 0.0).loss == 0),
        Option("by about 10", lambda: see(with_gap(10, 5.0), 0.0).loss > 0 == see(with_gap(10, 10.0), 0.0).loss),
        Option("no finite lead is enough", lambda: all(see(with_gap(10, g), 0.0).loss > 0 for g in (5, 10, 20, 30.0))),
    )
    shrinks = see(with_gap(10, 5.0), 0.0).loss / see(with_gap(10, 10.0), 0.0).loss
    solution = f"From a gap of 5 to one of 10 the loss falls {shrinks:.0f}-fold, and there is still something to gain."
    return Step(
        "A hard target asks for infinity",
        Question(ask, options, 2, solution),
        run(code),
        (
            "A one-hot target says: this class has probability 1, all others 0. Softmax gives 1 only for an infinite "
            "logit, so on a row that is already right the only way to lower the loss is to grow surer.",
            "Each step outward gains less, but never nothing. A net that can fit its training rows will keep walking.",
        ),
    )


def _target() -> Step:
    code = """
    from labelsmooth import smooth_labels, convert_smoothing
    from labelsmooth.schemes import Others

    print("uniform", smooth_labels([1], 5, 0.1))
    print("others ", smooth_labels([1], 5, Others(0.1)))
    print("others 0.1 = uniform", convert_smoothing(0.1, num_classes=5, source="others", to="uniform"))
    """
    return Step(
        "Smoothing moves a little mass to every class",
        Question(
            "Five classes, ε = 0.1, torch's convention. Which probability does the true class keep?",
            numbers(lambda: target(5, 0.1)[0], "0.90", "0.92", "0.98"),
            1,
            "The mass ε is spread over all five classes, the true one included: 1 − 0.1 + 0.1/5.",
        ),
        run(code),
        (
            "q = (1 − ε)·onehot + ε·background. In torch, Keras and timm the background is uniform over **all** K "
            "classes; in fairseq and many home-made losses it is the other K − 1 only.",
            "The two are one family: ε over the others is uniform ε·K/(K − 1). A paper's 0.1 and your 0.1 may differ, "
            "most of all when K is small.",
        ),
    )


def _loss() -> Step:
    code = """
    import torch
    from labelsmooth import CrossEntropyLoss

    criterion = CrossEntropyLoss(label_smoothing=0.2)
    for row in ([2.0, 0.5, 0.3], [-2.0, 5.0, 1.0]):
        z = torch.tensor([row])
        report = criterion.report(z, torch.tensor([0]))
        pull = 0.2 * (z[0, 0] - z.mean())
        print(f"hard {report.nll:.3f} + pull {pull:+.3f} = smoothed {report.loss:.3f}")
    """
    row = [-2.0, 5.0, 1.0]
    hard, smooth = see(row, 0.0).loss, see(row, 0.2).loss
    return Step(
        "The loss: hard cross-entropy and a pull",
        Question(
            "Logits [−2, 5, 1], the true class is the first, ε = 0.2. What does smoothing do to the loss of this row?",
            (
                Option("raises it", lambda: smooth > hard),
                Option("lowers it", lambda: smooth < hard),
                Option("leaves it as it is", lambda: smooth == hard),
            ),
            1,
            f"It falls from {fixed(hard)} to {fixed(smooth)}: the true logit is below the mean logit.",
        ),
        run(code),
        (
            "smoothed = hard + ε·(z_y − mean z). That is exact, for every row and every ε.",
            "So smoothing raises the loss only where the true logit is above the mean logit. It fines a lead, and "
            "gives a discount on a deficit.",
        ),
    )


def _gradient() -> Step:
    code = """
    import torch
    from labelsmooth import cross_entropy

    for amount in (0.0, 0.1):
        z = torch.zeros(1, 10, dtype=torch.float64)
        z[0, 0] = 8.0                          # confident and right
        z.requires_grad_()
        cross_entropy(z, torch.tensor([0]), label_smoothing=amount).backward()
        print(f"smoothing {amount}: true class {z.grad[0, 0]:+.4f}, each other {z.grad[0, 1]:+.4f}")
    """
    return Step(
        "The gradient: prediction minus target",
        Question(
            "The true logit leads by 8, K = 10. Where does one step of gradient descent move it, with ε = 0.1?",
            (
                Option("up: surer still", lambda: gradient(with_gap(10, 8.0), 0.1)[0] < 0),
                Option("nowhere to speak of", lambda: abs(gradient(with_gap(10, 8.0), 0.1)[0]) < 0.01),
                Option("down: less sure", lambda: gradient(with_gap(10, 8.0), 0.1)[0] > 0.01),
            ),
            2,
            f"The gradient is p − q = {fixed(gradient(with_gap(10, 8.0), 0.1)[0], 4)}, positive: descent lowers it.",
        ),
        run(code),
        (
            "gradient = p − q, whatever q is. Hard: p_y − 1, never positive, and vanishing as p_y nears 1.",
            "Smoothed: once p_y passes q_y the sign turns. Near one-hot predictions it is the *hard* gradient that "
            "vanishes; the smoothed one pulls back.",
        ),
    )


def _optimum() -> Step:
    code = """
    import math
    import torch
    from labelsmooth import CrossEntropyLoss

    criterion = CrossEntropyLoss(label_smoothing=0.1)
    z = torch.zeros(1, 10, dtype=torch.float64, requires_grad=True)
    for step in range(1, 301):
        loss = criterion(z, torch.tensor([0]))
        (slope,) = torch.autograd.grad(loss, z)
        z.data -= 2.0 * slope                  # gradient descent
        if step in (1, 10, 30, 300):
            print(f"step {step:3d}   gap {z[0, 0] - z[0, 1]:.4f}   loss {criterion(z, torch.tensor([0])):.4f}")
    floor = criterion.report(z, torch.tensor([0])).floor
    print(f"theory     gap {math.log(1 + 10 * 0.9 / 0.1):.4f}   loss {floor:.4f}")
    """
    return Step(
        "A finite best gap, and a floor",
        Question(
            "Train one row of ten logits to the end with ε = 0.1. Where does the gap stop?",
            numbers(lambda: best_gap(10, 0.1), "2.30", "4.51", "9.21", "∞"),
            1,
            "At log(q_y/q_k) = log(1 + K(1 − ε)/ε).",
        ),
        run(code),
        (
            "The best prediction equals the target, so the gap ends at log(1 + K(1 − ε)/ε), and the loss at the "
            "entropy of the target. It **cannot** reach 0.",
            "A training loss of 0.50 with K = 10 and ε = 0.1 is a perfect fit. Compare losses across ε by their "
            "excess over the floor, or by the hard-label loss: `criterion.report(…)` gives both.",
        ),
    )


def _calibration() -> Step:
    code = """
    from labelsmooth.lesson import recordings

    for name, run in recordings()["runs"].items():
        print(name)
        for method in ("hard", "smooth"):
            end = {key: track[-1] for key, track in run["methods"][method].items()}
            print(f"  {method:6s}  accuracy {end['accuracy']:.3f}  confidence {end['confidence']:.3f}"
                  f"  ECE {end['ece']:.3f}  (null {end['ece_null']:.3f}, n = {run['rows']['test']})")
    """
    hard, smooth = final("digits", "hard", "ece"), final("digits", "smooth", "ece")
    return Step(
        "Confidence falls; calibration depends",
        Question(
            "Clean handwritten digits, a net that is right about 97 times in 100. What does ε = 0.1 do to its raw ECE?",
            (
                Option("lowers it", lambda: smooth < hard * 0.8),
                Option("hardly changes it", lambda: hard * 0.8 <= smooth <= hard * 1.25),
                Option("raises it several times", lambda: smooth > 3 * hard),
            ),
            2,
            f"ECE {ece_pair('digits')}: the net was hardly over-confident, and became under-confident.",
        ),
        run(code),
        (
            "Smoothing lowers confidence by about ε·(top probability − 1/K). Whether that helps depends on where "
            "confidence was: above accuracy, it helps; at accuracy, it hurts.",
            "An ECE is never 0, even for a perfectly calibrated model: its **null** is what such a model would score "
            "on "
            "as many rows. And one number fitted after training, a temperature, moves confidence too, without "
            "touching a single decision. It is the rival to beat.",
        ),
    )


def _limits() -> Step:
    code = """
    from labelsmooth.lesson import recordings

    sweep = recordings()["limits"]["sweeps"]["mixture"]
    print("  ε   accuracy  confidence  NLL after T  error on", "/".join(sweep["pair"]))
    for i, amount in enumerate(sweep["amounts"]):
        print(f"{amount:4.2f}   {sweep['accuracy'][i]:.3f}     {sweep['confidence'][i]:.3f}       "
              f"{sweep['nll_after'][i]:.3f}        {sweep['pair_error'][i]:.3f}")
    """
    return Step(
        "The limits",
        Question(
            "ε = 0.9 and ten classes. How sure is a model that fits its target perfectly?",
            numbers(lambda: target(10, 0.9)[0], "0.10", "0.19", "0.45", "0.91"),
            1,
            f"1 − 0.9 + 0.9/10; the best gap is only {fixed(best_gap(10, 0.9))}, so noise in the logits decides.",
        ),
        run(code),
        (
            "A large ε leaves little room between classes, and classes that are hard to tell apart go first. Mass "
            "goes to every wrong class alike, so what a model knew about *which* mistake is likely is flattened.",
            "That has a price where this knowledge is used: ranking by confidence, conformal sets, and students that "
            "learn from the model. The myths below put numbers on each.",
        ),
    )
