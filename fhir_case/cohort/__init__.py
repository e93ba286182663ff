"""
Make many patients: a cohort of a case that varies, or the Bundles of many cases, in the layout of Bulk Data.

One function makes one shard, of nothing but a recipe and the number of the shard. So the bytes are the same whatever
makes the shards: one process, several, or another engine.
"""
