"""The parts of benchmarks/scale.py: one module for each kind of input, and programs that run in processes of their own.

The process that measures imports none of the product and stays small: Linux counts the memory of whoever starts a
process into the peak of what it starts.
"""
