import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from metrics_app.core import requests
from metrics_app.core.requests import Refusal, read_request, read_subscribe, read_unsubscribe

anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=8,
)


def test_it_fills_in_what_is_optional():
    request = read_subscribe({"type": "subscribe", "topics": ["er.*", "er.*", "a"]})
    assert request.topics == ["er.*", "a"]
    assert (request.positions, request.history, request.max_points) == ({}, 3_600, 10_000)


def test_it_cuts_what_is_more_than_there_is():
    request = read_subscribe({"topics": ["a"], "history": 1e9, "max_points": 1e9})
    assert (request.history, request.max_points) == (requests.MAX_HISTORY, requests.MAX_POINTS)


@given(anything)
def test_it_refuses_or_understands_whatever_comes(message):
    for text in (json.dumps(message), json.dumps({"type": "subscribe", "topics": message})):
        try:
            request = read_request(text)
            read_subscribe(request)
            read_unsubscribe(request)
        except Refusal as refusal:
            assert refusal.code and str(refusal)


@given(st.dictionaries(st.sampled_from(["topics", "positions", "history", "max_points"]), anything))
def test_it_refuses_or_understands_any_field(fields):
    try:
        request = read_subscribe({"topics": ["a"], **fields})
    except Refusal as refusal:
        assert refusal.code in ("bad_message", "bad_topic")
    else:
        assert 0 <= request.history <= 3_600 and 1 <= request.max_points <= 10_000


@pytest.mark.parametrize("text", ['{"type":"ping","type":"subscribe"}', '{"type":"ping","a":{"x":1,"x":2}}'])
def test_it_does_not_choose_between_two_of_one_name(text):
    with pytest.raises(Refusal, match="stands 2 times in one object") as caught:
        read_request(text)
    assert caught.value.code == "bad_message"


def test_it_survives_deep_nesting():
    with pytest.raises(Refusal) as caught:
        read_request("[" * 60_000)
    assert caught.value.code == "bad_json"
