# The commands that a person needs; each does its own set-up in .venv.
# PYTHON chooses the interpreter for .venv (3.11 or newer; Debian's own unless given); BENCH and SOAK take options.

PYTHON ?=
WORKERS ?= 3
MESSAGES ?= 200000

.PHONY: run test check bench soak golden lock clean help

help:
	@echo "make run     set up, and start Posthouse in the foreground (SMTP on 127.0.0.1:2525)"
	@echo "make test    set up, and run all tests"
	@echo "make check   format, lint, types, architecture"
	@echo "make bench   measure Posthouse beside Debian's Postfix (root; some minutes)"
	@echo "make soak    MESSAGES (200,000) go through while every process is killed again and again, and the long tests (half an hour)"
	@echo "make golden  rewrite the expected answers in tests/golden; read the diff before you commit"
	@echo "make lock    choose new versions of the dependencies"

run:
	@PYTHON=$(PYTHON) tools/setup run
	@tools/run

test:
	@PYTHON=$(PYTHON) tools/setup test
	@.venv/bin/python -m pytest -n $(WORKERS) --dist loadgroup tests

check:
	@PYTHON=$(PYTHON) tools/setup check
	@.venv/bin/ruff format --check src tests bench
	@.venv/bin/ruff check src tests bench
	@.venv/bin/mypy
	@.venv/bin/python -m pytest -q -n 0 tests/test_architecture.py

bench:
	@PYTHON=$(PYTHON) tools/setup test
	@.venv/bin/python bench/run.py $(BENCH)
	@.venv/bin/python bench/rewriting.py
	@.venv/bin/python bench/resolving.py

soak:
	@PYTHON=$(PYTHON) tools/setup test
	@.venv/bin/python -m pytest -q -n 0 -m soak tests
	@.venv/bin/python -m pytest -q -n $(WORKERS) --hypothesis-profile search tests/property
	@.venv/bin/python bench/soak.py --messages $(MESSAGES) $(SOAK)

golden:
	@PYTHON=$(PYTHON) tools/setup test
	@POSTHOUSE_GOLDEN=rewrite .venv/bin/python -m pytest -q -n $(WORKERS) tests

lock:
	@tools/lock

clean:
	rm -rf .venv .mypy_cache .ruff_cache .pytest_cache .hypothesis
