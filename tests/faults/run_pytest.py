"""Runs pytest on a host that is broken on purpose; see mutants.py, whose program starts this one."""

import sys

import pytest

if __name__ == "__main__":
    sys.exit(pytest.main(sys.argv[1:]))
