"""The loads of a sendmail.cf, with what stands when it names none."""

from posthouse.scheduling.load import LoadLimits
from posthouse.site.cf.declared import CfConfiguration

QUEUE_LOAD = 8  # for each processor
REFUSE_LOAD = 12


def load_limits_of(configuration: CfConfiguration, processors: int) -> LoadLimits:
    """Return the limits of a site on a machine with so many processors."""

    def given(name: str, otherwise: int) -> int:
        return configuration.number(name) if configuration.is_set(name) else otherwise

    return LoadLimits(
        queue=given("QueueLA", QUEUE_LOAD * processors),
        refuse=given("RefuseLA", REFUSE_LOAD * processors),
        delay=configuration.number("DelayLA"),
        factor=configuration.number("QueueFactor"),
        refused_recipients=configuration.number("BadRcptThrottle"),
    )
