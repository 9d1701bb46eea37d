# Every target is a command of scripts/bootstrap.py, which needs nothing but Python 3.11.
PYTHON ?= $(shell command -v python3.11 || command -v python3 || echo python3.11)
TARGETS := run serve test lint build bench screenshots lock clean static help

.DEFAULT_GOAL := help
.PHONY: $(TARGETS)

# Variables given on the command line (make run PORT=8010) reach the program through the environment.
$(TARGETS):
	@$(PYTHON) -m scripts.bootstrap $@ $(ARGS)
