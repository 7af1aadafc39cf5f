"""Networks: the papers' VGGs, a user's own, and weights from files."""

from sfp_keras.models.own import load_own_model
from sfp_keras.models.pytorch_file import vgg_arguments_of
from sfp_keras.models.pytorch_weights import load_pytorch_weights
from sfp_keras.models.vgg import VGG_NAMES, build_vgg, paper_stages
from sfp_keras.models.weights import load_weights

__all__ = [
    "VGG_NAMES",
    "build_vgg",
    "load_own_model",
    "load_pytorch_weights",
    "load_weights",
    "paper_stages",
    "vgg_arguments_of",
]
