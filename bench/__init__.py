"""What the project measures itself against: `python -m bench [NAME…] [--quick] [--json FILE]`.

One file per benchmark, named as on the command line; it has a docstring that
says what is measured and `run(stage, quick)` that returns the rows. A new
benchmark is a new file and a word in `bench.__main__.NAMES`.
"""
