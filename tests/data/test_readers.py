"""Readers that several data sets share: what they give, against other libraries' readers, and what they refuse."""

import csv
import json
import zipfile
from io import BytesIO

import numpy as np
import pytest
from PIL import Image

from upslope.data.loading.archives import image_folder, member, members, zipped
from upslope.data.loading.coco import read_coco
from upslope.data.loading.text_files import conll, csv_columns, json_lines, lines
from upslope.runs.errors import DataProblem


def test_lines_of_any_system(tmp_path):
    (tmp_path / "a.txt").write_bytes("\ufeffone\r\ntwö\n\nfour".encode())
    assert lines(tmp_path / "a.txt") == ("one", "twö", "", "four")
    (tmp_path / "b.txt").write_bytes(b"fine\nnot \xff fine\n")
    with pytest.raises(DataProblem, match=r"b\.txt, line 2 is not UTF-8: byte 0xff"):
        lines(tmp_path / "b.txt")
    with pytest.raises(DataProblem, match=r"c\.txt cannot be read: No such file"):
        lines(tmp_path / "c.txt")


def test_values_that_python_wrote_come_back(tmp_path):
    rows = [["a", 'quoted "word"'], ["b, c", "over\ntwo lines"], ["", "ü"]]
    with (tmp_path / "x.csv").open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([["first", "second"], *rows])
    columns = csv_columns(tmp_path / "x.csv")
    assert list(columns) == ["first", "second"]
    assert list(zip(*columns.values(), strict=True)) == [tuple(row) for row in rows]
    (tmp_path / "y.tsv").write_text("1\tx\n2\ty\n")
    named = csv_columns(tmp_path / "y.tsv", header=("number", "name"), delimiter="\t")
    assert named == {"number": ("1", "2"), "name": ("x", "y")}


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("a,b\n1,2\n3\n", r"x\.csv, line 3: 1 fields, expected 2 \(a, b\)"),
        ('a,b\n1,"2\n', r"x\.csv, line 2: unexpected end of data"),
        ("", "needs a column name for each field"),
        ("a,a\n1,2\n", "all different; got a, a"),
    ],
)
def test_values_that_are_not_a_table_are_refused(tmp_path, text, sentence):
    (tmp_path / "x.csv").write_text(text)
    with pytest.raises(DataProblem, match=sentence):
        csv_columns(tmp_path / "x.csv")


def test_json_lines(tmp_path):
    (tmp_path / "x.jsonl").write_text('{"a": 1}\n\n[2]\n')
    assert json_lines(tmp_path / "x.jsonl") == ({"a": 1}, [2])
    (tmp_path / "x.jsonl").write_text('{"a": 1}\n{"a": \n')
    with pytest.raises(DataProblem, match=r"x\.jsonl, line 2 is not JSON"):
        json_lines(tmp_path / "x.jsonl")


def test_sentences_in_conll_format(tmp_path):
    (tmp_path / "x.conll").write_text("-DOCSTART- -X-\n\n# a comment\nUpslope B-ORG\nis O\n\n\nHere O\n")
    first, second = conll(tmp_path / "x.conll", columns=("word", "tag"))
    assert first == {"word": ("Upslope", "is"), "tag": ("B-ORG", "O")}
    assert second == {"word": ("Here",), "tag": ("O",)}
    with pytest.raises(DataProblem, match=r"x\.conll, line 4: 2 columns, expected 3 \(word, pos, tag\)"):
        list(conll(tmp_path / "x.conll", columns=("word", "pos", "tag")))


@pytest.fixture
def archive(tmp_path):
    path = tmp_path / "x.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as made:
        for name in ("b.npy", "a.npy", "../../evil.npy"):
            file = BytesIO()
            np.save(file, np.full(3, len(name)))
            made.writestr(name, file.getvalue())
        made.writestr("notes.txt", "hello")
    return path


def test_members_of_a_zip_are_read_in_place(archive, tmp_path):
    assert members(archive, suffix=".npy") == ("../../evil.npy", "a.npy", "b.npy")
    column = zipped(archive, ("b.npy", "../../evil.npy"), np.load)
    assert [row.tolist() for row in column] == [[5] * 3, [14] * 3]
    assert member(archive, "notes.txt") == b"hello"
    assert sorted(p.name for p in tmp_path.iterdir()) == ["x.zip"], "nothing is unpacked"
    with pytest.raises(DataProblem, match=r"x\.zip holds no c\.npy"):
        member(archive, "c.npy")


def test_a_damaged_zip_is_one_sentence(archive):
    whole = archive.read_bytes()
    archive.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(DataProblem, match=r"x\.zip is not a zip file that can be read"):
        members(archive)
    flipped = bytearray(whole)
    flipped[60] ^= 255  # in the first member's data
    archive.write_bytes(bytes(flipped))
    with pytest.raises(DataProblem, match=r"b\.npy in x\.zip is damaged"):
        member(archive, "b.npy")


def test_a_folder_for_each_class(tmp_path):
    for name, level in (("cat", 10), ("dog", 200)):
        (tmp_path / name).mkdir()
        for number in range(2):
            Image.new("RGB", (6 + number, 4), (level, level, level)).save(tmp_path / name / f"{number}.png")
        (tmp_path / name / "notes.txt").write_text("no picture")
    data = image_folder(tmp_path)
    assert data.classes == ("cat", "dog")
    assert data["label"].tolist() == [0, 0, 1, 1]
    assert [row["image"].shape[:2] for row in data] == [(4, 6), (4, 7), (4, 6), (4, 7)]
    assert data.row(3)["image"].max() == pytest.approx(200 / 255, abs=1e-3)
    (tmp_path / "dog" / "1.png").write_bytes(b"broken")
    with pytest.raises(DataProblem, match=r"1\.png"):
        data.row(3)
    with pytest.raises(DataProblem, match="each class has a folder of its name"):
        image_folder(tmp_path, classes=("cat", "horse"))
    (tmp_path / "empty").mkdir()
    with pytest.raises(DataProblem, match="holds no images in folders"):
        image_folder(tmp_path / "empty")


COCO = {
    "images": [{"id": 7, "file_name": "b.jpg"}, {"id": 3, "file_name": "a.jpg"}, {"id": 9, "file_name": "c.jpg"}],
    "categories": [{"id": 18, "name": "dog"}, {"id": 2, "name": "bicycle"}],
    "annotations": [
        {"id": 1, "image_id": 7, "category_id": 18, "bbox": [10, 20, 30, 40], "iscrowd": 0},
        {"id": 2, "image_id": 7, "category_id": 2, "bbox": [0, 0, 5.5, 6]},
        {"id": 3, "image_id": 3, "category_id": 2, "bbox": [1, 1, 1, 1], "iscrowd": 1},
        {"id": 4, "image_id": 9, "category_id": 18, "bbox": [2, 3, 0, 4]},
    ],
}


def test_boxes_of_coco(tmp_path):
    (tmp_path / "x.json").write_text(json.dumps(COCO))
    read = read_coco(tmp_path / "x.json")
    assert read.files == ("a.jpg", "b.jpg", "c.jpg")
    assert read.classes == ("bicycle", "dog")
    assert read.boxes.lengths.tolist() == [0, 2, 0]
    assert read.without_area == ("c.jpg",), "a line is no box: it is named and left out"
    assert read.boxes[1].tolist() == [[10, 20, 40, 60], [0, 0, 5.5, 6]]
    assert [read.classes[k] for k in read.labels[1]] == ["dog", "bicycle"], "ids with holes, out of order"
    assert read.boxes.values.dtype == np.float32


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"image_id": 8}, "annotation 1: there is no image 8"),
        ({"category_id": 1}, "annotation 1: there is no category 1"),
        ({"bbox": [1, 2, -3, 4]}, r"a box is \[left, top, width, height\], got \[1, 2, -3, 4\]"),
        ({"bbox": [1, 2]}, r"got \[1, 2\]"),
    ],
)
def test_annotations_that_cannot_be_are_refused(tmp_path, change, sentence):
    wrong = {**COCO, "annotations": [{**COCO["annotations"][0], **change}]}
    (tmp_path / "x.json").write_text(json.dumps(wrong))
    with pytest.raises(DataProblem, match=sentence):
        read_coco(tmp_path / "x.json")
    (tmp_path / "x.json").write_text("[]")
    with pytest.raises(DataProblem, match="holds no annotations in COCO's format"):
        read_coco(tmp_path / "x.json")
