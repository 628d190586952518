"""Fixtures for the suites that drive whole daemons: engines, registries, images, terminals.

Standard library only. Nothing here knows which daemon is under test.
"""
