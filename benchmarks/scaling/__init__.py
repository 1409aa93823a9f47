"""The parts of benchmarks/scale.py: a module for each kind of input, and programs that run in separate processes.

The measuring process does not import focuswatch, in order to stay small: Linux includes the memory of a parent process
in the peak of its child.
"""
