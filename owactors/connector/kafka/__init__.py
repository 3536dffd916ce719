"""Apache Kafka by way of kafka-python, whose own threads are bridged to the event loop here and nowhere else."""

from importlib.util import find_spec

for _module in ("kafka", "crc32c"):
    if find_spec(_module) is None:
        raise ImportError(f"The Kafka connector needs the package {_module}: pip install 'owactors[kafka]'")
