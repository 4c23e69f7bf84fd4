"""The rows that everything else hangs on: topics' numbers, generations, the lock of a shard."""

from metrics_app.models import Generation, ShardHistory, Topic


def number_topics(names):
    """``{name: id}``, made where they are new."""
    names = sorted(set(names))
    known = find_topics(names)
    if missing := [name for name in names if name not in known]:
        Topic.objects.bulk_create([Topic(name=name) for name in missing], ignore_conflicts=True)
        known |= find_topics(missing)
    return known


def find_topics(names):
    """``{name: id}`` of those that exist."""
    return dict(Topic.objects.filter(name__in=names).values_list("name", "id"))


def find_generation(shard, name):
    """The Generation of a shard, made where it is new."""
    return Generation.objects.get_or_create(shard=shard, name=name)[0]


def lock_shard(shard):
    """The ShardHistory, locked until the transaction ends: one writer of a shard's history at a time."""
    row = ShardHistory.objects.select_for_update().filter(shard=shard).first()
    if row is None:
        ShardHistory.objects.get_or_create(shard=shard)
        row = ShardHistory.objects.select_for_update().get(shard=shard)
    return row
