/*
 * store/rows.h - what the runtime keeps in each table: keys and values. Values
 * are one MessagePack value each. `actor` stands for u8 length and the actor's
 * key; numbers in keys are big-endian; `peer` is u8 length, service, u16 part.
 *
 * META    "numbers"         [next ask, token, dead letter, local, event's place]
 *         "id-hour/", hour hex       [client ids, bytes] of the hour in REPLY
 *         "on/", service     what that publisher was last told that we hear
 *         "ids"             [ids from before this ms are forgotten]
 * STATE   actor, row name   the row's value
 * OUTBOX  peer, u64 seq     messages (codecs/envelope.h) of seq, seq + 1, ...: what
 *                            one turn sent there, one behind the other
 * CHANNEL "o", peer         [next, acked, chain at acked bin16, chain at next
 *                            bin16, peer's history u64, bytes waiting]
 *         "i", peer         [history u64, incarnation, its random u64, next,
 *                            chain bin16, taken, handled, rejected, parked,
 *                            dead, base, accepts]; next is base and what was
 *                            taken; accepts: an operator has, not yet heard
 *         "t", peer         [base, run]: of those taken so many were run, as who
 *                            runs them counts: what "i" says, or one was run
 *                            that was not taken
 * PARKED  actor, u64 n      [attempts, due ms, uid bin16, reason, passes bool,
 *                            message]; `passes`: an answer or timer
 * ACTOR   actor             [schema, held bool]
 * TIMER   actor, name       [due ms, every ms or 0, type, args map, number of
 *                            its last message in PARKED or 0]
 * DUE     u64 ms, "t", actor, name   nil: a timer
 *         u64 ms, "a", u64 ask       nil: an ask's time-out
 *         u64 ms, "k", u64 token     nil: a token that nobody used
 * EVENT   u8 length, topic, u64 seq  [key, prev, at ms, data map, place among all
 *                            topics' events]
 * TOPIC   "h", topic        [next seq, first seq, bytes]
 *         "l", u8 length, topic, actor key   the actor's last seq on it
 *         "s", kind, u8 length, topic, [u64 hash of filter,] hash16
 *                           who hears it: [service, actor key|nil, handler,
 *                            filter|nil, key field|nil, lapse, cursor]; kind "o"
 *                            of a service's handlers, "a" an actor that hears all
 *                            keys, "k" one; cursor: fed from the log from there,
 *                            0: up to date
 * REPLY   u32 hour, hash16  [to, body hash bin16, at ms, state, code, text,
 *                            result, id ms, session bin16|nil, seq]; state 0
 *                            pending (hour 0), 1 ok, 2 refused; hour fffffffe:
 *                            a session's last
 *         ffffffff, session16        [the session's last seq; of it and the 63
 *                            before, bit by bit, those that were not applied]
 * ASK     u64 ask           [actor key, then, kept map, due ms]
 * TOKEN   u64 token, u64 random   [caller, deadline ms, due ms]
 * DEAD    u64 n             [cause, text, attempts, at ms, uid bin16, message,
 *                            the actor's rows before it: map|nil]
 *
 * Notes of a journal record, one a message taken: [source, number, outcome]:
 * source is "service.part" of a channel, "" else; outcome "handled",
 * "rejected", "parked", "dead".
 */
#ifndef ACTA_ROWS_H
#define ACTA_ROWS_H
#endif /* ACTA_ROWS_H */
