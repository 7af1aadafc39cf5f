"""What the kind of the network decides: how it is trained, its options and other defaults."""

from typing import Any

from sfp_keras.files import of_applications
from sfp_keras.settings import NetworkSettings

PAPER_MODELS = ("vgg6", "vgg11", "vgg16", "avgg16", "efficientnetb0")

# Mean and deviation of each channel of ImageNet, for images in 0..1.
IMAGENET_SCALING = "0.485,0.456,0.406/0.229,0.224,0.225"


class NetworkRules:
    """The properties of an experiment that ask which network it has."""

    network: NetworkSettings

    def value(self, name: str) -> Any:
        """The value of the flag of a name."""
        raise NotImplementedError

    @property
    def own_model(self) -> bool:
        """Whether the network is the user's, not one of the papers'."""
        return self.network.model not in PAPER_MODELS

    @property
    def trains(self) -> bool:
        """Whether phase 1 is ours to do: a paper's network without given weights."""
        return not self.own_model and self.network.weights is None

    @property
    def trains_own_model(self) -> bool:
        """Whether the user's network is trained from its own initial weights."""
        return self.own_model and self.network.train

    @property
    def efficientnet(self) -> bool:
        """Whether the network is EfficientNet-B0, which scales and enlarges images itself."""
        return self.network.model.startswith("efficientnet") and not self.own_model

    @property
    def vgg(self) -> bool:
        """Whether the network is one of the papers' VGG networks."""
        return not self.own_model and not self.efficientnet

    @property
    def resolved_scaling(self) -> str:
        """`scaling`, or what the papers give their networks, or 0..255 for own networks.

        EfficientNet-B0 gets the training images' mean and deviation, and ImageNet's where it
        stays as it came from there.
        """
        scaling = self.value("scaling")
        if scaling or self.own_model:
            return scaling or "0..255"
        if self.efficientnet:
            return "dataset" if self.trains else IMAGENET_SCALING
        return "-1..1"

    @property
    def resolved_padding(self) -> str:
        """`padding`, or `same` for weights of keras.applications and PyTorch's for others."""
        return self.value("padding") or self._usual_padding

    @property
    def _usual_padding(self) -> str:
        source = self.network.weights or self.network.initial_weights or ""
        return "same" if of_applications(source) else "symmetric"

    @property
    def changed_options(self) -> dict[str, Any]:
        """Options that make a paper's network another one, of which its numbers are not."""
        if self.own_model:
            return {}
        given = self.network.options
        if not self.efficientnet:
            return {"filters": given["filters"]} if "filters" in given else {}
        changed = {name: given[name] for name in ("blocks", "stage9") if name in given}
        padding = self.resolved_padding
        return changed if padding == self._usual_padding else {**changed, "padding": padding}

    @property
    def resolved_pool(self) -> tuple[str, ...]:
        """`pool`, with paper 2's 7x7 average for stages of EfficientNet-B0 it does not name."""
        pool = self.network.pool
        if self.efficientnet and all("=" in text for text in pool):
            return ("avg:7", *pool)
        return pool

    def enlarged(self, image_shape: tuple[int, ...]) -> int | None:
        """What EfficientNet-B0 enlarges images of a shape to; `None` for images as they are."""
        enlarge = self.value("enlarge")
        if not self.efficientnet or enlarge == 0:
            return None
        return enlarge or (224 if max(image_shape[:2]) < 224 else None)
