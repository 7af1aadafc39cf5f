"""Cutting a network at its stages: one model with one output a stage, weights shared."""

from collections.abc import Mapping, Sequence
from typing import Any

import keras

from sfp_keras.errors import InputError
from sfp_keras.models.graph import functional_form, labelled_nodes, require_functional
from sfp_keras.probing.stages import Stage, listed, resolve_stages

_POOLING = {
    ("avg", 1): keras.layers.AveragePooling1D,
    ("avg", 2): keras.layers.AveragePooling2D,
    ("avg", 3): keras.layers.AveragePooling3D,
    ("max", 1): keras.layers.MaxPooling1D,
    ("max", 2): keras.layers.MaxPooling2D,
    ("max", 3): keras.layers.MaxPooling3D,
    ("global_avg", 1): keras.layers.GlobalAveragePooling1D,
    ("global_avg", 2): keras.layers.GlobalAveragePooling2D,
    ("global_avg", 3): keras.layers.GlobalAveragePooling3D,
}


@keras.saving.register_keras_serializable(package="sfp_keras")
class StageModel(keras.Model):
    """A functional model whose call returns a list, also of a single output."""

    def call(self, inputs: Any, training: Any = None, mask: Any = None) -> list[Any]:
        """Run the network up to its stages."""
        outputs = super().call(inputs, training=training, mask=mask)
        # Keras hands a list of one output back as the bare output.
        return outputs if isinstance(outputs, list) else [outputs]


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
        pool: what pools the stages' outputs (paper 2 pools EfficientNet-B0's by `avg:7`):
            `avg:<size>` or `max:<size>` for square windows side by side, a border narrower than a
            window left out, or `global_avg`; for all stages, or as a mapping from a stage's name.
            Defaults to `None`: outputs as they are.

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
    poolings = _poolings(resolved, pool)

    form = require_functional(model)
    tensors = _tensors_at(form, [stage.path for stage in resolved], with_outputs=False)
    tensors = [filters_last(s, tensor) for s, tensor in zip(resolved, tensors, strict=True)]
    outputs = [
        tensor if pooling is None else pooling(tensor)
        for tensor, pooling in zip(tensors, poolings, strict=True)
    ]
    cut = StageModel(form.inputs[0], outputs, name=f"{model.name}_stages")
    cut.output_names = [stage.name for stage in resolved]
    return cut


def filters_last(stage: Stage, tensor: Any) -> Any:
    """Put the filters of a stage's tensor on its last axis, where the layer has them elsewhere."""
    if not stage.axes:
        return tensor
    name = f"{stage.name.replace('#', '_call')}_filters_last"
    return keras.layers.Permute(stage.axes, name=name)(tensor)


def _tensors_at(graph: keras.Model, paths: Sequence[str], with_outputs: bool) -> list[Any]:
    """Return symbolic tensors computed from the graph's own inputs: at `paths`, then its outputs.

    Where a path leads into a nested model, that model is replaced by itself with more outputs,
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

    replacements: dict[int, tuple[keras.Model, list[str]]] = {}
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


def _extended(model: keras.Model, paths: Sequence[str], with_outputs: bool) -> keras.Model:
    """Return a nested model that puts out the tensors at `paths`, then its own outputs if asked."""
    form: Any = functional_form(model)
    return keras.Model(form.input, _tensors_at(form, paths, with_outputs), name=model.name)


def _poolings(stages: Sequence[Stage], pool: str | Mapping[str, str] | None) -> list[Any]:
    """Make the pooling layer of each stage, or `None`."""
    if not isinstance(pool, Mapping):
        return [pooling_layer(stage, pool) if pool else None for stage in stages]
    names = [stage.name for stage in stages]
    for name in pool:
        if name not in names:
            raise InputError(
                f"`pool` names {name!r}, which is none of the stages {', '.join(names)}"
            )
    return [
        pooling_layer(stage, pool[stage.name]) if stage.name in pool else None for stage in stages
    ]


def pooling_layer(stage: Stage, text: str) -> Any:
    """The layer that pools a stage's output as `pool` of `cut_stages` says.

    Raises:
        InputError: if the text is misspelt, or larger than the stage.
    """
    kind, _, size_text = text.partition(":")
    size = int(size_text) if size_text.isascii() and size_text.isdigit() else 0
    if text != "global_avg" and (kind not in ("avg", "max") or size < 1):
        raise InputError(f"`pool`={text!r} is none of avg:<size>, max:<size>, global_avg")
    axes = len(stage.position_shape)
    if axes not in (1, 2, 3):
        raise InputError(
            f"`pool`={text} cannot pool stage {stage.name!r} of shape {stage.output_shape}: "
            "leave it out of `pool`"
        )
    if size > min(stage.position_shape):
        raise InputError(
            f"`pool`={text} is larger than the {_by(stage.position_shape)} positions of stage "
            f"{stage.name!r}: give at most {kind}:{min(stage.position_shape)}, or a pool for each "
            "stage"
        )
    arguments = {} if kind == "global_avg" else {"pool_size": size}
    return _POOLING[kind, axes](
        **arguments,
        data_format="channels_last",
        name=f"{stage.name.replace('#', '_call')}_{kind}_pool_of_stage",
    )


def _by(shape: Sequence[int]) -> str:
    return "x".join(map(str, shape))
