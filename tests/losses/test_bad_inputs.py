"""Bad input to the losses, the label tools and the schemes: the type of the error, and the words that help.

Each row of BAD is a call, its exact exception, and what the message must say: what was expected, what came, and what to
do where there is something to do. `schemes/test_bad_inputs.py` holds the tables that schemes are built from.
"""

from __future__ import annotations

import pytest
import torch
from losses.bad_options import NAN, OPTIONS, RANGE, TYPICAL, Bad, P, Y, Z, ce, of
from losses.bad_schemes import SCHEMES

from labelsmooth import CrossEntropyLoss, LabelSmoothingLoss, convert_smoothing, smooth_labels
from labelsmooth.schemes import Uniform

BAD: Bad = {
    **OPTIONS,
    **SCHEMES,
    # what the input is
    "logits in a list": (ce([[0.0, 1.0]], Y), TypeError, ("input must be a tensor", "got list")),
    "target in a list": (ce(Z, [0, 1, 2, 0]), TypeError, ("target must be a tensor", "got list")),
    "no target": (ce(Z, None), TypeError, ("target must be a tensor", "got NoneType")),
    "T38 integer logits": (ce(Z.long(), Y), TypeError, ("input must hold logits in float32", "int64", ".float()")),
    "T38 bool logits": (ce(Z.bool(), Y), TypeError, ("input must hold logits", "got torch.bool", ".float()")),
    "T38 complex logits": (ce(Z + 0j, Y), TypeError, ("input must hold logits", "got torch.complex64")),
    "float8 logits": (ce(Z.to(torch.float8_e4m3fn), Y), TypeError, ("bfloat16 or float16", "got torch.float8_e4m3fn")),
    "sparse logits": (ce(Z.to_sparse(), Y), TypeError, ("input must be a dense tensor", "sparse_coo", ".to_dense()")),
    "0-d logits": (
        ce(torch.tensor(1.0), torch.tensor(0)),
        ValueError,
        ("input must have a class dimension", "(N, K, d1, …)", "got a 0-dimensional tensor"),
    ),
    "logits without classes": (
        ce(torch.zeros(4, 0), Y),
        ValueError,
        ("at least one class", "(4, 0)", "0 in dimension 1"),
    ),
    "no classes and probabilities": (ce(Z[:, :0], P[:, :0]), ValueError, ("at least one class", "(4, 0)")),
    "the wrong way round": (ce(Y, Z), TypeError, ("input must hold logits", "torch.int64", "loss(logits, target)")),
    # what the target is
    "bool target": (ce(Z, Y.bool()), TypeError, ("class indices (an integer", "got torch.bool", ".long()")),
    "complex target": (ce(Z, Y + 0j), TypeError, ("class probabilities (a floating one)", "got torch.complex64")),
    "T9 indices (N, 1)": (ce(Z, Y[:, None]), ValueError, ("(4, 1)", "input of (4, 3)", "(4,)", "target.squeeze(1)")),
    "float indices": (
        ce(Z, Y.float()),
        ValueError,
        ("target of shape (4,) is torch.float32", "target.long()", "nn.MSELoss"),
    ),
    "regression target": (
        ce(Z, torch.rand(4, 1)),
        ValueError,
        ("target of shape (4, 1)", "squeeze(1).long()", "(4, 3)", "for regression use nn.MSELoss"),
    ),
    "regression target, module": (
        of(CrossEntropyLoss(), Z, torch.rand(4, 2)),
        ValueError,
        ("read as class probabilities", "(4, 3); got (4, 2)", "integer tensor of shape (4,)", "nn.MSELoss"),
    ),
    "integer one-hot": (
        ce(Z, torch.eye(3).long()[Y]),
        ValueError,
        ("class indices must be (4,)", "one-hot included", "target.to(input.dtype)"),
    ),
    "indices of other rows": (ce(Z, Y[:2]), ValueError, ("target has shape (2,)", "must have shape (4,)")),
    "one row, many indices": (ce(Z[0], Y), ValueError, ("target has shape (4,)", "shape (3,) must have shape ()")),
    "T15 (N, L, K) logits": (
        ce(torch.zeros(2, 5, 3), torch.zeros(2, 5).long()),
        ValueError,
        ("K = 5 classes in dimension 1", "must be (2, 3)", "K = 3 classes in the last", "pass class_dim=-1"),
    ),
    "another map": (
        ce(torch.zeros(2, 3, 4, 4), torch.zeros(2, 4, 5).long()),
        ValueError,
        ("target has shape (2, 4, 5)", "must have shape (2, 4, 4)"),
    ),
    "T31 index too large": (
        ce(Z, torch.tensor([0, 1, 3, 0])),
        IndexError,
        ("target at row 2 is 3", "with 3 classes", "[0, 2]", "ignore_index=-100"),
    ),
    "T31 negative index": (ce(Z, torch.tensor([0, -1, 2, 0])), IndexError, ("target at row 1 is -1", "[0, 2]")),
    "T31 index in a map": (
        ce(torch.zeros(2, 3, 2), torch.tensor([[0, 1], [7, 2]])),
        IndexError,
        ("target at row (1, 0) is 7", "[0, 2]"),
    ),
    "T32 uint8 mark 255": (
        ce(Z, Y.where(Y < 2, 255).to(torch.uint8)),
        IndexError,
        ("target at row 2 is 255", "[0, 2]"),
    ),
    # the amount
    "T12 nan": (ce(Z, Y, label_smoothing=NAN), ValueError, (RANGE, "got nan", TYPICAL)),
    "T12 negative": (
        ce(Z, Y, label_smoothing=-0.1),
        ValueError,
        (RANGE, "got -0.1", "Uniform(-0.1, allow_negative=True)"),
    ),
    "T12 above 1": (of(CrossEntropyLoss, label_smoothing=1.5), ValueError, (RANGE, "got 1.5", TYPICAL)),
    "T12 percent": (ce(Z, Y, label_smoothing=10), ValueError, (RANGE, "got 10.", TYPICAL)),
    "T12 infinite": (ce(Z, Y, label_smoothing=float("inf")), ValueError, (RANGE, "got inf")),
    "T12 bool": (ce(Z, Y, label_smoothing=True), TypeError, (RANGE, "got bool True")),
    "T12 string": (of(CrossEntropyLoss, label_smoothing="0.1"), TypeError, (RANGE, "got str '0.1'")),
    "T12 None": (ce(Z, Y, label_smoothing=None), TypeError, (RANGE, "got NoneType None")),
    "T12 list": (ce(Z, Y, label_smoothing=[0.1, 0.2]), TypeError, (RANGE, "got list [0.1, 0.2]")),
    "T12 bare tensor": (
        ce(Z, Y, label_smoothing=torch.tensor([0.1, 0.2, 0.3])),
        ValueError,
        ("one floating-point number", "got shape (3,)", "per_class= or per_sample= to the scheme"),
    ),
    "T12 integer tensor": (ce(Z, Y, label_smoothing=torch.tensor(1)), ValueError, ("floating-point", "torch.int64")),
    "T12 tensor above 1": (ce(Z, Y, label_smoothing=torch.tensor(1.5)), ValueError, ("[0, 1]; got 1.5", TYPICAL)),
    "T12 nan tensor": (of(Uniform, torch.tensor(NAN)), ValueError, ("must be in [0, 1]; got nan", TYPICAL)),
    "scheme, not built": (
        ce(Z, Y, label_smoothing=Uniform),
        TypeError,
        (RANGE, "got the class Uniform", "Uniform(0.1)"),
    ),
    "scheme by name": (ce(Z, Y, label_smoothing="others"), TypeError, ("labelsmooth.schemes.Others(0.1)", "'others'")),
    "KL negative": (of(LabelSmoothingLoss, -0.1), ValueError, (RANGE, "got -0.1", "allow_negative=True")),
    "KL negative scheme": (
        of(LabelSmoothingLoss, Uniform(-0.1, allow_negative=True)),
        ValueError,
        ("takes no negative smoothing", "got Uniform(-0.1)", "CrossEntropyLoss takes it"),
    ),
    "KL above 1": (of(LabelSmoothingLoss, 1.5), ValueError, (RANGE, "got 1.5", TYPICAL)),
    "KL None": (of(LabelSmoothingLoss, None), TypeError, (RANGE, "got NoneType None")),
    # the label tools
    "labels of floats": (of(smooth_labels, [0.0, 1.0], 3), TypeError, ("integer dtype", "float32", ".long()")),
    "labels of bools": (of(smooth_labels, [True, False], 3), TypeError, ("integer dtype", "got torch.bool")),
    "labels of text": (of(smooth_labels, ["a"], 3), TypeError, ("labels must be class indices", "got ['a']")),
    "labels None": (of(smooth_labels, None, 3), TypeError, ("labels must be class indices", "got None")),
    "ragged labels": (of(smooth_labels, [[0], [1, 2]], 3), TypeError, ("class indices", "got [[0], [1, 2]]")),
    "label too large": (of(smooth_labels, [0, 3], 3), IndexError, ("label at row 1 is 3", "3 classes", "[0, 2]")),
    "label -1": (of(smooth_labels, [-1], 3), IndexError, ("at row 0 is -1", "[0, 2]")),
    "no classes": (of(smooth_labels, [0], 0), ValueError, ("num_classes must be an int of at least 1", "got 0")),
    "num_classes a float": (of(smooth_labels, [0], 2.0), ValueError, ("num_classes must be an int", "got 2.0")),
    "num_classes a bool": (of(smooth_labels, [0], True), ValueError, ("num_classes must be an int", "got True")),
    "labels by 1.5": (of(smooth_labels, [0], 3, 1.5), ValueError, (RANGE, "got 1.5", TYPICAL)),
    "integer rows": (
        of(smooth_labels, [0], 3, dtype=torch.int64),
        TypeError,
        ("dtype must be a floating one", "torch.int64"),
    ),
    "dtype by name": (of(smooth_labels, [0], 3, dtype="float32"), TypeError, ("torch.float32", "got 'float32'")),
    "T11 unknown source": (
        of(convert_smoothing, 0.1, 5, source="torch", to="others"),
        ValueError,
        ("source must be one of ['uniform', 'others', 'classy_vision']", "got 'torch'"),
    ),
    "T11 unknown convention": (
        of(convert_smoothing, 0.1, 5, source="others", to="timm"),
        ValueError,
        ("to must be one of", "got 'timm'"),
    ),
    "T9 conversion of one class": (
        of(convert_smoothing, 0.1, 1, source="others", to="uniform"),
        ValueError,
        ("num_classes must be an int of at least 2", "got 1"),
    ),
    "conversion out of range": (
        of(convert_smoothing, 0.95, 2, source="others", to="uniform"),
        ValueError,
        ("others 0.95 with 2 classes would be uniform 1.9", "outside [0, 1]", "cannot express it"),
    ),
    "conversion of 1.5": (of(convert_smoothing, 1.5, 5, source="uniform", to="others"), ValueError, (RANGE, "1.5")),
    "conversion of text": (of(convert_smoothing, "x", 5, source="uniform", to="others"), TypeError, (RANGE, "str 'x'")),
    "T11 all of it to ClassyVision's": (
        of(convert_smoothing, 1.0, 5, source="uniform", to="classy_vision"),
        ValueError,
        ("uniform 1 with 5 classes leaves the label nothing", "cannot express it", "Pass a smaller amount"),
    ),
    "T11 more than all of it": (
        of(convert_smoothing, 0.9, 2, source="others", to="classy_vision"),
        ValueError,
        ("others 0.9 with 2 classes", "cannot express it"),
    ),
    "ClassyVision's infinite": (
        of(convert_smoothing, float("inf"), 5, source="classy_vision", to="uniform"),
        ValueError,
        ("a finite number ≥ 0 under classy_vision", "got inf"),
    ),
    "ClassyVision's text": (
        of(convert_smoothing, "0.1", 5, source="classy_vision", to="uniform"),
        TypeError,
        ("a finite number ≥ 0", "got str '0.1'"),
    ),
    "ClassyVision's negative": (
        of(convert_smoothing, -0.1, 5, source="classy_vision", to="uniform"),
        ValueError,
        ("a finite number ≥ 0 under classy_vision", "got -0.1"),
    ),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_input(name: str) -> None:
    call, kind, words = BAD[name]
    with pytest.raises(kind) as caught:
        call()
    assert type(caught.value) is kind
    message = str(caught.value)
    assert [word for word in words if word not in message] == [], message


def test_there_are_151_bad_inputs() -> None:
    assert len({call for call, *_ in BAD.values()}) == 151


@pytest.mark.parametrize("name", BAD)
def test_messages_are_sentences_of_ours(name: str) -> None:
    """Not a line of torch's, nor a list of our private names."""
    with pytest.raises(BAD[name][1]) as caught:
        BAD[name][0]()
    message = str(caught.value)
    assert message.strip() == message and 20 < len(message) < 500
    assert not any(word in message for word in ("aten::", "__init__", "Options.", "Mixture.", "object has no"))


@pytest.mark.parametrize("module", [CrossEntropyLoss, LabelSmoothingLoss])
def test_a_refused_batch_leaves_the_loss_as_it_was(module: type[torch.nn.Module]) -> None:
    loss = module()
    before = loss(Z, Y)
    with pytest.raises(ValueError, match=r"squeeze\(1\)"):
        loss(Z, Y[:, None])
    torch.testing.assert_close(loss(Z, Y), before, rtol=0, atol=0)
