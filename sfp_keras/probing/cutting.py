"""Cutting a network at its stages: one model with one output a stage, weights shared."""

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

import keras
import numpy as np

from sfp_keras.errors import InputError
from sfp_keras.models.graph import functional_form, labelled_nodes, require_functional
from sfp_keras.probing.inside_layer import InsideLayer
from sfp_keras.probing.stages import Stage, listed, resolve_stages
from sfp_keras.probing.views import StageView, apply_layers


@keras.saving.register_keras_serializable(package="sfp_keras")
class StageModel(keras.Model):
    """A functional model whose call returns a list, also of a single output.

    Attributes:
        views: dict from the name of each stage whose pooling is trained with its head to its
            `StageView`: the model puts out what that pooling reads.
    """

    views: Mapping[str, StageView] = {}

    def call(self, inputs: Any, training: Any = None, mask: Any = None) -> list[Any]:
        """Run the network up to its stages."""
        outputs = super().call(inputs, training=training, mask=mask)
        # Keras hands a list of one output back as the bare output.
        return outputs if isinstance(outputs, list) else [outputs]

    def get_config(self) -> dict[str, Any]:
        """The configuration: the graph, the stages' names and views."""
        views = [dataclasses.asdict(view) for view in self.views.values()]
        return {**super().get_config(), "stages": list(self.output_names), "views": views}

    @classmethod
    def from_config(cls, config: dict[str, Any], custom_objects: Any = None) -> "StageModel":
        """A model of a configuration; one of an earlier version has its layers' names."""
        graph = {key: value for key, value in config.items() if key not in ("stages", "views")}
        cut = super().from_config(graph, custom_objects=custom_objects)
        cut.output_names = list(config.get("stages", cut.output_names))
        views = [StageView(**{**v, "shape": tuple(v["shape"])}) for v in config.get("views", ())]
        cut.views = {view.stage: view for view in views}
        return cut


def cut_stages(
    model: keras.Model,
    stages: Stage | str | Sequence[Stage | str],
    pool: str | Mapping[str, str] | None = None,
) -> keras.Model:
    """Cut a network at stages: a model with one output a stage on the same layers and weights.

    Layers after the last stage are not run. The network itself is left as it is: it can be used,
    trained and saved as before (freezing the cut model freezes the layers they share).

    Example:

    ```
    cut = cut_stages(model, ["layer2", "layer13"])
    features = dict(zip(cut.output_names, cut.predict(images)))
    ```

    Args:
        model: a functional or sequential `keras.Model` with one input; nested models may contain
            stages.
        stages: stages of `resolve_stages`, whose order is kept, or names, which are resolved and
            sorted from the input side; or a single one of either.
        pool: what a head reads of the stages' outputs (paper 2 pools EfficientNet-B0's by
            `avg:7`): `avg:<size>` or `max:<size>` for square windows side by side, a border
            narrower than a window left out; `global_avg`; `heads:<n>` for the n attention heads
            whose outputs lie one behind another as filters, their nodes as positions; `sequence`
            for a mean over tokens with weights that `train_heads` learns, up to which the cut
            model puts out tokens; or several joined by `+`: `sequence+heads:4`. For all stages,
            or as a mapping from a stage's name. Defaults to `None`: outputs as they are.

    Returns:
        A `keras.Model` whose outputs are a list, also for one stage; its `output_names` are the
        stages' names.

    Raises:
        InputError: if a stage is unknown, a pool is misspelt, names no stage or is larger than its
            stage, or the model is subclassed, has several inputs or its channels first.
    """
    stages = listed(stages)
    names = [stage.path if isinstance(stage, Stage) else stage for stage in stages]
    resolved = resolve_stages(model, names)
    if all(isinstance(stage, Stage) for stage in stages):
        resolved = [stage for stage in stages if isinstance(stage, Stage)]
    views = _views(resolved, pool)

    form = require_functional(model)
    tensors = _tensors_at(form, [stage.path for stage in resolved], with_outputs=False)
    tensors = [filters_last(s, tensor) for s, tensor in zip(resolved, tensors, strict=True)]
    outputs = [
        apply_layers(view.fixed(), tensor) for tensor, view in zip(tensors, views, strict=True)
    ]
    cut = StageModel(form.inputs[0], outputs, name=f"{model.name}_stages")
    cut.output_names = [stage.name for stage in resolved]
    cut.views = {view.stage: view for view in views if view.learnt()}
    return cut


def with_trained_views(
    cut: keras.Model, weights: Sequence[Mapping[str, np.ndarray]]
) -> keras.Model:
    """A cut model that puts out what the heads read, behind the poolings trained with them.

    Args:
        cut: model of `cut_stages`, or another, which is returned as it is.
        weights: the `pooling` of each stage's `Head`, in the order of the outputs.

    Returns:
        A `StageModel`, or `cut` where nothing is learnt.

    Raises:
        InputError: if a stage's pooling is learnt and its weights are not there.
    """
    views = getattr(cut, "views", {})
    if not views:
        return cut
    outputs = [
        apply_layers(views[name].trained(given), output) if name in views else output
        for name, output, given in zip(cut.output_names, cut.outputs, weights, strict=True)
    ]
    pooled = StageModel(cut.inputs[0], outputs, name=cut.name)
    pooled.output_names = list(cut.output_names)
    return pooled


def filters_last(stage: Stage, tensor: Any) -> Any:
    """Put the filters of a stage's tensor on its last axis, where the layer has them elsewhere."""
    if not stage.axes:
        return tensor
    name = f"{stage.name.replace('#', '_call')}_filters_last"
    return keras.layers.Permute(stage.axes, name=name)(tensor)


def _tensors_at(graph: keras.Model, paths: Sequence[str], with_outputs: bool) -> list[Any]:
    """Return symbolic tensors computed from the graph's own inputs: at `paths`, then its outputs.

    Where a path leads into a nested model or a layer, that is replaced by itself with more outputs,
    and what follows it is called again, on the replacement's outputs; everything else is taken
    as it stands.
    """
    inside = [tuple(path.split("/", 1)) for path in paths if "/" in path]
    wanted = {path.split("/", 1)[0] for path in paths}
    nodes = labelled_nodes(graph)
    end = max(index for index, (label, _) in enumerate(nodes) if label in wanted)
    entered = {
        id(node.operation) for label, node in nodes if label in {first for first, _ in inside}
    }

    replacements: dict[int, tuple[Any, list[str]]] = {}
    now = {id(tensor): tensor for tensor in graph.inputs}
    found: dict[str, Any] = {}
    for index, (label, node) in enumerate(nodes):
        if index > end and not with_outputs:
            break
        operation = node.operation
        changed = any(now[id(tensor)] is not tensor for tensor in node.input_tensors)
        outputs = node.outputs
        if id(operation) in entered:
            if id(operation) not in replacements:
                # All calls of one model get one replacement: two would share a name.
                labels = {other for other, n in nodes if n.operation is operation}
                rests = list(dict.fromkeys(rest for first, rest in inside if first in labels))
                goes_on = with_outputs or end > index or label in paths
                replacements[id(operation)] = (_extended(operation, rests, goes_on), rests)
            replacement, rests = replacements[id(operation)]
            args, kwargs = node.arguments.fill_in(now)
            results = keras.tree.flatten(replacement(*args, **kwargs))
            found.update((f"{label}/{rest}", t) for rest, t in zip(rests, results, strict=False))
            outputs = results[len(rests) :]
        elif changed:
            args, kwargs = node.arguments.fill_in(now)
            outputs = keras.tree.flatten(operation(*args, **kwargs))
        now.update((id(old), new) for old, new in zip(node.outputs, outputs, strict=False))
        if outputs:
            found[label] = outputs[0]
    results = [found[path] for path in paths]
    return results + [now[id(tensor)] for tensor in graph.outputs] if with_outputs else results


def _extended(model: Any, paths: Sequence[str], with_outputs: bool) -> Any:
    """A nested model, or layer, that puts out what is at `paths`, then its own outputs if asked."""
    form: Any = functional_form(model)
    if form is None:
        # Its own name, which no other layer of the cut model has: the layer itself is inside.
        return InsideLayer(model, paths, with_outputs, name=model.name)
    return keras.Model(form.input, _tensors_at(form, paths, with_outputs), name=model.name)


def _views(stages: Sequence[Stage], pool: str | Mapping[str, str] | None) -> list[StageView]:
    """The view of each stage."""
    names = [stage.name for stage in stages]
    pools = dict.fromkeys(names, pool or "") if not isinstance(pool, Mapping) else pool
    for name in pools:
        if name not in names:
            raise InputError(
                f"`pool` names {name!r}, which is none of the stages {', '.join(names)}"
            )
    return [StageView(s.name, s.output_shape, pools.get(s.name, "")) for s in stages]
