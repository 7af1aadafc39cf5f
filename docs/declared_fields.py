"""What the reference says of fields that are declared by `quantity` or `setting`."""

import ast
import inspect
from typing import Any

import griffe


class DeclaredFields(griffe.Extension):
    """Shows the hint of a quantity among its class' attributes, and the default of a setting."""

    def on_class_members(self, *, cls: griffe.Class, **_: Any) -> None:
        """Read the declarations of a class."""
        hints = []
        for field in cls.attributes.values():
            call = field.value
            if not isinstance(call, griffe.ExprCall):
                continue
            declared = str(call.function).rpartition(".")[2]
            given = [a for a in call.arguments if not isinstance(a, griffe.ExprKeyword)]
            named = {a.name: a.value for a in call.arguments if isinstance(a, griffe.ExprKeyword)}
            if declared == "setting":
                field.value = given[0]
            elif declared == "quantity":
                field.value = named.get("default")
                hints.append(f"    {field.name}: {ast.literal_eval(str(given[1]))}.")
        if hints and cls.docstring:
            # The section of attributes is the last, where there is one.
            text = inspect.cleandoc(cls.docstring.value)
            before = text if "\nAttributes:\n" in text else f"{text}\n\nAttributes:"
            cls.docstring.value = "\n".join([before, *hints])
