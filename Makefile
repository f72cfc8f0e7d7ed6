# make prove   set up and run the main job: prove, write, re-check
# make test    set up what tests need and run the suite, one process per core, but for what is marked ci
# make test-all  the whole suite, with builds of the wheel and of papers, and long runs
# make live    the newest TransformerLens in an environment of its own, and the tests on its live models
# make soak    hundreds of random networks against every sub-cubic configuration (a quarter of an hour)
# make lint    ruff and pyright
# make bench   timings beside peers, ratios within one run (some twelve minutes; make bench BENCH=--quick: one)
# make docs    the pages and the package's public names as one HTML manual, in docs/_build
# make gallery refresh the committed examples in proofs_out/gallery
# make transcripts  write the golden transcripts of the tests again; read what changed
# make certificates  prove again what tests of the checker read, after a change of the prover
# make zoo     train the shipped networks again (needs torch)
# make clean   remove what the other targets made

PYTHON ?= python3
BIN := .venv/bin
NETWORK := models/zoo/max_of_4_v64_d32_seed50.safetensors
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt
# A file's tests run in one process, which shares what it proves.
PYTEST := $(BIN)/python -m pytest --numprocesses auto --dist loadfile

.PHONY: prove test test-all live soak lint bench docs gallery transcripts certificates zoo clean

prove: .venv/ready
	@$(BIN)/mechproof prove $(NETWORK) --out proofs_out/latest > proofs_out/.prove.log || { cat proofs_out/.prove.log; exit 1; }
	@$(BIN)/python -I -S engine/checker proofs_out/latest/certificate.json --weights $(NETWORK)
	@cat proofs_out/.prove.log && rm proofs_out/.prove.log

test: .venv/ready-test .links/mechproof
	@echo "some five minutes on two cores, nine of processor time; pytest shows how far it is" >&2
	$(PYTEST) -m "not ci"

test-all: .venv/ready-test .links/mechproof
	$(PYTEST)

live: .venv-live/ready
	.venv-live/bin/python -m pytest tests/models/weights/test_transformer_lens_live.py

soak: .venv/ready-test .links/mechproof
	MECHPROOF_SOAK=200 $(BIN)/python -m pytest tests/rewrites/strategies/test_subcubic.py

lint: .venv/ready-lint .links/mechproof
	$(BIN)/ruff check .
	$(BIN)/pyright

bench: .venv/ready-test
	@$(BIN)/python benchmarks/run.py $(BENCH)

docs: .venv/ready-docs
	$(BIN)/sphinx-build -q -W -b html docs docs/_build

gallery: .venv/ready
	$(BIN)/python scripts/write_gallery.py

transcripts: .venv/ready-test
	$(BIN)/python scripts/write_transcripts.py

certificates: .venv/ready
	$(BIN)/python scripts/record_certificates.py

zoo: .venv/ready-test
	$(BIN)/python -m mechproof.models.zoo.build
	$(BIN)/python scripts/record_zoo.py

clean:
	rm -rf .venv .venv-live .links build dist *.egg-info proofs_out/latest docs/_build .pytest_cache .ruff_cache .hypothesis .coverage

.venv/bin/python:
	$(PYTHON) -m venv .venv

.venv/ready: setup.cfg constraints.txt | .venv/bin/python
	@echo "installing mechproof and what it needs into .venv (a minute)" >&2
	$(PIP) --editable .
	@touch $@

.venv/ready-test: .venv/ready
	@echo "installing what tests and timings need, torch among it (some minutes)" >&2
	$(PIP) --editable '.[torch,test]'
	@touch $@

.venv/ready-lint: .venv/ready-test
	$(PIP) --editable '.[lint]'
	@touch $@

.venv/ready-docs: .venv/ready
	$(PIP) --editable '.[docs]'
	@touch $@

# TransformerLens brings half a gigabyte and pytest plugins that the other tests are to do without
.venv-live/ready: setup.cfg constraints.txt constraints-live.txt
	$(PYTHON) -m venv .venv-live
	.venv-live/bin/python -m pip install --quiet --disable-pip-version-check \
		--constraint constraints.txt --constraint constraints-live.txt --editable '.[torch,test,live]'
	@touch $@

# pyright finds `import mechproof` in the tests through this link
.links/mechproof:
	mkdir -p .links
	ln -sfn .. $@
