"""Workers read one copy of a large data set, and what one of them writes no other sees."""

import sys

import numpy as np
import pytest

from labelsmooth.comparison.engines import _shared
from labelsmooth.data import from_arrays


@pytest.mark.skipif(sys.platform != "linux", reason="files without a name are shared on Linux")
def test_shared_arrays_are_the_arrays(monkeypatch):
    rng = np.random.default_rng(0)
    data = from_arrays(rng.normal(size=(90, 7)), ["a", "b", "c"] * 30, groups=np.arange(90) // 3)
    with _shared.shared(data) as sent:
        assert sent is data
    monkeypatch.setattr(_shared, "_WORTH_BYTES", 1)
    with _shared.shared(data) as sent:
        assert isinstance(sent, _shared.Shared) and len(sent.rest) < data.train.inputs.nbytes + 4000
        one, two = sent.load(), sent.load()
    for part, other in zip(data.splits.values(), one.splits.values(), strict=True):
        np.testing.assert_array_equal(part.inputs, other.inputs)
        np.testing.assert_array_equal(part.labels, other.labels)
        np.testing.assert_array_equal(part.groups, other.groups)
    before = two.train.inputs.copy()
    one.train.inputs[:] = 0
    np.testing.assert_array_equal(two.train.inputs, before)
    assert (one.classes, one.fingerprint, one.card) == (data.classes, data.fingerprint, data.card)
