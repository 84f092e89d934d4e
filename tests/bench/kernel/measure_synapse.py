"""Synapse's own functions, from the package on PyPI: `measure_synapse.py SCENE`, prints JSON.

Figures are microseconds, the best of many rounds. Synapse is given events that are parsed already. Its store finds the
auth chain difference by walking in memory, as we do; how fast it is with a store that knows it at once is told too.
"""

import json
import sys
import time

import synapse.event_auth  # before `synapse.state`, which it makes a circle with
from signedjson.key import decode_signing_key_base64, decode_verify_key_bytes
from signedjson.sign import verify_signed_json
from synapse.api.room_versions import RoomVersions
from synapse.crypto.event_signing import (
    add_hashes_and_signatures,
    check_event_content_hash,
    compute_event_reference_hash,
)
from synapse.events import make_event_from_json
from synapse.events.utils import prune_event
from synapse.state.v2 import resolve_events_with_store
from synapse.storage.databases.main.event_federation import StateDifference
from unpaddedbase64 import decode_base64, encode_base64

VERSION = RoomVersions.V11


def best(operation, seconds=0.4, times=20):
    end = time.perf_counter() + seconds
    least = float("inf")
    while time.perf_counter() < end:
        began = time.perf_counter()
        for _ in range(times):
            operation()
        least = min(least, (time.perf_counter() - began) / times)
    return least * 1e6


def timed(operation):
    began = time.perf_counter()
    operation()
    return time.perf_counter() - began


def read(text):
    return make_event_from_json(text, VERSION)


def verify(event, server, key):
    verify_signed_json(prune_event(event).get_pdu_json(), server, key)
    if not check_event_content_hash(event):
        raise ValueError("the content hash does not hold")


class Store:
    """The events of a room, and the auth chain difference of its states."""

    def __init__(self, events, known=None):
        self.events = events
        self.known = known

    def chain(self, ids):
        chain, rest = set(ids), list(ids)
        while rest:
            for auth in self.events[rest.pop()].auth_event_ids():
                if auth not in chain:
                    chain.add(auth)
                    rest.append(auth)
        return chain

    def difference(self, states):
        chains = [self.chain(state) for state in states]
        return set.union(*chains) - set.intersection(*chains)

    async def get_events(self, ids, allow_rejected=False):
        return {it: self.events[it] for it in ids if it in self.events}

    async def get_auth_chain_difference(self, room, states, conflicted, additional):
        difference = self.difference(states) if self.known is None else set(self.known)
        return StateDifference(auth_difference=difference, conflicted_subgraph=None)


class Clock:
    async def sleep(self, duration):
        pass


def resolve(store, states):
    room = next(iter(store.events.values())).room_id
    work = resolve_events_with_store(Clock(), room, VERSION, states, None, store)
    try:
        # Nothing here ever waits.
        work.send(None)
    except StopIteration as done:
        return done.value
    raise RuntimeError("it waits")


def measure_room(written, name, figures):
    events = [read(json.dumps(it)) for it in written["events"]]
    by_id = {it.event_id: it for it in events}
    states = [{(by_id[it].type, by_id[it].state_key): it for it in ids} for ids in written["states"]]
    walking = Store(by_id)
    knowing = Store(by_id, walking.difference(written["states"]))
    figures["resolved"][name] = "\n".join(sorted(resolve(walking, states).values()))
    figures["rooms"][name] = best(lambda: resolve(walking, states), seconds=2, times=1)
    figures["rooms"][f"{name} knowing"] = best(lambda: resolve(knowing, states), seconds=2, times=1)


def main():
    with open(sys.argv[1], encoding="utf-8") as file:
        scene = json.load(file)
    server = scene["server"]
    seed = encode_base64(bytes.fromhex(scene["seed"]))
    signing_key = decode_signing_key_base64("ed25519", "1", seed)
    verify_key = decode_verify_key_bytes("ed25519:1", decode_base64(scene["key"]))
    figures = {"operations": {}, "rooms": {}, "resolved": {}}

    def put(operation, sample, work):
        figures["operations"].setdefault(operation, {})[sample] = best(work)

    for sample in scene["samples"]:
        bare, event = json.loads(sample["bare"]), read(sample["signed"])

        def sign():
            copy = dict(bare)
            add_hashes_and_signatures(VERSION, copy, server, signing_key)
            return copy

        if sign()["signatures"][server]["ed25519:1"] != sample["signature"]:
            raise ValueError("Synapse signs otherwise")
        put("sign", sample["name"], sign)
        put("verify", sample["name"], lambda: verify(event, server, verify_key))
        put("contentHash", sample["name"], lambda: check_event_content_hash(event))
        put("eventId", sample["name"], lambda: compute_event_reference_hash(event))
        put("eventIdOfText", sample["name"], lambda: read(sample["signed"]).event_id)

    keys = {name: decode_verify_key_bytes("ed25519:1", decode_base64(key)) for name, key in scene["keys"]}
    with open(scene["bulk"], encoding="utf-8") as file:
        many = [read(it) for it in file]
    total = 0
    for event in many:
        sender = event.sender.split(":", 1)[1]
        total += min(timed(lambda: verify(event, sender, keys[sender])) for _ in range(3))
    figures["bulk"] = total / len(many) * 1e6

    for room in scene["rooms"]:
        with open(room["file"], encoding="utf-8") as file:
            measure_room(json.load(file), room["name"], figures)
    print(json.dumps(figures))


main()
