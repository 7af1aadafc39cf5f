"""Tables of a report: the paper's lines, the difference, and escaping in every form."""

import dataclasses
import io
import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from sfp_keras.reports import Column, ReportTable, latex_figure, save_table
from sfp_keras.reports.tables import html_text, latex_text, markdown_text, shown

COLUMNS = (
    Column("stage", "stage"),
    Column("accuracy", "accuracy", ".3f"),
    Column("filters", "filters", "d"),
    Column("snr", "SNR_E", ".1f"),
)
ROWS = (
    {"stage": "layer2", "accuracy": 0.3969, "filters": 64, "snr": np.inf},
    {"stage": "<b>$x_1$|</b>", "accuracy": np.nan, "filters": np.int64(128), "snr": 2.0},
)
PAPER = ({"accuracy": 0.352, "snr": ">5"}, None)


def table(**changes) -> ReportTable:
    return ReportTable(**{"title": "A & B", "columns": COLUMNS, "rows": ROWS, **changes})


def test_the_paper_and_the_difference_stand_below_a_row():
    lines = list(table(paper=PAPER).lines())
    assert [kind for kind, _ in lines] == ["ours", "paper", "difference", "ours"]
    assert lines[0][1] == ["layer2", "0.397", "64", "∞"]
    assert lines[1][1] == ["paper", "0.352", "", ">5"]
    assert lines[2][1] == ["difference", "+0.045", "", ""]
    assert lines[3][1][1:] == ["–", "128", "2.0"]


def test_numbers_of_the_csv_file_are_not_rounded():
    frame = table(paper=PAPER).frame()
    assert list(frame) == [
        *("stage", "accuracy", "accuracy_paper", "accuracy_difference", "filters"),
        *("snr", "snr_paper", "snr_difference"),
    ]
    assert frame["accuracy_difference"][0] == pytest.approx(0.3969 - 0.352, abs=1e-12)
    assert frame[["accuracy_paper", "snr_difference"]].iloc[1].isna().all()
    assert list(table().frame()) == [column.key for column in COLUMNS]


def test_strangers_text_is_escaped_everywhere():
    html = table().html()
    assert "&lt;b&gt;$x_1$|&lt;/b&gt;" in html
    assert "<b>" not in html
    assert "A &amp; B" in html
    assert "SNR<sub><i>E</i></sub>" in html
    latex = table(note="50% of N_c").latex()
    assert r"\textless{}b\textgreater{}\$x\_1\$\textbar{}\textless{}/b\textgreater{}" in latex
    assert r"\caption{A \& B. 50\% of $N_c$}" in latex
    assert r"SNR$_E$ \\" in latex
    assert r"$\infty$" in latex
    row = table().markdown().splitlines()[-1]
    assert row.startswith(r"| &lt;b&gt;\$x\_1\$\|&lt;/b&gt; | – | 128 |")


@pytest.mark.parametrize("text", ["a\nb", "a\\b", "`a`", "[a](b)", "*a*", "~^{}#"])
def test_no_character_of_a_name_ends_a_cell_or_a_command(text):
    assert "\n" not in markdown_text(text)
    bare = latex_text(text)
    assert "\n" not in bare
    # Once known commands and escaped marks are gone, nothing is left that LaTeX would read.
    rest = re.sub(r"\\text[a-z]+\{\}|\\[&%$#_{}]", "", bare)
    assert not set(rest) & set("\\&%$#_{}~^")


def test_a_table_has_a_label_and_a_number():
    named = dataclasses.replace(table(), number=3)
    assert "<caption>Table 3. A &amp; B</caption>" in named.html()
    assert "\\label{tab:test-layer-2-a-}\n" in named.latex("test-layer_2 a%")
    assert "\\label" not in named.latex()
    figure = latex_figure("a#1", "Noise n of 5%.", 3.5)
    assert "\\includegraphics[width=3.5in]{a\\string#1}\n" in figure
    assert "\\caption{Noise $n$ of 5\\%.}\n\\label{fig:a-1}\n" in figure


@pytest.mark.parametrize(
    ("text", "page", "latex"),
    [
        (
            "N_c < 2",
            "<math><msub><mi>N</mi><mi>c</mi></msub></math> &lt; 2",
            "$N_c$ \\textless{} 2",
        ),
        ("noise_I, K-1", None, "noise$_I$, $K$-1"),
        ("isn't on_E, my_N_c, N_cc, Kn", "isn&#x27;t on_E, my_N_c, N_cc, Kn", None),
    ],
)
def test_symbols_of_the_papers_are_typeset_and_nothing_else(text, page, latex):
    assert page is None or html_text(text) == page
    assert latex is None or latex_text(text, symbols=True) == latex
    assert "$N" not in latex_text(text)


def test_numbers_are_written_as_print_writes_them():
    assert shown(-0.5, "+.2f") == "\N{MINUS SIGN}0.50"
    assert shown(-np.inf, ".1f") == "\N{MINUS SIGN}∞"
    assert shown(12345, ",d") == "12,345"
    assert shown(None, ".1f") == shown("", "") == ""


def test_a_table_is_saved_in_three_forms(tmp_path: Path):
    files = save_table(table(paper=PAPER), tmp_path / "t")
    assert [file.name for file in files] == ["t.csv", "t.tex", "t.md"]
    back = pd.read_csv(io.BytesIO(files[0].read_bytes()))
    assert back["stage"].tolist() == [row["stage"] for row in ROWS]
    assert back["accuracy"][0] == 0.3969
    tex = files[1].read_text()
    body = tex[tex.index(r"\midrule") : tex.index(r"\bottomrule")]
    # Each line has one cell a column.
    assert [line.count(" & ") for line in body.splitlines() if line.endswith(r"\\")] == [3] * 4


@pytest.mark.parametrize("name", ["[2pt] a", "*", "*[a"])
def test_no_name_is_read_as_an_option_of_the_line_before(name: str):
    text = table(rows=({"stage": name}, {"stage": name})).latex()
    assert text.count("{}" + name) == 2
    assert not re.search(r"(\\\\|\\midrule)\s*[\[*]", text)
