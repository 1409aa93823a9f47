"""The parts of benchmarks/scale.py: one module for each kind of input, and programs that run in separate processes.

The measuring process does not import the product and stays small: Linux includes the memory of a parent process in
the peak of its child.
"""
