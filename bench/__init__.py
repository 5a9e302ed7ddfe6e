"""Measurements beside real peers on one machine; never part of the tests."""
