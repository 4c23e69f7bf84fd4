"""What happened to a proposal, as its page tells it line by line."""

# What no person and no action has done; the names that the chain keeps for it mean nothing to a reader.
BY_ITSELF = {
    "handed over": "Waits to be done by hand",
    "measuring": "Measuring began",
    "judged": "Judged",
    "reminded": "Those who may decide were reminded",
    "escalated": "Escalated, since little time was left",
    "expired": "Expired undecided",
}


def tell_entry(entry):
    """An audit entry in words: ``Approved by Bea for Ada``, ``Judged: effective``."""
    data = entry.data
    if not entry.is_intact:
        return "What happened here is not known: this entry of the audit chain was changed"
    if entry.event in BY_ITSELF:
        verdict = f": {data['verdict']}" if entry.event == "judged" and data.get("verdict") else ""
        return BY_ITSELF[entry.event] + verdict
    instead = f" for {data['for_name']}" if data.get("for_name") else ""
    return f"{entry.event[:1].upper()}{entry.event[1:]} by {entry.actor}{instead}"
