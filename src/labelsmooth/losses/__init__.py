"""Where schemes meet kernels: the losses people call."""

from ._explain import Explanation as Explanation
from ._explain import explain as explain
from .binary import BCEWithLogitsLoss as BCEWithLogitsLoss
from .binary import binary_cross_entropy_with_logits as binary_cross_entropy_with_logits
from .functional import cross_entropy as cross_entropy
from .kullback_leibler import LabelSmoothingLoss as LabelSmoothingLoss
from .labels import convert_smoothing as convert_smoothing
from .labels import smooth_labels as smooth_labels
from .linear import linear_cross_entropy as linear_cross_entropy
from .linear_adapter import smooth_head as smooth_head
from .linear_module import LinearCrossEntropyLoss as LinearCrossEntropyLoss
from .modules import CrossEntropyLoss as CrossEntropyLoss
from .modules import LossReport as LossReport
