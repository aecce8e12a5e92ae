"""Profiles of users in the hands of mem0's newest clients, the only ones that know them."""

from typing import Any

from harness.process import wait_until
from tests.mem0.conftest import NEWEST, Case, only
from tests.mem0.dialects import remember, remember_in_typescript
from tests.mem0.homes import Home
from tests.mem0.remote import refused

SCHEMA = {
    "type": "object",
    "properties": {"home_city": {"type": "string", "description": "The city they live in"}},
}


@only(NEWEST)
def test_python_makes_profiles(case: Case, client: Any, home: Home) -> None:
    remember(case, client, "I live in the city of Lisbon")
    remember(case, client, "I hike", user_id="b/ob")
    assert client.get_profile("alice")["status"] == "not_enabled"
    assert refused(client.generate_profile, "alice").kind == "ValidationError"
    stored = client.update_profile_settings(enabled=True, schema=SCHEMA)
    assert stored == client.get_profile_settings()
    assert (stored["enabled"], stored["entities"]["user"]["schema"]) == (True, SCHEMA)
    begun = client.generate_profile("alice")
    assert home.event(begun["event_id"])["status"] == "SUCCEEDED"
    assert client.get_profile_job(begun["status_url"])["job"]["succeeded"] == 1
    assert client.get_profile_job(begun["job_id"])["job"]["total"] == 1
    found = client.get_profile("alice")
    assert (found["status"], found["generation_count"]) == ("succeeded", 1)
    assert "Lisbon" in found["profile"]["home_city"]
    assert client.get_profile("b/ob")["status"] == "insufficient_data"
    sampled = client.sample_profiles(limit=2)
    assert sorted(sampled["entity_ids"]) == ["alice", "b/ob"]
    first, second = (
        client.generate_profile("alice", idempotency_key=f"again {case}") for _ in range(2)
    )
    assert (first["job_id"], second["replayed"]) == (second["job_id"], True)
    assert refused(client.get_profile, "nobody").kind == "MemoryNotFoundError"
    cleared = client.update_profile_settings(schema=None)
    assert (cleared["enabled"], cleared["entities"]["user"]["schema"]) == (True, None)


def test_typescript_makes_profiles(typescript: Any) -> None:
    remember_in_typescript(typescript, "I live in the city of Lisbon")
    stored = typescript.updateProfileSettings({"enabled": True, "schema": SCHEMA})
    assert stored["entities"]["user"]["schema"] == SCHEMA
    begun = typescript.generateProfile({"entityId": "alice"})
    wait_until(
        lambda: typescript.getProfileJob(begun["statusUrl"])["job"]["succeeded"], "a profile"
    )
    found = typescript.getProfile({"entityId": "alice"})
    assert (found["status"], found["generationCount"]) == ("succeeded", 1)
    assert "Lisbon" in found["profile"]["home_city"]
