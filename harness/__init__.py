"""What tests and benchmarks share: server processes, databases, and clients over real sockets.

It imports no test framework, so the benchmarks run where only the application is installed.
"""
