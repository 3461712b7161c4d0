# Everything is in delivery/devtools/bootstrap.py and delivery/devtools/stack/. Here: any Python 3 to start it with.
# More arguments go in ARGS: make test ARGS="-k fences"
PYTHONS = python3 python3.13 python3.12 /usr/bin/python3 /usr/local/bin/python3
.PHONY: demo test check evening faults bench bench-fences bench-routing bench-scale bench-volume

demo test check evening faults bench bench-fences bench-routing bench-scale bench-volume:
	@for python in $(PYTHONS) "$$PYTHON"; do \
	  if [ -n "$$python" ] && "$$python" -c "" 2>/dev/null; then exec "$$python" delivery/devtools/bootstrap.py $@ $(ARGS); fi; \
	done; \
	echo "doorstep: no Python 3 found: install Python 3.12 or newer (python.org/downloads), or name one: make $@ PYTHON=/path/to/python3" >&2; \
	exit 1
