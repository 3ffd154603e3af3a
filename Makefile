# Everything goes through scripts/setup first; it takes about a second when all is there.
.PHONY: setup demo test check unit integration wheel guards format bench bench-quick bench-full bench-projection bench-watch clean
export PATH := $(CURDIR)/.venv/bin:$(HOME)/.local/bin:$(PATH)

setup:
	@scripts/setup

# ONCE=1 ends by itself and exits non-zero if anything planted was judged wrongly.
demo: setup
	@natalog demo $(if $(ONCE),--once)

test: setup
	@scripts/test

# One step of `make test`: check, unit, integration or wheel.
check unit integration wheel: setup
	@scripts/test $@

# Takes each guard of a registrar out in turn and demands that its test on Kafka fail; some ten minutes.
guards: setup
	@python -m tests.integration.registrar.out_in_turn

format: setup
	@ruff format . && ruff check --fix .

# The two that take minutes.
bench: bench-quick bench-projection

# Into PostgreSQL, beside executemany; a minute.
bench-projection: setup
	@python -m bench.projection

# The watch under kills, rebalances and a broker that goes away; some minutes.
bench-watch: setup
	@python -m bench.watch

# Against Kafka Streams; needs a JDK besides. Under five minutes; the last line is a JSON object.
bench-quick:
	@scripts/setup bench
	@python -m bench.quick

# The same with ten million numbers in state: some twenty minutes and 20 GB below TMPDIR.
bench-full:
	@scripts/setup bench
	@python -m bench.quick --numbers 10000000

clean:
	rm -rf build dist .setup .mypy_cache .ruff_cache .pytest_cache
	find services -name '*.so' -delete
