.PHONY: check lint test reference

# Everything that CI runs; `make test` leaves out the tests that take long.
check: lint
	pytest -m "long or not long"

lint:
	ruff format --check .
	ruff check .
	mypy
	lint-imports

test:
	pytest

# What is written from what is there: queries/README.md from the headers of all queries, toolbox/cli/README.md from the help
# of all commands, and toolbox/study/query_names.py from the names of all queries.
reference:
	python -c "from pathlib import Path; from toolbox.chart import figures; from toolbox.query import query_reference; \
	Path('queries/README.md').write_text(query_reference(figures()), encoding='utf-8')"
	python -c "from pathlib import Path; from toolbox.cli.reference import command_reference; \
	Path('toolbox/cli/README.md').write_text(command_reference(), encoding='utf-8')"
	python -c "from pathlib import Path; from toolbox.query import query_names; from toolbox.study.completion import query_name_module; \
	Path('toolbox/study/query_names.py').write_text(query_name_module(query_names()), encoding='utf-8')"
