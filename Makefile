# Every target is a command of scripts/bootstrap.py, which needs nothing but Python 3.11.
# Of several, that of the distribution: it is built with the optimisations that one compiled at home mostly lacks, and does
# a third more in the same time.
PYTHON ?= $(shell for each in /usr/bin/python3.11 python3.11 python3; do \
	"$$each" -c 'import ensurepip, venv' 2>/dev/null && command -v "$$each" && exit; done; echo python3.11)
TARGETS := run serve test lint build bench screenshots lock clean static help

.DEFAULT_GOAL := help
.PHONY: $(TARGETS)

# Variables given on the command line (make run PORT=8010) reach the program through the environment.
$(TARGETS):
	@$(PYTHON) -m scripts.bootstrap $@ $(ARGS)
