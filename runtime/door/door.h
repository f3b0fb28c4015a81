/*
 * runtime/door/door.h - a door: the process through which zmq sockets of any
 * language reach the services. One thread, one poll loop, no state that must
 * survive: what a client may rely on lies in the services (door/README).
 *
 * Everything a client makes us keep has a named bound below.
 */
#ifndef ACTA_DOOR_H
#define ACTA_DOOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/queue.h>

#include "codecs/buf.h"
#include "codecs/envelope.h"
#include "runtime/clock.h"

#define DOOR_CALLS_MAX 65536u           /* pending, all services together */
#define DOOR_SLOTS (2 * DOOR_CALLS_MAX) /* by request number; a power of 2 */
#define DOOR_CALLS_BYTES_MAX (32u << 20)
#define DOOR_LINK_CALLS_MAX 32768u      /* so that one that is down ... */
#define DOOR_LINK_BYTES_MAX (16u << 20) /* ... does not take it all */
/* Pushes are not read while a worker that answers has half of that to do; one
 * that has not answered for so long holds up nobody. */
#define DOOR_PUSH_HEARD_MS 1000
#define DOOR_SERVICES_MAX 1024u
#define DOOR_WORKERS_MAX 64u
#define DOOR_ENVELOPE_MAX 8u /* frames before a body */
#define DOOR_FRAME_MAX 255u  /* bytes of each */
#define DOOR_BACK_MAX ((1 + DOOR_ENVELOPE_MAX) * (1 + DOOR_FRAME_MAX))
#define DOOR_HELD_MAX 65536u /* answers to clients that do not read */
#define DOOR_HELD_BYTES_MAX (16u << 20)
#define DOOR_HELD_MS 30000
#define DOOR_HELD_CLIENTS 1024u /* told apart by hash; a power of 2 */
#define DOOR_TOPICS_MAX 65536u  /* (topic, part) whose head is told */
#define DOOR_SUBS_MAX 100000u
#define DOOR_SUBS_BYTES_MAX (2u << 20) /* a trie node a byte */
#define DOOR_ASKS_MAX 32u /* conversations with the root at a time */
#define DOOR_ASK_BYTES_MAX (4u << 20)
#define DOOR_JOIN_PARTS_MAX 4096u
#define DOOR_JOIN_BYTES_MAX (4u << 20)
#define DOOR_JOINS_MAX 64u
#define DOOR_TURN_MESSAGES 256u /* of clients, before answers are read again */
#define DOOR_TURN_BYTES (4u << 20)
#define DOOR_TURN_FRAMES 64u
#define DOOR_BATCH_CALLS 1024u /* in one frame to a worker */
#define DOOR_BATCH_BYTES (1u << 20)
/* From a worker: what one item can hold at most, two values of users and what is
 * around them, and room. */
#define DOOR_LINK_FRAME_MAX (4u << 20)

/* What is counted: each answer by its code, and all that is refused. */
#define DOOR_COUNTER_MAP(X)                                                \
	X(calls)  /* bodies that came in by call */                        \
	X(pushes) /* and by push */                                        \
	X(answered_ok)                                                     \
	X(answered_error) /* by a service */                               \
	X(bad_request)                                                     \
	X(odd_frames) /* over 8 before the body, or over 255 bytes */      \
	X(too_large)                                                       \
	X(unknown_service)                                                 \
	X(unknown_type) /* of the runtime's own services */                \
	X(bad_args)     /* of the same */                                  \
	X(denied)                                                          \
	X(busy)                                                            \
	X(timeout)                                                         \
	X(unavailable)                                                     \
	X(not_found)                                                       \
	X(internal)                                                        \
	X(push_refused)                                                    \
	X(push_expired)    /* its service was down until its timeout */    \
	X(push_unanswered) /* sent; whether it was handled is unknown */   \
	X(sent_again)      /* to a worker that was started anew */         \
	X(late_replies)    /* to calls that had ended */                   \
	X(other_replies)   /* to another incarnation of this door */       \
	X(client_gone)     /* an answer, but no one to take it */          \
	X(client_slow) /* an answer dropped: the client does not read */   \
	X(bad_links)   /* malformed frames from a worker */                \
	X(events)                                                          \
	X(heads)                                                           \
	X(topics_over)   /* heads not told: too many topics */             \
	X(subscriptions) /* now */                                         \
	X(upstream)      /* messages on the events socket, dropped */

enum door_counter {
#define X(name) DOOR_COUNT_##name,
	DOOR_COUNTER_MAP(X)
#undef X
	    DOOR_COUNTERS
};

struct door_config {
	uint8_t *bytes; /* what the strings below point into */
	char *node, *run;
	char *call, *push, *events; /* "" none */
	uint64_t max_body;
	bool admin;
	acta_value services;
};

struct door_link; /* one worker of a service */

struct door_service {
	char name[ACTA_SERVICE_MAX + 1];
	uint32_t partitions, workers;
	uint32_t *numbers, number_count; /* of its competing workers */
	uint32_t next_any;               /* among equals they take turns */
	struct door_link *links[DOOR_WORKERS_MAX];
};

/* The way back to a client: routing id and envelope, each a byte of length and
 * its bytes; the form it spoke; the id it gave (ABSENT if none). */
struct door_back {
	const uint8_t *frames;
	uint32_t size;
	bool json;
	acta_value id;
};

struct door_join;

/* A call that waits for its answer; calls.c. */
struct door_call {
	TAILQ_ENTRY(door_call) entry; /* of its link: unsent or sent */
	struct door_link *link;
	uint64_t request;
	uint32_t place; /* in the heap of deadlines */
	uint32_t part, flags, timeout_ms_shown;
	int64_t due_ms; /* on door.now_ms */
	bool queued;    /* it is in `unsent` */
	bool sent;      /* was, to this or an earlier incarnation */
	bool kept;      /* its service records its id: may be sent again */
	bool silent;    /* a push: nobody is answered */
	uint8_t client[16];
	int64_t id_ms;
	struct door_join *join; /* or NULL: then `back` is whom to answer */
	struct door_back back;
	uint8_t *message;
	uint32_t message_size;
	size_t charge; /* bytes that it counts for, to its end */
	uint8_t data[];
};
TAILQ_HEAD(door_calls, door_call);

struct door_link {
	TAILQ_ENTRY(door_link) entry; /* of door.waiting */
	struct door_service *service;
	uint32_t index;
	void *socket; /* PUSH, NULL: down */
	int fd;       /* its ZMQ_FD */
	uint64_t incarnation, epoch;
	bool waiting; /* it is in that list */
	bool blocked; /* full or not yet connected */
	struct door_calls unsent, sent;
	uint32_t count;
	size_t bytes;
	int64_t heard_ms; /* when it answered last */
};

struct door_held; /* clients.c: an answer that found no room */
TAILQ_HEAD(door_helds, door_held);
struct door_heads; /* events.c */
struct door_ask;   /* ask.c: a conversation with the root */
TAILQ_HEAD(door_asks, door_ask);
TAILQ_HEAD(door_joins, door_join);
TAILQ_HEAD(door_links, door_link);

/*
 * The sockets that are read. ZMQ_FD tells of what is new in a socket's mailbox,
 * once; sending may empty the mailbox, too, and then nothing tells. So `unread`
 * is set by whoever sends on such a socket, and cleared only by a read that
 * found nothing: whoever is about to wait looks there first.
 */
enum door_inlet { DOOR_LINK, DOOR_CALL, DOOR_PUSH, DOOR_EVENTS, DOOR_INLETS };

#define DOOR_LOG_EVENTS 32u
struct door_log_window {
	const char *event;
	int64_t since_ms;
	uint32_t lines, dropped;
};

struct door {
	struct door_config config;
	char name[48];
	bool local;
	bool admin; /* may its clients do anything? */
	uint64_t incarnation;
	struct acta_clock clock;
	int64_t now_ms, wall_ms; /* BOOTTIME; the node's time: once a turn */
	uint64_t count[DOOR_COUNTERS];
	uint64_t handled; /* messages, for the heartbeat */
	bool stopping;

	void *zmq, *call, *push, *events, *link;
	int fds[DOOR_INLETS]; /* -1: no such socket */
	bool unread[DOOR_INLETS];

	struct door_service *services[DOOR_SERVICES_MAX]; /* by name */
	uint32_t service_count;
	const char *names[DOOR_SERVICES_MAX + 1]; /* for did-you-mean */
	uint64_t epoch; /* of the last PUSH that was opened */
	struct door_links waiting; /* up, with unsent calls */

	struct door_call **slots, **heap;
	uint32_t pending; /* answers due, of pushes too */
	struct door_link *push_waits; /* for it, or NULL */
	size_t pending_bytes;
	uint64_t request; /* the last */

	struct door_helds held;
	uint32_t held_count;
	size_t held_bytes;
	int64_t held_tried_ms;
	uint32_t held_by[DOOR_HELD_CLIENTS]; /* how many of whom */

	struct door_heads *heads;
	int64_t heads_due_ms;
	uint64_t subs, subs_bytes;

	struct door_asks asks;
	uint32_t ask_count;
	struct door_joins joins;
	uint32_t join_count;

	struct door_log_window logged[DOOR_LOG_EVENTS];

	/* Scratch, each used by one level of the call tree alone. */
	struct acta_buf in, message, frame, answer, json, result, text;
};

/* ---------------------------------------------------------- config.c -- */

/* Read descriptor 4. ACTA_EPROTO: not what runtime/README says. */
ACTA_NODISCARD enum acta_err door_config_read(
    struct door *door, int fd, struct acta_why *why);
void door_config_fini(struct door_config *config);

/* ------------------------------------------------------------- log.c -- */

/* One line to stderr, at most 5 a second of an event; the rest is counted. */
void door_log(struct door *door, const char *level, const char *event,
    const char *format, ...) __attribute__((format(printf, 4, 5)));

/* A value of a line, in quotes: what is in it makes no other and no line. */
#define DOOR_QUOTED_MAX 512
const char *door_log_quote(char out[DOOR_QUOTED_MAX], const char *text);

/* --------------------------------------------------------- sockets.c -- */

/* Make and bind all sockets. ACTA_EBUSY: an address is in use; ACTA_EIO. */
ACTA_NODISCARD enum acta_err door_sockets_open(struct door *door,
    char *out_endpoint, size_t endpoint_size, struct acta_why *why);
void door_sockets_close(struct door *door, bool linger);
/* A PUSH to a worker's endpoint; NULL if it cannot be had. */
void *door_socket_push(struct door *door, const char *endpoint);
void door_socket_close(void **socket);
int door_socket_fd(void *socket);
/* Room for one message at least. Reads the mailbox. */
bool door_socket_writable(void *socket);

/* ----------------------------------------------------------- calls.c -- */

void door_calls_init(struct door *door);
void door_calls_fini(struct door *door);

/* What a new call consists of; all borrowed. */
struct door_spec {
	struct door_service *service;
	uint32_t part;
	struct acta_bytes key, type, args, id, trace; /* args: a raw map */
	int64_t timeout_ms;
	uint32_t flags;        /* ACTA_CALL_SEND, _ADMIN */
	const uint8_t *client; /* 16 bytes: the id is kept; or NULL */
	int64_t id_ms;
	bool silent;
	struct door_join *join;
	const struct door_back *back;
};
/* Queue it. ACTA_ELIMIT: a bound was met, nothing was done. */
ACTA_NODISCARD enum acta_err door_calls_add(
    struct door *door, const struct door_spec *spec);
/* A push that was sent and that nobody will answer any more. */
void door_calls_end_unanswered(struct door *door, struct door_call *call);
/* NULL if it has ended. */
struct door_call *door_calls_find(struct door *door, uint64_t request);
/* Take it out of everything and free it. */
void door_calls_end(struct door *door, struct door_call *call);
/* End all whose time is over. `all`: the door stops, every one. */
void door_calls_expire(struct door *door, bool all);
/* ms until the next is due, at most `most`. */
int64_t door_calls_wait(const struct door *door, int64_t most);

/* ----------------------------------------------------------- links.c -- */

struct door_service *door_service_find(
    const struct door *door, const char *name, size_t size);
/* The one that a client named, or NULL and why there is none. */
struct door_service *door_service_asked(
    const struct door *door, struct acta_bytes name, struct acta_why *why);
/* Known from the config or from the root. NULL: too many. */
struct door_service *door_service_add(
    struct door *door, const char *name, uint32_t partitions, uint32_t workers);
struct door_link *door_link_of(
    const struct door_service *service, uint32_t part);
/* The root told of a worker: endpoint "" and it is down. */
void door_link_peer(struct door *door, const char *name, uint32_t index,
    uint32_t partitions, uint32_t workers, uint64_t incarnation,
    const char *endpoint);
/* It has unsent calls: the next flush is to look at it. */
void door_link_wants(struct door *door, struct door_link *link);
void door_links_flush(struct door *door);
void door_links_close(struct door *door);
/* Frames from workers. */
void door_links_recv(struct door *door);

/* --------------------------------------------------------- clients.c -- */

void door_clients_recv(struct door *door);
void door_pushes_recv(struct door *door);
/* Are they to wait where they come from? */
bool door_pushes_wait(struct door *door);
/* An answer; `back` is only read. Counts it. */
void door_answer_ok(struct door *door, const struct door_back *back,
    const void *result, size_t size);
void door_answer_error(struct door *door, const struct door_back *back,
    const char *code, const char *text, const char *hint);
/* The answer of a call has come (code NULL: ok) or the door makes one up. Ends
 * the call. */
void door_call_ok(
    struct door *door, struct door_call *call, const void *result, size_t size);
void door_call_error(struct door *door, struct door_call *call,
    const char *code, const char *text, const char *hint);
/* Try those that found no room again. */
void door_held_send(struct door *door);
void door_held_fini(struct door *door);
/* Copy of a way back, in one malloc'ed block: free(out->frames). */
void door_back_copy(struct door_back *out, const struct door_back *back);
size_t door_back_size(const struct door_back *back);
void door_back_copy_into(
    struct door_back *out, const struct door_back *back, uint8_t *room);

/* ------------------------------------------------------------- ids.c -- */

/* The id as text: a string as it is, an integer in decimal in `room`. */
struct acta_bytes door_id_text(acta_value id, char room[24]);
/* Who the id belongs to and which it is, as 16 bytes. */
void door_id_hash(
    const struct acta_request *request, struct acta_bytes id, uint8_t out[16]);
/* The time in a ULID or UUIDv7, else 0. */
int64_t door_id_ms(struct acta_bytes id);

/* ---------------------------------------------------------- events.c -- */

void door_events_init(struct door *door);
void door_events_fini(struct door *door);
void door_events_event(struct door *door, const struct acta_item *item);
void door_events_head(struct door *door, const struct acta_item *item);
void door_events_tick(struct door *door);
/* Subscriptions. ACTA_ELIMIT: more than a door can hold. */
ACTA_NODISCARD enum acta_err door_events_recv(struct door *door);

/* ----------------------------------------------------------- admin.c -- */

/* A request to one of the runtime's own services. */
void door_admin(struct door *door, const struct door_back *back,
    const struct acta_request *request);

/* --------------------------------------------------------- metrics.c -- */

/* {counter: number, ..., "doors": [{"door": name, counter: number, ...}]} */
void door_metrics_pack(const struct door *door, struct acta_buf *buf);
void door_metrics_reply(struct door *door, const struct acta_item *call);

/* ------------------------------------------------------------- ask.c -- */

/* Ask the root one line; the client is answered when it has. */
void door_ask_root(struct door *door, const struct door_back *back,
    const char *line, int64_t timeout_ms);
struct door_ask *door_ask_next(struct door_ask *ask);
int door_ask_fd(const struct door_ask *ask, short *out_events);
void door_ask_ready(struct door *door, struct door_ask *ask);
void door_asks_expire(struct door *door, bool all);

/* ------------------------------------------------------------ join.c -- */

/* Ask partitions and make one answer of theirs. `service` NULL: all services;
 * `part` < 0: all its partitions. */
void door_join_start(struct door *door, const struct door_back *back,
    const struct acta_request *request, const char *type,
    struct door_service *service, int64_t part);
/* The counters of all doors that are up, this one's among them. */
void door_join_metrics(struct door *door, const struct door_back *back,
    const struct acta_request *request);
void door_join_ok(struct door *door, struct door_join *join,
    const struct door_call *call, const void *result, size_t size);
void door_join_error(struct door *door, struct door_join *join,
    const struct door_call *call, const char *code, const char *text,
    const char *hint);
void door_joins_fini(struct door *door);

#endif /* ACTA_DOOR_H */
