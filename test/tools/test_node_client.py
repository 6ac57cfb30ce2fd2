"""Programs' side of the node: each has a ROS domain of its own."""

import subprocess
import sys

import pytest

from ris_ros.errors import MissingError
from ris_ros.tools import node_client
from ris_ros.tools.node_client import claim_ros_domain

CLAIM = """
from ris_ros.tools.node_client import claim_ros_domain
domain, claim = claim_ros_domain()
print(domain, flush=True)
input()
"""


@pytest.fixture
def few(monkeypatch):
    """So few domains that chance would soon give one to two programs."""
    monkeypatch.setattr(node_client, "PRIVATE_DOMAINS", range(300, 303))


def test_no_two_claims_have_one_domain(few):
    claims = [claim_ros_domain() for _ in range(3)]
    assert {domain for domain, _ in claims} == {300, 301, 302}
    with pytest.raises(MissingError, match="all 3 ROS domains are in use"):
        claim_ros_domain()
    claims[1][1].close()
    domain, claim = claim_ros_domain()
    assert domain == claims[1][0]
    for _, one in [*claims, (domain, claim)]:
        one.close()


def test_other_programs_do_not_get_it_until_this_one_ends(monkeypatch):
    with subprocess.Popen([sys.executable, "-c", CLAIM], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
                          ) as program:
        taken = int(program.stdout.readline())
        monkeypatch.setattr(node_client, "PRIVATE_DOMAINS", range(taken, taken + 1))
        with pytest.raises(MissingError):
            claim_ros_domain()
        program.kill()
    claim_ros_domain()[1].close()


def test_a_domain_stays_claimed_while_a_process_in_it_lives(few, monkeypatch):
    monkeypatch.setattr(node_client, "_claims", [])
    domain, claim = claim_ros_domain()
    node_client._claims.append(claim)
    left = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE, pass_fds=node_client.claimed())
    claim.close()
    others = [claim_ros_domain() for _ in range(2)]
    assert domain not in {other for other, _ in others}
    with pytest.raises(MissingError):
        claim_ros_domain()
    left.communicate()
    assert claim_ros_domain()[0] == domain
    for _, other in others:
        other.close()
