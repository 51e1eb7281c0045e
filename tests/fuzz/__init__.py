"""Fuzz targets, one for each parser (`targets`), what they start from (`seeds`, `corpus/`), and how they are run (`run`).

```
python -m tests.fuzz.run TARGET --runs 1000000      with atheris, on Linux; a line in log.tsv for each run
pytest tests/test_fuzz_corpus.py                    without it: all that was ever found, again, and some mutations of it
```
"""
