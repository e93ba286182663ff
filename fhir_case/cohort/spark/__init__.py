"""The engine of many machines: Apache Spark, of version 4 or newer, makes the shards and puts them in place once."""
