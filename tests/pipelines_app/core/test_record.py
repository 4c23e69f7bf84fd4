"""What became of like proposals, in a sentence."""

from pipelines_app.core.record import tell_counts


def test_effects_stand_behind_the_approvals():
    counts = dict.fromkeys(["rejected", "expired", "withdrawn", "inconclusive", "ineffective"], 0)
    counts |= {"approved": 7, "effective": 5, "harmful": 1, "total": 7}
    assert tell_counts(counts) == (
        "Proposed 7 times before: 7 approved in another form (5 effective, 1 harmful)."
    )
    assert tell_counts(counts | {"total": 0}) == "The first of its kind."
    later = tell_counts(counts | {"total": 0}, is_decided=True)
    assert later == "The first of its kind, when it was decided.", "others may have followed"


def test_below_a_record_only_the_rest_is_told():
    counts = dict.fromkeys(["approved", "rejected", "expired", "withdrawn"], 0)
    assert tell_counts(counts | {"total": 0}, beside=True) == ""
    told = tell_counts(counts | {"total": 1, "rejected": 1}, beside=True)
    assert told == "Besides, proposed once under this title: 1 rejected."
    then = tell_counts(counts | {"total": 1, "rejected": 1}, beside=True, is_decided=True)
    assert then == "Besides, proposed once under this title by then: 1 rejected."
