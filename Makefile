# Murmuration's commands. `make run` and `make test` are all that most people need; both install what they miss.

PYTHON ?= python3
VENV := .venv/bin
# The environment's programs first: forge's compiler is a script for Node, which may have come with it.
export PATH := $(CURDIR)/.venv/bin:$(CURDIR)/node_modules/.bin:$(PATH)

.DEFAULT_GOAL := help
.PHONY: help run operator test test-services test-slow lint fmt contracts-build contracts-test contracts-check \
	contracts-coverage contracts-slither bench-gas \
	static static-check bench-energy bench-epoch bench-index bench-lineage bench-live bench-pages clean install install-dev

help: ## Say what there is
	@grep -E '^[a-z-]+:.*## ' Makefile | sort | sed -E 's/^([a-z-]+):.*## /  make \1|/' | column -t -s '|'

install: ## Install what the site needs (make run does this by itself)
	@$(PYTHON) config/install.py

install-dev: ## Install what tests and lint need too
	@$(PYTHON) config/install.py --dev

operator: install ## Paint for an artwork of others with your own keys (docs/operator.md); ARGS=--register bonds them first
	@exec $(VENV)/python -m config.operate $(ARGS)

run: install ## Start the artwork in one process; PORT=8080 chooses the port
	@exec $(VENV)/python -m config.embedded

test: install-dev ## Run the tests of the site and of the contracts
	@CHROMIUM="$$($(VENV)/python -m config.testbed chromium)" && export CHROMIUM && \
		$(VENV)/python -m pytest -n 2 --dist loadfile -m "not slow and not services"
	@cd contracts && forge test

test-services: install-dev ## Run the site's processes on PostgreSQL and Redis of their own, and the tests that need them
	@$(VENV)/python -m config.testbed services $(VENV)/python -m pytest -m "services and not slow"

test-slow: install-dev ## Run the tests that take minutes, those of the mirror on both databases, and the contracts' with many more runs
	@CHROMIUM="$$($(VENV)/python -m config.testbed chromium)" && export CHROMIUM && \
		$(VENV)/python -m pytest -n 2 --dist loadfile -m "slow and not services" --ignore tests/chain/faults
	@$(VENV)/python -m config.testbed services $(VENV)/python -m pytest -m "slow and services"
	@$(VENV)/python -m pytest tests/chain/faults
	@$(VENV)/python -m config.testbed postgres $(VENV)/python -m pytest tests/chain/faults
	@cd contracts && FOUNDRY_PROFILE=ci forge test

lint: install-dev ## Check style, types, layers, templates, dependencies and contracts
	@$(VENV)/ruff check .
	@$(VENV)/ruff format --check .
	@$(VENV)/mypy
	@$(VENV)/lint-imports
	@$(VENV)/djlint --quiet --lint templates
	@$(VENV)/python -m config.audit
	@cd contracts && forge fmt --check && forge lint --deny warnings

fmt: install-dev ## Format Python and Solidity
	@$(VENV)/ruff check --fix --quiet . ; $(VENV)/ruff format .
	@cd contracts && forge fmt

contracts-build: install-dev ## Compile the contracts; write their ABI, bytecode and generated sources
	@$(VENV)/python contracts/script/build.py

contracts-test: install-dev ## Run the contracts' tests
	@cd contracts && forge test

contracts-check: install-dev ## Fail if the committed ABI, bytecode or generated sources are stale
	@$(VENV)/python contracts/script/build.py --check

static: install-dev ## Build static/dist from static/src
	@node static/build.mjs

static-check: install-dev ## Fail if static/dist is stale
	@node static/build.mjs --check

contracts-coverage: install-dev ## Say how much of the contracts the tests reach; fail below 95 % of lines or branches
	@$(VENV)/python contracts/script/covered.py

contracts-slither: install-dev ## Run Slither (from var/slither); fail on what docs/security.md doesn't explain
	@$(VENV)/python contracts/script/slither.py

bench-energy: install ## Measure, or estimate, what the default model takes; one line of JSON last
	@$(VENV)/python -m benches.energy

bench-epoch: install ## Time one epoch against the bare painter; one line of JSON last
	@$(VENV)/python -m benches.epoch

bench-gas: install ## Live two epochs and count the gas of each step; one line of JSON last
	@$(VENV)/python -m benches.gas

bench-index: install-dev ## Mirror 100,000 votes, beside Ponder and web3.py, and watch them live; one line of JSON last
	@$(VENV)/python -m benches.index

bench-lineage: install ## Paint thirty unchanged generations and measure their drift; one line of JSON last
	@$(VENV)/python -m benches.lineage

bench-live: install ## Tell a thousand open pages, against a bare broadcast; one line of JSON last
	@$(VENV)/python -m benches.live

bench-pages: install-dev ## Load the gallery's and the proposals' pages; one line of JSON last
	@$(VENV)/python -m benches.pages

clean: ## Remove what was installed and built; var/, which holds the artwork, stays
	@rm -rf .venv node_modules contracts/out contracts/cache .mypy_cache .ruff_cache .pytest_cache .hypothesis
