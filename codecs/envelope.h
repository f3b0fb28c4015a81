/*
 * codecs/envelope.h - the outer forms: a client's request and its answer (the
 * door), a message as it is kept and carried, and the items of which the frames
 * between processes consist (the link). Byte examples: codecs/README.
 */
#ifndef ACTA_ENVELOPE_H
#define ACTA_ENVELOPE_H

#include "codecs/buf.h"
#include "codecs/err.h"
#include "codecs/reader.h"

#define ACTA_SERVICE_MAX 32u
#define ACTA_KEY_MAX 200u
#define ACTA_ADDRESS_MAX (ACTA_SERVICE_MAX + 1 + ACTA_KEY_MAX)
#define ACTA_TYPE_MAX 64u
#define ACTA_ID_MAX 64u
#define ACTA_TIMEOUT_MS_MAX (7 * 24 * 3600 * 1000LL)
#define ACTA_TIMEOUT_MS_DEFAULT 5000

/* Bytes with a length, borrowed; data NULL: absent. */
struct acta_bytes {
	const char *data;
	uint32_t size;
};

/* Split "service/key" at its first '/'; without one the key is empty.
 * ACTA_EINVAL: not an address (DESIGN section 2). A name that begins with '@'
 * is the runtime's own and well formed here. "stock/" is the same as "stock":
 * the empty key, data not NULL. */
ACTA_NODISCARD enum acta_err acta_address_split(const char *data, size_t size,
    struct acta_bytes *service, struct acta_bytes *key);
/* [a-z][a-z0-9-]{0,63}, and whether a service's name (at most 32). */
bool acta_type_valid(const char *data, size_t size);
bool acta_service_valid(const char *data, size_t size);

/* ------------------------------------------------------------ the door -- */

struct acta_request {
	struct acta_bytes to, service, key, type; /* `do` is type */
	acta_value args;         /* MAP, or ABSENT */
	struct acta_bytes args_raw; /* its MessagePack bytes; absent: NULL */
	acta_value id;           /* STR (1..64 bytes), INT, UINT or ABSENT */
	struct acta_bytes client, traceparent, session;
	uint64_t seq;
	int64_t timeout_ms;      /* 1 .. 7 days */
	bool send;               /* op: "send" */
	bool keep;               /* with an id: default true */
};

/*
 * Read a request from one checked MessagePack value. Unknown keys are ignored,
 * but those that begin with '!' refused; doubled known keys refused. A nil is
 * as if it were left out. What points, points into `data`. A traceparent that
 * is not W3C's version 00 is dropped, as W3C has it. client and session are 1
 * to 64 bytes; session and seq come together or not at all.
 * Errors: ACTA_EINVAL (code bad-request; `why`). `id` is set even then if it
 * could be read, so that the error correlates.
 */
ACTA_NODISCARD enum acta_err acta_request_decode(const void *data, size_t size,
    struct acta_request *out, struct acta_why *why);

/* The answers, as one MessagePack map. `id` ABSENT leaves it out; `result` is
 * raw MessagePack (NULL: nil). hint "" is left out. */
void acta_answer_ok(struct acta_buf *buf, acta_value id, const void *result,
    size_t result_size);
void acta_answer_error(struct acta_buf *buf, acta_value id, const char *code,
    const char *text, const char *hint);

/* ------------------------------------------------------------- message -- */

/*
 * Who waits for the answer to a message. Packed as a list, nil for NOBODY:
 * DOOR  [1, door, door_inc, request, home_service, home_part, home_key|nil]
 * ASK   [2, service, part, ask]
 * EVENT [3]
 * and, of the first two, `true` behind it if a handler that ran has forwarded it: then no refusal
 * may say that nothing was done.
 * home_key (20 bytes: hour u32 BE, XXH3-128 of client and id) names the row of
 * the client's id in the partition `home`; NULL: no id is kept.
 */
enum acta_caller_kind {
	ACTA_CALLER_NOBODY, ACTA_CALLER_DOOR, ACTA_CALLER_ASK,
	ACTA_CALLER_EVENT /* nobody: it is an event that was subscribed */
};
struct acta_caller {
	uint32_t kind;
	struct acta_bytes service; /* DOOR: home, ASK: the asker's */
	uint32_t part;
	struct acta_bytes door;
	uint64_t door_inc, request; /* DOOR */
	struct acta_bytes home_key; /* DOOR: 20 bytes or NULL */
	uint64_t ask;               /* ASK */
	bool forwarded;
};
void acta_caller_encode(struct acta_buf *buf, const struct acta_caller *caller);
void acta_caller_decode(struct acta_reader *reader, struct acta_caller *out,
    bool *ok);

/*
 * A message, one MessagePack list of 9:
 * [key str, type str, from str ("" a client), sent_ms int, deadline_ms int (0:
 *  none), caller, args map, id str, trace str|nil]
 * Types that begin with '@' are the runtime's own (runtime/README).
 */
struct acta_message {
	struct acta_bytes key, type, from;
	int64_t sent_ms, deadline_ms;
	struct acta_caller caller;
	acta_value args;            /* MAP */
	struct acta_bytes args_raw; /* its bytes */
	struct acta_bytes id, trace;
};
/* args_raw if it has data, else `args` (ABSENT: an empty map). */
void acta_message_encode(struct acta_buf *buf, const struct acta_message *msg);
/* Checks the bytes as it reads: args by the limits of users, those of the
 * runtime's own types by as much more as it wraps around values of users.
 * ACTA_ENOENT at the end, ACTA_EPROTO if malformed: the reader is then at its
 * end. */
ACTA_NODISCARD enum acta_err acta_message_decode(struct acta_reader *reader,
    struct acta_message *out);

/*
 * A token, which acta_defer hands out and a service keeps and sends as text:
 * "service.part.number.chance", the part in decimal, the others in hexadecimal.
 * `service` points into the text.
 */
struct acta_token {
	struct acta_bytes service;
	uint32_t part;
	uint64_t number, chance; /* at most INT64_MAX */
};
#define ACTA_TOKEN_MAX 80u /* bytes, the NUL not counted */
void acta_token_encode(
    char out[ACTA_TOKEN_MAX + 1], const struct acta_token *token);
/* In the very form that encode gives, else ACTA_EINVAL. */
ACTA_NODISCARD enum acta_err acta_token_decode(
    const char *text, size_t size, struct acta_token *out);

/* ---------------------------------------------------------------- link -- */

/*
 * One zmq frame: 4 bytes 'A' 'c' 'L' 1 (the version), u64 LE link epoch, then
 * items, each a MessagePack list that begins with its kind. Between services
 * and doors of one node; every end checks what it reads all the same.
 */
#define ACTA_LINK_VERSION 1
#define ACTA_LINK_HEAD 12u

enum acta_item_kind {
	/* [1, src, src_part, dst, dst_part, hist, inc, first, count, bin]: `bin`
	 * is `count` messages one behind the other, seq first, first + 1 ... */
	ACTA_ITEM_DATA = 1,
	/* [2, src, src_part, dst, dst_part, hist, inc, nonce, next, credit]: of
	 * channel src -> dst, sent by dst: all below `next` is durable there, and
	 * bytes up to the running total `credit` may be sent, which counts from
	 * the WELCOME of that nonce on. hist, inc: dst's. */
	ACTA_ITEM_ACK,
	/* [3, src, src_part, dst, dst_part, hist, inc, next]: a gap; again from
	 * `next`, please */
	ACTA_ITEM_NACK,
	/* [4, src, src_part, dst, dst_part, hist, inc, nonce, acked, next,
	 * chain16, in_memory, random, version_min, version_max, refused16|nil,
	 * peer_hist]: src asks to speak; it has rows acked .. next-1; chain16 is the
	 * channel's running hash before row `acked`; random: 64 bits made with the
	 * incarnation; the versions of this protocol that it speaks; refused16: the
	 * running hash of dst's that it could not go on from; peer_hist: dst's when
	 * they spoke last, 0 if never */
	ACTA_ITEM_HELLO,
	/* [5, src, src_part, dst, dst_part, hist, inc, nonce, next, chain16,
	 * credit, verdict]: dst's answer; hist, inc: dst's own; nonce: the
	 * HELLO's; verdict 0 go on, else why not (enum acta_verdict) */
	ACTA_ITEM_WELCOME,
	/* [6, door, door_inc, request, dst, dst_part, flags, client_hash16|nil,
	 * id_ms (0: not a time id), message]: a client's call */
	ACTA_ITEM_CALL,
	/* [7, door, door_inc, request, code str|nil, text, hint, result]: code nil:
	 * ok and `result` any value; else refused with code, text, hint */
	ACTA_ITEM_REPLY,
	/* [8, topic, key, from, part, seq, prev, at_ms, data map] to the doors */
	ACTA_ITEM_EVENT,
	/* [9, topic, part, head]: the topic's last seq */
	ACTA_ITEM_HEAD,
	/* [10, src, src_part, dst, dst_part, hist, inc, nonce, hops, path str]: src
	 * waits for room on a channel, and so does everyone on the path; does dst?
	 * What comes back to src has gone round a cycle */
	ACTA_ITEM_PROBE,
};
enum { /* flags of CALL */
	ACTA_CALL_SEND = 1,   /* answer once applied or parked */
	ACTA_CALL_AGAIN = 2,  /* the door sends it again after a restart */
	ACTA_CALL_ADMIN = 4,  /* came in by a door that may do anything */
	ACTA_CALL_SESSION = 8, /* client is the session's hash, id_ms its seq */
};

/* CALL, REPLY: the door is src, door_inc is inc. EVENT, HEAD: part is src_part,
 * head is seq. PROBE: hops is first, path is text. */
struct acta_item {
	uint32_t kind;
	struct acta_bytes src, dst; /* services (door: in src) */
	uint32_t src_part, dst_part;
	uint64_t hist, inc, first, next, credit, nonce, acked, request;
	uint64_t random, peer_hist;
	uint64_t epoch; /* not of the item: of the frame it came in, if its reader
	                 * says so */
	uint32_t count, flags, verdict, version_min, version_max;
	bool in_memory;
	const uint8_t *chain;      /* 16 bytes (encode: NULL is all 0) */
	const uint8_t *refused;    /* 16 bytes or NULL */
	const uint8_t *client;     /* 16 bytes or NULL */
	int64_t id_ms, at_ms;
	struct acta_bytes body;    /* DATA: messages; CALL: message; REPLY, EVENT:
	                            * result, data (raw MessagePack; encode: NULL
	                            * is nil, {}) */
	struct acta_bytes code, text, hint;
	struct acta_bytes topic, key, from;
	uint64_t seq, prev;
};

/* Begin a frame in `buf` (reset first), then append items. */
void acta_frame_begin(struct acta_buf *buf, uint64_t epoch);
void acta_item_encode(struct acta_buf *buf, const struct acta_item *item);

/* Check a frame's head; the reader then yields items. ACTA_EPROTO,
 * ACTA_EVERSION. */
ACTA_NODISCARD enum acta_err acta_frame_open(const void *data, size_t size,
    uint64_t *out_epoch, struct acta_reader *out_items);
/* The next item. ACTA_ENOENT at the end, ACTA_EPROTO if malformed. Each item,
 * and each message in a DATA, is checked as it is read (ACTA_MSGPACK_WRAP_...:
 * whatever a handler made goes through). */
ACTA_NODISCARD enum acta_err acta_item_decode(struct acta_reader *reader,
    struct acta_item *out);

#endif /* ACTA_ENVELOPE_H */
