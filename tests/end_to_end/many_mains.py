"""Run main.main() for many command lines in one process, each with fresh flags.

Reads a JSON list of lists of flags from standard input; writes a JSON list of
{"code": int, "out": str, "err": str, "seconds": float} to the file named by the first argument.
"""

import contextlib
import io
import json
import os
import sys
import time
import traceback
from pathlib import Path

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT))
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

from absl import flags  # noqa: E402
from absl.testing import flagsaver  # noqa: E402

import main  # noqa: E402

results = []
for case in json.load(sys.stdin):
    out, err = io.StringIO(), io.StringIO()
    code, begin = -1, time.monotonic()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err), flagsaver.flagsaver():
        try:
            code = main.main(flags.FLAGS(["main.py", *case]))
        except flags.Error as error:  # What app.run does with it.
            print(f"error: FATAL Flags parsing error: {error}", file=sys.stderr)
            code = 1
        except BaseException:
            traceback.print_exc()
    seconds = time.monotonic() - begin
    results.append({"code": code, "out": out.getvalue(), "err": err.getvalue(), "seconds": seconds})
    flags.FLAGS.unparse_flags()
Path(sys.argv[1]).write_text(json.dumps(results))
