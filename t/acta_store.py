"""Read a stopped store: trees and journal, by store/README alone.

read_store(dir) -> {'meta': {...}, table: {key: value}}, all bytes. Checksums
are checked if xxhash is there to do it.
"""

import os
import struct
import sys

import lmdb
import msgpack

try:
    import xxhash
except ImportError:
    xxhash = None

TABLES = ('runtime state outbox channel parked actor timer due event topic '
          'reply ask token dead').split()
OWN = 15
HEAD = struct.Struct('<3sBIQqIIII')
OP = struct.Struct('<BBHI')
PUT, DELETE, DELETE_PREFIX = 1, 2, 3


class Corrupt(Exception):
    pass


def hash64(data, seed=0):
    return xxhash.xxh3_64_intdigest(data, seed=seed)


def row_value(table, key, stored):
    """The value of a row, without its checksum."""
    if len(stored) < 8:
        raise Corrupt(f'row {key!r} is too short')
    value, found = stored[:-8], struct.unpack('<Q', stored[-8:])[0]
    if xxhash and hash64(value, hash64(bytes([table]) + key)) != found:
        raise Corrupt(f'row {key!r} failed its check')
    return value


def read_own(txn, db, name):
    stored = txn.get(name, db=db)
    if stored is None:
        raise Corrupt(f'there is no {name.decode()}')
    return msgpack.unpackb(row_value(OWN, name, stored), raw=False)


def records(txn, db, first):
    """(turn, whole record) from turn `first` on."""
    cursor = txn.cursor(db)
    parts, current = [], None
    if not cursor.set_range(struct.pack('>QH', first, 0)):
        return
    for key, value in cursor.iternext():
        turn, row = struct.unpack('>QH', key)
        if turn != current and parts:
            yield current, b''.join(parts)
            parts = []
        if row != len(parts):
            raise Corrupt(f'turn {turn} lacks a row')
        current = turn
        parts.append(value)
    yield current, b''.join(parts)


def parse(turn, record):
    """(now_ms, [(op, table, key, value)], notes)"""
    (magic, version, size, own_turn, now_ms, count, op_bytes, note_bytes,
     _) = HEAD.unpack_from(record)
    if magic != b'AcJ' or version != 1 or size != len(record):
        raise Corrupt(f'turn {turn} is no record')
    if xxhash and hash64(record[:-8]) != struct.unpack('<Q', record[-8:])[0]:
        raise Corrupt(f'turn {turn} failed its check')
    if own_turn != turn or HEAD.size + op_bytes + note_bytes + 8 != size:
        raise Corrupt(f'turn {turn} contradicts itself')
    ops, at, end = [], HEAD.size, HEAD.size + op_bytes
    while at < end:
        op, table, key_size, value_size = OP.unpack_from(record, at)
        at += OP.size
        key = record[at:at + key_size]
        at += key_size
        ops.append((op, TABLES[table], key, record[at:at + value_size]))
        at += value_size
    if at != end or len(ops) != count:
        raise Corrupt(f'turn {turn} has other operations than it says')
    return now_ms, ops, record[end:end + note_bytes]


def apply(tables, ops):
    for op, table, key, value in ops:
        rows = tables[table]
        if op == PUT:
            rows[key] = value
        elif op == DELETE:
            rows.pop(key, None)
        elif op == DELETE_PREFIX:
            for doomed in [k for k in rows if k.startswith(key)]:
                del rows[doomed]
        else:
            raise Corrupt(f'no such operation: {op}')


def read_store(path):
    env = lmdb.open(os.fspath(path), readonly=True, lock=False, create=False,
                    max_dbs=32)
    try:
        own = env.open_db(b'store', create=False)
        journal = env.open_db(b'journal', create=False)
        dbs = {t: env.open_db(t.encode(), create=False) for t in TABLES}
        with env.begin() as txn:
            return read_txn(txn, own, journal, dbs)
    finally:
        env.close()


def read_txn(txn, own, journal, dbs):
    meta = read_own(txn, own, b'identity')
    if meta['format'] != 1:
        raise Corrupt(f'format {meta["format"]}')
    marks = read_own(txn, own, b'marks')
    meta.update(marks)
    meta['incarnation'] = read_own(txn, own, b'incarnation')['count']
    meta['followers'] = {
        key[9:].decode(): msgpack.unpackb(row_value(OWN, key, stored))
        for key, stored in txn.cursor(own) if key.startswith(b'follower/')}
    tables = {name: {key: row_value(TABLES.index(name), key, stored)
                     for key, stored in txn.cursor(db)}
              for name, db in dbs.items()}
    meta['turn'], meta['last_ms'] = marks['replay_from'] - 1, 0
    for turn, record in records(txn, journal, marks['replay_from']):
        if turn != meta['turn'] + 1:
            raise Corrupt(f'turn {turn} follows {meta["turn"]}')
        meta['last_ms'], ops, _ = parse(turn, record)
        apply(tables, ops)
        meta['turn'] = turn
    if meta['turn'] > 0 and not meta['last_ms']:  # all is merged
        for turn, record in records(txn, journal, meta['turn']):
            meta['last_ms'] = parse(turn, record)[0]
    return {'meta': meta, **tables}


def read_notes(path):
    """What the records that are left say of each message taken, in order:
    [source, number, outcome]."""
    env = lmdb.open(os.fspath(path), readonly=True, lock=False, create=False,
                    max_dbs=32)
    found = []
    try:
        journal = env.open_db(b'journal', create=False)
        with env.begin() as txn:
            for turn, record in whole_records(txn, journal):
                unpacker = msgpack.Unpacker(raw=False)
                unpacker.feed(parse(turn, record)[2])
                found.extend(unpacker)
    finally:
        env.close()
    return found


def read_turns(path, first):
    """The turns of the records that are there from turn `first` on, checked."""
    env = lmdb.open(os.fspath(path), readonly=True, lock=False, create=False,
                    max_dbs=32)
    try:
        journal = env.open_db(b'journal', create=False)
        with env.begin() as txn:
            found = []
            for turn, record in records(txn, journal, first):
                parse(turn, record)
                found.append(turn)
            return found
    finally:
        env.close()


def whole_records(txn, db):
    """Records from the first one of which no row was cut."""
    cursor = txn.cursor(db)
    first = 1
    if cursor.first():
        turn, row = struct.unpack('>QH', cursor.key())
        first = turn if row == 0 else turn + 1
    yield from records(txn, db, first)


if __name__ == '__main__':
    store = read_store(sys.argv[1])
    print(store.pop('meta'))
    for name, rows in store.items():
        for key in sorted(rows):
            print(name, key, rows[key])
