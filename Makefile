.PHONY: check lint test reference

check: lint test

lint:
	ruff format --check .
	ruff check .
	mypy
	lint-imports

test:
	pytest

# The page queries/README.md, from the headers of all queries.
reference:
	python -c "from pathlib import Path; from toolbox.chart import figures; from toolbox.query import query_reference; \
	Path('queries/README.md').write_text(query_reference(figures()), encoding='utf-8')"
