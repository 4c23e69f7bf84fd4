import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from metrics_app.core.stream_query import StreamQuery, read_query
from metrics_app.exceptions import BadInput

NOW = 1_732_390_000_123


def test_it_reads_everything_one_may_ask():
    query = read_query(b"topic=er.wait&topic=er.*&since=-60&max_rate=2.5", now=NOW)
    assert query.topics == ("er.wait", "er.*")
    assert (query.since, query.max_rate, query.position) == (NOW - 60_000, 2.5, None)
    assert not query.is_single


@pytest.mark.parametrize(
    ("since", "expected"),
    [("1732390000000", 1_732_390_000_000), ("-1", NOW - 1000), ("2024-11-23T19:26:40Z", 1_732_390_000_000)],
)
def test_it_understands_times(since, expected):
    assert read_query(f"topic=a&since={since}".encode(), now=NOW).since == expected


def test_it_prefers_the_header_of_a_reconnect():
    assert read_query(b"topic=a&position=x:1", now=NOW, last_event_id="y:2").position == "y:2"
    assert read_query(b"topic=a&position=x:1", now=NOW).position == "x:1"


@pytest.mark.parametrize("name", ["lastEventId", "lastEventID", "Last-Event-ID", "evs_last_event_id"])
def test_it_goes_on_where_a_client_says_that_it_was_by_the_name_that_it_has_for_that(name):
    # It came back, and the position stood in the address from the beginning.
    assert read_query(f"topic=a&position=x:1&{name}=y:2".encode(), now=NOW).position == "y:2"
    assert read_query(f"topic=a&{name}=y:2".encode(), now=NOW, last_event_id="z:3").position == "z:3"
    assert read_query(f"topic=a&{name}=".encode(), now=NOW).position is None


def test_it_leaves_aside_what_clients_add_and_names_it():
    added = ("_", "r", "t", "ts", "v", "nocache", "cacheBuster", "evs_preamble", "utm_source", "x[]", "")
    query = "topic=a&" + "&".join(f"{name}=1" for name in added)
    assert read_query(query.encode(), now=NOW) == StreamQuery(("a",), ignored=added)


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("topics", "topic"), ("Topic", "topic"), ("topic[]", "topic"), ("tpoic", "topic"), ("sinse", "since"),
        ("maxRate", "max_rate"), ("max-rate", "max_rate"), ("positon", "position"), ("tickets", "ticket"),
    ],
)  # fmt: skip
def test_it_refuses_a_name_of_its_own_that_is_misspelled_and_says_which_is_meant(name, meant):
    with pytest.raises(BadInput, match=f"is '{meant}' meant") as refused:
        read_query(f"topic=a&{name}=1".encode(), now=NOW)
    assert refused.value.errors[0]["field"] == name


def test_it_knows_a_stream_of_one_topic():
    assert read_query(b"topic=a&topic=a", now=NOW).is_single
    assert not read_query(b"topic=a.*", now=NOW).is_single


@example(b"=")
@given(st.binary(max_size=200))
def test_it_refuses_or_understands_any_query(text):
    for query in (text, b"topic=a&since=" + text, b"topic=a&max_rate=" + text):
        try:
            assert read_query(query, now=NOW).topics
        except BadInput as error:
            assert error.errors[0]["field"]
