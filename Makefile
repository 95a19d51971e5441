.PHONY: check lint test reference

check: lint test

lint:
	ruff format --check .
	ruff check .
	mypy
	lint-imports

test:
	pytest

# The pages queries/README.md, from the headers of all queries, and toolbox/cli/README.md, from the help of all commands.
reference:
	python -c "from pathlib import Path; from toolbox.chart import figures; from toolbox.query import query_reference; \
	Path('queries/README.md').write_text(query_reference(figures()), encoding='utf-8')"
	python -c "from pathlib import Path; from toolbox.cli.reference import command_reference; \
	Path('toolbox/cli/README.md').write_text(command_reference(), encoding='utf-8')"
