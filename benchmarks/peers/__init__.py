"""The same training in other libraries, each started by `benchmarks.compare` as a process."""
