# Everything one does with PassFlow. It needs make and a Python of at least 3.11; the rest goes into .venv.

ADDRESS ?= 127.0.0.1
PORT ?= 8000
WORKERS ?= 2
DISPATCHERS ?= 2
export PORT

bin := .venv/bin
uv_compile := $(bin)/uv pip compile --quiet $(if $(UPGRADE),--upgrade) --universal --python-version 3.11 \
	--generate-hashes --no-emit-index-url --custom-compile-command 'make lock' pyproject.toml
# COVER=1 notes what is tried, at half the speed.
pytest := $(bin)/pytest --numprocesses 2 $(if $(COVER),--cov --cov-report=)

.DEFAULT_GOAL := help

.PHONY: help
help: ## show this list
	@awk -F ': .*## ' '/^[a-z-]+: .*## / {printf "make %-14s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

# --- Run it -----------------------------------------------------------------------------------------

.PHONY: demo
demo: .venv/runtime ## try it out on http://127.0.0.1:$PORT (8000): web, worker and sample data in one process
	@exec $(bin)/python manage.py demo

.PHONY: serve
serve: .venv/runtime ## $WORKERS (2) production web processes on $ADDRESS (127.0.0.1), port $PORT (8000)
	@$(bin)/python manage.py collectstatic --no-input --verbosity 0
	@# An access log would hold the paths, and a path can be a bearer secret.
	@exec $(bin)/granian --interface wsgi --host $(ADDRESS) --port $(PORT) --workers $(WORKERS) --blocking-threads 1 \
		--respawn-failed-workers --workers-kill-timeout 30 --no-ws --no-access-log passflow.wsgi:application

.PHONY: worker
worker: needs-REDIS_URL .venv/runtime ## production workers, $DISPATCHERS (2) for webhooks, with the clock (beat) that wakes them
	@# A receiver that hangs may hold a thread of the webhooks for half a minute; pushes and mails must not wait
	@# for it. The last does the work of all of them while Redis is away. They end when they are told to, and
	@# when any of them does.
	@all=; for number in $$(seq $(DISPATCHERS)); do \
		$(celery) --hostname webhooks$$number@%h --queues webhooks --pool threads --concurrency 4 & all="$$all $$!"; \
	done; \
	$(celery) --queues celery --concurrency 4 --beat & all="$$all $$!"; \
	$(bin)/python manage.py stand_in & all="$$all $$!"; \
	trap 'kill $$all' TERM; trap : INT; \
	while (for one in $$all; do kill -0 $$one || exit; done) 2>/dev/null; do sleep 1 & wait $$!; done; \
	kill $$all 2>/dev/null; wait

celery := $(bin)/celery --app passflow worker --without-gossip --without-mingle --loglevel WARNING

# --- Change it --------------------------------------------------------------------------------------

.PHONY: lint
lint: .venv/dev ## style, types, import contracts, missing migrations
	$(bin)/ruff check
	$(bin)/ruff format --check
	$(bin)/mypy
	$(bin)/lint-imports
	$(bin)/python manage.py makemigrations --check --dry-run

.PHONY: test
test: .venv/dev ## the whole suite on the embedded default: SQLite, no broker
	@mkdir -p var && rm -f var/coverage.embedded*
	env -u DATABASE_URL -u REDIS_URL COVERAGE_FILE=var/coverage.embedded $(pytest)

.PHONY: test-services
test-services: needs-DATABASE_URL needs-REDIS_URL .venv/dev ## the whole suite on the PostgreSQL of $DATABASE_URL and the Redis of $REDIS_URL
	@mkdir -p var && rm -f var/coverage.services*
	COVERAGE_FILE=var/coverage.services $(pytest)

# The four files that decide who holds a pass: every branch of them is tried.
decisive := credentials/lifecycle.py,credentials/states.py,credentials/tokens.py,redemption/access.py

.PHONY: coverage
coverage: ## what the runs above with COVER=1 have left untried, and whether that is too much
	@$(bin)/coverage combine --quiet --keep --data-file=var/covered var/coverage.*
	$(bin)/coverage report --data-file=var/covered --include=$(decisive) --fail-under=100
	$(bin)/coverage report --data-file=var/covered --omit=$(decisive) --fail-under=95

.PHONY: bench
bench: .venv/dev ## how fast it is, beside what it stands on; ONLY=signing runs one benchmark
	@for name in $(or $(ONLY),$(filter-out test_%,$(basename $(notdir $(wildcard tests/benchmarks/[a-z]*.py))))); do \
		$(bin)/python -m tests.benchmarks.$$name || exit; \
	done

.PHONY: chaos
chaos: .venv/dev ## a hundred faults while 20,000 events are made, on servers of its own; nothing may be lost
	@exec $(bin)/python -m tests.chaos

.PHONY: screenshots
screenshots: .venv/dev ## pictures of every page state into var/screenshots/; needs chromium
	@rm -rf var/screenshots
	SCREENSHOTS=1 $(bin)/pytest --quiet tests/browser/test_screenshots.py

# Only what passholders read is translated.
english := tests var docs requirements webhooks passflow credentials/admin credentials/api redemption/admin \
	templates/admin templates/api

.PHONY: messages
messages: .venv/dev ## collect what passholders read into locale/, and compile what was translated; needs gettext
	$(bin)/python manage.py makemessages --all --extension html,txt,py,svg --no-wrap --add-location file --no-obsolete \
		$(foreach path,$(english),--ignore '$(path)/*')
	@# A date that changes with every run would be all that most runs change.
	sed -i.dated '/^"POT-Creation-Date:/d' locale/*/LC_MESSAGES/django.po && rm locale/*/LC_MESSAGES/*.dated
	$(bin)/python manage.py compilemessages --verbosity 0 --ignore .venv

.PHONY: lock
lock: .venv/dev ## write requirements/ anew from pyproject.toml; UPGRADE=1 takes the newest of everything
	$(uv_compile) --output-file requirements/runtime.txt
	$(uv_compile) --group dev --constraints requirements/runtime.txt --output-file requirements/dev.txt

# --- What it needs ----------------------------------------------------------------------------------

needs-%:
	@test -n "$${$*}" || { echo "$* must hold the address of the server to use" >&2; exit 2; }

# Each of these files is touched when what its lock names has been installed. A lock names all there is to install;
# without --no-deps, older pips look for the newest release of whatever is asked for with an extra, and find no hash.
.venv/%: requirements/%.txt
	@$(bin)/python -m pip --version >/dev/null 2>&1 || { $(find_python) && "$$python" -m venv --clear .venv; }
	@echo "Installing $< into .venv"
	@$(bin)/python -m pip install --quiet --disable-pip-version-check --no-input --no-deps --require-hashes --requirement $<
	@touch $@

find_python = found=; for python in $(PYTHON) python3.11 python3 python3.12 python3.13 python3.14; do \
	"$$python" -c 'import ensurepip, sys, venv; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && found=1 && break; \
	done; test -n "$$found" || { echo "PassFlow needs Python 3.11 or newer with its venv module; set PYTHON to where it is" >&2; exit 1; }
