"""The content of the log, and what it must not contain."""

import json

import pytest
import structlog

from core.settings import Environment, LogLevel, Settings
from logs import configure_logging

SECRET = "a pepper that must not be told"


@pytest.fixture(autouse=True)
def _restored() -> object:
    before = structlog.get_config()
    yield
    structlog.configure(**before)


def fail_with_a_secret_at_hand(pepper: str) -> None:
    """Raise where a local variable holds a secret."""
    assert pepper
    raise RuntimeError("the reason")


@pytest.mark.parametrize("environment", Environment)
@pytest.mark.parametrize("terminal", [True, False])
def test_an_internal_error_is_logged_without_local_variables(
    environment: Environment,
    terminal: bool,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr("sys.stderr.isatty", lambda: terminal)
    configure_logging(
        Settings(_env_file=None, environment=environment, log_level=LogLevel.INFO)  # type: ignore[call-arg]
    )
    try:
        fail_with_a_secret_at_hand(SECRET)
    except RuntimeError as error:
        structlog.get_logger("test").error("defect", exc_info=error)
    logged = capsys.readouterr().err
    assert "the reason" in logged
    assert "fail_with_a_secret_at_hand" in logged
    assert SECRET not in logged
    if not terminal or environment is Environment.PRODUCTION:
        (line,) = logged.splitlines()
        assert json.loads(line)["event"] == "defect"
