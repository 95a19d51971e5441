"""SQL that asks for more memory or time than it is given: 64 statements, each asked by a process of its own.

    python tests/attacks/sql_bombs.py

Each may use 1 GB and 4 s. For every statement the script prints the seconds (without the start of Python), the memory
of the largest process that took part, and what came of it; at the end how many kept their limits, and ended in rows or
in one line. Expected: memory: 64 of 64 (1.2 GB), time: 64 of 64 (5 s), a line: 64 of 64.
"""

from __future__ import annotations

import os
import resource
import subprocess
import sys
import threading
import time
from pathlib import Path
from tempfile import TemporaryDirectory, TemporaryFile

sys.path.insert(0, str(Path(__file__).parents[1]))

MEMORY, SECONDS = 1_000_000_000, 4.0
PATIENCE = 40.0
"""Seconds after which a statement is not waited for."""
BIG = 3_000_000_000
_DOUBLING = ", ".join(f"a{n + 1} as (select x || x as x from a{n})" for n in range(34))
_SQUARING = ", ".join(f"a{n + 1} as (select a.x + b.x as x from a{n} a, a{n} b)" for n in range(12))
_LISTS = ", ".join(f"a{n + 1} as (select x || x as x from a{n})" for n in range(32))

MEMORY_BOMBS = {
    "repeat": f"select length(repeat('x', {BIG}))",
    "repeat of a column": f"select length(repeat(x, {BIG // 10})) from (values ('ab'), ('cd'), ('ef')) t (x)",
    "repeat in a where": f"select 1 where length(repeat('x', {BIG})) > 0",
    "repeat, returned": f"select repeat('x', {BIG}) as x",
    "repeat of a list": "select len(repeat([1, 2, 3], 500000000))",
    "lpad": f"select length(lpad('x', {BIG // 2}, 'ab'))",
    "rpad": f"select length(rpad('x', {BIG // 2}, 'ab'))",
    "printf": "select length(printf('%1999999999d', 1))",
    "printf of two": "select length(printf('%999999999d%999999999d', 1, 2))",
    "format": "select length(format('{:1999999999}', 1))",
    "md5 of a repeat": f"select md5(repeat('x', {BIG}))",
    "sha256 of a repeat": f"select sha256(repeat('x', {BIG}))",
    "hex of a repeat": f"select length(hex(repeat('x', {BIG // 2})))",
    "base64 of a repeat": f"select length(base64(repeat('x', {BIG // 3})::blob))",
    "replace": f"select length(replace(repeat('x', {BIG // 100}), 'x', repeat('y', 1000)))",
    "regexp_replace": f"select length(regexp_replace(repeat('x', {BIG // 100}), 'x', repeat('y', 200), 'g'))",
    "string_split": f"select len(string_split(repeat('x,', {BIG // 10}), ','))",
    "regexp_extract_all": f"select len(regexp_extract_all(repeat('x', {BIG // 10}), 'x'))",
    "concat of repeats": "select length(" + " || ".join(["repeat('x', 400000000)"] * 8) + ")",
    "concat_ws": "select length(concat_ws(repeat('y', 10000000), " + ", ".join(["'x'"] * 300) + "))",
    "upper of a repeat": f"select upper(repeat('x', {BIG})) = ''",
    "reverse of a repeat": f"select reverse(repeat('x', {BIG})) = ''",
    "translate": f"select length(translate(repeat('x', {BIG}), 'x', 'y'))",
    "strftime": f"select length(strftime(now(), repeat('%A %B %c', {BIG // 20})))",
    "bits": f"select length(bitstring('1', {BIG // 2}))",
    "range": "select len(range(1000000000))",
    "generate_series": "select len(generate_series(1, 1000000000))",
    "range of ranges": "select sum(len(range(1000000))) from range(1000)",
    "list of lists": "select list(range(1000000)) from range(1000)",
    "list": "select len(list(i)) from range(1000000000) t (i)",
    "array_agg of texts": "select len(array_agg(repeat('x', 1000))) from range(10000000)",
    "string_agg": "select length(string_agg(repeat('x', 1000))) from range(10000000)",
    "list_transform": "select len(list_transform(range(300000000), lambda x: x::varchar))",
    "list of arrays": "select list_transform(range(100000000), lambda x: [x, x, x, x])",
    "flatten": "select len(flatten(list_transform(range(100000), lambda x: range(10000))))",
    "histogram": "select cardinality(histogram(i)) from range(100000000) t (i)",
    "distinct": "select count(distinct i) from range(1000000000) t (i)",
    "order by": "select i from range(1000000000) t (i) order by hash(i)",
    "group by": "select count(*) from (select i, count(*) from range(1000000000) t (i) group by i)",
    "window frame": "select max(c) from (select count(*) over (order by i % 7) as c from range(300000000) t (i))",
    "window of lists": "select list(i) over (order by i) from range(100000) t (i)",
    "median": "select median(i) from range(1000000000) t (i)",
    "cross join": "select a.i, b.i from range(100000) a (i), range(100000) b (i)",
    "cross join, sorted": "select * from range(100000) a (i), range(100000) b (i) order by a.i + b.i",
    "hash join": "select count(*) from range(500000000) a (i) join range(500000000) b (i) on a.i = b.i",
    "recursive texts": "with recursive n(x) as (select 'x' union all select x || x from n) select max(x) from n",
    "recursive rows": "with recursive n(i) as (select 1 union all select i from n, range(2)) select count(*) from n",
    "doubling texts": f"with a0 as (select 'x' as x), {_DOUBLING} select length(x) from a34",
    "doubling lists": f"with a0 as (select [1] as x), {_LISTS} select len(x) from a32",
    "squaring rows": f"with a0 as (from range(2) t (x)), {_SQUARING} select count(*) from a12",
    "unnest": "select count(*) from (select unnest(range(100000000)), unnest(range(100000000)))",
    "rows": "select i, i::varchar || 'abcdefghijklmnop' as t from range(1000000000) t (i)",
    "wide rows": "select " + ", ".join(f"i + {n}" for n in range(500)) + " from range(100000000) t (i)",
    "huge literal": "select length('" + "x" * 150_000 + "' || repeat('y', 3000000000))",
    "map of a range": "select cardinality(map(range(50000000), range(50000000)))",
    "json": "select length(to_json(range(300000000))::varchar)",
    "json_group_array": "select length(json_group_array(i)::varchar) from range(300000000) t (i)",
}
TIME_BOMBS = {
    "cross joins": "select count(*) from range(100000000000) a, range(1000000000) b",
    "recursion": "with recursive n(i) as (select 1 union all select i + 1 from n) select max(i) from n",
    "levenshtein": "select levenshtein(repeat('x', 1000000), repeat('y', 1000000))",
    "jaccard": "select sum(jaccard(repeat('ab', 1000000) || i, repeat('cd', 1000000))) from range(10000) t (i)",
    "regular expression": "select regexp_matches(repeat('a', 100000000), '(a|aa)*(a|aaa)*(b|c)+$')",
    "damerau": "select damerau_levenshtein(repeat('xy', 10000), repeat('yx', 10000)) from range(1000)",
    "factorials": "select max(factorial(33::integer) + i) from range(100000000000) t (i)",
}
BOMBS = {**MEMORY_BOMBS, **TIME_BOMBS}


def ask_one(study: str, name: str) -> None:
    """Ask one statement, and print the seconds and what came of it."""
    resource.setrlimit(
        resource.RLIMIT_DATA, (6 * MEMORY, 6 * MEMORY)
    )  # whatever it is, the machine outlives it
    from toolbox.errors import ToolboxError
    from toolbox.query import ask
    from toolbox.query.limits import Limits
    from toolbox.store.folder import StudyFolder

    started = time.perf_counter()
    try:
        rows = ask(StudyFolder(Path(study)), BOMBS[name], limits=Limits(SECONDS, MEMORY)).rows
        outcome = f"{rows.height} rows"
    except ToolboxError as error:
        outcome = str(error)
    print(f"{time.perf_counter() - started:.2f} {outcome[:100]!r}")


def measure(study: Path, name: str) -> tuple[float, float, str]:
    """Seconds and GB that a statement takes, and what came of it."""
    with TemporaryFile("w+") as output:
        child = subprocess.Popen([sys.executable, __file__, str(study), name], stdout=output, stderr=output)
        timer = threading.Timer(PATIENCE, child.kill)
        timer.start()
        _, status, spent = os.wait4(child.pid, 0)
        timer.cancel()
        child.returncode = status
        output.seek(0)
        text = output.read().strip()
    memory = spent.ru_maxrss * 1024 / 1e9
    if status:
        return PATIENCE, memory, f"FAILED {status}: {text[-300:]}"
    seconds, _, outcome = text.partition(" ")
    return float(seconds), memory, outcome


def main() -> None:
    """Ask all statements in turn, and print the counts."""
    from support.worked_examples import example_study

    with TemporaryDirectory() as folder:
        study = example_study("layers/profile/default", Path(folder) / "study").root
        kept = dict.fromkeys(("memory", "time", "a line"), 0)
        for name in BOMBS:
            seconds, memory, outcome = measure(study, name)
            kept["memory"] += memory <= MEMORY / 1e9 * 1.2
            kept["time"] += seconds <= SECONDS + 1
            kept["a line"] += not outcome.startswith("FAILED")
            print(f"{name:24} {seconds:5.1f} s {memory:5.2f} GB  {outcome}", flush=True)
    print(", ".join(f"{limit}: {count} of {len(BOMBS)}" for limit, count in kept.items()))


if __name__ == "__main__":
    ask_one(*sys.argv[1:]) if len(sys.argv) == 3 else main()
