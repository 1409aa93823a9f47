"""Run the command line with `python -m focuswatch`."""

from focuswatch.cli import main

if __name__ == "__main__":
    main()
