"""24-compare.py DIR: does the independent reader agree with acta-peek?

Exits 0 and prints a summary if so; else says where they differ."""

import base64
import json
import os
import subprocess
import sys

import msgpack

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import acta_store  # noqa: E402


def key_text(key):
    """As acta-peek prints a key."""
    try:
        text = key.decode()
    except UnicodeDecodeError:
        return key.hex()
    plain = all(c >= ' ' and c != '\x7f' for c in text)
    return text if plain else key.hex()


def value_of(shown):
    """What acta-peek's JSON stands for, where the test's data needs it."""
    if isinstance(shown, dict) and set(shown) == {'$bin'}:
        return base64.b64decode(shown['$bin'])
    if isinstance(shown, dict):
        return {key: value_of(value) for key, value in shown.items()}
    if isinstance(shown, list):
        return [value_of(value) for value in shown]
    return shown


def same(value, shown):
    if isinstance(shown, str) and value.hex() == shown:
        return True
    try:
        return msgpack.unpackb(value, raw=False) == value_of(shown)
    except (ValueError, msgpack.exceptions.ExtraData):
        return False


def compare(path):
    store = acta_store.read_store(path)
    lines = subprocess.run(['acta-peek', path], check=True,
                           capture_output=True).stdout.splitlines()
    meta = json.loads(lines[0])['meta']
    for name in ('service', 'part', 'parts', 'turn', 'last_ms', 'incarnation',
                 'replay_from', 'keep_from'):
        if meta[name] != store['meta'][name]:
            return f'{name}: {store["meta"][name]} against {meta[name]}'
    if meta['followers'] != store['meta']['followers']:
        return 'followers'
    for name, place in store['meta']['followers'].items():
        want = range(place['next'], meta['turn'] + 1)
        if not place['lapsed'] and want and \
                acta_store.read_turns(path, want[0]) != list(want):
            return f'what {name} needs is not there'
    if meta['history'] != store['meta']['history'].hex():
        return 'history'
    rows = [json.loads(line) for line in lines[1:]]
    want = [(table, key, store[table][key]) for table in acta_store.TABLES
            for key in sorted(store[table])]
    if len(rows) != len(want):
        return f'{len(want)} rows against {len(rows)}'
    for (table, key, value), row in zip(want, rows):
        if (row['table'], row['key']) != (table, key_text(key)):
            return f'{table} {key!r} against {row}'
        if not same(value, row['value']):
            return f'{table} {key!r}: {value!r} against {row["value"]}'
    print(f'# {len(rows)} rows, turn {meta["turn"]}')
    return None


if __name__ == '__main__':
    difference = compare(sys.argv[1])
    if difference:
        sys.exit('# ' + difference)
