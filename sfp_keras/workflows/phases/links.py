"""AFCC between layers: links are zeroed outside masks, and every network is trained."""

import dataclasses
import warnings
from collections.abc import Iterator, Sequence

import keras
import pandas as pd

from sfp_keras.afcc import (
    LINK_VARIANTS,
    Link,
    LinkData,
    LinkFineTuning,
    LinkOutcome,
    check_label_outputs,
    layers_of_link,
    links,
    start_before,
)
from sfp_keras.afcc.link_layers import Start
from sfp_keras.csv_files import csv_text
from sfp_keras.errors import InputError
from sfp_keras.experiment import Experiment, all_declarations
from sfp_keras.files import write_text
from sfp_keras.models.label_outputs import label_outputs
from sfp_keras.progress import Progress
from sfp_keras.runs.afcc_results import ZeroedHead
from sfp_keras.runs.link_files import LinkTraining, ZeroedLinks
from sfp_keras.runs.link_results import add_link_row, find_link_row, read_links
from sfp_keras.workflows.experiment_run import run_plan
from sfp_keras.workflows.inputs.arguments import training_called
from sfp_keras.workflows.inputs.building import build_network
from sfp_keras.workflows.inputs.stages import chosen_links
from sfp_keras.workflows.phases.fine_tuning import note_silent_labels
from sfp_keras.workflows.phases.link_data import LinkBatches
from sfp_keras.workflows.phases.link_masks import LinkMasks, masks_of, shares
from sfp_keras.workflows.phases.zeroed_networks import keep_state, keep_zeroed_network, restored
from sfp_keras.workflows.session import ProbeSession


def zero_links(session: ProbeSession) -> pd.DataFrame:
    """Train every network that was not yet; returns the rows of all asked for."""
    chosen = chosen_links(session.experiment, session.network, session.dataset.num_labels)
    phase = LinkPhase(session, chosen)
    phase.check()
    work = list(phase.work())
    for number, (zeroed, training) in enumerate(work, start=1):
        phase.train(zeroed, training, f"links {number}/{len(work)}")
        if number < len(work) and work[number][0] != zeroed:
            phase.drop_states_before(zeroed)
    for zeroed in dict.fromkeys(zeroed for zeroed, _ in phase.work(finished=True)):
        phase.drop_states_before(zeroed)  # Also where a kill came before.
    if not session.experiment.heads.keep_cache:
        session.run.delete_features("links")
        session.run.delete_features("links-test")
    rows = [
        row
        for zeroed, training in phase.work(finished=True)
        if (row := find_link_row(read_links(session.run.links(zeroed)), training)) is not None
    ]
    return pd.DataFrame(rows)


def description_of(experiment: Experiment, zeroed: ZeroedLinks, training: LinkTraining) -> str:
    """What an unfinished training depends on: settings that only others read may change.

    Args:
        experiment: `Experiment`, which may ask for other trainings too.
        zeroed: the links that are zeroed.
        training: how, and from where.
    """
    alone = experiment.changed(
        afcc_links_start=(training.start,), afcc_links_variants=(training.variant,)
    )
    plan, declared = run_plan(alone), all_declarations()
    unread = {
        name: plan.defaults[name]
        for name in plan.kept("links")
        if declared[name].topic != "augmentation"
    }
    settings = {**unread, **plan.phase("links")}
    return plan.digest("links", [settings, *zeroed, *training])


class LinkPhase:
    """The trainings of one command.

    Args:
        session: `ProbeSession` whose stages are measured.
        chosen: the links that are zeroed, input side first.
    """

    def __init__(self, session: ProbeSession, chosen: Sequence[Link]):
        self.session = session
        self.settings = session.experiment.afcc.links
        # From the output side.
        self.links = {link.name: link for link in reversed(chosen)}
        self.places = {link.name: place for place, link in enumerate(links(session.network))}
        self.layers = {
            name: layers_of_link(session.network, link) for name, link in self.links.items()
        }
        self.masks = LinkMasks(session)
        self.batches = LinkBatches(session)
        found = label_outputs(session.network, session.dataset.num_labels)
        self.outputs = check_label_outputs(found)
        self._accuracies: dict[Start, float] = {}

    def check(self) -> None:
        """Refuse masks that would be empty, or no masks at all, before the first training."""
        if next(self.work(finished=True), None) is None:
            variants, how = map(",".join, (self.settings.variants, self.settings.how))
            raise InputError(
                f"`afcc_links_variants`={variants} leaves nothing to train with "
                f"`afcc_links_how`={how}: magnitude_global is made of several links together, "
                "published_script of links between filters, and no sequence starts from scratch"
            )
        new = [
            (link, training)
            for zeroed, training in self.work()
            for link in self._newly_zeroed(zeroed)
        ]
        for link, training in dict.fromkeys(new):
            self.masks.check(link, self.session.network, training)

    def work(self, finished: bool = False) -> Iterator[tuple[ZeroedLinks, LinkTraining]]:
        """What is to be trained, all with one cache in a row.

        Args:
            finished: `bool`. Whether what is finished is among it. Defaults to `False`.
        """
        for zeroed in self._groups():
            files = self.session.run.links(zeroed)
            table = read_links(files)
            for training in self._trainings():
                if not self._is_made(zeroed, training):
                    continue
                if finished or find_link_row(table, training) is None:
                    yield zeroed, training
                else:
                    # A kill may have come before.
                    files.checkpoint(training).unlink(missing_ok=True)

    def train(self, zeroed: ZeroedLinks, training: LinkTraining, title: str) -> None:
        """Train one network, and keep what came out."""
        files, network = self.session.run.links(zeroed), self._network(zeroed, training)
        tuner = self._tuner(zeroed, training)
        outcome = self._outcome(tuner, network, zeroed, training, title)
        if self._goes_on(zeroed, training):
            keep_state(files.state(training), outcome.network)
        if training.variant == "clusters" and not files.model.exists():
            keep_zeroed_network(files, training, outcome.network)
        write_text(files.curve(training), csv_text(pd.DataFrame(outcome.history)))
        scratch = training.start == "scratch"
        settings = self.settings.scratch if scratch else self.settings.training
        every = [self.links[name] for name in zeroed.links]
        about = {
            "place": self.places[self._newly_zeroed(zeroed)[0].name],
            **shares(
                self.masks.zeroed(every, network, training), outcome.network, training.variant
            ),
            "accuracy_before": self._accuracy_before(tuner.data),
            "accuracy_zeroed": None if scratch else outcome.accuracy_zeroed,
            "accuracy_after": outcome.accuracy_after,
            "epochs": settings.total_epochs,
        }
        add_link_row(files, zeroed, training, about)
        files.checkpoint(training).unlink(missing_ok=True)

    def drop_states_before(self, zeroed: ZeroedLinks) -> None:
        """Delete what a sequence went on with, all of whose next step is trained."""
        while zeroed.how == "sequence":
            zeroed = zeroed.before
            for path in self.session.run.links(zeroed).states():
                path.unlink(missing_ok=True)

    def _groups(self) -> Iterator[ZeroedLinks]:
        """Links that are zeroed together or one after another, from the output side."""
        names, how = tuple(self.links), self.settings.how
        for count, name in enumerate(names, start=1):
            # A sequence begins with the last link, zeroed alone.
            if "alone" in how or len(names) == 1 or (count == 1 and "sequence" in how):
                yield ZeroedLinks("alone", (name,))
            if "sequence" in how and count > 1:
                yield ZeroedLinks("sequence", names[:count])
        if "together" in how and len(names) > 1:
            yield ZeroedLinks("together", names)

    def _trainings(self) -> list[LinkTraining]:
        """Every training of one group of links, once."""
        experiment, afcc = self.session.experiment, self.session.experiment.afcc
        wanted = [
            LinkTraining(variant, images, threshold, seed, start)
            if LINK_VARIANTS[variant].of_clusters
            else LinkTraining(variant, seed=seed, start=start)
            for start in self.settings.start
            for seed in self.settings.seeds or (experiment.run.seed,)
            for variant in self.settings.variants
            for images in afcc.split
            for threshold in afcc.thresholds or (experiment.analysis.threshold,)
        ]
        return list(dict.fromkeys(wanted))

    def _is_made(self, zeroed: ZeroedLinks, training: LinkTraining) -> bool:
        variant = LINK_VARIANTS[training.variant]
        if zeroed.how == "sequence":
            # One link at a time is zeroed, and other kinds of links may follow the first.
            every = [self.links[name] for name in zeroed.links]
            made = not variant.of_several and variant.is_made_of(every)
            return made and training.start == "trained"
        only_first = zeroed.how == "alone" and "alone" not in self.settings.how
        if only_first and len(self.links) > 1 and training.start == "scratch":
            return False
        return variant.is_made_of(self._newly_zeroed(zeroed))

    def _goes_on(self, zeroed: ZeroedLinks, training: LinkTraining) -> bool:
        """Whether a sequence goes on with what is trained."""
        names = tuple(self.links)
        first = zeroed.how == "sequence" or zeroed.links == names[:1]
        wanted = "sequence" in self.settings.how and training.start == "trained"
        return first and wanted and zeroed.links != names

    def _newly_zeroed(self, zeroed: ZeroedLinks) -> list[Link]:
        names = zeroed.links[-1:] if zeroed.how == "sequence" else zeroed.links
        return [self.links[name] for name in names]

    def _network(self, zeroed: ZeroedLinks, training: LinkTraining) -> keras.Model:
        """The network that a training begins with, before its masks."""
        if training.start == "scratch":
            experiment = self.session.experiment.changed(seed=training.seed)
            return build_network(experiment, self.session.dataset, "float32")
        if zeroed.how != "sequence":
            return self.session.network
        before = zeroed.before
        if not self._is_made(before, training):
            training = training._replace(variant="clusters")  # Which it equals so far.
        state = self.session.run.links(before).state(training)
        if not state.exists():
            # It was trained when no more links were to follow: it is trained again, alike.
            self.train(before, training, "links before")
        return restored(self.session.network, state)

    def _tuner(self, zeroed: ZeroedLinks, training: LinkTraining) -> LinkFineTuning:
        names = self.session.experiment.group_names
        settings = self.settings
        if training.start == "scratch":
            data = self.batches.images(training.seed)
            scratch = dataclasses.replace(settings.scratch, precision=settings.training.precision)
            return LinkFineTuning(self.outputs, data, scratch, names=names, seed=training.seed)
        if settings.batch_norm == "updating":
            data = self.batches.images(training.seed)
        else:
            # All that a sequence has trained so far lies behind it.
            trained = {path for name in zeroed.links for path in self.layers[name]}
            start = start_before(self.session.network, trained)
            data = self.batches.behind(start, training.seed)
        return LinkFineTuning(
            self.outputs, data, settings.training, settings.batch_norm, names, training.seed
        )

    def _outcome(
        self,
        tuner: LinkFineTuning,
        network: keras.Model,
        zeroed: ZeroedLinks,
        training: LinkTraining,
        title: str,
    ) -> LinkOutcome:
        """Mask the links of a network that are zeroed now, and train it."""
        scratch, new = training.start == "scratch", self._newly_zeroed(zeroed)
        # From scratch, the trained network says what is kept.
        ends = self.masks.zeroed(new, self.session.network if scratch else network, training)
        if training.variant == "clusters":
            head = ZeroedHead("clusters", training.images, training.threshold)
            for one in ends:
                if one.link.target is None:
                    note_silent_labels(one.mask, self.session.dataset.class_names, head)
        layers = None
        if not scratch:
            layers = list(dict.fromkeys(path for link in new for path in self.layers[link.name]))
        last = f"{len(new)} links" if zeroed.how == "together" else zeroed.links[-1]
        phase = f"{title} {last} {training.variant}"
        if len(self.settings.seeds) > 1:
            phase += f", seed {training.seed}"
        with (
            warnings.catch_warnings(),
            training_called("afcc_links_scratch_" if scratch else "afcc_links_"),
        ):
            warnings.filterwarnings("ignore", "mask: .* units have no free weight")
            return tuner.run(
                network,
                masks_of(ends, training.variant),
                layers,
                checkpoint=self.session.run.links(zeroed).checkpoint(training),
                description=description_of(self.session.experiment, zeroed, training),
                progress=Progress(phase),
            )

    def _accuracy_before(self, data: LinkData) -> float:
        """The accuracy of the network as it was."""
        if data.start not in self._accuracies:
            tuner = LinkFineTuning(self.outputs, data)
            self._accuracies[data.start] = tuner.accuracy(self.session.network)
        return self._accuracies[data.start]
