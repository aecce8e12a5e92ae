"""An optional part of the environment, such as a PostgreSQL server, that is missing."""


class RequirementMissing(Exception):
    """The environment lacks something; the message names it.

    The tests skip what needs it; a benchmark ends with the message.
    """
