/*
 * runtime/host/part.h - one partition of a service: what the turn, the API, the
 * channels and the runtime's own requests share. A partition is a machine
 * without clock, sockets or threads: items and the time come in, items go out by
 * its port; acta-host and the test kit run the very same.
 */
#ifndef ACTA_HOST_PART_H
#define ACTA_HOST_PART_H

#include "codecs/envelope.h"
#include "runtime/ctl.h"
#include "runtime/host/inbox.h"
#include "runtime/host/literal.h"
#include "runtime/host/outbox.h"
#include "runtime/host/scratch.h"
#include "runtime/host/service.h"
#include "store/hash.h"
#include "store/store.h"

/* Bounds of a turn (CORE 1.1) and of what waits in memory. */
#define ACTA_TURN_MESSAGES 1024u
#define ACTA_TURN_BYTES (1u << 20)
#define ACTA_TURN_MS 5
#define ACTA_INBOX_BYTES_MAX (64u << 20) /* of calls */
#define ACTA_INBOX_QUANTUM 16384 /* bytes of one source, then the next's turn */
#define ACTA_WAITERS_MAX 4096u
#define ACTA_READS_MAX 256u
#define ACTA_READS_BYTES_MAX (16u << 20)
#define ACTA_EFFECTS_MAX 10000u
#define ACTA_EFFECT_BYTES_MAX (8u << 20)
#define ACTA_VALUE_BYTES_MAX (1u << 20)
#define ACTA_TOPICS_MAX 1024u
#define ACTA_RESEND_MS 1000 /* no ack for so long: HELLO again; doubled .. */
#define ACTA_HELLO_MS 500   /* no WELCOME for so long: HELLO again; doubled .. */
#define ACTA_HELLO_MS_MAX 8000      /* .. up to this */
#define ACTA_CHANNEL_VERSION 1u
#define ACTA_BATCH_BYTES (256u << 10)    /* of one DATA item */
#define ACTA_CREDIT_BUDGET (64u << 20) /* in flight to one partition */
#define ACTA_CREDIT_MIN 4096u /* what every channel may have in flight */
#define ACTA_BEYOND_CREDIT (4u << 20) /* more than any one message on top */
#define ACTA_PROBE_MS 5000 /* full for so long: is it a cycle? */
#define ACTA_PROBE_HOPS 64u
#define ACTA_FULL_RETRY_MS 1000 /* no space: is there some again? */
#define ACTA_ROOM_RETRY_MS 1000 /* no room in a channel, and no ack made some */
#define ACTA_BLAMES_MAX 256u
#define ACTA_DEAD_STATE_MAX 65536u /* bytes of rows kept with a dead letter */
#define ACTA_HOLD_MS_MAX 950 /* however long a backup would have it */
#define ACTA_ACKS_LAZY_MAX 4096u

struct acta_uid {
	uint8_t bytes[16];
};

struct acta_part;
struct acta_outside;

/* How a partition speaks. Items are encoded before the call returns. */
struct acta_port {
	void *self;
	void (*to_part)(void *self, const char *service, uint32_t part,
	    const struct acta_item *item);
	void (*to_door)(void *self, const char *door, uint64_t door_inc,
	    const struct acta_item *item);
	void (*event)(void *self, const struct acta_item *item);
	/* text "": it is over */
	void (*alarm)(void *self, const char *name, const char *text);
	/* ms since start of the turn, for its bound; the test kit says 0 */
	int64_t (*elapsed_ms)(void *self);
	/* Have it run by another thread; acta_outside_done() says that it has
	 * ended. NULL: it is run here. */
	void (*outside)(void *self, struct acta_outside *run);
	/* The test kit's kill: true ends the turn where it is. NULL: never. */
	bool (*crash)(void *self, const char *point);
};

struct acta_route { /* a service of the node, by name */
	char name[ACTA_SERVICE_MAX + 1];
	uint32_t partitions;
};

struct acta_part_config {
	const char *service, *node;
	uint32_t part, parts;
	uint32_t max_attempts, max_crashes;
	int64_t backoff_min_ms, backoff_max_ms;
	double backoff_factor;
	bool stop_on_failed; /* on_failed: stop */
	int64_t turn_limit_ms;
	uint64_t channel_quota, channel_credit;
	uint64_t credit_budget; /* of all channels to here; 0: 64 MiB */
	int64_t event_age_ms;
	uint64_t event_size, event_count;
	int64_t ids_keep_ms; /* 0: for ever */
	uint64_t ids_quota;  /* bytes of client ids; 0: none */
	/* How the service hears events: skipped if it is behind, else held; and
	 * where a new subscription begins: 'f'irst (or 0), 'l'ast, at 's'eq
	 * on_from, or with what was published at 't'ime on_from, ms. */
	bool on_lapse;
	char on_how;
	int64_t on_from;
	const struct acta_route *routes;
	uint32_t route_count;
	uint64_t seed; /* of acta_unique; 0: from the system */
};

struct acta_blame {
	struct acta_uid uid;
	uint32_t count;
	char words[160]; /* of the process that it ended last: a backtrace */
};

/* --------------------------------------------------------------- parts -- */

enum acta_source {
	ACTA_FROM_LOCAL,
	ACTA_FROM_PARKED,
	ACTA_FROM_CHANNEL,
	ACTA_FROM_CALL,
	ACTA_FROM_TIMER
};

struct acta_out { /* our end of a channel we send on */
	char service[ACTA_SERVICE_MAX + 1];
	uint32_t part;
	uint64_t next, acked;  /* rows [acked, next) wait in the outbox */
	uint64_t acked_stored; /* rows below it are deleted on disk */
	uint64_t bytes;        /* of those rows */
	struct acta_hash128 chain_acked, chain; /* before acked; before next */
	uint64_t peer_hist;                     /* 0: not met yet */
	/* of this process only */
	enum {
		ACTA_OUT_DOWN,
		ACTA_OUT_HELLO,
		ACTA_OUT_OPEN,
		ACTA_OUT_STOPPED
	} state;
	uint64_t nonce, sent, sent_bytes, credit;
	int64_t hello_ms, hello_wait_ms; /* the last, how long until the next */
	int64_t progress_ms, resend_ms;
	const char *why; /* it is stopped */
	bool refuses; /* to go on from the peer's running hash, this one */
	struct acta_hash128 refused;
	uint64_t lapsed; /* events skipped since it had no room */
	int64_t blocked_ms, probe_ms; /* since when; the last probe */
	uint64_t probe;
	bool dirty, cycle, lapsing;
	struct acta_outbox box;
};

struct acta_in { /* our end of a channel we receive on */
	char service[ACTA_SERVICE_MAX + 1];
	uint32_t part;
	uint64_t hist, inc, random, next;
	struct acta_hash128 chain;
	uint64_t taken, handled, rejected, parked, dead; /* since base */
	uint64_t base; /* the first message of this story */
	/* Of those that were run, by who runs them, in a row of its own: two
	 * entries, which whoever takes a message twice cannot both get wrong. */
	uint64_t run;
	bool run_dirty;
	/* of this process only */
	char source[ACTA_SERVICE_MAX + 12]; /* "service.part" */
	struct acta_inbox inbox;
	bool open;
	const char *why; /* it is stopped */
	bool accepts;    /* an operator's word: if the two ends do not agree, the
	                  * sender's story is the one */
	uint64_t epoch;  /* of the link its HELLO came by */
	uint64_t nonce;  /* of that HELLO */
	uint64_t bytes;  /* taken since the last WELCOME */
	uint64_t came;   /* taken in since then */
	uint64_t granted; /* of these running totals; never taken back */
	uint64_t queued; /* all below it is taken or in the inbox */
	int64_t nack_ms; /* no other one before */
	bool want_ack, dirty, nacked, starved;
};

struct acta_parked { /* an actor with messages set aside */
	struct acta_parked *next_hash;
	char *key;
	uint32_t key_size;
	uint32_t count;
	uint64_t first; /* no row of a lower number is left */
	uint64_t next;  /* number of the next row */
	uint64_t fresh; /* of the first row that is not durable yet, .. */
	uint64_t fresh_turn; /* if any was appended in this turn */
	int64_t due_ms; /* of its first */
	int64_t expires_ms; /* while it is held: none of its deadlines is before */
	/* Those that have expired are looked for once: the next is at this row or
	 * behind it, and no deadline in front of it is before swept_ms. 0: not
	 * begun. */
	uint64_t swept;
	int64_t swept_ms;
	uint32_t passing; /* of its rows: answers and timers that pass held ones */
	bool held;
	bool no_room; /* its first waits for room in a channel */
	bool outside; /* its first runs outside of the turn */
	uint64_t waits_turn; /* what may run of it is fresh: not in this turn */
};

struct acta_waiter { /* a client that asked again while its call is pending */
	uint8_t hash[16];
	char door[48];
	uint64_t door_inc, request;
	int64_t deadline_ms;
	bool told; /* in this turn */
};

struct acta_id_hour { /* answered client ids of one hour (ids.c) */
	uint32_t hour; /* since 1970 */
	uint64_t count, bytes;
	bool dirty;
};

struct acta_seen { /* fingerprints of all of them, to answer misses */
	uint64_t *slots, room, count, stale;
	unsigned shift, state;
	uint8_t from[20]; /* the rows up to here were read */
};

struct acta_sent { /* by the handler that runs; in the arena */
	struct acta_sent *next;
	bool here;           /* to this very partition */
	bool lapse;          /* an event: skipped if there is no room */
	const uint8_t *data; /* encoded; or NULL, and decoded below */
	size_t size;
	const struct acta_route *route; /* not `here` */
	uint32_t part;
	/* decoded (local.h) */
	const struct acta_handler_info *handler;
	acta_value *args;
	const struct acta_ref_ *to, *from;
	struct acta_bytes trace;
};

struct acta_unsent { /* an answer that the handler's own sends brought about */
	struct acta_unsent *next;
	struct acta_caller caller;
	const char *from, *text;
};

struct acta_release { /* what leaves after the commit */
	struct acta_release *next;
	bool event, known;
	char door[48];
	uint64_t door_inc;
	struct acta_item item;
};

struct acta_called { /* a client's call that this turn has run */
	struct acta_called *next;
	char door[48];
	uint64_t door_inc, request;
};

struct acta_topic {
	char name[ACTA_TYPE_MAX + 1];
	uint64_t next, first;
	uint64_t bytes;
	int64_t first_ms;  /* of its first event; 0: not looked at yet */
	/* What is too old, but who is behind and must not miss it has not had
	 * it (subs.c): kept from there on. UINT64_MAX: nobody. */
	uint64_t needed;
	bool kept; /* for him alone */
	uint32_t appended; /* in this turn */
	uint32_t subs_on, subs_all, subs_one; /* that hear it (subs.c) */
	bool dirty;
};

struct acta_new_topic { /* of the handler that runs */
	struct acta_new_topic *next;
	const char *name;
};

struct acta_read { /* a call that only looks, and waits for its actor */
	struct acta_buf item;
	char key[ACTA_KEY_MAX];
	uint32_t key_size;
	int64_t deadline_ms;
};

struct acta_part {
	struct acta_part_config config;
	const struct acta_loaded *loaded;
	struct acta_store *store;
	struct acta_store_id id;
	uint64_t hist; /* 64 bits of the history id */
	struct acta_port port;
	struct acta_box *box; /* where to note what runs */
	struct acta_box own_box;
	struct acta_arena arena;     /* of the turn */
	struct acta_inbox calls;     /* of the doors; channels have their own */
	uint32_t inbox_turn;         /* whose it is: 0 the doors', n ins[n - 1] */
	int64_t inbox_left;          /* of its quantum */
	uint64_t gathered;           /* entries in all inboxes */
	unsigned source;             /* whose turn it is in gather() */
	struct acta_parked *put_off; /* a suspect's queue: first in its turn */
	struct acta_buf pack, scratch;
	int64_t now_ms;
	uint64_t random[2];

	struct acta_out **outs;
	struct acta_in *ins;
	uint32_t out_count, in_count, in_open;
	uint64_t out_cached; /* bytes of rows in memory */
	uint64_t probe_seen; /* the last one handed on */
	uint64_t hellos;     /* said so far */
	struct acta_parked *parked[1024];
	uint32_t parked_actors;
	uint64_t parked_rows;
	int64_t parked_wake_ms; /* no queue is due before */
	uint32_t parked_at;     /* the bucket that is looked at first */
	bool no_room;           /* some wait for room in a channel */
	bool parked_fresh;      /* some wait for this turn's commit */
	struct acta_read reads[ACTA_READS_MAX];
	uint32_t read_count;
	uint64_t read_bytes;
	struct acta_waiter *waiters;
	uint32_t waiter_count;
	bool waiters_told; /* some, in this turn */
	struct acta_id_hour *hours; /* oldest first */
	uint32_t hour_count;
	uint64_t id_bytes;
	int64_t id_horizon_ms; /* ids from before were forgotten */
	bool ids_dirty, ids_early;
	struct acta_seen seen;
	const struct acta_msg *calling; /* the client's call that runs */
	bool call_ended;                /* and has its answer */
	/* Runs of handlers outside the turn: under way, ended, taken over. */
	struct acta_outside *outside, *outside_ended, *outside_spent;
	uint32_t outside_count;
	struct acta_topic *topics;
	uint32_t topic_count;
	struct acta_behind *behind; /* subscriptions that are fed from the log */
	uint32_t behind_count;
	bool announce, announce_all; /* what we hear, to its publishers */
	int64_t topics_due_ms; /* nothing of their logs is too old before */
	struct acta_blame blames[ACTA_BLAMES_MAX];
	uint32_t blame_count;

	struct acta_literals literals;
	struct acta_stage **stages; /* by route (stage.h) */
	uint64_t runs, loads; /* handlers run; times all was read anew */
	const struct acta_route *own_route;
	acta_value args[ACTA_SCHEMA_FIELDS_MAX]; /* of the message that runs */
	int64_t began_ms, elapsed_ms; /* of the turn: CLOCK_BOOTTIME, and since */

	uint64_t next_ask, next_token, next_dead, next_local;
	uint64_t next_place; /* of an event, among those of all topics */
	bool numbers_dirty;
	int64_t next_due_ms; /* no row of T_DUE is due before */
	bool intake_stopped, failed;
	bool nearly_full; /* of its quota: the alarm is on */
	bool full;       /* the last commit found no space */
	bool trial;      /* this turn tries whether there is some again */
	int64_t full_ms; /* when to try */
	bool stopped, stopping, going; /* stop.c: it has, will with this turn, has
	                                * been told to go on */
	bool draining; /* take nothing new; write acks down */
	int64_t hold_ms; /* no turn before, while a backup looks at all */
	bool held;       /* until it said that it had looked, */
	uint64_t held_turn; /* at this turn */

	/* of this turn */
	struct acta_sent *local, **local_tail;
	struct acta_release *releases, **release_tail;
	bool release_known; /* what is released was durable before this turn */
	struct acta_called *called;
	uint64_t turn; /* counts them, from the start of the process */
	uint32_t turn_messages;
	bool alone; /* it runs a suspect, and nothing else */

	/* counters since the start */
	uint64_t handled, rejected_sends, late, dropped, dead, busy;
};

/* A message that is run, and its actor: the API's opaque types. */
struct acta_msg {
	struct acta_message m;
	struct acta_actor *actor; /* while its handler runs */
	const struct acta_handler_info *handler;
	acta_value *args; /* in declared order */
	const struct acta_ref_ *to, *sender; /* of a local one, else NULL */
	struct acta_uid uid, blamed;
	char id[33];
	enum acta_source source;
	uint32_t attempt;
	bool then; /* an answer: outcome and so on are set */
	bool timer;
	bool event; /* of a topic that this actor subscribed */
	bool holds; /* its handler called acta_hold */
	bool admin, send, has_client, again;
	uint8_t client[16]; /* the id's hash; in a session the call's */
	uint8_t body_hash[16];
	uint8_t home[20]; /* the key of its record while it is pending */
	bool in_session;
	uint8_t session[16];
	uint64_t seq_of_session;
	int64_t id_ms; /* the time in the id; 0: none */
	acta_outcome outcome;
	const char *code, *text;
	acta_value kept;
	const uint8_t *raw; /* the message as encoded */
	size_t raw_size;
	struct acta_in *in; /* FROM_CHANNEL */
	uint64_t seq;
	uint64_t row; /* FROM_PARKED */
	bool row_passes;
	const char *type_text, *from_text;
};

struct acta_ref_ {
	struct acta_bytes service, key;
	const struct acta_route *route; /* once it was asked for */
	uint32_t part;
	uint32_t size;
	char text[]; /* NUL-ended */
};

struct acta_list {
	struct acta_actor *actor;
	struct acta_buf *buf; /* packed elements */
	uint32_t count;
};

#define ACTA_SCANS_MAX 32u
#define ACTA_LISTS_MAX 64u
struct acta_actor {
	struct acta_part *part;
	const struct acta_loaded *loaded;
	struct acta_arena *arena;
	struct acta_msg *msg; /* NULL in start() */
	uint32_t key_size;
	const struct acta_ref_ *self;
	int64_t now_ms;
	bool reads_only, no_state;
	bool aborts; /* of a test: misuse ends it */

	acta_status status; /* the worst so far */
	bool misused, full;
	const char *code, *text; /* of a reject, a fail, a misuse */
	bool replied, deferred, held, resumed;
	const uint8_t *reply; /* raw MessagePack */
	size_t reply_size;
	struct acta_sent **reply_tail; /* what was sent after it hangs here */
	bool caller_taken; /* forwarded or deferred: not ours to answer */
	uint32_t effects;
	uint64_t effect_bytes;
	struct acta_sent *sent, **sent_tail;
	struct acta_unsent *unsent;
	struct acta_release *events, **event_tail;
	struct acta_new_topic *new_topics;
	uint32_t scan_count, list_count;
	/* What stands above is cleared for each message, what follows is not. */
	char key[ACTA_KEY_MAX + 1];
	struct acta_scan *scans[ACTA_SCANS_MAX];
	struct acta_buf *lists[ACTA_LISTS_MAX];
};

/* ----------------------------------------------------------------- API -- */

ACTA_NODISCARD enum acta_err acta_part_open(struct acta_part **out,
    const char *dir, const struct acta_store_options *options,
    const struct acta_part_config *config, const struct acta_loaded *loaded,
    const struct acta_port *port, struct acta_box *box, int64_t now_ms,
    struct acta_why *why);
void acta_part_close(struct acta_part **part);
void acta_part_blame(struct acta_part *part, const uint8_t uid[16],
    uint32_t count, const char *words);
/* The peer (all its partitions if UINT32_MAX) came up anew: HELLO. */
void acta_part_peer(struct acta_part *part, const char *service,
    uint32_t peer_part, int64_t now_ms);
/* The link to there was closed while nothing was under way: HELLO before the
 * next word. */
void acta_part_link_closed(
    struct acta_part *part, const char *service, uint32_t peer_part);
/* An operator has said so: if it has stopped (stop.c). */
void acta_part_go(struct acta_part *part);
/* Take an item in: gathered, or applied at once. */
void acta_part_item(
    struct acta_part *part, const struct acta_item *item, int64_t now_ms);
/*
 * One turn. *out_more: there is work left. ACTA_ECLOSED: the kit's kill;
 * ACTA_EUNSURE, ACTA_ECORRUPT: end the process as storage-failed.
 */
ACTA_NODISCARD enum acta_err acta_part_turn(
    struct acta_part *part, int64_t now_ms, bool *out_more);
/* When it wants to run next, if nothing comes: ms since 1970, INT64_MAX. */
int64_t acta_part_wake_ms(const struct acta_part *part);
uint64_t acta_part_waiting(const struct acta_part *part); /* parked, outbox */
bool acta_part_quiet(const struct acta_part *part);       /* nothing in hand */

/* turn.c, for its siblings */
struct acta_uid acta_part_uid(
    const void *a, size_t an, const void *b, size_t bn, uint64_t number);
const struct acta_route *acta_part_route(
    const struct acta_part *part, const char *service, size_t size);
void acta_part_push_local(
    struct acta_part *part, const uint8_t *data, size_t size);
void acta_part_release(struct acta_part *part, const char *door,
    size_t door_size, uint64_t door_inc, const struct acta_item *item);
/* How something ended: ANSWERED with `result` (NULL: nil), else code, text. */
struct acta_end {
	acta_outcome outcome;
	const void *result;
	size_t size;
	const char *code, *text;
};
/* Give the asker or caller its answer. `from` is the actor that answers. */
void acta_part_answer(struct acta_part *part, const struct acta_caller *caller,
    const char *from, const struct acta_end *end);
enum acta_err acta_part_fatal(struct acta_part *part, enum acta_err err);
uint64_t acta_part_random(struct acta_part *part);
/* Of the store. What can be neither read nor said not to be there ends the
 * process: part->failed. */
enum acta_err acta_part_get(struct acta_part *part, enum acta_table table,
    const void *key, size_t size, const void **out, size_t *out_size);
void acta_part_due_put(struct acta_part *part, int64_t due_ms, char kind,
    const void *rest, size_t size, const void *value, size_t value_size);
void acta_part_due_delete(struct acta_part *part, int64_t due_ms, char kind,
    const void *rest, size_t size);
size_t acta_actor_row(char *out, const char *key, size_t key_size,
    const char *name, size_t name_size); /* u8 length, key, name */
void acta_part_dead(struct acta_part *part, struct acta_msg *msg,
    const char *cause, const char *text);

/* channel.c */
enum acta_err acta_channels_load(struct acta_part *part);
void acta_channels_recall(
    struct acta_part *part, const struct acta_in *old, uint32_t count);
struct acta_out *acta_channel_out(
    struct acta_part *part, const char *service, uint32_t peer_part);
bool acta_channel_room(
    const struct acta_part *part, struct acta_out *out, bool inside);
/* An event was skipped, as there was none. */
void acta_channel_lapse(struct acta_part *part, struct acta_out *out);
void acta_channel_append(struct acta_part *part, struct acta_out *out,
    const void *data, size_t size);
void acta_channel_item(
    struct acta_part *part, const struct acta_item *item, int64_t now_ms);
/* Into the write-set; `all`: acks too, although nothing else is to commit. */
void acta_channels_store(struct acta_part *part, bool all);
void acta_channels_send(struct acta_part *part, int64_t now_ms);
int64_t acta_channels_wake_ms(const struct acta_part *part);
/* A message waits for room there. */
void acta_channel_block(
    struct acta_part *part, const char *service, uint32_t peer_part);
/* What operators do: `acta channel` (runtime/README). */
struct acta_in *acta_channel_in(
    struct acta_part *part, struct acta_bytes service, uint32_t peer_part);
/* The same, made if there may be one: nothing need have come from there yet. */
struct acta_in *acta_channel_from(
    struct acta_part *part, struct acta_bytes service, uint32_t peer_part);
void acta_channel_accept(struct acta_part *part, struct acta_in *in);
/* Up to `most` of what waits there becomes dead letters; how many are left. */
uint64_t acta_channel_reset(
    struct acta_part *part, struct acta_out *out, uint32_t most);
/* When the first message that waits there was sent; 0: none does. */
int64_t acta_channel_oldest_ms(struct acta_part *part, struct acta_out *out);

/* events.c */
enum acta_err acta_topics_load(struct acta_part *part);
/* NULL: there is none, or no more can be made. */
struct acta_topic *acta_topic_find(
    struct acta_part *part, struct acta_bytes name, bool make);
size_t acta_event_key(char *out, const struct acta_topic *t, uint64_t seq);
/* Who is behind needs the log from `seq` on; UINT64_MAX: nobody is. */
void acta_topic_needed(
    struct acta_part *part, struct acta_topic *t, uint64_t seq);
void acta_topics_append(struct acta_part *part, struct acta_release *event);
void acta_topics_store(struct acta_part *part);
/* A door came up: between turns. It knows of no event before, and whoever missed
 * the last one would hear of it with the next one, which may never come. */
void acta_part_heads(struct acta_part *part);
int64_t acta_topics_wake_ms(const struct acta_part *part);

/* admin.c: the runtime's own requests. */
void acta_part_admin(struct acta_part *part, struct acta_msg *msg);

/* api.c */
void acta_actor_misuse(struct acta_actor *actor, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
void acta_actor_fini(struct acta_actor *actor);
/* To who subscribed what it has published: acta_publish does so itself. */
void acta_actor_tell(struct acta_actor *actor, const char *topic,
    struct acta_bytes data);
/* Send it once this handler's effects are kept. */
struct acta_sent *acta_actor_queue(struct acta_actor *actor,
    const struct acta_route *route, uint32_t part,
    const struct acta_message *m);
const struct acta_ref_ *acta_ref_make(
    struct acta_arena *arena, const char *text, size_t size);
/* Where it lies; NULL: there is no such service. */
const struct acta_route *acta_ref_route(
    struct acta_part *part, const struct acta_ref_ *ref);
static inline bool
acta_ref_is_here(struct acta_part *part, const struct acta_ref_ *ref)
{
	return acta_ref_route(part, ref) == part->own_route &&
	    part->own_route != NULL && ref->part == part->config.part;
}

#endif /* ACTA_HOST_PART_H */
