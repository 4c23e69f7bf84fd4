"""The complaint form reads what people write."""

import pytest

from metrics_app.pages.forms import read_complaints


@pytest.mark.parametrize(
    ("text", "seconds"), [("93600", 93600), ("26 h", 93600), ("2 d 4 h", 187200), ("0", 0)]
)
def test_it_reads_a_waiting_time_in_seconds_or_in_words(text, seconds):
    form = read_complaints({"action": "answer", "latency": text})
    assert form.is_valid()
    assert form.points() == [("complaint.latency", seconds, None)]


@pytest.mark.parametrize("text", ["", "soon", "-1", "nan", "inf", "1e400", "9" * 40, "1 h 5"])
def test_it_refuses_what_is_no_waiting_time_by_its_field(text):
    form = read_complaints({"action": "answer", "latency": text})
    assert not form.is_valid()
    assert form.errors["latency"]


def test_it_files_one_complaint_or_ten():
    one, ten = (read_complaints({"action": "file", "count": count}) for count in ("", "10"))
    assert one.is_valid() and ten.is_valid()
    assert (len(one.points()), len(ten.points())) == (1, 10)


@pytest.mark.parametrize(
    "data", [{}, {"action": "delete"}, {"action": "file", "count": "11"}, {"action": "file", "count": "x"}]
)
def test_it_refuses_what_the_form_does_not_offer(data):
    assert not read_complaints(data).is_valid()
