"""A plugin of pytest: how many examples a test of the client draws. The tests' own settings are laid over these."""

from hypothesis import HealthCheck, settings

settings.register_profile("compat", max_examples=20, derandomize=True,
                          suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
settings.load_profile("compat")
