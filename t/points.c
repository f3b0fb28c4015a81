/*
 * points.c - failpoints. Linked into acta-host and acta-door (GNUmakefile:
 * POINTS) in front of what they call of libc, zmq and LMDB, so that a test
 * (t/acta_points.py) may have a process die at the n-th time that it comes to a
 * place, or its disk fail there. The programs' own object files are the very
 * ones; what they call is looked at and handed on.
 *
 * The file `points` beside the program is a page that the test and all
 * processes of its node share: which process, which point, how many times yet.
 * Without that file nothing happens.
 *
 * A commit's points are KIND:STAGE. KIND says what is in it (below, `kinds`),
 * STAGE where it is: begin, data (half of it is written), flush (all is, in the
 * page cache), flushed (and on the disk), cached (the root is written, in the
 * page cache alone), done (nothing was said yet); fail-flush, fail-root,
 * fail-late (the root was written all the same): EIO. Others stand where they
 * are met.
 */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#include <lmdb.h>
#include <zmq.h>

#include "codecs/envelope.h"

enum { DISARMED, ARMED, MET };

struct control {
	_Atomic uint32_t state;
	_Atomic int32_t left;   /* so many times more */
	_Atomic int32_t spared; /* of that name, but not this pid */
	_Atomic int32_t met_by;
	char process[48], point[32];
};

enum kind {
	OPENS = 1,   /* a new incarnation */
	TURN = 2,    /* a record of the journal */
	TRIMS = 4,   /* which takes from the outbox what was acked */
	PARKS = 8,   /* which sets a message aside */
	SLICE = 16,  /* rows are merged into the trees */
	FREEZE = 32, /* the first slice of a generation */
	MERGED = 64, /* its last */
	ADMIN = 128, /* an operator's command was taken */
};
static const struct {
	enum kind kind;
	const char *name;
} kinds[] = { { OPENS, "open" }, { TURN, "turn" }, { TRIMS, "trim" },
	{ PARKS, "park" }, { SLICE, "slice" }, { FREEZE, "freeze" },
	{ MERGED, "merged" }, { ADMIN, "admin" } };

#define ENVS_MAX 64
#define LEFT_MS 100 /* so long a frame may take to leave */

static struct control *control;
static char process[48];
static _Atomic int journal_dbi = -1, store_dbi = -1; /* alike in all stores */
static _Atomic uint64_t packets; /* that zmq's own thread sent */

/* What a thread is at: a worker runs its partitions one after the other. */
static _Thread_local struct {
	MDB_env *env;
	unsigned kinds;
	const uint8_t *record;
	size_t record_size;
	bool committing, acked, admin;
	unsigned sends; /* since the last commit */
	uint64_t packets;
} here;

/* Which stores have a generation in the middle of its merge. */
static struct {
	_Atomic(MDB_env *) env;
	bool merging;
} envs[ENVS_MAX];

#define REAL(result, name, ...)             \
	static result (*real)(__VA_ARGS__); \
	if (real == NULL)                   \
	*(void **)&real = dlsym(RTLD_NEXT, #name)

/* ------------------------------------------------------------ being met -- */

static bool
awaits(const char *point)
{
	return control != NULL && atomic_load(&control->state) == ARMED &&
	    atomic_load(&control->spared) != getpid() &&
	    strcmp(control->process, process) == 0 &&
	    strcmp(control->point, point) == 0;
}

static bool
met(const char *point)
{
	if (!awaits(point) || atomic_fetch_sub(&control->left, 1) != 1)
		return false;
	atomic_store(&control->met_by, getpid());
	atomic_store(&control->state, MET);
	return true;
}

static void __attribute__((noreturn)) die(void)
{
	kill(getpid(), SIGKILL);
	for (;;)
		pause();
}

static void
point(const char *name)
{
	if (met(name))
		die();
}

static bool
commit_met(const char *stage)
{
	char name[32];

	if (control == NULL || atomic_load(&control->state) != ARMED)
		return false;
	for (unsigned i = 0; i < sizeof(kinds) / sizeof(*kinds); i++) {
		if ((here.kinds & kinds[i].kind) == 0)
			continue;
		snprintf(name, sizeof(name), "%s:%s", kinds[i].name, stage);
		if (met(name))
			return true;
	}
	return false;
}

/* For tests' services, in the midst of their handlers; they find it, or not. */
void acta_test_point(const char *name);
void
acta_test_point(const char *name)
{
	point(name);
}

static void __attribute__((constructor)) begin(int argc, char **argv)
{
	char path[PATH_MAX];
	ssize_t size = readlink("/proc/self/exe", path, sizeof(path) - 16);
	char *slash;
	int fd;

	if (size < 0 || argc < 2 || argv[1][0] == '-')
		return;
	path[size] = '\0';
	slash = strrchr(path, '/');
	memcpy(slash + 1, "points", sizeof("points"));
	fd = open(path, O_RDWR | O_CLOEXEC);
	if (fd < 0)
		return;
	control = mmap(
	    NULL, sizeof(*control), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	(void)close(fd); /* the map stays */
	if (control == MAP_FAILED)
		abort();
	snprintf(process, sizeof(process), "%s", argv[1]);
	point("begun");
}

/* ------------------------------------------------------------- the disk -- */

/* LMDB writes its roots, and nothing else, by a descriptor of its own. */
static bool
is_root(int fd)
{
	return (fcntl(fd, F_GETFL) & O_DSYNC) != 0;
}

static int
fail(void)
{
	errno = EIO;
	return -1;
}

ssize_t
pwrite(int fd, const void *data, size_t size, off_t offset)
{
	REAL(ssize_t, pwrite, int, const void *, size_t, off_t);
	char path[64];
	int cached;

	if (!here.committing)
		return real(fd, data, size, offset);
	if (!is_root(fd)) {
		if (commit_met("data")) {
			(void)!real(fd, data, size / 2, offset);
			die();
		}
		return real(fd, data, size, offset);
	}
	if (commit_met("flushed"))
		die();
	if (commit_met("fail-root"))
		return fail();
	if (commit_met("fail-late")) {
		(void)!real(fd, data, size, offset);
		return fail();
	}
	if (commit_met("cached")) {
		snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
		cached = open(path, O_WRONLY | O_CLOEXEC);
		if (cached < 0 ||
		    real(cached, data, size, offset) != (ssize_t)size)
			abort();
		die();
	}
	return real(fd, data, size, offset);
}

ssize_t
writev(int fd, const struct iovec *pages, int count)
{
	REAL(ssize_t, writev, int, const struct iovec *, int);

	if (here.committing && commit_met("data")) {
		(void)!real(fd, pages, (count + 1) / 2);
		die();
	}
	return real(fd, pages, count);
}

int
fdatasync(int fd)
{
	REAL(int, fdatasync, int);

	if (!here.committing)
		return real(fd);
	if (commit_met("flush"))
		die();
	return commit_met("fail-flush") ? fail() : real(fd);
}

/* ------------------------------------------------------------- the store -- */

int
mdb_env_open(MDB_env *env, const char *path, unsigned flags, mdb_mode_t mode)
{
	REAL(int, mdb_env_open, MDB_env *, const char *, unsigned, mdb_mode_t);
	int rc = real(env, path, flags, mode);

	point("opened");
	return rc;
}

int
mdb_env_sync(MDB_env *env, int force)
{
	REAL(int, mdb_env_sync, MDB_env *, int);
	int rc = real(env, force);

	point("synced");
	return rc;
}

int
mdb_dbi_open(MDB_txn *txn, const char *name, unsigned flags, MDB_dbi *out)
{
	REAL(int, mdb_dbi_open, MDB_txn *, const char *, unsigned, MDB_dbi *);
	int rc = real(txn, name, flags, out);

	if (rc == 0 && strcmp(name, "journal") == 0)
		atomic_store(&journal_dbi, (int)*out);
	if (rc == 0 && strcmp(name, "store") == 0)
		atomic_store(&store_dbi, (int)*out);
	return rc;
}

int
mdb_txn_begin(MDB_env *env, MDB_txn *parent, unsigned flags, MDB_txn **out)
{
	REAL(int, mdb_txn_begin, MDB_env *, MDB_txn *, unsigned, MDB_txn **);

	if ((flags & MDB_RDONLY) == 0) {
		here.env = env;
		here.kinds = 0;
		here.record = NULL;
		if (here.acked)
			point("acked");
		here.acked = false;
	}
	return real(env, parent, flags, out);
}

static bool
is_key(const MDB_val *key, const char *text)
{
	return key->mv_size == strlen(text) &&
	    memcmp(key->mv_data, text, key->mv_size) == 0;
}

int
mdb_cursor_put(MDB_cursor *cursor, MDB_val *key, MDB_val *data, unsigned flags)
{
	REAL(int, mdb_cursor_put, MDB_cursor *, MDB_val *, MDB_val *, unsigned);
	int dbi = (int)mdb_cursor_dbi(cursor);
	int rc = real(cursor, key, data, flags);

	if (rc != 0)
		return rc;
	if (dbi == journal_dbi) {
		here.kinds |= TURN;
		if (here.record == NULL) { /* its first row */
			here.record = data->mv_data;
			here.record_size = data->mv_size;
		}
	} else if (dbi != store_dbi) {
		here.kinds |= SLICE;
	} else if (is_key(key, "incarnation")) {
		here.kinds |= OPENS;
	} else if (is_key(key, "marks")) {
		here.kinds |= MERGED;
	}
	return rc;
}

int
mdb_del(MDB_txn *txn, MDB_dbi dbi, MDB_val *key, MDB_val *data)
{
	REAL(int, mdb_del, MDB_txn *, MDB_dbi, MDB_val *, MDB_val *);

	if ((int)dbi != journal_dbi)
		here.kinds |= SLICE;
	return real(txn, dbi, key, data);
}

int
mdb_cursor_get(
    MDB_cursor *cursor, MDB_val *key, MDB_val *data, MDB_cursor_op op)
{
	REAL(int, mdb_cursor_get, MDB_cursor *, MDB_val *, MDB_val *,
	    MDB_cursor_op);

	/* The journal is walked when a store is opened, and at no other time. */
	if (op == MDB_NEXT && (int)mdb_cursor_dbi(cursor) == journal_dbi)
		point("replay");
	return real(cursor, key, data, op);
}

static uint32_t
u32(const uint8_t *at)
{
	return at[0] | (uint32_t)at[1] << 8 | (uint32_t)at[2] << 16 |
	    (uint32_t)at[3] << 24;
}

/* What the record does, as far as its first row tells (store/README). */
static unsigned
record_kinds(void)
{
	enum { HEAD = 40, OUTBOX = 2, PARKED = 4, PUT = 1 };
	const uint8_t *r = here.record;
	size_t at = HEAD;
	unsigned found = 0;

	if (r == NULL || here.record_size < HEAD || memcmp(r, "AcJ\1", 4) != 0)
		return 0;
	for (uint32_t n = u32(r + 24); n > 0; n--) {
		if (at + 8 > here.record_size)
			break;
		if (r[at] != PUT && r[at + 1] == OUTBOX)
			found |= TRIMS;
		if (r[at] == PUT && r[at + 1] == PARKED)
			found |= PARKS;
		at +=
		    8 + (size_t)(r[at + 2] | r[at + 3] << 8) + u32(r + at + 4);
	}
	return found;
}

static bool *
merging_of(MDB_env *env)
{
	for (unsigned i = 0; i < ENVS_MAX; i++) {
		MDB_env *none = NULL;

		if (atomic_load(&envs[i].env) == env ||
		    atomic_compare_exchange_strong(&envs[i].env, &none, env))
			return &envs[i].merging;
	}
	abort();
}

int
mdb_txn_commit(MDB_txn *txn)
{
	REAL(int, mdb_txn_commit, MDB_txn *);
	bool *merging = merging_of(here.env);
	int rc;

	here.kinds |= record_kinds();
	if ((here.kinds & OPENS) != 0)
		here.kinds = OPENS; /* with all that a new store begins with */
	if ((here.kinds & TURN) != 0 && here.admin) {
		here.kinds |= ADMIN;
		here.admin = false;
	}
	if ((here.kinds & SLICE) != 0 && !*merging)
		here.kinds |= FREEZE;
	if (commit_met("begin"))
		die();
	here.committing = true;
	rc = real(txn);
	here.committing = false;
	if (rc == 0) {
		if (commit_met("done"))
			die();
		*merging = (here.kinds & MERGED) == 0 &&
		    (*merging || (here.kinds & SLICE) != 0);
	}
	here.kinds = 0;
	here.sends = 0;
	here.packets = atomic_load(&packets);
	return rc;
}

/* ----------------------------------------------------------- the network -- */

static bool
holds(const void *data, size_t size, uint32_t kind)
{
	struct acta_reader items;
	struct acta_item item;
	uint64_t epoch;

	if (acta_frame_open(data, size, &epoch, &items) != ACTA_OK)
		return false;
	while (acta_item_decode(&items, &item) == ACTA_OK)
		if (item.kind == kind)
			return true;
	return false;
}

/* An operator's, by way of a door. */
static bool
holds_admin(const void *data, size_t size)
{
	struct acta_reader items;
	struct acta_item item;
	uint64_t epoch;

	if (acta_frame_open(data, size, &epoch, &items) != ACTA_OK)
		return false;
	while (acta_item_decode(&items, &item) == ACTA_OK)
		if (item.kind == ACTA_ITEM_CALL &&
		    (item.flags & ACTA_CALL_ADMIN) != 0)
			return true;
	return false;
}

static bool
is_socket(void *socket, int kind)
{
	int type = -1;
	size_t size = sizeof(type);

	return zmq_getsockopt(socket, ZMQ_TYPE, &type, &size) == 0 &&
	    type == kind;
}

/* What was sent first has left the process, too. */
static void
wait_until_left(void)
{
	const struct timespec ms = { 0, 1000000 };

	for (int i = 0; i < LEFT_MS; i++) {
		if (atomic_load(&packets) != here.packets)
			return;
		nanosleep(&ms, NULL);
	}
}

ssize_t
send(int fd, const void *data, size_t size, int flags)
{
	REAL(ssize_t, send, int, const void *, size_t, int);
	ssize_t rc = real(fd, data, size, flags);

	if (rc > 0)
		atomic_fetch_add(&packets, 1);
	return rc;
}

int
zmq_send(void *socket, const void *data, size_t size, int flags)
{
	REAL(int, zmq_send, void *, const void *, size_t, int);
	static const struct {
		const char *point;
		uint32_t kind;
	} kept_back[] = { { "unacked", ACTA_ITEM_ACK },
		{ "hello", ACTA_ITEM_HELLO }, { "welcome", ACTA_ITEM_WELCOME },
		{ "unsent", ACTA_ITEM_DATA }, { "untold", ACTA_ITEM_REPLY } };

	for (unsigned i = 0; i < sizeof(kept_back) / sizeof(*kept_back); i++)
		if (awaits(kept_back[i].point) &&
		    holds(data, size, kept_back[i].kind))
			point(kept_back[i].point);
	if (here.sends++ > 0 && met("partly")) {
		wait_until_left();
		die();
	}
	/* An answer to a client: its envelope has gone, it has not. */
	if (awaits("reply") && (flags & ZMQ_SNDMORE) == 0 &&
	    is_socket(socket, ZMQ_ROUTER))
		point("reply");
	return real(socket, data, size, flags);
}

int
zmq_msg_recv(zmq_msg_t *msg, void *socket, int flags)
{
	REAL(int, zmq_msg_recv, zmq_msg_t *, void *, int);
	static const struct {
		const char *point;
		uint32_t kind;
	} taken[] = { { "received", ACTA_ITEM_DATA },
		{ "greeted", ACTA_ITEM_HELLO },
		{ "welcomed", ACTA_ITEM_WELCOME },
		{ "heard", ACTA_ITEM_REPLY } };
	int rc;

	if (here.acked) /* by the frame before this one */
		point("acked");
	here.acked = false;
	rc = real(msg, socket, flags);
	if (rc < 0 || control == NULL || atomic_load(&control->state) != ARMED)
		return rc;
	for (unsigned i = 0; i < sizeof(taken) / sizeof(*taken); i++)
		if (awaits(taken[i].point) &&
		    holds(zmq_msg_data(msg), zmq_msg_size(msg), taken[i].kind))
			point(taken[i].point);
	here.acked = awaits("acked") &&
	    holds(zmq_msg_data(msg), zmq_msg_size(msg), ACTA_ITEM_ACK);
	if (holds_admin(zmq_msg_data(msg), zmq_msg_size(msg))) {
		here.admin = true;
		point("admin");
	}
	if (awaits("asked") && is_socket(socket, ZMQ_ROUTER))
		point("asked");
	return rc;
}
