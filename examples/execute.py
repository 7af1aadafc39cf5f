"""Run the notebooks of this folder and keep their outputs: `python examples/execute.py [names]`."""

import sys
from pathlib import Path

import nbformat
from nbclient import NotebookClient
from nbformat import NotebookNode

FOLDER = Path(__file__).parent


def executed(path: Path) -> NotebookNode:
    """A notebook with the outputs of its cells, without what differs from run to run.

    Args:
        path: `Path` of the .ipynb file.

    Raises:
        CellExecutionError: if a cell fails.
    """
    notebook = nbformat.read(path, as_version=4)
    NotebookClient(notebook, kernel_name="python3", timeout=600).execute()
    for number, cell in enumerate(notebook.cells):
        cell.id, cell.metadata = f"cell{number}", NotebookNode()
        if cell.cell_type == "code":
            # What frameworks write to stderr when they are imported is of the machine.
            cell.outputs = [o for o in cell.outputs if o.get("name") != "stderr"]
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    notebook.metadata = NotebookNode(kernelspec=kernel, language_info={"name": "python"})
    return notebook


if __name__ == "__main__":
    names = sys.argv[1:] or sorted(path.stem for path in FOLDER.glob("*.ipynb"))
    for name in names:
        file = FOLDER / f"{name}.ipynb"
        nbformat.write(executed(file), file)
        print(file)
