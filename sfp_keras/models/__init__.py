"""Networks: the papers' VGGs and EfficientNet-B0, a user's own, and weights from files."""

from sfp_keras.models.applications_weights import load_applications_weights
from sfp_keras.models.efficientnet import EFFICIENTNET_NAMES, build_efficientnet
from sfp_keras.models.enlarging import Enlarge
from sfp_keras.models.geometric import RandomGeometry
from sfp_keras.models.own import load_own_model
from sfp_keras.models.papers import PAPER_MODELS, paper_stages
from sfp_keras.models.pytorch_file import efficientnet_arguments_of, vgg_arguments_of
from sfp_keras.models.pytorch_weights import load_pytorch_weights
from sfp_keras.models.vgg import VGG_NAMES, build_vgg
from sfp_keras.models.weights import load_initial_weights, load_weights

__all__ = [
    "EFFICIENTNET_NAMES",
    "PAPER_MODELS",
    "VGG_NAMES",
    "Enlarge",
    "RandomGeometry",
    "build_efficientnet",
    "build_vgg",
    "efficientnet_arguments_of",
    "load_applications_weights",
    "load_initial_weights",
    "load_own_model",
    "load_pytorch_weights",
    "load_weights",
    "paper_stages",
    "vgg_arguments_of",
]
