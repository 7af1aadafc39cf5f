"""What an experiment's network decides: whether it is trained, its scaling, its options."""

from typing import Any

from sfp_keras.models import Architecture, architecture_of, architectures, parameter_groups
from sfp_keras.settings import NetworkSettings


class NetworkRules:
    """The properties of an experiment that ask which network it has."""

    network: NetworkSettings

    def value(self, name: str) -> Any:
        """The value of the flag of a name."""
        raise NotImplementedError

    @property
    def architecture(self) -> Architecture:
        """What is known of the network: how it is built, scaled and probed."""
        return architecture_of(self.network.model, self.network.train)

    @property
    def group_names(self) -> dict[str, str]:
        """The short names of groups of parameters, each with its pattern: the network's first."""
        return {**parameter_groups(), **self.architecture.groups}

    @property
    def trains_own_model(self) -> bool:
        """Whether the user's network is trained from its own initial weights."""
        return self.network.train and self.network.model not in architectures()

    @property
    def trains(self) -> bool:
        """Whether the command trains the network: it has no weights that are trained already."""
        known = self.network.model in architectures() or self.network.train
        return known and self.network.weights is None

    @property
    def network_scaling(self) -> str:
        """`scaling`, or the architecture's."""
        of_files = None if self.trains else self.architecture.files.scaling
        return self.value("scaling") or of_files or self.architecture.scaling

    @property
    def changed_options(self) -> dict[str, Any]:
        """Options that make a paper's network another one, of which its numbers are not."""
        if self.network.model not in architectures():
            return {}
        source = self.network.weights or self.network.initial_weights
        return self.architecture.changed(self.network.options, source)

    def depends_on(self, option: str) -> bool:
        """Whether the network depends on one of all networks' options.

        Of a network that does not number its layers, other numbers of filters are of a copy: they
        count where they are given.
        """
        architecture = self.architecture
        if option == "filters" and architecture.layer_of is None:
            return option in self.network.options
        return architecture.has(option)

    @property
    def stage_names(self) -> tuple[str, ...]:
        """The stages that the architecture is probed at; none where the network has to be asked."""
        architecture = self.architecture
        if architecture.stages is None:
            return ()
        return architecture.stages(architecture.read(self.network.options))

    def check_options(self) -> None:
        """Refuse options that the network does not have.

        Those of the user's own network are looked at when it is built.

        Raises:
            InputError: naming the option.
        """
        if not self.trains_own_model:
            self.architecture.read(self.network.options)
