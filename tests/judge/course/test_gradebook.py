"""Grade books keep every byte that is not a grade, and get no grade that is not known."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import pytest

from handgrad.errors import UsageError
from handgrad.judge.course.gradebook import Filled, fill_grades
from handgrad.judge.verdict import Points, PointsRow, Requirement, Verdict

MOODLE = (
    'Identifier;"Full name";"ID number";"Email address";Status;Grade;"Maximum Grade";"Grade can be changed";'
    '"Last modified (submission)";"Last modified (grade)";"Feedback comments"\r\n'
    'Participant 101;"Byron; Ada ""Lovelace""";;ada@x.example;Submitted;;10,00;Yes;"Monday, 2 March";-;\r\n'
    'Participant 102;"Müller, Jörg-Ø";7;joerg@x.example;Submitted;;10,00;Yes;-;-;""\r\n'
    'Participant 103;"=HYPERLINK(1)";;x@x.example;Submitted;4,50;10,00;Yes;-;-;"mine"\r\n'
    'Participant 104;"Sam Twin";;a@x.example;Submitted;;10,00;No;-;-;\r\n'
    'Participant 105;"Sam Twin";;b@x.example;;;10,00;Yes;-;-;\r\n'
)
GERMAN = (
    'ID;"Vollständiger Name";E-Mail-Adresse;Status;Gruppe;Bewertung;Bestwertung;"Bewertung kann geändert werden";'
    '"Zuletzt geändert (Abgabe)";"Zuletzt geändert (Bewertung)";"Feedback als Kommentar"\r\n'
    'Teilnehmer/in101;"Byron; Ada";a@x.example;"Zur Bewertung abgegeben";A;;10,00;Ja;"Montag, 2. März";-;\r\n'
    "Teilnehmer/in102;Jörg;j@x.example;Keine Abgabe;B;-;10,00;Nein;-;-;\r\n"
    "Teilnehmer/in103;Zoë;z@x.example;Keine Abgabe;B;4,5;10,00;Ja;-;-;\r\n"
)
CANVAS = (
    "\ufeffStudent,ID,SIS User ID,SIS Login ID,Section,Quiz (11),Digits (12),Current Score\n"
    "    Points Possible,,,,,5,10,(read only)\n"
    '"Byron, Ada",101,s1,ada,"A, B",4,,80\n'
    '"O\'Neil-García, Zoë",102,s2,zoe,A,5,,90\n'
    '"Student, Test",,,t,A,,,\n'
)


def verdict(person: str, number: str = "", total: float | None = 7.5, word: str = "not met") -> Verdict:
    rows = (PointsRow("parameters", total, 10.0, "why"),)
    judged = word != "no verdict"
    return Verdict(
        word,  # type: ignore[arg-type]
        f"{person}/net.py",
        "easy",
        (Requirement("parameters", "few", "few", True),) if judged else (),
        "none",
        () if judged else ("nothing to judge: empty",),
        0.0,
        person=person,
        number=number,
        points=Points(rows, total, 10.0) if judged else None,
    )


def filled(tmp_path: Path, data: bytes, verdicts: list[Verdict], **named: str) -> tuple[Filled, bytes]:
    export, target = tmp_path / "export.csv", tmp_path / "filled.csv"
    export.write_bytes(data)
    result = fill_grades(export, target, verdicts, **named)
    assert export.read_bytes() == data
    return result, target.read_bytes()


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1252"])
def test_moodles_worksheet_changes_in_the_cells_of_the_grades_and_their_comments_alone(
    encoding: str, tmp_path: Path
) -> None:
    text = MOODLE
    verdicts = [
        verdict("Byron; Ada", "101"),
        verdict("Müller, Jörg-Ø", "102", word="no verdict"),
        verdict("=HYPERLINK(1)", "103"),
        verdict("Sam Twin", "104"),
        verdict("Sam Twin"),
        verdict("Gone", "999"),
    ]
    result, data = filled(tmp_path, text.encode(encoding), verdicts)
    expected = text.replace(
        'Submitted;;10,00;Yes;"Monday, 2 March";-;\r\n',
        'Submitted;7,5;10,00;Yes;"Monday, 2 March";-;"parameters: 7.5"\r\n'.replace(
            '"parameters: 7.5"', "parameters: 7.5"
        ),
    )
    assert data == expected.encode(encoding)
    assert result.filled == 1
    assert result.left == [
        "Müller, Jörg-Ø: no verdict – nothing to judge: empty",
        "=HYPERLINK(1): the cell already has the grade 4,50 – empty it to get 7,5",
        "Sam Twin: the book says that the grade cannot be changed",
    ]
    assert result.unmatched_rows == ["Sam Twin"]
    assert result.unmatched_people == [
        "Sam Twin (Sam Twin/net.py): several people have this name",
        "Gone (Gone/net.py): not in the book",
    ]


def test_canvass_export_is_filled_by_its_ids_and_by_names_as_it_writes_them_into_files(tmp_path: Path) -> None:
    verdicts = [verdict("byronada", "101", 10.0), verdict("oneilgarcíazoë")]
    result, data = filled(tmp_path, CANVAS.encode(), verdicts, column="Digits")
    expected = CANVAS.replace('"A, B",4,,80', '"A, B",4,10,80').replace("zoe,A,5,,90", "zoe,A,5,7.5,90")
    assert data == expected.encode()
    assert (result.filled, result.unmatched_rows, result.unmatched_people) == (2, ["Student, Test"], [])
    rows = list(csv.reader(io.StringIO(data.decode("utf-8-sig"))))
    assert rows[2][6] == "10" and rows[3][0] == "O'Neil-García, Zoë"


@pytest.mark.parametrize(
    ("data", "named", "message"),
    [
        (CANVAS, {}, '--column is missing – found the assignments "Quiz (11)", "Digits (12)"'),
        (CANVAS, {"column": "Digit"}, 'no column "Digit"'),
        (CANVAS, {"column": "Quiz"}, "up to 10 points, Canvas's book has a maximum of 5"),
        ("name,mark\nada,1\n", {}, "is not a grade book that is known – found the columns name, mark"),
        ('Identifier,Grade\n"Participant 1,\n', {}, "row 2 cannot be read as CSV"),
        ("PK\3\4\0\0", {}, "is not a CSV file – export the grades as CSV"),
        ("one column\n1\n", {}, "has a single column"),
    ],
)
def test_a_book_that_is_none_or_of_another_scale_is_refused_and_nothing_is_written(
    data: str, named: dict[str, str], message: str, tmp_path: Path
) -> None:
    with pytest.raises(UsageError) as refused:
        filled(tmp_path, data.encode(), [verdict("byronada", "101")], **named)
    assert message in str(refused.value) and "\n" not in str(refused.value)
    assert not (tmp_path / "filled.csv").exists()


def test_points_that_are_still_open_leave_the_cell_empty(tmp_path: Path) -> None:
    result, data = filled(tmp_path, CANVAS.encode(), [verdict("byronada", "101", None)], column="Digits (12)")
    assert data == CANVAS.encode() and result.left == ["Byron, Ada: something is not decided yet"]


def test_moodles_worksheet_of_a_german_site_is_known_by_its_cells(tmp_path: Path) -> None:
    verdicts = [verdict("Byron; Ada", "101"), verdict("Jörg", "102"), verdict("Zoë", "103", 4.5)]
    result, data = filled(tmp_path, GERMAN.encode("utf-8-sig"), verdicts)
    assert data.decode("utf-8-sig") == GERMAN.replace(
        ';A;;10,00;Ja;"Montag, 2. März";-;', ';A;7,5;10,00;Ja;"Montag, 2. März";-;parameters: 7.5'
    )
    assert (result.filled, result.left) == (2, ["Jörg: the book says that the grade cannot be changed"])
    with pytest.raises(UsageError, match="gives up to 10 points, Moodle's book has a maximum of 20"):
        filled(tmp_path, GERMAN.replace("10,00", "20,00").encode(), verdicts)


def test_a_column_names_the_grades_where_the_cells_do_not_tell(tmp_path: Path) -> None:
    # A scale has no number for its maximum.
    scale = GERMAN.replace("10,00", "sehr gut")
    with pytest.raises(UsageError, match=r"is not a grade book that is known .* in another language, --column names"):
        filled(tmp_path, scale.encode(), [verdict("Jörg", "102")])
    result, _ = filled(tmp_path, scale.encode(), [verdict("Byron; Ada", "101")], column="Bewertung")
    assert result.filled == 1
