/*
 * runtime/host/turn.h - what the files that make up the turn share: source.c
 * takes a message, run.c runs it, own.c and ids.c know the special ones,
 * answer.c and due.c keep what comes of it; turn.c is the order of it all.
 */
#ifndef ACTA_HOST_TURN_H
#define ACTA_HOST_TURN_H

#include "runtime/host/part.h"

#include <string.h>

/* What became of a message; the names stand in the journal's notes. */
enum acta_fate {
	ACTA_FATE_HANDLED,
	ACTA_FATE_REJECTED,
	ACTA_FATE_PARKED,
	ACTA_FATE_DEAD,
	ACTA_FATE_KILLED, /* by the test kit: the turn ends here */
	ACTA_FATE_NOTHING /* there was no message */
};

/* What a turn knows of itself while it takes messages. */
struct acta_gather {
	struct acta_uid blame; /* of the message that brought this about */
	bool alone;            /* a suspect, or the suspect has run */
	bool put_off;          /* it is run first in the next turn */
};

#define ACTA_PACKED_NIL "\xc0" /* one byte of MessagePack */

static inline struct acta_bytes
acta_bytes_of(const char *text)
{
	return (struct acta_bytes){ text, (uint32_t)strlen(text) };
}

static inline bool
acta_bytes_is(struct acta_bytes b, const char *text)
{
	return b.size == strlen(text) && memcmp(b.data, text, b.size) == 0;
}

static inline void
acta_be64(uint8_t *out, uint64_t n)
{
	for (int i = 7; i >= 0; i--)
		*out++ = (uint8_t)(n >> (8 * i));
}

/* A value of the args of the runtime's own messages. */
static inline acta_value
acta_own_arg(acta_value map, const char *name)
{
	return acta_map_get(map, name, strlen(name));
}

/* due.c: the first row by time (*out_size 0: none); sets next_due_ms. */
enum acta_err acta_due_first(
    struct acta_part *part, uint8_t *out, size_t *out_size);

/* answer.c */
/* Who called must hear it if this turn is taken back; unless it hears what was
 * durable before. */
void acta_note_called(struct acta_part *part, const char *door,
    size_t door_size, uint64_t door_inc, uint64_t request);
void acta_unnote_called(
    struct acta_part *part, uint64_t door_inc, uint64_t request);
struct acta_bytes acta_bytes_keep(struct acta_part *part, struct acta_bytes b);
void acta_reply_door(struct acta_part *part, const char *door,
    size_t door_size, uint64_t door_inc, uint64_t request,
    const struct acta_end *end, const char *hint);
/* Append to a channel, or to this partition's own queue. */
void acta_route_to(struct acta_part *part, const char *service, uint32_t peer,
    const void *data, size_t size);
/* {o: outcome, c: code, x: text, r: result}: four pairs of a map. */
void acta_end_pack(struct acta_buf *b, const struct acta_end *end);
/* A caller whose id, if it has one, is kept in this partition. */
void acta_answer_here(struct acta_part *part, const struct acta_caller *c,
    const struct acta_end *end);

/* ids.c */
bool acta_id_leaves(const struct acta_end *end);
/* A call under an id that is to be kept. True: it is known, or may not run;
 * whoever asked hears it. */
bool acta_id_begin(struct acta_part *part, struct acta_msg *msg,
    const struct acta_item *item);
/* It was begun and has no answer yet: from this commit on it is pending. */
void acta_id_pend(struct acta_part *part, const struct acta_msg *msg);
/* Its answer, said and kept. False: it had one before, and nothing is said. */
bool acta_id_end(struct acta_part *part, const struct acta_caller *c,
    const struct acta_end *end);
/* Hours that are over, or too many. Once a turn, at its beginning. */
void acta_ids_expire(struct acta_part *part);
void acta_ids_store(struct acta_part *part); /* into the write-set */
enum acta_err acta_ids_load(struct acta_part *part);
/* The turn stands: who waited has heard what was said. */
void acta_ids_told(struct acta_part *part);
void acta_ids_fini(struct acta_part *part);

/* own.c */
bool acta_own_then_make(struct acta_part *part, struct acta_msg *msg,
    uint64_t ask, const struct acta_end *end);
enum acta_fate acta_own_then_run(struct acta_part *part, struct acta_msg *msg,
    uint64_t ask, const struct acta_end *end);
struct acta_end acta_own_end(
    struct acta_part *part, const struct acta_msg *msg);
enum acta_fate acta_own_run(struct acta_part *part, struct acta_msg *msg);
bool acta_own_then_open(struct acta_part *part, struct acta_msg *msg);
void acta_own_token_forget(
    struct acta_part *part, const void *key, size_t size);

/* run.c */
const char *acta_part_address(struct acta_part *part, struct acta_bytes key);
enum acta_fate acta_run_undeliverable(struct acta_part *part,
    struct acta_msg *msg, const char *code, const char *text,
    const char *hint);
uint32_t acta_part_blamed(
    const struct acta_part *part, const struct acta_uid *uid);
void acta_msg_texts(struct acta_part *part, struct acta_msg *msg);
/* What of it a handler outside the turn shares (outside.c): opened and checked;
 * parked; its handler called; and what comes of that. */
bool acta_run_open(
    struct acta_part *part, struct acta_msg *msg, enum acta_fate *fate);
enum acta_fate acta_run_park(struct acta_part *part, struct acta_msg *msg,
    uint32_t attempts, int64_t due_ms, const char *reason);
enum acta_fate acta_run_park_no_room(
    struct acta_part *part, struct acta_msg *msg);
enum acta_fate acta_run_misused(
    struct acta_part *part, struct acta_msg *msg, const char *text);
acta_status acta_run_call(struct acta_part *part, struct acta_actor *actor,
    struct acta_msg *msg);
struct acta_run_before { /* where to go back to if nothing is kept */
	acta_store_mark mark;
	struct acta_sent **local_tail;
	struct acta_release **release_tail;
};
struct acta_run_before acta_run_before(const struct acta_part *part);
enum acta_fate acta_run_conclude(struct acta_part *part,
    struct acta_actor *actor, const struct acta_run_before *before,
    acta_status status);
#define ACTA_NO_SPACE "there is no space for its store"
#define ACTA_STOPPED_TEXT \
	"it has stopped, for a message failed; nothing was applied"
#define ACTA_STOPPED_HINT "acta ps shows which; acta start goes on"
/* stop.c: the message that runs has failed, and its partition stops with the turn;
 * once that is durable; as it begins the first turn when it goes on. */
void acta_part_stop(
    struct acta_part *part, const struct acta_msg *msg, const char *why);
void acta_stop_begin(struct acta_part *part);
void acta_stop_end(struct acta_part *part);
ACTA_NODISCARD enum acta_err acta_stop_load(struct acta_part *part);
/* No space, or stopped: what waits here is not looked at. */
static inline bool
acta_part_rests(const struct acta_part *part)
{
	return (part->full && !part->trial) || part->stopped || part->stopping;
}
/* Run a message: its uid, source and attempt are set; raw, or it was opened. */
enum acta_fate acta_run(struct acta_part *part, struct acta_msg *msg);
/* The same for the message that one has become while it was run: its channel has
 * counted it. */
enum acta_fate acta_run_uncounted(struct acta_part *part, struct acta_msg *msg);

/* source.c: one message each */
enum acta_fate acta_source_local(
    struct acta_part *part, const struct acta_gather *g);
void acta_source_local_park(struct acta_part *part);
enum acta_fate acta_source_due(struct acta_part *part, struct acta_gather *g);
enum acta_fate acta_source_parked(
    struct acta_part *part, struct acta_gather *g);
enum acta_fate acta_source_inbox(struct acta_part *part, struct acta_gather *g);
void acta_source_reads_wake(struct acta_part *part);

/* channel.c: the running hash behind one more message. */
struct acta_hash128 acta_chain_step(struct acta_hash128 chain, uint64_t seq,
    const void *data, size_t size);

/* part.c: all that mirrors the store, read from it anew. */
enum acta_err acta_part_reload(struct acta_part *part);

/* turn.c */
bool acta_part_killed(struct acta_part *part, const char *point);

#endif /* ACTA_HOST_TURN_H */
