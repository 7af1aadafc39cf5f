"""What networks with zeroed links are trained with: cached outputs, or images."""

import dataclasses

import keras

from sfp_keras.afcc import CachedBatches, LinkData, prefix_of
from sfp_keras.afcc.link_layers import Start
from sfp_keras.data import evaluation_batches
from sfp_keras.training import TrainingData
from sfp_keras.workflows.inputs.training_images import training_images
from sfp_keras.workflows.session import ProbeSession


class LinkBatches:
    """Batches for trainings under masks; outputs of the frozen part are cached once a start.

    Args:
        session: `ProbeSession`.
    """

    def __init__(self, session: ProbeSession):
        self.session = session
        self._start: Start = None
        self._cached: tuple | None = None

    def behind(self, start: Start, seed: int) -> LinkData:
        """Outputs of the frozen part of the network, which images pass through once.

        Args:
            start: `Start`. Where the frozen part ends.
            seed: `int`. Of the order of the images.
        """
        if self._cached is None or self._start != start:
            self._cached = None  # Two of them may not fit into memory.
            self._start, self._cached = start, self._cache(start)
        train, test, shape = self._cached
        size = self.session.experiment.afcc.links.training.batch_size
        batches = CachedBatches(train, shape, size, seed)
        exact = CachedBatches(test, shape, size, seed)
        return LinkData(
            lambda model: (model, batches.training_data()),
            exact.test,
            min(size, exact.test_count),
            start,
        )

    def images(self, seed: int) -> LinkData:
        """Augmented images, through the whole network.

        Args:
            seed: `int`. Of their order and augmentation.
        """
        session = self.session
        size = session.experiment.afcc.links.training.batch_size
        experiment = session.experiment.changed(seed=seed, batch_size=size)
        inputs = dataclasses.replace(session.inputs, experiment=experiment)
        test, test_size = session.dataset.test, experiment.heads.inference_batch_size

        def prepare(model: keras.Model) -> tuple[keras.Model, TrainingData]:
            return training_images(inputs, model)

        return LinkData(
            prepare,
            lambda: evaluation_batches(test, test_size, session.scaling),
            min(test_size, len(test)),
        )

    def _cache(self, start: Start) -> tuple:
        prefix = prefix_of(self.session.network, start)
        about = [None if start is None else list(start)]
        cached = self.session.cache_outputs("links", prefix, ["prefix"], about)
        # Accuracies are float32's, whatever training reads.
        exact = self.session.cache_outputs(
            "links-test", prefix, ["prefix"], about, versions=0, dtype="float32"
        )
        return cached, exact, prefix.output_shape[1:]
