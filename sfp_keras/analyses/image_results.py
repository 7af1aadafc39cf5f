"""What passes over the images leave of a stage and split: `<analysis>.npz` and `<analysis>.csv`."""

from pathlib import Path
from typing import Any

from sfp_keras.analyses.analysis import ImagePass
from sfp_keras.csv_files import csv_text
from sfp_keras.files import damaged, load_npz, save_npz, write_text


def write_image_result(path: Path, needs: ImagePass, result: Any) -> None:
    """Write the table, then the arrays, whose presence says that the pass is finished.

    Args:
        path: `Path` of the arrays, ending with .npz; the table lies beside it.
        needs: `ImagePass` of the analysis.
        result: of `needs.finish`.
    """
    write_text(path.with_suffix(".csv"), csv_text(needs.table(result)))
    save_npz(path, **needs.arrays(result))


def read_image_result(path: Path, needs: ImagePass) -> Any:
    """Read what `write_image_result` wrote.

    Args:
        path: `Path` of the arrays.
        needs: `ImagePass` of the analysis.

    Returns:
        The result, as of `needs.finish`; `None` where the pass was not made.

    Raises:
        InputError: if the file is damaged.
    """
    if not path.exists():
        return None
    arrays = load_npz(path)
    try:
        return needs.restore(arrays)
    except (KeyError, ValueError, TypeError, IndexError) as error:
        raise damaged(path, error) from None
